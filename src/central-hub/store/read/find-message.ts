import { addressesOfLeads } from './identities.ts'
import { isSameMessage, parseMessageId, stanzaOf } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'

/** A message that was found by one of its ids. */
interface FoundMessage {
  pk: number
  account: string
  id: string
  /** JSON. */
  media: string | null
}

/**
 * The messages of an id, one of each account that has it, under whichever address of its chat it is
 * kept.
 * @param account only of this account
 */
export const findMessages = async (
  db: Db,
  id: string,
  account?: string
): Promise<FoundMessage[]> => {
  const rows = await db
    .selectFrom('messages')
    .select([
      'messages.pk',
      'messages.account',
      'messages.id',
      'messages.media',
      'messages.lead_id'
    ])
    // the index begins with the account
    .where(
      'messages.account',
      'in',
      account === undefined ? db.selectFrom('cursors').select('account') : [account]
    )
    .where('messages.stanza', '=', stanzaOf(id))
    .orderBy('messages.pk')
    .execute()
  const addresses = await addressesOfLeads(
    db,
    rows.flatMap(({ lead_id }) => lead_id ?? [])
  )
  return [...Map.groupBy(rows, (row) => row.account).values()].flatMap((group) => {
    const found =
      group.find((row) => row.id === id) ??
      group.find((row) =>
        isSameMessage(row.id, id, [
          ...(addresses.get(row.lead_id ?? 0) ?? []),
          parseMessageId(row.id)?.chat ?? ''
        ])
      )
    return found === undefined
      ? []
      : [{ pk: found.pk, account: found.account, id: found.id, media: found.media }]
  })
}

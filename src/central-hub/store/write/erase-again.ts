import type { CapturedMessage } from '../../../contract/record.ts'
import { eraseLeadAlone, setScrubDue } from './erase.ts'
import { eraseMessages } from './erase-messages.ts'
import { dropQuotes } from './erase-person.ts'
import { addEvents } from '../outbox/events.ts'
import { addressesOf } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'
import { writeWaiting } from './waiting.ts'

/** For a store that was restored: what was deleted since its backup is deleted again. */

/** What session-manager knows of what was erased on request. */
export interface Known {
  isErased(message: CapturedMessage): boolean
  isErasedChat(chatId: string): boolean
}

/** Messages of one transaction. */
const batchSize = 500

/** @returns the leads of what was deleted, and how far it was looked */
const eraseSome = async (
  db: Db,
  account: string,
  known: Known,
  after: number
): Promise<{ leads: number[]; messages: number; last: number | undefined }> => {
  const rows = await db
    .selectFrom('messages')
    .select(['pk', 'account', 'id', 'chat_id', 'lead_id', 'timestamp', 'details'])
    .where('account', '=', account)
    .where('pk', '>', after)
    .orderBy('pk')
    .limit(batchSize)
    .execute()
  const gone = rows.filter(({ id, chat_id, timestamp, details }) => {
    const rest = JSON.parse(details) as CapturedMessage
    return known.isErased({ ...rest, id, chat_id, timestamp })
  })
  await dropQuotes(
    db,
    account,
    gone.filter(({ lead_id }) => lead_id === null)
  )
  await eraseMessages(db, gone)
  return {
    leads: gone.flatMap(({ lead_id }) => lead_id ?? []),
    messages: gone.length,
    last: rows.at(-1)?.pk
  }
}

/**
 * Deletes leads of whom nothing is left and whose chat was erased; the others' counts are worked
 * out once more.
 */
const eraseLeads = async (
  db: Db,
  account: string,
  known: Known,
  touched: ReadonlySet<number>
): Promise<number> => {
  let erased = 0
  for (const lead of await db
    .selectFrom('leads')
    .selectAll()
    .where('account', '=', account)
    .execute()) {
    if (
      !touched.has(lead.id) &&
      ![lead.chat_id, ...addressesOf(lead)].some((address) => known.isErasedChat(address))
    )
      continue
    const left = await db
      .selectFrom('messages')
      .select('pk')
      .where('lead_id', '=', lead.id)
      .limit(1)
      .executeTakeFirst()
    await changeLeads(db, async (trx) => {
      if (left === undefined) await eraseLeadAlone(trx, lead)
      else {
        await writeWaiting(trx, lead.id, { fresh: [], whole: true, albums: false })
        await addEvents(trx, 'lead', [lead.id])
      }
    })
    if (left === undefined) erased += 1
  }
  return erased
}

/** A scrub of the store is due after it. */
export const eraseAgain = async (
  db: Db,
  account: string,
  known: Known
): Promise<{ leads: number; messages: number }> => {
  const touched = new Set<number>()
  let messages = 0
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after
    const part = await changeLeads(db, (trx) => eraseSome(trx, account, known, from))
    for (const id of part.leads) touched.add(id)
    messages += part.messages
    after = part.last
  }
  const leads = await eraseLeads(db, account, known, touched)
  if (leads + messages > 0) await setScrubDue(db)
  return { leads, messages }
}

import { eraseResponses } from '../read/responses.ts'
import { deleteEvents } from '../outbox/events.ts'
import type { Db } from '../database/schema.ts'
import { markUpdated } from '../read/updated.ts'

/** What identifies a message here and in WhatsApp. */
export interface MessageKey {
  pk: number
  account: string
  id: string
  lead_id: number | null
}

/** leads.id of messages; 0: a message without a lead. */
const leadsOf = (messages: readonly MessageKey[]): number[] => [
  ...new Set(messages.map(({ lead_id }) => lead_id ?? 0))
]

/**
 * Deletes messages with what belongs to them, inside a transaction of the caller. The caller then
 * counts the leads' messages again. That may be in another transaction, so a lead that shows a
 * deleted message is marked here.
 */
export const eraseMessages = async (db: Db, messages: readonly MessageKey[]): Promise<void> => {
  if (messages.length === 0) return
  const pks = messages.map(({ pk }) => pk)
  await eraseResponses(db, messages)
  const showing = await db
    .selectFrom('leads')
    .select('id')
    .where('id', 'in', leadsOf(messages))
    .where('last_pk', 'in', pks)
    .execute()
  await markUpdated(
    db,
    showing.map(({ id }) => id)
  )
  await deleteEvents(db, 'message', pks)
  await db.deleteFrom('messages').where('pk', 'in', pks).execute()
}

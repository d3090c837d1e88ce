import { eraseResponses } from './responses.ts'
import type { Db } from './schema.ts'

/** What identifies a message here and in WhatsApp. */
export interface MessageKey {
  pk: number
  account: string
  id: string
  lead_id: number | null
}

/** Deletes messages with what belongs to them, inside a transaction of the caller's. */
export const eraseMessages = async (db: Db, messages: readonly MessageKey[]): Promise<void> => {
  if (messages.length === 0) return
  const pks = messages.map(({ pk }) => pk)
  await eraseResponses(db, messages)
  await db.deleteFrom('events').where('type', '=', 'message').where('ref', 'in', pks).execute()
  await db.deleteFrom('messages').where('pk', 'in', pks).execute()
}

import type { Db } from '../database/schema.ts'

/** A message of a person to or from a lead, as it is counted. */
export interface Conversed {
  account: string
  direction: 'inbound' | 'outbound'
  /** Of a reply that ended a wait: how long that was. */
  responseSeconds?: number
}

/** A message that was captured later than this after it was written is history, ms. */
const recentMs = 86_400_000
/** Read at one time. */
const batchSize = 500

/** What is counted of messages that are new. @param pks messages.pk */
export const readConversed = async (db: Db, pks: readonly number[]): Promise<Conversed[]> => {
  const conversed: Conversed[] = []
  for (let start = 0; start < pks.length; start += batchSize) {
    const rows = await db
      .selectFrom('messages')
      .leftJoin('answers', 'answers.reply_pk', 'messages.pk')
      .select(['messages.account', 'from_me', 'timestamp', 'captured_at', 'seconds'])
      .where('messages.pk', 'in', pks.slice(start, start + batchSize))
      .where('personal', '=', 1)
      .where('lead_id', 'is not', null)
      .execute()
    for (const { account, from_me, timestamp, captured_at, seconds } of rows) {
      if (captured_at - timestamp * 1_000 > recentMs) continue
      const message: Conversed = { account, direction: from_me === 1 ? 'outbound' : 'inbound' }
      if (seconds !== null) message.responseSeconds = seconds
      conversed.push(message)
    }
  }
  return conversed
}

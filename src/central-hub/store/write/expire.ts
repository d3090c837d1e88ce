import { eraseLeadAlone } from './erase.ts'
import { eraseMessages, type MessageKey } from './erase-messages.ts'
import { addEvents } from '../outbox/events.ts'
import type { LeadRow } from '../read/leads.ts'
import type { Db } from '../database/schema.ts'
import { writeCounts } from './waiting.ts'

/** What is older than is kept. Moments are UNIX seconds. */

export type Expired = MessageKey

/** The oldest messages of an account from before a moment. */
export const expiredMessages = (
  db: Db,
  account: string,
  before: number,
  limit: number
): Promise<Expired[]> =>
  db
    .selectFrom('messages')
    .select(['pk', 'account', 'id', 'lead_id'])
    .where('account', '=', account)
    .where('timestamp', '<', before)
    .orderBy('timestamp')
    .orderBy('pk')
    .limit(limit)
    .execute()

/**
 * Deletes messages, and the leads of theirs that have none left and nothing newer. @returns how
 * many leads
 */
export const expire = async (
  db: Db,
  messages: readonly Expired[],
  before: number
): Promise<number> => {
  await eraseMessages(db, messages)
  let leads = 0
  for (const id of new Set(messages.flatMap(({ lead_id }) => lead_id ?? []))) {
    const lead = await db.selectFrom('leads').selectAll().where('id', '=', id).executeTakeFirst()
    if (lead === undefined) continue
    const left = await db
      .selectFrom('messages')
      .select('pk')
      .where('lead_id', '=', id)
      .limit(1)
      .executeTakeFirst()
    if (left === undefined && lead.last_seen < before) {
      await eraseLeadAlone(db, lead)
      leads += 1
    } else await recount(db, lead)
  }
  return leads
}

const shownOf = ({
  waiting_since,
  unanswered_count,
  unread_count,
  handled_at,
  remind_at,
  last_pk
}: LeadRow): string =>
  JSON.stringify([waiting_since, unanswered_count, unread_count, handled_at, remind_at, last_pk])

/**
 * Counts a lead's messages again after some were deleted. Most are deleted long after they were the
 * latest.
 */
const recount = async (db: Db, before: LeadRow): Promise<void> => {
  await writeCounts(db, before.id)
  const after = await db
    .selectFrom('leads')
    .selectAll()
    .where('id', '=', before.id)
    .executeTakeFirstOrThrow()
  if (shownOf(after) !== shownOf(before)) await addEvents(db, 'lead', [before.id])
}

/** The latest time that both WhatsApp and our own clock have confirmed, ms; 0: none yet. */
export const confirmedUntil = async (db: Db): Promise<number> => {
  const rows = await db
    .selectFrom('messages')
    .select(['captured_at', 'timestamp'])
    .orderBy('pk', 'desc')
    .limit(200)
    .execute()
  return Math.max(
    0,
    ...rows.map(({ captured_at, timestamp }) => Math.min(captured_at, timestamp * 1_000))
  )
}

/** All accounts that have messages, followed or not. */
export const keptAccounts = async (db: Db): Promise<string[]> =>
  (await db.selectFrom('messages').select('account').distinct().orderBy('account').execute()).map(
    ({ account }) => account
  )

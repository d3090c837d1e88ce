import { sql } from 'kysely'
import type { Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'
import { addEvents } from '../outbox/events.ts'
import { writeCounts } from './waiting.ts'

/** Leads of one transaction. */
const batchSize = 200

/**
 * Puts leads back among those who wait, whose reminders' time has come. That a reminder is back,
 * the wait and the event are one transaction: none comes twice, and after a crash none is missing.
 * @param now ms
 * @returns how many came back
 */
export const bringBackReminded = async (db: Db, now: number): Promise<number> => {
  for (let count = 0; ; ) {
    const due = await db
      .selectFrom('leads')
      .select('id')
      .where('reminded', '=', sql.lit(0))
      .where('remind_at', '<=', now)
      .orderBy('remind_at')
      .limit(batchSize)
      .execute()
    if (due.length === 0) return count
    count += await changeLeads(db, (trx) =>
      bringBack(
        trx,
        due.map(({ id }) => id),
        now
      )
    )
  }
}

const bringBack = async (db: Db, ids: readonly number[], now: number): Promise<number> => {
  // A person may have changed it since it was read.
  const back = await db
    .updateTable('leads')
    .set({ reminded: 1 })
    .where('id', 'in', ids)
    .where('reminded', '=', sql.lit(0))
    .where('remind_at', '<=', now)
    .returning('id')
    .execute()
  for (const { id } of back) await writeCounts(db, id)
  await addEvents(
    db,
    'lead',
    back.map(({ id }) => id)
  )
  return back.length
}

import { sql } from 'kysely'
import { dialectOf } from '../database/dialect-queries.ts'
import type { Db } from '../database/schema.ts'

/** When leads changed. */

/** Leads of one statement. */
const batchSize = 500

/**
 * Gives leads a new `updated_at`, inside the transaction that changes them. The time is later than
 * that of every change that was visible before, also after the clock was set back, and whichever
 * hub writes: a reader that asks for what changed since the latest time it has seen misses nothing.
 * Nothing else changes `updated_at`: a time of the clock alone may be earlier.
 */
export const markUpdated = async (db: Db, leadIds: readonly number[]): Promise<void> => {
  if (leadIds.length === 0) return
  await dialectOf(db).orderEvents(db)
  const now = Date.now()
  const { updated_until } = await db
    .updateTable('store')
    .set({
      updated_until: sql<number>`
        case when updated_until < ${now} then ${now} else updated_until + 1 end`
    })
    .returning('updated_until')
    .executeTakeFirstOrThrow()
  const ids = [...new Set(leadIds)]
  for (let start = 0; start < ids.length; start += batchSize) {
    const part = ids.slice(start, start + batchSize)
    await db
      .updateTable('leads')
      .set({ updated_at: updated_until })
      .where('id', 'in', part)
      .execute()
  }
}

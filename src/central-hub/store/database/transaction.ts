import { setTimeout as delay } from 'node:timers/promises'
import { limitConcurrency } from '../../../platform/async.ts'
import { dialectOf } from './dialect-queries.ts'
import type { Db } from './schema.ts'

/**
 * Transactions that change leads. SQLite has one writer at a time. PostgreSQL has several, which
 * are kept apart where they must be.
 */

/**
 * A transaction that others stood in the way of is done again so often, after a growing wait, ms.
 */
const maxTries = 5
const waitMs = 20

const again = async <T>(db: Db, run: (trx: Db) => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction().execute(run)
    } catch (error) {
      if (tries >= maxTries || !dialectOf(db).isPassing(error)) throw error
      await delay(waitMs * 2 ** tries * Math.random())
    }
  }
}

/**
 * Runs alone: no hub changes leads during the transaction. `run` may be called again, and must have
 * no other effects.
 */
export const changeLeads = <T>(db: Db, run: (trx: Db) => Promise<T>): Promise<T> =>
  again(db, async (trx) => {
    await dialectOf(trx).lockLeads(trx)
    return run(trx)
  })

/**
 * The most journals that one hub takes concurrently. With hundreds of accounts they would otherwise
 * have all connections of a pool, and requests would fail for want of one.
 */
const maxJournals = 4
const journalLimits = new WeakMap<Db, ReturnType<typeof limitConcurrency>>()

/**
 * Beside those that take the journals of other accounts; of one account it is one at a time, whose
 * cursor then is nobody else's.
 */
export const takeJournal = <T>(
  db: Db,
  account: string,
  run: (trx: Db) => Promise<T>
): Promise<T> => {
  const inTurn = journalLimits.get(db) ?? limitConcurrency(maxJournals)
  journalLimits.set(db, inTurn)
  return inTurn(() =>
    again(db, async (trx) => {
      await dialectOf(trx).lockLeads(trx, account)
      return run(trx)
    })
  )
}

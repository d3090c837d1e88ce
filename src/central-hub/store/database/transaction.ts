import { setTimeout as delay } from 'node:timers/promises'
import { limitConcurrency } from '../../../platform/async.ts'
import { dialectOf } from './dialect-queries.ts'
import type { Db } from './schema.ts'

/**
 * Transactions that change leads. SQLite has one writer at a time; elsewhere they are kept apart as
 * far as they must be.
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
 * Alone: nothing else changes leads meanwhile, whichever hub does it. `run` may be called anew, and
 * must have no other effects.
 */
export const changeLeads = <T>(db: Db, run: (trx: Db) => Promise<T>): Promise<T> =>
  again(db, async (trx) => {
    await dialectOf(trx).lockLeads(trx)
    return run(trx)
  })

/**
 * Journals that one hub takes at once. There may be hundreds of accounts: each at once, they would
 * have all connections of a pool, and whoever asks for something would be told that there is none.
 */
const maxJournals = 4
const takers = new WeakMap<Db, ReturnType<typeof limitConcurrency>>()

/**
 * Beside those that take the journals of other accounts; of one account it is one at a time, whose
 * cursor then is nobody else's.
 */
export const takeJournal = <T>(
  db: Db,
  account: string,
  run: (trx: Db) => Promise<T>
): Promise<T> => {
  const inTurn = takers.get(db) ?? limitConcurrency(maxJournals)
  takers.set(db, inTurn)
  return inTurn(() =>
    again(db, async (trx) => {
      await dialectOf(trx).lockLeads(trx, account)
      return run(trx)
    })
  )
}

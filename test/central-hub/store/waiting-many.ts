import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { startPostgres } from '../../platform/postgres-server.ts'
import { ownDirectory } from '../../fuzz/store.ts'
import { plan } from './waiting-history.ts'
import { WaitingWorld } from './waiting-world.ts'

/**
 * Plays many histories: node test/central-hub/store/waiting-many.ts [RUNS] [sqlite|postgres] [SEED] [TOGETHER]
 * TOGETHER are played beside each other, as leads of one account (1); they come in fewer batches.
 * Prints the seed, and the shortest history found on which product and handbook differ.
 */

const [, , runs = '100000', database = 'sqlite', given, together = '1'] = process.argv
const seed = given === undefined ? randomInt(2 ** 31) : Number(given)

const server = database === 'postgres' ? await startPostgres() : undefined
const { directory, remove } = ownDirectory()
const store = await openStore(server === undefined ? directory : await server.create())
const world = new WaitingWorld(store.db)
await world.begin()

process.stdout.write(`${runs} histories on ${database}, seed ${seed}\n`)
const began = performance.now()
try {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: Number(together), maxLength: Number(together) }),
      (histories) => world.play(...histories)
    ),
    {
      numRuns: Math.ceil(Number(runs) / Number(together)),
      seed,
      endOnFailure: Number(together) > 1
    }
  )
  process.stdout.write(
    `${runs} histories agree, in ${Math.round((performance.now() - began) / 1_000)} s; ${world.summary()}\n`
  )
} finally {
  await store.close()
  remove()
  await server?.remove()
}

import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { startPostgres } from '../../platform/postgres-server.ts'
import { ownDirectory } from '../../fuzz/store.ts'
import { plan } from './waiting-history.ts'
import { WaitingWorld } from './waiting-world.ts'

/**
 * Plays many histories: node test/central-hub/store/waiting-many.ts [RUNS] [sqlite|postgres] [SEED]
 * Prints the seed, and the shortest history found on which product and handbook differ.
 */

const [, , runs = '100000', database = 'sqlite', given] = process.argv
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
    fc.asyncProperty(plan, (history) => world.play(history)),
    { numRuns: Number(runs), seed }
  )
  process.stdout.write(
    `${runs} histories agree, in ${Math.round((performance.now() - began) / 1_000)} s; ${world.summary()}\n`
  )
} finally {
  await store.close()
  remove()
  await server?.remove()
}

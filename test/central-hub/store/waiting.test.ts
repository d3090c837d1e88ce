import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { testStore } from './open-store.ts'
import { plan } from './waiting-history.ts'
import { WaitingWorld } from './waiting-world.ts'

/** Who waits, by the rule that README tells. How to play more histories: test/central-hub/store/waiting-many.ts. */

t.test('store, lists, figures, metrics and webhooks agree on who waits with what README says, in any order of arrival', { timeout: 300_000 }, async (t) => {
  const { db } = await testStore(t)
  const world = new WaitingWorld(db)
  await world.begin()
  const seed = randomInt(2 ** 31)
  t.comment(`seed ${seed}`)

  await fc.assert(
    fc.asyncProperty(plan, (history) => world.play(history)),
    { numRuns: 300, seed }
  )
})

import t from 'tap'
import {
  listDeliveries,
  nextDelivery,
  settleDelivered,
  settleFailed
} from '../../../src/central-hub/store/outbox/deliveries.ts'
import {
  giveUpOff,
  pruneDeliveries
} from '../../../src/central-hub/store/outbox/prune-deliveries.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { createWebhook, patchWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { record, testStore } from './open-store.ts'

const day = 86_400_000
const states = async (db: Db): Promise<string[]> =>
  (await listDeliveries(db, 1, undefined, 10_000)).items.map(({ state }) => state).reverse()
const settle = async (db: Db, at: number, error?: string): Promise<void> => {
  const next = await nextDelivery(db, 1, at)
  if (next === undefined) throw new Error('nothing waits')
  if (error === undefined) await settleDelivered(db, next, { at, status: 200 })
  else await settleFailed(db, next, { at, status: null, error }, {})
}

t.test(
  'delivered ones are kept for a week, dead ones for 30 days, what waits until it is settled',
  async (t) => {
    const { db, take } = await testStore(t)
    await createWebhook(db, { url: 'https://crm.example.com/', events: ['message.created'] })
    await take(record('A'), record('B'), record('C'))
    const now = Date.now()
    await settle(db, now)
    await settle(db, now, 'down')
    await pruneDeliveries(db, now + 7 * day)
    t.same(await states(db), ['delivered', 'dead', 'pending'])
    await pruneDeliveries(db, now + 7 * day + 1)
    t.same(await states(db), ['dead', 'pending'])
    await pruneDeliveries(db, now + 30 * day + 1)
    t.same(await states(db), ['pending'])
    t.equal(
      (await db.selectFrom('outbox').selectAll().execute()).length,
      1,
      'what no delivery is left of is gone'
    )
  }
)

t.test('none is kept for longer than messages are', async (t) => {
  const { db, take } = await testStore(t)
  await createWebhook(db, { url: 'https://crm.example.com/', events: ['message.created'] })
  await take(record('A'), record('B'))
  const now = Date.now()
  await settle(db, now)
  await settle(db, now, 'down')
  await pruneDeliveries(db, now + 2 * day, 2 * day)
  t.same(await states(db), ['delivered', 'dead'])
  await pruneDeliveries(db, now + 2 * day + 1, 2 * day)
  t.same(await states(db), [])
})

t.test('of each webhook the latest thousand delivered ones are kept', async (t) => {
  const { db, take } = await testStore(t)
  for (let n = 0; n < 2; n += 1)
    await createWebhook(db, { url: 'https://crm.example.com/', events: ['message.created'] })
  await take(...Array.from({ length: 1_005 }, (_, n) => record(`${n}`)))
  await db.updateTable('deliveries').set({ state: 'delivered', settled_at: Date.now() }).execute()
  await pruneDeliveries(db)
  for (const id of [1, 2]) {
    const { items } = await listDeliveries(db, id, undefined, 10_000)
    t.equal(items.length, 1_000)
  }
  t.equal(
    (
      await db
        .selectFrom('outbox')
        .select(({ fn }) => fn.min('id').as('first'))
        .executeTakeFirst()
    )?.first,
    6
  )
})

t.test('what a webhook that is off did not take within 3 days is dead', async (t) => {
  const { db, take } = await testStore(t)
  await createWebhook(db, { url: 'https://crm.example.com/', events: ['message.created'] })
  await take(record('A'))
  const passes = async (deliveringMs: number): Promise<void> => {
    await giveUpOff(db, deliveringMs, Date.now())
    await pruneDeliveries(db)
  }
  await passes(0)
  await passes(4 * day)
  t.same(await states(db), ['pending'], 'while it is on, it is tried')
  await patchWebhook(db, 1, { enabled: false })
  await passes(4 * day)
  await passes(7 * day - 1)
  t.same(await states(db), ['pending'])
  await passes(7 * day)
  t.match((await listDeliveries(db, 1, 'dead', 10)).items, [{ last_error: 'the webhook was off' }])
})

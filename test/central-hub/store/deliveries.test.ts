import t, { type Test } from 'tap'
import { Delivery } from '../../../src/contract/webhook.ts'
import {
  countDeliveries,
  listDeliveries,
  nextDelivery,
  replay,
  settleDelivered,
  settleFailed,
  waitingWebhooks,
  type NextDelivery
} from '../../../src/central-hub/store/outbox/deliveries.ts'
import { addPing } from '../../../src/central-hub/store/outbox/outbox.ts'
import { createWebhook, patchWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, testStore, type TestStore } from './open-store.ts'

const withWebhook = async (
  t: Test,
  ...names: string[]
): Promise<TestStore & { next(): Promise<NextDelivery> }> => {
  const store = await testStore(t)
  await createWebhook(store.db, { url: 'https://crm.example.com/', events: ['message.created'] })
  await store.take(...names.map((name) => record(name)))
  return {
    ...store,
    next: async () => {
      const next = await nextDelivery(store.db, 1, Date.now())
      if (next === undefined) throw new Error('nothing waits')
      return next
    }
  }
}
const text = ({ body }: { body: string }): unknown =>
  (JSON.parse(body) as { data: { message?: { body: string } } }).data.message?.body

t.test('the oldest that waits is next, a ping before all', async (t) => {
  const { db, next } = await withWebhook(t, 'A', 'B')
  t.same(await waitingWebhooks(db), [1])
  const a = await next()
  t.equal(text(a), 'message A')
  await settleFailed(
    db,
    a,
    { at: Date.now(), status: null, error: 'down' },
    { retryAt: Date.now() + 60_000 }
  )
  t.equal(text(await next()), 'message A', 'one that failed stays the first')
  await addPing(db, 1)
  const ping = await next()
  t.match(ping, { ping: true })
  await settleDelivered(db, ping, { at: Date.now(), status: 200 })
  t.ok((await next()).dueAt <= Date.now(), 'what failed is due once a ping was taken')
  await settleDelivered(db, await next(), { at: Date.now(), status: 200 })
  t.equal(text(await next()), 'message B')
  await settleDelivered(db, await next(), { at: Date.now(), status: 200 })
  t.same(await waitingWebhooks(db), [])
  await patchWebhook(db, 1, { enabled: false })
  t.equal(await nextDelivery(db, 1, 0), undefined)
})

t.test('they are listed latest first, page by page, and by state', async (t) => {
  const { db, next } = await withWebhook(t, 'A', 'B', 'C', 'D', 'E')
  await settleDelivered(db, await next(), { at: 0, status: 204 })
  await settleFailed(db, await next(), { at: 0, status: 500, error: 'HTTP 500' }, {})
  const first = await listDeliveries(db, 1, undefined, 2)
  const second = await listDeliveries(db, 1, undefined, 2, first.next)
  const third = await listDeliveries(db, 1, undefined, 2, second.next)
  const all = [...first.items, ...second.items, ...third.items]
  t.same(
    all.map(({ state }) => state),
    ['pending', 'pending', 'pending', 'dead', 'delivered']
  )
  t.equal(third.next, undefined)
  for (const each of all) conforms(t, Delivery, each, each.state)
  for (const [state, count] of [
    ['pending', 3],
    ['dead', 1],
    ['delivered', 1]
  ] as const)
    t.equal((await listDeliveries(db, 1, state, 10)).items.length, count)
  t.same(await countDeliveries(db), new Map([[1, { pending: 3, dead: 1 }]]))
})

t.test('one can be replayed by its id, or all dead ones; each has 3 days again', async (t) => {
  const { db, next } = await withWebhook(t, 'A', 'B', 'C')
  const a = await next()
  await settleDelivered(db, a, { at: 0, status: 204 })
  const b = await next()
  await settleFailed(db, b, { at: 0, status: 500, error: 'HTTP 500' }, { giveUpAt: 5_000 })
  t.equal(await replay(db, 1, undefined, 1_000), 1)
  t.match(await next(), { messageId: b.messageId, givesUpAt: null, attempts: 0 })
  t.equal(await replay(db, 1, a.messageId, 1_000), 1)
  t.match(await next(), { messageId: a.messageId }, 'before what came later')
  t.equal(await replay(db, 1, 'msg_of_nobody', 1_000), 0)
  t.equal(await replay(db, 2, a.messageId, 1_000), 0, 'not for another webhook')
})

t.test('with all, what else has had its time is given up, too', async (t) => {
  const { db, next } = await withWebhook(t, 'A', 'B', 'C')
  await db
    .updateTable('deliveries')
    .set({ gives_up_at: 5_000 })
    .where('outbox_id', '<=', 2)
    .execute()
  t.same(
    await settleFailed(
      db,
      await next(),
      { at: 0, status: null, error: 'down' },
      { all: true, deliveringMs: 5_000 }
    ),
    { dead: 2, isFirst: true }
  )
  t.equal(text(await next()), 'message C')
})

t.test('settling one that is gone meanwhile is harmless', async (t) => {
  const { db, next } = await withWebhook(t, 'A', 'B')
  const [a] = [await next()]
  await db.deleteFrom('messages').where('pk', '=', 1).execute()
  await settleDelivered(db, a, { at: 1_000, status: 200 })
  t.equal((await listDeliveries(db, 1, undefined, 10)).items.length, 1)
  t.equal(text(await next()), 'message B')
})

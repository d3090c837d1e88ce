import t from 'tap'
import { addEvents } from '../../../src/central-hub/store/outbox/events.ts'
import {
  nextDelivery,
  settleDelivered,
  settleFailed,
  type NextDelivery
} from '../../../src/central-hub/store/outbox/deliveries.ts'
import { eraseDeliveries } from '../../../src/central-hub/store/outbox/outbox.ts'
import { leadRow } from '../../../src/central-hub/store/read/leads.ts'
import { mergeLeads } from '../../../src/central-hub/store/write/merge-lead.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { record, testStore } from './open-store.ts'

const from = (phone: string, name: string) =>
  record(name, { chat_id: `${phone}@c.us`, from: `${phone}@c.us`, phone: `+${phone}` })
const [ana, luis] = ['5215500000001', '5215500000002']
const add = (db: Db) =>
  createWebhook(db, {
    url: 'https://crm.example.com/',
    events: ['message.created', 'message.updated', 'lead.removed']
  })
const next = async (
  db: Db,
  busy: ReadonlyMap<string, number> = new Map()
): Promise<NextDelivery> => {
  const found = await nextDelivery(db, 1, Date.now(), { busy })
  if (found === undefined) throw new Error('nothing waits')
  return found
}
const text = ({ body }: { body: string }): unknown =>
  (JSON.parse(body) as { data: { message?: { body: string } } }).data.message?.body
const queues = async (db: Db): Promise<string[]> =>
  (await db.selectFrom('delivery_queues').select('queue').orderBy('queue').execute()).map(
    ({ queue }) => queue
  )
const taken = { at: 0, status: 200 }

t.test('each lead has a queue, and they take turns', async (t) => {
  const { db, take } = await testStore(t)
  await add(db)
  await take(from(ana, 'A1'), from(ana, 'A2'), from(ana, 'A3'), from(luis, 'L1'))
  t.same(await queues(db), ['lead:1', 'lead:2'])
  const order: unknown[] = []
  for (let n = 0; n < 4; n += 1) {
    const one = await next(db)
    order.push(text(one))
    await settleDelivered(db, one, taken)
  }
  t.same(order, ['message A1', 'message L1', 'message A2', 'message A3'])
  t.same(await queues(db), [], 'a queue ends with what was in it')
})

t.test(
  'while the first of a queue is under way nothing of it goes, and one that failed waits for its time alone',
  async (t) => {
    const { db, take } = await testStore(t)
    await add(db)
    await take(from(ana, 'A1'), from(ana, 'A2'), from(luis, 'L1'))
    const first = await next(db)
    const busy = new Map([[first.queue, first.outboxId]])
    t.equal(text(await next(db, busy)), 'message L1')
    await settleFailed(
      db,
      first,
      { at: 0, status: 500, error: 'HTTP 500' },
      { retryAt: Date.now() + 60_000 }
    )
    await settleDelivered(db, await next(db), taken)
    t.match(await next(db), { outboxId: first.outboxId, attempts: 1 })
    t.equal(await nextDelivery(db, 1, Date.now() + 120_000, { retries: false }), undefined)
  }
)

t.test(
  'leads that are merged have one queue from then on, in the order in which things happened',
  async (t) => {
    const { db, take } = await testStore(t)
    await add(db)
    await take(from(ana, 'A1'), from(luis, 'L1'), from(ana, 'A2'), from(luis, 'L2'))
    const underWay = await next(db, new Map([['lead:1', 1]]))
    t.equal(text(underWay), 'message L1')
    const [kept, other] = [await leadRow(db, 1), await leadRow(db, 2)]
    if (kept === undefined || other === undefined) throw new Error('there is no lead')
    await db.transaction().execute(async (trx) => {
      await mergeLeads(trx, kept, other)
      await addEvents(trx, 'lead_removed', [2])
    })
    const order: unknown[] = []
    await settleDelivered(db, underWay, taken)
    for (
      let found = await nextDelivery(db, 1, Date.now());
      found !== undefined;
      found = await nextDelivery(db, 1, Date.now())
    ) {
      order.push(text(found) ?? 'lead.removed')
      await settleDelivered(db, found, taken)
    }
    t.same(order, ['message A1', 'message A2', 'message L2', 'lead.removed'])
    t.same(await queues(db), [])
  }
)

t.test('what is under way when its lead is merged is not begun a second time', async (t) => {
  const { db, take } = await testStore(t)
  await add(db)
  await take(from(ana, 'A1'), from(luis, 'L1'))
  const first = await next(db)
  const [kept, other] = [await leadRow(db, 2), await leadRow(db, 1)]
  if (kept === undefined || other === undefined) throw new Error('there is no lead')
  await db.transaction().execute((trx) => mergeLeads(trx, kept, other))
  t.equal(
    await nextDelivery(db, 1, Date.now(), { busy: new Map([[first.queue, first.outboxId]]) }),
    undefined
  )
})

t.test('what the release before puts in the outbox is queued, too', async (t) => {
  const { db, take } = await testStore(t)
  await add(db)
  await take(from(ana, 'A1'))
  await settleDelivered(db, await next(db), taken)
  const now = Date.now()
  const bodies = {
    lead: { lead_id: 1, message_pk: 1 },
    message: { lead_id: null, message_pk: 1 },
    session: { lead_id: null, message_pk: null }
  }
  for (const [id, of] of Object.entries(bodies)) {
    const row = {
      ...of,
      message_id: id,
      type: id === 'session' ? ('session.changed' as const) : ('message.updated' as const),
      body: '{"data":{}}',
      created_at: now
    }
    const { id: outbox_id } = await db
      .insertInto('outbox')
      .values(row)
      .returning('id')
      .executeTakeFirstOrThrow()
    await db
      .insertInto('deliveries')
      .values({ webhook_id: 1, outbox_id, state: 'pending', ping: 0, expires_at: now })
      .execute()
  }
  t.same(await queues(db), ['lead:1', 'message:1', 'session.changed'])
  for (const id of Object.keys(bodies)) {
    const one = await next(db)
    t.equal(one.messageId, id)
    await settleDelivered(db, one, taken)
  }
  // replayed by it
  await db
    .updateTable('deliveries')
    .set({ state: 'pending', attempts: 0 })
    .where('outbox_id', '=', 1)
    .execute()
  t.equal(text(await next(db)), 'message A1')
})

t.test('a queue of which everything was erased is dropped', async (t) => {
  const { db, take } = await testStore(t)
  await add(db)
  await take(from(ana, 'A1'))
  await eraseDeliveries(db, 1)
  t.same(await queues(db), ['lead:1'])
  t.equal(await nextDelivery(db, 1, Date.now()), undefined)
  t.same(await queues(db), [])
})

t.test('an outcome that another hub wrote already is not written over', async (t) => {
  const { db, take } = await testStore(t)
  await add(db)
  await take(from(ana, 'A1'))
  const one = await next(db)
  await settleDelivered(db, one, taken)
  await settleFailed(db, one, { at: 0, status: 500, error: 'HTTP 500' }, {})
  t.match(await db.selectFrom('deliveries').selectAll().execute(), [
    { state: 'delivered', attempts: 1 }
  ])
})

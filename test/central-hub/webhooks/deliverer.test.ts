import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Delivery, WebhookCreate } from '../../../src/contract/webhook.ts'
import { listDeliveries, replay } from '../../../src/central-hub/store/outbox/deliveries.ts'
import { addPing } from '../../../src/central-hub/store/outbox/outbox.ts'
import {
  createWebhook,
  getWebhook,
  patchWebhook,
  rotateSecret
} from '../../../src/central-hub/store/outbox/webhooks.ts'
import { Deliverer, type DeliveryOutcome } from '../../../src/central-hub/webhooks/deliverer.ts'
import { DeliveringTime } from '../../../src/central-hub/webhooks/delivering-time.ts'
import type { Outcome, Post } from '../../../src/central-hub/webhooks/post.ts'
import { logLines } from '../../platform/log-lines.ts'
import { record, testStore, type TestStore } from '../store/open-store.ts'
import { verified } from './receiver.ts'
import { testClock, type TestClock } from './test-clock.ts'

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
const down: Outcome = { status: null, error: 'nothing listens there (ECONNREFUSED)' }
const broken: Outcome = { status: 500, error: 'HTTP 500' }

interface Sent {
  url: string
  headers: Record<string, string>
  body: string
}

/** A deliverer over a store of its own; what endpoints answer, and the time, are the test's. */
interface Rig extends TestStore {
  clock: TestClock
  deliverer: Deliverer
  sent: Sent[]
  logged: ReturnType<typeof logLines>
  settled: Record<DeliveryOutcome, number>
  add(facts?: Partial<WebhookCreate>): Promise<number>
  /** Takes messages of these names. */
  happen(...names: string[]): Promise<void>
  /** Lets time pass in steps, at each of which everything due is done. */
  pass(ms: number, step?: number): Promise<void>
  /** Waits until nothing is under way. */
  quiet(): Promise<void>
  deliveries(id: number, state?: Delivery['state']): Promise<Delivery[]>
}

/** The name of the message a post is of, or its type. */
const nameOf = ({ body }: Pick<Sent, 'body'>): string => {
  const { type, data } = JSON.parse(body) as { type: string; data: { message?: { body: string } } }
  return data.message?.body.replace('message ', '') ?? type
}

/**
 * A store that fails while `error` is set: in all that is asked of it, or only where a transaction
 * begins.
 */
interface Trouble {
  error?: Error | undefined
  onlyInTransactions?: boolean
}

const failing = (db: TestStore['db'], trouble: Trouble): TestStore['db'] =>
  new Proxy(db, {
    get: (target, key) => {
      if (trouble.error !== undefined && (key === 'transaction' || !trouble.onlyInTransactions))
        throw trouble.error
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })

const rig = async (
  t: Test,
  answer: (sent: Sent, signal: AbortSignal) => Outcome | Promise<Outcome>,
  trouble: Trouble = {}
): Promise<Rig> => {
  const store = await testStore(t)
  const clock = testClock()
  const logged = logLines()
  const settled = { delivered: 0, failed: 0, dead: 0 }
  const sent: Sent[] = []
  let underWay = 0
  const post: Post = {
    send: async (request, signal) => {
      sent.push(request)
      underWay += 1
      return Promise.resolve(answer(request, signal)).finally(() => (underWay -= 1))
    },
    close: () => undefined
  }
  const deliverer = new Deliverer({
    db: failing(store.db, trouble),
    time: new DeliveringTime(store.db, clock.steady),
    post,
    clock,
    log: logged.log,
    random: () => 1,
    onSettled: (outcome, n) => (settled[outcome] += n)
  })
  t.teardown(() => deliverer.stop(0))
  const quiet = async (): Promise<void> => {
    // the store's queue is first come, first served: a question asked now is answered after what is
    // under way there
    for (let calm = 0; calm < 3; calm += 1) {
      const before = sent.length
      for (let turn = 0; turn < 10; turn += 1)
        await store.db.selectFrom('webhooks').select('id').execute()
      if (underWay > 0 || sent.length !== before) calm = -1
      if (underWay > 0) await delay(1)
    }
  }
  return {
    ...store,
    clock,
    deliverer,
    sent,
    logged,
    settled,
    quiet,
    add: async (facts = {}) =>
      (
        await createWebhook(store.db, {
          url: 'https://crm.example.com/hooks/secret?key=secret',
          events: ['message.created'],
          ...facts
        })
      )?.id as number,
    happen: async (...names) => {
      await store.take(...names.map((name) => record(name)))
      deliverer.wake()
      await quiet()
    },
    pass: async (ms, step = ms) => {
      for (let left = ms; left > 0; left -= step) {
        clock.pass(Math.min(step, left))
        await quiet()
      }
    },
    deliveries: async (id, state) => (await listDeliveries(store.db, id, state, 200)).items
  }
}

t.test('what happens is posted, signed, in order, and kept as delivered', async (t) => {
  const { add, happen, sent, deliveries, db } = await rig(t, () => ({ status: 200 }))
  const id = await add()
  const { secret } = (await rotateSecret(db, id)) as { secret: string }
  await happen('A', 'B')
  await happen('C')
  t.same(sent.map(nameOf), ['A', 'B', 'C'])
  const [first] = sent as [Sent]
  t.match(
    verified(secret, {
      path: '',
      headers: first.headers,
      text: first.body,
      body: JSON.parse(first.body)
    }),
    {
      type: 'message.created',
      data: { message: { body: 'message A' }, lead: { phone: '+5215512345678' } }
    }
  )
  t.equal(first.url, 'https://crm.example.com/hooks/secret?key=secret')
  t.match(JSON.parse(first.body), { link: null }, 'without PUBLIC_URL')
  t.same(
    (await deliveries(id)).map(({ state, attempts, last_status, id: messageId }) => [
      messageId,
      state,
      attempts,
      last_status
    ]),
    sent.map(({ headers }) => [headers['webhook-id'], 'delivered', 1, 200]).reverse()
  )
  t.match(await getWebhook(db, id), {
    pending: 0,
    dead: 0,
    failing_since: null,
    last_error: null,
    last_success_at: /Z$/
  })
})

t.test(
  'the head is tried again until it is taken, with the same id; what comes later waits for it',
  async (t) => {
    let up = false
    const { add, happen, pass, sent, deliveries, db, logged } = await rig(t, () =>
      up ? { status: 204 } : broken
    )
    const id = await add()
    await happen('A', 'B')
    t.same(sent.map(nameOf), ['A'])
    t.match(await deliveries(id, 'pending'), [
      { attempts: 0, next_attempt_at: null },
      { attempts: 1, last_status: 500, last_error: 'HTTP 500', next_attempt_at: /Z$/ }
    ])
    await pass(4 * second)
    t.equal(sent.length, 1, 'not before its time')
    await pass(second)
    await pass(10 * second)
    t.same(sent.map(nameOf), ['A', 'A', 'A'])
    t.equal(new Set(sent.map(({ headers }) => headers['webhook-id'])).size, 1)
    t.equal(
      new Set(sent.map(({ headers }) => headers['webhook-timestamp'])).size,
      3,
      'each attempt is signed anew'
    )
    t.match(await getWebhook(db, id), { pending: 2, failing_since: /Z$/, last_error: 'HTTP 500' })
    up = true
    await pass(20 * second)
    t.same(sent.map(nameOf), ['A', 'A', 'A', 'A', 'B'])
    t.match(await getWebhook(db, id), { pending: 0, failing_since: null, last_error: null })
    t.match(
      logged.of('webhook_failing'),
      [{ level: 'warn', webhook: id, status: 500, error: 'HTTP 500' }],
      'one line an outage'
    )
    t.equal(logged.of('webhook_failing').length, 1)
    t.match(logged.of('webhook_mended'), [{ level: 'info', webhook: id, failures: 3 }])
    t.notMatch(
      JSON.stringify(logged.lines),
      /secret|message A|55123/,
      'no path, query or text in the log'
    )
  }
)

t.test('an endpoint that does not answer holds up no other', async (t) => {
  const { add, happen, sent, deliverer } = await rig(t, ({ url }, signal) =>
    url.includes('slow')
      ? new Promise((resolve) => signal.addEventListener('abort', () => resolve(down)))
      : { status: 200 }
  )
  await add({ url: 'https://slow.example.com/' })
  await add({ url: 'https://crm.example.com/' })
  const happened = happen('A', 'B', 'C')
  while (sent.filter(({ url }) => url.includes('crm')).length < 3) await delay(5)
  t.same(sent.filter(({ url }) => url.includes('crm')).map(nameOf), ['A', 'B', 'C'])
  t.same(
    sent.filter(({ url }) => url.includes('slow')).map(nameOf),
    ['A'],
    'one delivery of each is under way'
  )
  await deliverer.stop(0)
  await happened
})

t.test(
  'an endpoint that is down is tried for 3 days; then what is as old is dead, and what is newer goes on',
  async (t) => {
    let up = false
    const { add, happen, pass, sent, deliveries, settled, logged, db } = await rig(t, () =>
      up ? { status: 200 } : down
    )
    const id = await add()
    await happen('A', 'B', 'C')
    await pass(2 * day, 10 * minute)
    // as if it had been queued two days later
    await db
      .updateTable('deliveries')
      .set((row) => ({ gives_up_at: row('gives_up_at', '+', 2 * day) }))
      .where('outbox_id', '=', 3)
      .execute()
    t.same(await deliveries(id, 'dead'), [])
    await pass(day + 2 * hour, 10 * minute)
    t.match(await deliveries(id, 'dead'), [
      { last_error: down.error as string },
      { attempts: sent.filter((one) => nameOf(one) === 'A').length }
    ])
    t.ok(sent.length < 100, `${sent.length} attempts in 3 days`)
    t.notOk(
      sent.some((one) => nameOf(one) === 'B'),
      'one that does not answer is not asked again for each that had its time'
    )
    t.equal(settled.dead, 2)
    t.match(logged.of('deliveries_dead'), [{ level: 'warn', deliveries: 2 }])
    t.match(await getWebhook(db, id), { pending: 1, dead: 2 })

    up = true
    await pass(hour)
    t.same(nameOf(sent.at(-1) as Sent), 'C')
    t.match(await getWebhook(db, id), { pending: 0, dead: 2, failing_since: null })
  }
)

t.test(
  'dead ones are replayed, oldest first and before what came later, with the ids they had',
  async (t) => {
    let up = false
    const { add, happen, take, pass, sent, quiet, db, deliverer, clock } = await rig(t, () =>
      up ? { status: 200 } : down
    )
    const id = await add()
    await happen('A', 'B')
    await pass(3 * day + 2 * hour, 30 * minute)
    t.match(await getWebhook(db, id), { pending: 0, dead: 2 })
    const before = sent.length
    await take(record('C'))
    up = true
    t.equal(await replay(db, id, undefined, clock.now()), 2)
    t.match(await getWebhook(db, id), { pending: 3, dead: 0 })
    deliverer.wake()
    await quiet()
    t.same(sent.slice(before).map(nameOf), ['A', 'B', 'C'])
    t.equal(sent[before]?.headers['webhook-id'], sent[0]?.headers['webhook-id'])
    t.match(await getWebhook(db, id), { pending: 0, dead: 0 })
    t.equal(
      await replay(db, id, sent[0]?.headers['webhook-id'], clock.now()),
      1,
      'one that was delivered can be had again, too'
    )
    deliverer.wake()
    await quiet()
    t.equal(nameOf(sent.at(-1) as Sent), 'A')
  }
)

t.test(
  'one that the endpoint never takes is dead after 3 days, and each of those behind it has its turn',
  async (t) => {
    const { add, happen, pass, sent, db } = await rig(t, (one) =>
      nameOf(one) === 'poison' ? { status: 400, error: 'HTTP 400' } : { status: 200 }
    )
    const id = await add()
    await happen('A', 'poison', 'B', 'C')
    await pass(3 * day - hour, hour)
    t.match(await getWebhook(db, id), { pending: 3 })
    await pass(2 * hour, hour)
    t.same([...new Set(sent.map(nameOf))], ['A', 'poison', 'B', 'C'])
    t.match(await getWebhook(db, id), { pending: 0, dead: 1, failing_since: null })
  }
)

t.test('after a week without the hub everything still has 3 days', async (t) => {
  let up = false
  const { add, happen, pass, deliverer, clock, quiet, sent, db } = await rig(t, () =>
    up ? { status: 200 } : down
  )
  const id = await add({ enabled: true })
  clock.pass(7 * day)
  await happen('A')
  await pass(hour)
  t.match(await getWebhook(db, id), { pending: 1, dead: 0 })
  up = true
  await pass(hour)
  deliverer.wake()
  await quiet()
  t.equal(nameOf(sent.at(-1) as Sent), 'A')
  t.match(await getWebhook(db, id), { pending: 0, dead: 0 })
})

t.test('Retry-After is waited for', async (t) => {
  const { add, happen, pass, sent } = await rig(t, () => ({
    status: 429,
    error: 'HTTP 429',
    retryAfterMs: 10 * minute
  }))
  await add()
  await happen('A')
  await pass(10 * minute - second, minute)
  t.equal(sent.length, 1)
  await pass(second)
  t.equal(sent.length, 2)
})

t.test('410 Gone turns the webhook off; turned on again it goes on where it stood', async (t) => {
  let gone = true
  const { add, happen, pass, sent, db, deliverer, quiet, logged } = await rig(t, () =>
    gone ? { status: 410, error: 'HTTP 410' } : { status: 200 }
  )
  const id = await add()
  await happen('A', 'B')
  t.match(await getWebhook(db, id), { enabled: false, pending: 2, last_error: 'HTTP 410' })
  t.match(logged.of('webhook_disabled'), [{ level: 'warn', webhook: id }])
  await happen('while it is off')
  await pass(day, hour)
  t.equal(sent.length, 1)
  gone = false
  await patchWebhook(db, id, { enabled: true })
  deliverer.wake()
  await quiet()
  t.same(sent.map(nameOf), ['A', 'A', 'B'])
})

t.test(
  'a ping goes first, is tried once, and when it is taken so is what has been failing',
  async (t) => {
    let up = false
    const { add, happen, sent, db, deliverer, quiet, deliveries } = await rig(t, () =>
      up ? { status: 200 } : broken
    )
    const id = await add()
    await happen('A', 'B')
    const ping = async (): Promise<void> => {
      await addPing(db, id)
      deliverer.wake()
      await quiet()
    }
    await ping()
    t.same(sent.map(nameOf), ['A', 'webhook.ping'])
    t.match(await deliveries(id, 'dead'), [{ type: 'webhook.ping', attempts: 1, last_status: 500 }])
    up = true
    await ping()
    t.same(sent.map(nameOf), ['A', 'webhook.ping', 'webhook.ping', 'A', 'B'])
    t.match(await getWebhook(db, id), { pending: 0, failing_since: null })
  }
)

t.test('a stop waits for what is under way, and what is cut off counts as not tried', async (t) => {
  let release = (_: Outcome): void => undefined
  const { add, happen, sent, deliverer, deliveries, db } = await rig(
    t,
    (one, signal) =>
      new Promise((resolve) => {
        release = resolve
        if (nameOf(one) === 'B') signal.addEventListener('abort', () => resolve(down))
      })
  )
  const id = await add()
  const happened = happen('A', 'B')
  while (sent.length < 1) await delay(5)
  release({ status: 200 })
  while (sent.length < 2) await delay(5)
  await deliverer.stop(10)
  await happened
  t.match(await deliveries(id), [
    { state: 'pending', attempts: 0, last_error: null },
    { state: 'delivered' }
  ])
  t.match(await getWebhook(db, id), { failing_since: null })

  const [other, another] = [
    await rig(t, () => new Promise((resolve) => (release = resolve))),
    () => release({ status: 200 })
  ]
  const otherId = await other.add()
  const otherHappened = other.happen('A')
  while (other.sent.length < 1) await delay(5)
  const stopped = other.deliverer.stop(60_000)
  another()
  await stopped
  await otherHappened
  t.match(await other.deliveries(otherId), [{ state: 'delivered' }], 'what ends in time is settled')
})

t.test('an error of the store is logged, and delivering goes on', async (t) => {
  const { add, happen, pass, sent, db, logged } = await rig(t, () => ({ status: 200 }))
  const id = await add()
  await db.updateTable('webhooks').set({ secret: '' }).where('id', '=', id).execute()
  await happen('A')
  t.match(logged.of('delivering_failed'), [{ level: 'error', webhook: id }])
  await rotateSecret(db, id)
  await db.updateTable('webhooks').set({ old_secret: null }).execute()
  await pass(5 * second)
  t.same(sent.map(nameOf), ['A'])
})

t.test(
  'a store that fails is asked again every 5 s, not before, and says so each time',
  async (t) => {
    const trouble: Trouble = {}
    const { add, happen, pass, sent, logged } = await rig(t, () => ({ status: 200 }), trouble)
    const id = await add()
    await happen('A')
    t.equal(sent.length, 1)

    trouble.error = new Error('the disk is full')
    await happen('B')
    t.match(logged.of('outbox_silent'), [{ level: 'error', err: { message: 'the disk is full' } }])
    await pass(5 * second - 1)
    t.equal(logged.of('outbox_silent').length, 1)
    await pass(1)
    t.equal(logged.of('outbox_silent').length, 2)
    trouble.error = undefined
    await pass(5 * second - 1)
    t.equal(sent.length, 1)
    await pass(1)
    t.same(sent.map(nameOf), ['A', 'B'])
    t.equal(logged.of('outbox_silent').length, 2)
    t.ok(id > 0)
  }
)

t.test(
  'a store that fails as a delivery is looked for is asked again after 5 s, not before',
  async (t) => {
    // What is asked of the store before it fails: which webhooks have something waiting.
    let asked = Infinity
    const { add, happen, pass, sent, logged } = await rig(t, () => ({ status: 200 }), {
      get error() {
        asked -= 1
        return asked < 0 ? new Error('the disk is full') : undefined
      }
    })
    const id = await add()
    asked = 1
    await happen('A')
    t.match(logged.of('delivering_failed'), [
      { level: 'error', webhook: id, err: { message: 'the disk is full' } }
    ])
    t.same(logged.of('outbox_silent'), [])
    asked = Infinity
    await pass(5 * second - 1)
    t.same(sent, [])
    await pass(1)
    t.same(sent.map(nameOf), ['A'])
  }
)

t.test(
  'an endpoint that failed for five leads is tried ever more rarely, until it is changed',
  async (t) => {
    const { add, take, deliverer, quiet, clock, sent, db } = await rig(t, () => broken)
    const id = await add()
    const of = (lead: number): ReturnType<typeof record> => {
      const chat = `52155000000${lead}@c.us`
      return record(`${lead}`, {
        id: `false_${chat}_${lead}`,
        chat_id: chat,
        from: chat,
        phone: `+52155000000${lead}`
      })
    }
    await take(...Array.from({ length: 30 }, (_, n) => of(10 + n)))
    const before = clock.now()
    deliverer.wake()
    await quiet()
    const first = sent.length
    t.ok(first >= 5 && first <= 8, `${first} of 30 leads`)

    const attempts: number[] = []
    for (let passed = 0; passed < 40; passed += 1) {
      clock.pass(10 * second)
      await quiet()
      while (attempts.length < sent.length - first) attempts.push((clock.now() - before) / second)
    }
    t.same(
      attempts,
      [10, 30, 70, 130, 190, 250, 310, 370],
      'one at a time; each minute one of a lead that did not fail yet'
    )

    await patchWebhook(db, id, { url: 'https://other.example.com/' })
    deliverer.wake()
    await quiet()
    t.ok(sent.filter(({ url }) => url.includes('other')).length >= 5, 'as if nothing had failed')
  }
)

t.test(
  'a delivery whose outcome cannot be written is posted again after 5 s, not before',
  async (t) => {
    const trouble: Trouble = {}
    const { add, happen, pass, sent, logged, settled } = await rig(
      t,
      () => {
        trouble.error = sent.length < 3 ? new Error('the disk is full') : undefined
        return { status: 200 }
      },
      trouble
    )
    const id = await add()
    await happen('A')
    t.match(logged.of('delivering_failed'), [
      { level: 'error', webhook: id, err: { message: 'the disk is full' } }
    ])
    trouble.error = undefined
    await pass(5 * second - 1)
    t.equal(sent.length, 1)
    await pass(1)
    t.equal(sent.length, 2)
    t.equal(logged.of('delivering_failed').length, 2)
    trouble.error = undefined
    await pass(5 * second)
    t.same(sent.map(nameOf), ['A', 'A', 'A'])
    t.same(settled, { delivered: 1, failed: 0, dead: 0 })
  }
)

t.test('what goes well is told once, and only as an end of what went badly', async (t) => {
  let up = true
  const { add, happen, pass, sent, logged, settled, db, deliverer, quiet } = await rig(t, () =>
    up ? { status: 200 } : broken
  )
  const id = await add()
  await happen('A', 'B')
  t.same(logged.of('webhook_mended'), [], 'it never failed')
  t.same(settled, { delivered: 2, failed: 0, dead: 0 })

  up = false
  await happen('C')
  await pass(5 * second)
  await pass(10 * second)
  t.same(settled, { delivered: 2, failed: 3, dead: 0 })
  up = true
  await pass(20 * second)
  t.match(logged.of('webhook_mended'), [
    {
      level: 'info',
      webhook: id,
      origin: 'https://crm.example.com',
      failing_ms: 35 * second,
      failures: 3
    }
  ])

  up = false
  await happen('D')
  up = true
  await addPing(db, id)
  deliverer.wake()
  await quiet()
  t.same(sent.slice(-2).map(nameOf), ['webhook.ping', 'D'])
  t.equal(logged.of('webhook_mended').length, 2, 'a ping that is taken ends nothing yet')
  t.same(logged.of('delivering_failed'), [])
})

t.test('a ping that nobody answers gives up nothing but itself', async (t) => {
  const { add, happen, deliveries, db, deliverer, quiet, settled, logged } = await rig(
    t,
    () => down
  )
  const id = await add()
  await happen('A', 'B')
  await db.updateTable('deliveries').set({ gives_up_at: 0 }).execute()
  await addPing(db, id)
  deliverer.wake()
  await quiet()
  t.match(await deliveries(id, 'dead'), [{ type: 'webhook.ping' }])
  t.equal((await deliveries(id, 'pending')).length, 2)
  t.equal(settled.dead, 1)
  t.same(logged.of('deliveries_dead'), [])
})

t.test(
  'of one webhook one delivery is under way at a time, however often there is news',
  async (t) => {
    const answers: ((outcome: Outcome) => void)[] = []
    const { add, take, sent, deliverer, quiet } = await rig(
      t,
      () => new Promise((resolve) => answers.push(resolve))
    )
    await add()
    await take(record('A'), record('B'))
    for (let wakes = 0; wakes < 5; wakes += 1) {
      deliverer.wake()
      await delay(5)
    }
    t.same(sent.map(nameOf), ['A'])
    answers.shift()?.({ status: 200 })
    while (answers.length === 0) await delay(5)
    t.same(sent.map(nameOf), ['A', 'B'])
    answers.shift()?.({ status: 200 })
    await quiet()
  }
)

t.test(
  'what waited while the hub was off is delivered at its start, without any news',
  async (t) => {
    const { add, take, db, deliverer } = await rig(t, () => ({ status: 200 }))
    await add()
    await deliverer.stop(0)
    await take(record('A'))
    const taken = Promise.withResolvers<void>()
    let isClosed = false
    const next = new Deliverer({
      db,
      log: logLines().log,
      time: new DeliveringTime(db, () => 0),
      post: {
        send: async () => (taken.resolve(), { status: 200 }),
        close: () => void (isClosed = true)
      }
    })
    await taken.promise
    t.notOk(isClosed)
    await next.stop(1_000)
    t.ok(isClosed, 'its connections are closed at the stop')
  }
)

t.test(
  'a stop waits for the delivery under way, settles what was answered, and leaves no timer',
  async (t) => {
    let answer = (_: Outcome): void => undefined
    let cut: AbortSignal | undefined
    const { add, take, sent, deliverer, deliveries } = await rig(t, (_, signal) => {
      cut = signal
      return new Promise((resolve) => (answer = resolve))
    })
    const id = await add()
    await take(record('A'), record('B'))
    deliverer.wake()
    while (sent.length < 1) await delay(5)
    let isStopped = false
    const stopped = deliverer.stop(60_000).then(() => (isStopped = true))
    await delay(50)
    t.notOk(isStopped)
    t.equal(cut?.aborted, false)
    answer({ status: 200 })
    await stopped
    t.equal(cut?.aborted, true, 'nothing is posted any more')
    t.match(
      (await deliveries(id)).map(({ state }) => state),
      ['pending', 'delivered']
    )
    t.equal(sent.length, 1, 'nothing new is begun')
  }
)

t.test('an answer that comes as a delivery is cut off counts', async (t) => {
  const { add, take, sent, deliverer, deliveries } = await rig(
    t,
    (_, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve({ status: 200 })))
  )
  const id = await add()
  await take(record('A'))
  deliverer.wake()
  while (sent.length < 1) await delay(5)
  await deliverer.stop(0)
  t.match(await deliveries(id), [{ state: 'delivered', last_status: 200 }])
})

/** Messages of so many leads, one of each. */
const ofLeads = (leads: number): ReturnType<typeof record>[] =>
  Array.from({ length: leads }, (_, lead) => {
    const phone = `52155000000${10 + lead}`
    return record(`${lead}`, {
      id: `false_${phone}_${lead}`,
      chat_id: `${phone}@c.us`,
      from: `${phone}@c.us`,
      phone: `+${phone}`
    })
  })

/** Waits until the store has answered what deliveries in progress ask of it. */
const settled = async (db: TestStore['db']): Promise<void> => {
  for (let turn = 0; turn < 60; turn += 1) await db.selectFrom('webhooks').select('id').execute()
}

t.test('four deliveries are in progress at most, and one while the endpoint is down', async (t) => {
  const answers: ((outcome: Outcome) => void)[] = []
  const { add, take, sent, deliverer, clock, db } = await rig(
    t,
    () => new Promise((resolve) => answers.push(resolve))
  )
  const calm = (): Promise<void> => settled(db)
  await add()
  await take(...ofLeads(12))
  deliverer.wake()
  await calm()
  t.equal(sent.length, 4)
  for (const begun of [5, 6, 7, 8]) {
    answers.shift()?.(broken)
    await calm()
    t.equal(sent.length, begun, 'the place of each that ends is taken')
  }
  answers.shift()?.(broken)
  await calm()
  t.equal(sent.length, 8, 'the fifth lead failed: the endpoint is down')
  for (const answer of answers.splice(0)) answer(broken)
  await calm()
  for (const begun of [9, 10]) {
    clock.pass(hour)
    deliverer.wake()
    await calm()
    t.equal(sent.length, begun, 'one at a time')
    answers.shift()?.(begun === 9 ? broken : { status: 200 })
    await calm()
  }
  t.equal(sent.length, 14, 'after one that was taken, four again')
  for (const answer of answers.splice(0)) answer(broken)
})

t.test(
  'a delivery whose outcome cannot be written pauses its webhook for 5 s, though the store answers again',
  async (t) => {
    const trouble: Trouble = { error: new Error('the disk is full'), onlyInTransactions: true }
    const { add, happen, pass, sent, logged, clock, deliverer, quiet } = await rig(
      t,
      () => ({ status: 200 }),
      trouble
    )
    await add()
    await happen('A')
    trouble.error = undefined
    t.equal(logged.of('delivering_failed').length, 1)
    t.equal(clock.next(), clock.now() + 5 * second)
    deliverer.wake()
    await quiet()
    await pass(5 * second - 1)
    t.equal(sent.length, 1)
    t.equal(clock.next(), clock.now() + 1)
    await pass(1)
    t.equal(sent.length, 2)
  }
)

t.test(
  'no timer runs while nothing waits, and after an error one for the end of the pause',
  async (t) => {
    let asked = Infinity
    const { add, happen, sent, clock } = await rig(t, () => ({ status: 200 }), {
      get error() {
        asked -= 1
        return asked < 0 ? new Error('the disk is full') : undefined
      }
    })
    await add()
    await happen('A')
    t.same(sent.map(nameOf), ['A'])
    t.equal(clock.next(), undefined)
    for (const left of [1, 0]) {
      asked = left
      await happen('B')
      t.equal(
        clock.next(),
        clock.now() + 5 * second,
        left === 0 ? 'the outbox could not be read' : 'nor the next delivery'
      )
    }
  }
)

t.test(
  'a retry is begun at its time, though deliveries of other leads are in progress',
  async (t) => {
    const answers: ((outcome: Outcome) => void)[] = []
    const { add, take, sent, deliverer, clock, db } = await rig(
      t,
      () => new Promise((resolve) => answers.push(resolve))
    )
    const calm = (): Promise<void> => settled(db)
    await add()
    await take(...ofLeads(3))
    deliverer.wake()
    await calm()
    answers.shift()?.(broken)
    await calm()
    t.equal(clock.next(), clock.now() + 5 * second)
    clock.pass(5 * second)
    await calm()
    t.equal(sent.length, 4)
    for (const answer of answers) answer({ status: 200 })
  }
)

t.test('nothing is posted after a stop, whatever is asked of the store as it comes', async (t) => {
  for (let asks = 0; asks < 12; asks += 1) {
    await t.test(`${asks}`, async (t) => {
      const stop = Promise.withResolvers<void>()
      let asked = Infinity
      let begun: number | undefined
      const { add, take, sent, deliverer } = await rig(t, () => ({ status: 200 }), {
        get error() {
          asked -= 1
          if (asked === -1) {
            begun = sent.length
            stop.resolve(deliverer.stop(60_000))
          }
          return undefined
        }
      })
      await add()
      await take(...ofLeads(3))
      asked = asks
      deliverer.wake()
      await stop.promise
      t.equal(sent.length, begun)
    })
  }
})

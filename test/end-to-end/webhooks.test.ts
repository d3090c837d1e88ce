import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DeliveryPage, Webhook, WebhookWithSecret } from '../../src/contract/webhook.ts'
import {
  fakeSessionManager,
  type FakeSessionManager
} from '../central-hub/follow/fake-session-manager.ts'
import { storeEnv } from '../central-hub/store/place.ts'
import {
  receiver,
  verified,
  type Answer,
  type Received,
  type Receiver
} from '../central-hub/webhooks/receiver.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon, type Daemon } from './daemon.ts'

/**
 * Webhooks of the real daemon, posted to real HTTP servers that are down, slow, broken, or cut the
 * connection.
 */

t.setTimeout(900_000)

interface Hub {
  daemon: Daemon
  upstream: FakeSessionManager
  /** Kills it, and starts it again with the same state. */
  killed(): Promise<void>
  add(to: Receiver, events?: string[]): Promise<WebhookWithSecret>
  /** Captures so many messages, numbered from where the last ones ended. */
  capture(count: number): void
  post<T>(path: string): Promise<T>
  webhook(id: number): Promise<Webhook>
}

const startHub = async (t: Test): Promise<Hub> => {
  const upstream = await fakeSessionManager(t)
  const env = {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      sessionManager: upstream.url
    }),
    ...(await storeEnv(t)),
    LOG_LEVEL: 'info',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
  }
  let captured = 0
  const start = async (): Promise<Daemon> => {
    const daemon = startDaemon('central-hub', env)
    t.teardown(() => daemon.end('SIGKILL'))
    await daemon.seen('following')
    return daemon
  }
  const hub: Hub = {
    daemon: await start(),
    upstream,
    killed: async () => {
      await hub.daemon.end('SIGKILL')
      hub.daemon = await start()
    },
    add: async ({ url }, events = ['message.created']) => {
      const { status, body } = await ask<WebhookWithSecret>(
        `${hub.daemon.url}/api/webhooks`,
        apiToken,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ url, events })
        }
      )
      t.equal(status, 201)
      return body
    },
    capture: (count) => {
      upstream.journal.append(
        Array.from({ length: count }, () => newRecord(String((captured += 1)))),
        'live'
      )
    },
    post: async <T>(path: string) =>
      (await ask<T>(`${hub.daemon.url}${path}`, apiToken, { method: 'POST' })).body,
    webhook: async (id) =>
      (await ask<Webhook>(`${hub.daemon.url}/api/webhooks/${id}`, apiToken)).body
  }
  return hub
}

const numberOf = ({ body }: Received): number =>
  Number((body.data as { message?: { body: string } }).message?.body.replace('message ', ''))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/**
 * Asserts what holds whatever happened: each at least once, in order, repeated only with its id,
 * and signed.
 */
const assertDelivered = (
  t: Test,
  { received, taken }: Receiver,
  secret: string,
  count: number
): void => {
  t.same(
    taken.map(numberOf).filter((number, index, all) => all.indexOf(number) === index),
    upTo(count),
    'every message at least once, the first time in order'
  )
  const order = received.map(numberOf)
  t.ok(
    order.every(
      (number, index) => index === 0 || [0, 1].includes(number - (order[index - 1] as number))
    ),
    'each is tried until it is taken, and only then the next',
    { order }
  )
  for (const all of Map.groupBy(received, numberOf).values())
    t.equal(new Set(all.map(({ headers }) => headers['webhook-id'])).size, 1, 'its id stays')
  t.equal(new Set(received.map(({ headers }) => headers['webhook-id'])).size, count)
  for (const request of received) t.same(verified(secret, request), request.body)
}
const allOf =
  (count: number) =>
  ({ taken }: Receiver): boolean =>
    taken.some((request) => numberOf(request) === count)

const faults: Record<
  string,
  { answer: (request: Received, earlier: number) => Answer; count: number }
> = {
  'answers 500 now and then': { answer: (_, earlier) => (earlier % 4 === 1 ? 500 : 204), count: 6 },
  'is slower than it may be, once': {
    answer: (_, earlier) => (earlier === 1 ? 'hang' : 204),
    count: 4
  },
  'cuts the connection in mid-request': {
    answer: (_, earlier) => (earlier === 0 || earlier === 3 ? 'cut' : 204),
    count: 6
  },
  'takes a message and is cut off before it says so': {
    answer: ({ body }, earlier) => (earlier === 2 && body ? 'cut' : 200),
    count: 5
  }
}

t.test(
  'whatever receivers do: every message at least once, in order, signed; none holds up another',
  async (t) => {
    const hub = await startHub(t)
    const well = await receiver(t)
    const { secret, id } = await hub.add(well)
    const faulty = await Promise.all(
      Object.entries(faults).map(async ([what, { answer, count }]) => {
        const to = await receiver(t)
        to.answer(answer)
        return { what, count, to, ...(await hub.add(to)) }
      })
    )
    const most = Math.max(...faulty.map(({ count }) => count))
    hub.capture(most)
    await well.until(allOf(most))
    t.notOk(
      faulty.every(({ to, count }) => allOf(count)(to)),
      'the others are still at it'
    )
    assertDelivered(t, well, secret, most)
    for (const { what, to, secret } of faulty) {
      await t.test(what, async (t) => {
        await to.until(allOf(most))
        assertDelivered(t, to, secret, most)
      })
    }
    t.match(await hub.webhook(id), { pending: 0, dead: 0, failing_since: null })
    t.match(await hub.daemon.seen('webhook_failing'), {
      level: 'warn',
      origin: /^http:\/\/127\.0\.0\.1:\d+$/
    })
    t.match(await hub.daemon.seen('webhook_mended'), { level: 'info' })
    t.notMatch(
      JSON.stringify(hub.daemon.lines),
      /key=secret|whsec_|message 1|5215512345678/,
      'no secret, query, text or number in the log'
    )
    t.match(
      await (
        await fetch(`${hub.daemon.url}/metrics`, {
          headers: { authorization: `Bearer ${apiToken}` }
        })
      ).text(),
      /^webhook_deliveries_total\{outcome="delivered"\} \d+$/m
    )
    t.equal((await hub.daemon.end('SIGTERM')).code, 0)
  }
)

t.test('a receiver that is down when it happens, and comes up on a ping', async (t) => {
  const hub = await startHub(t)
  const before = await receiver(t)
  const { secret, id } = await hub.add(before)
  await before.close()
  hub.capture(3)
  await hub.daemon.seen('webhook_failing')
  t.match(
    (await ask(`${hub.daemon.url}/ready`, apiToken)).status,
    200,
    'the hub is ready all the same'
  )
  const to = await receiver(t, { port: before.port })
  const { delivery_id } = await hub.post<{ delivery_id: string }>(`/api/webhooks/${id}/ping`)
  await to.until(allOf(3))
  const pings = to.received.filter(({ body }) => body.type === 'webhook.ping')
  t.same(
    pings.map(({ headers }) => headers['webhook-id']),
    [delivery_id]
  )
  const messages = to.received.filter(({ body }) => body.type !== 'webhook.ping')
  assertDelivered(t, { ...to, received: messages, taken: messages }, secret, 3)
})

t.test('the hub is killed in mid-delivery, again and again', async (t) => {
  const hub = await startHub(t)
  const to = await receiver(t)
  const { secret } = await hub.add(to)
  const count = 40
  // what is killed in the middle of: a request that is not answered yet, and one that was just
  // answered
  for (const [kill, answer] of [
    [5, 'hang'],
    [12, 204],
    [20, 'hang'],
    [28, 204]
  ] as const) {
    const reached = to.until(({ received }) =>
      received.some((request) => numberOf(request) >= kill)
    )
    to.answer((request) => (numberOf(request) >= kill ? answer : 204))
    hub.capture(count / 4)
    await reached
    await hub.killed()
  }
  to.answer(() => 204)
  await to.until(allOf(count))
  assertDelivered(t, to, secret, count)
})

t.test(
  'what was delivered can be had again, and a session that changes is told of once',
  async (t) => {
    const hub = await startHub(t)
    const to = await receiver(t)
    const { id, secret } = await hub.add(to, ['session.changed', 'message.created'])
    hub.upstream.set({ status: 'READY', running: true })
    await to.until(({ taken }) =>
      taken.some(({ body }) => (body.data as { status?: string }).status === 'READY')
    )
    await hub.killed()
    hub.capture(1)
    await to.until(({ taken }) => taken.some(({ body }) => body.type === 'message.created'))
    const told = to.taken.filter(
      ({ body }) => (body.data as { status?: string }).status === 'READY'
    )
    t.equal(
      new Set(told.map(({ headers }) => headers['webhook-id'])).size,
      1,
      'a hub that starts again does not tell it as news'
    )
    for (const request of to.taken) t.same(verified(secret, request), request.body)

    const { body } = await ask<DeliveryPage>(
      `${hub.daemon.url}/api/webhooks/${id}/deliveries?state=delivered`,
      apiToken
    )
    const [latest] = body.deliveries
    const before = to.taken.length
    await hub.post(`/api/webhooks/${id}/deliveries/${latest?.id}/replay`)
    await to.until(({ taken }) => taken.length > before)
    t.equal(to.taken.at(-1)?.headers['webhook-id'], latest?.id)
  }
)

import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LeadPage, Message, Readiness } from '../../src/contract/lead.ts'
import type { Problem } from '../../src/contract/problem.ts'
import type { WebhookWithSecret } from '../../src/contract/webhook.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import { receiver } from '../central-hub/webhooks/receiver.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { startPostgres } from '../platform/postgres-server.ts'
import { openSse, type SseClient } from '../platform/http/sse-client.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon, type Daemon } from './daemon.ts'

/**
 * Three real hubs on one real PostgreSQL, and one session-manager that they follow in turn. One
 * test goes on where the last one ended.
 */

const replicas = 3
const json = { 'content-type': 'application/json' }

/** A hub that is started anew on its port. */
interface Replica {
  daemon: Daemon
  url: string
  start(): Promise<void>
}

/**
 * A frontend behind an address of several hubs: when one goes away under it, it resumes at the next
 * one.
 */
interface Frontend {
  /** The bodies of the messages it was told of, as often as it was. */
  told: string[]
  /** Resolves once it was told so many times of a message. */
  until(count: number): Promise<void>
  end(): Promise<void>
}

const frontend = (hubs: readonly Replica[], first: number): Frontend => {
  const told: string[] = []
  const news = new EventEmitter().setMaxListeners(0)
  let [over, last, client]: [boolean, string | undefined, SseClient | undefined] = [
    false,
    undefined,
    undefined
  ]
  const read = async (url: string): Promise<void> => {
    client = await openSse(`${url}/api/events`, {
      authorization: `Bearer ${apiToken}`,
      'last-event-id': last ?? '0'
    })
    await client.until(({ id, event, data }) => {
      if (id !== undefined) last = id
      if (event === 'reset') told.push('reset')
      if (event === 'message') told.push((JSON.parse(data) as Message).body)
      news.emit('news')
      return over
    })
  }
  const run = async (): Promise<void> => {
    for (let at = first; !over; at += 1) {
      // it went away; there is no event for its coming back
      await read(hubs[at % hubs.length]?.url as string).catch(() => delay(50))
    }
  }
  const running = run()
  return {
    told,
    until: async (count) => {
      const signal = AbortSignal.timeout(60_000)
      while (told.length < count) await once(news, 'news', { signal })
    },
    end: () => {
      over = true
      client?.close()
      return running
    }
  }
}

const checksOf = async ({ url }: Replica) => {
  const { status, body } = await ask<Readiness>(`${url}/ready`, apiToken)
  return {
    status,
    ...Object.fromEntries(body.checks.map(({ name, ...check }) => [name, check]))
  } as { status: number } & Record<
    'store' | 'following' | 'session-manager',
    Readiness['checks'][number]
  >
}

const begin = async (t: Test) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.remove())
  const [upstream, to, database] = [
    await fakeSessionManager(t),
    await receiver(t),
    await postgres.create()
  ]
  const replica = async (): Promise<Replica> => {
    const port = await freePort()
    const env = {
      ...centralHubEnv({
        port,
        stateDir: join(ownDirectory(t), 'state'),
        sessionManager: upstream.url
      }),
      LOG_LEVEL: 'info',
      DATABASE_URL: database,
      WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
    }
    const start = async (): Promise<void> => {
      hub.daemon = startDaemon('central-hub', env)
      await hub.daemon.seen('listening')
    }
    const hub: Replica = {
      daemon: undefined as unknown as Daemon,
      url: `http://127.0.0.1:${port}`,
      start
    }
    t.teardown(() => hub.daemon.end('SIGKILL'))
    return hub
  }
  const hubs = await Promise.all(Array.from({ length: replicas }, replica))
  // all at once: one of them makes the schema
  await Promise.all(hubs.map(({ start }) => start()))
  const frontends = hubs.map((_, at) => frontend(hubs, at))
  t.teardown(() => Promise.all(frontends.map(({ end }) => end())))

  const sent: string[] = []
  /** Captures a message. */
  const capture = (): void => {
    const one = newRecord(String(sent.length))
    sent.push(one.message.body)
    upstream.journal.append([one], 'live')
  }
  /**
   * Has messages flow while something goes on; resolves once every frontend, and the webhook's
   * receiver, was told of all.
   */
  const flowing = async (meanwhile: () => Promise<void>): Promise<void> => {
    const flow = setInterval(capture, 40)
    await meanwhile().finally(() => clearInterval(flow))
    await Promise.all([
      ...frontends.map(({ until }) => until(sent.length)),
      to.until(
        ({ received }) =>
          new Set(received.map(({ headers }) => headers['webhook-id'])).size >= sent.length
      )
    ])
  }
  /** The hub that follows, of those given, and those that stand by. */
  const follower = async (of = hubs): Promise<{ follows: Replica; others: Replica[] }> => {
    for (;;) {
      const states = await Promise.all(of.map(checksOf))
      const at = states.findIndex(({ following }) =>
        /^record \d+ of \d+ taken$/.test(following.detail)
      )
      if (at !== -1) return { follows: of[at] as Replica, others: of.toSpliced(at, 1) }
      await delay(50) // there is no event for its taking over
    }
  }
  /** Asserts that nothing was lost, told twice, or out of order. */
  const assertAll = async (t: Test, webhooks: 'once' | 'perhaps again'): Promise<void> => {
    for (const { told } of frontends)
      t.same(told, sent, 'each frontend was told of each message once, in order')
    const bodies = to.taken.map(({ body }) => (body.data as { message: Message }).message.body)
    t.same(webhooks === 'once' ? bodies : [...new Set(bodies)], sent, 'so was the webhook')
    t.equal(new Set(to.received.map(({ headers }) => headers['webhook-id'])).size, sent.length)
    for (const { url } of hubs)
      t.match((await ask<LeadPage>(`${url}/api/leads`, apiToken)).body, {
        leads: [{ unread_count: sent.length }]
      })
    t.match(
      (
        await postgres.run(
          'select count(*)::int as count from messages',
          database.split('/').at(-1)
        )
      ).rows,
      [{ count: sent.length }]
    )
  }
  return { postgres, hubs, to, sent, flowing, follower, assertAll }
}

t.setTimeout(900_000)

t.test(`${replicas} hubs on one database`, async (t) => {
  const { postgres, hubs, to, sent, flowing, follower, assertAll } = await begin(t)
  const [first] = hubs as [Replica]
  const created = await ask<WebhookWithSecret>(`${first.url}/api/webhooks`, apiToken, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ url: to.url, events: ['message.created'] })
  })
  t.equal(created.status, 201)

  await t.test(
    'one follows, and every one tells each message once; a webhook is told once',
    async (t) => {
      await flowing(() => delay(500))
      await assertAll(t, 'once')
      const { follows, others } = await follower()
      t.match(await checksOf(follows), {
        status: 200,
        store: { ok: true, detail: /^open at postgres:\/\/127\.0\.0\.1:\d+\/test_1$/ }
      })
      for (const hub of others)
        t.match(await checksOf(hub), {
          status: 200,
          'session-manager': { ok: true },
          following: { ok: true, detail: 'another hub of the same database follows' }
        })
    }
  )

  await t.test('who signs in at one is signed in at all', async (t) => {
    const { headers } = await fetch(`${first.url}/api/sign-in`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ token: apiToken })
    })
    const cookie = headers.getSetCookie()[0]?.split(';')[0] as string
    for (const { url } of hubs) {
      t.equal((await fetch(`${url}/api/leads`, { headers: { cookie } })).status, 200)
      t.equal((await fetch(`${url}/api/leads`, { headers: { cookie: `${cookie}x` } })).status, 401)
    }
  })

  await t.test('what is changed at one is told by all', async (t) => {
    const id = (await ask<LeadPage>(`${first.url}/api/leads`, apiToken)).body.leads[0]?.id
    const clients = await Promise.all(
      hubs.map(({ url }) => openSse(`${url}/api/events`, { authorization: `Bearer ${apiToken}` }))
    )
    for (const { url } of hubs) {
      const note = `by ${url}`
      const told = clients.map((client) =>
        client.until(
          ({ event, data }) =>
            event === 'lead' && (JSON.parse(data) as { note: string }).note === note
        )
      )
      await ask(`${url}/api/leads/${id}`, apiToken, {
        method: 'PATCH',
        headers: json,
        body: JSON.stringify({ note })
      })
      await Promise.all(told)
    }
    for (const client of clients) {
      t.equal(
        client.events.filter(({ event, data }) => event === 'lead' && data.includes('"note":"by '))
          .length,
        replicas
      )
      client.close()
    }
  })

  await t.test('the one that follows is killed: another one goes on', async (t) => {
    const { follows, others } = await follower()
    await flowing(async () => {
      await follows.daemon.end('SIGKILL')
      await follower(others)
      await follows.start()
    })
    await assertAll(t, 'perhaps again')
  })

  await t.test('each is restarted in turn', async (t) => {
    const before = to.taken.length
    await flowing(async () => {
      for (const hub of hubs) {
        t.same(await hub.daemon.end(), { code: 0, signal: null })
        await hub.start()
      }
    })
    t.equal(new Set(to.taken.slice(before)).size, to.taken.length - before)
    await assertAll(t, 'perhaps again')
  })

  await t.test(
    'PostgreSQL is killed, and away for some seconds: they say so, and go on by themselves',
    async (t) => {
      await flowing(async () => {
        await postgres.kill()
        await Promise.all(hubs.map(({ daemon }) => daemon.seen('store_lost')))
        for (const hub of hubs) {
          const { status, body } = await ask<Problem>(`${hub.url}/api/leads`, apiToken)
          t.match(
            { status, body },
            {
              status: 503,
              body: { type: 'urn:leadmaster:problem:store-unavailable', detail: /DATABASE_URL/ }
            }
          )
          t.match(await checksOf(hub), {
            status: 503,
            store: {
              ok: false,
              detail: /the database at postgres:\/\/127\.0\.0\.1:\d+\/test_1 does not answer/
            }
          })
          t.equal((await fetch(`${hub.url}/health`)).status, 200)
        }
        const lost = sent.length
        await delay(2_000)
        t.ok(sent.length > lost, 'messages come meanwhile')
        await postgres.start()
        await Promise.all(hubs.map(({ daemon }) => daemon.seen('store_mended')))
      })
      await assertAll(t, 'perhaps again')
      for (const hub of hubs) t.match(await checksOf(hub), { status: 200, store: { ok: true } })
    }
  )
})

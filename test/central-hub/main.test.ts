import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LeadPage, Readiness } from '../../src/contract/lead.ts'
import { Accounts, Health } from '../../src/contract/session.ts'
import {
  apiToken,
  ask,
  centralHubEnv,
  freePort,
  startDaemon,
  token,
  type Daemon
} from '../end-to-end/daemon.ts'
import { conforms } from '../platform/conforms.ts'
import { notifySocket } from '../platform/notify-socket.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { fakeSessionManager } from './follow/fake-session-manager.ts'

/** The real central-hub as a process. */
const start = async (
  t: Test,
  sessionManager: string,
  env: Record<string, string> = {}
): Promise<Daemon & { env: Record<string, string> }> => {
  const all = {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      sessionManager
    }),
    ENV_FILE: '/etc/leadmaster/central-hub.env',
    ...env
  }
  const daemon = startDaemon('central-hub', all)
  t.teardown(() => daemon.end('SIGKILL'))
  return { ...daemon, env: all }
}
const ready = (daemon: Daemon): Promise<{ status: number; body: Readiness }> =>
  ask<Readiness>(`${daemon.url}/ready`, apiToken)

t.test('READY=1 comes with the port and the store; STATUS= follows session-manager', async (t) => {
  const socket = await notifySocket(t)
  const upstream = await fakeSessionManager(t)
  const daemon = await start(t, upstream.url, {
    NOTIFY_SOCKET: socket.path,
    WATCHDOG_USEC: '300000'
  })
  await socket.seen(/^READY=1/)
  await daemon.seen('following')
  const address = daemon.url.replace('http://', '')
  t.equal(
    await socket.seen(/following .* session DISCONNECTED/),
    `STATUS=listening on ${address}, following session-manager at ${upstream.url}, session DISCONNECTED`
  )
  upstream.set({ status: 'READY', running: true })
  await socket.seen(/session READY$/)
  upstream.set({ limited: 'WhatsApp Web 2.3000.1 has changed: media are not fetched' })
  await socket.seen(
    /^STATUS=.*, session READY, but WhatsApp Web 2\.3000\.1 has changed: media are not fetched$/
  )
  upstream.set({
    status: 'ERROR',
    reason: 'WhatsApp Web 2.3000.1 has changed: WAWebCollections has no Msg',
    running: false,
    failures: 1
  })
  t.equal(
    await socket.seen(/session ERROR/),
    `STATUS=listening on ${address}, following session-manager at ${upstream.url}, session ERROR: WhatsApp Web 2.3000.1 has changed: WAWebCollections has no Msg`
  )
  await socket.seen(/^WATCHDOG=1/)
  const { body: health } = await ask(`${daemon.url}/health`, 'no token')
  conforms(t, Health, health, '/health')
  t.match(health, { service: 'central-hub', pid: daemon.pid })
  const { status, body } = await ready(daemon)
  t.equal(status, 200)
  conforms(t, Readiness, body, '/ready')
  t.ok(body.ready)
  t.match(
    await (
      await fetch(`${daemon.url}/metrics`, { headers: { authorization: `Bearer ${apiToken}` } })
    ).text(),
    /^upstream_verified\{account="main"\} 1$/m
  )

  const client = await openSse(`${daemon.url}/api/events`, { authorization: `Bearer ${apiToken}` })
  const ended = daemon.end('SIGTERM')
  await client.ended
  t.equal(client.events.at(-1)?.event, 'end', 'clients are told that it stops')
  t.equal((await ended).code, 0)
  await socket.seen(/^STOPPING=1/)
  t.notMatch(
    JSON.stringify(daemon.lines),
    new RegExp(`${token}|${apiToken}|5215512345678`),
    'neither tokens nor numbers in the log'
  )
})

t.test(
  'kill -9 in the middle of ten thousand records: after the next start every one is there, once',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const first = await start(t, upstream.url)
    await first.seen('following')
    const newRecords = Array.from({ length: 10_000 }, (_, index) => newRecord(`${index}`))
    upstream.journal.append(newRecords.slice(0, 9_000), 'live')
    const client = await openSse(`${first.url}/api/events`, { authorization: `Bearer ${apiToken}` })
    await client.until(({ event }) => event === 'message')
    await first.end('SIGKILL')
    upstream.journal.append(newRecords.slice(9_000), 'live')
    const second = startDaemon('central-hub', first.env)
    t.teardown(() => second.end('SIGKILL'))
    const counted = await openSse(
      `${(await second.seen('listening'), second.url)}/api/events?after=0`,
      { authorization: `Bearer ${apiToken}` }
    )
    await counted.until(({ event, data }) => event === 'message' && data.includes('"seq":10000,'))
    const seqs = counted.events
      .filter(({ event }) => event === 'message')
      .map(({ data }) => (JSON.parse(data) as { seq: number }).seq)
    t.same(
      seqs,
      Array.from({ length: 10_000 }, (_, index) => index + 1)
    )
    t.match((await ask<LeadPage>(`${second.url}/api/leads`, apiToken)).body.leads.length, 1)
    counted.close()
  }
)

t.test(
  'further accounts are followed too: their messages, their sessions, their faults',
  async (t) => {
    const [main, sales] = [
      await fakeSessionManager(t),
      await fakeSessionManager(t, { account: 'sales' })
    ]
    main.journal.append([newRecord('A')], 'live')
    sales.journal.append([newRecord('A'), newRecord('B')], 'live')
    const nothing = `http://127.0.0.1:${await freePort()}`
    const socket = await notifySocket(t)
    const daemon = await start(t, main.url, {
      FURTHER_SESSION_MANAGERS: `sales=${sales.url},support=${nothing}`,
      NOTIFY_SOCKET: socket.path
    })
    await daemon.seen('following', ({ account }) => account === 'main')
    await daemon.seen('following', ({ account }) => account === 'sales')
    t.match(await daemon.seen('upstream_fault'), {
      level: 'error',
      msg: /start leadmaster-session-manager@support or, .* correct FURTHER_SESSION_MANAGERS in/
    })
    const client = await openSse(`${daemon.url}/api/events?after=0`, {
      authorization: `Bearer ${apiToken}`
    })
    for (const account of ['main', 'sales'])
      await client.until(
        ({ event, data }) => event === 'lead' && data.includes(`"account":"${account}"`)
      )
    for (const account of ['main', 'sales', 'support'])
      await client.until(
        ({ event, data }) =>
          (event === 'session' && data.includes(`"account":"${account}"`)) ||
          (account === 'support' && event === 'session' && data.includes('unreachable'))
      )
    client.close()
    t.match((await ask<LeadPage>(`${daemon.url}/api/leads?account=sales`, apiToken)).body.leads, [
      { account: 'sales' }
    ])
    t.equal((await ask<LeadPage>(`${daemon.url}/api/leads`, apiToken)).body.leads.length, 2)

    const { body: accounts } = await ask<Accounts>(`${daemon.url}/api/whatsapp/accounts`, apiToken)
    conforms(t, Accounts, accounts, '/api/whatsapp/accounts')
    t.match(accounts.accounts, [
      { account: 'main', verified: true, following: true },
      { account: 'sales', verified: true },
      { account: 'support', verified: false, fault: /nothing listens there/ }
    ])
    sales.set({ status: 'READY', running: true })
    t.match((await ask(`${daemon.url}/api/whatsapp/accounts/sales/status`, apiToken)).body, {
      account: 'sales',
      status: 'READY'
    })
    t.match((await ask(`${daemon.url}/api/whatsapp/status`, apiToken)).body, { account: 'main' })
    t.match(await ask(`${daemon.url}/api/whatsapp/accounts/support/status`, apiToken), {
      status: 503,
      body: { account: 'support' }
    })
    t.match(await ask(`${daemon.url}/api/whatsapp/accounts/nobody/qr`, apiToken), {
      status: 404,
      body: { detail: 'there is no account nobody; there is main, sales, support' }
    })
    await ask(`${daemon.url}/api/whatsapp/accounts/sales/disconnect`, apiToken, { method: 'POST' })
    t.same([main.asked, sales.asked], [[], ['disconnect']])

    const { status, body } = await ready(daemon)
    t.equal(status, 503)
    t.same(
      body.checks.map(({ name, ok }) => `${name} ${ok}`),
      [
        'store true',
        'session-manager true',
        'following true',
        'session-manager sales true',
        'following sales true',
        'session-manager support false',
        'following support false'
      ]
    )
    await socket.seen(
      /following session-manager at .*; following session-manager sales at .*; session-manager cannot be reached/
    )
    t.match(
      await (
        await fetch(`${daemon.url}/metrics`, { headers: { authorization: `Bearer ${apiToken}` } })
      ).text(),
      /^follow_seq\{account="sales"\} 2$/m
    )
  }
)

/**
 * The incident: session-manager is not where the hub looks for it. Each case says what is wrong and
 * what to change, in one line.
 */
t.test('a wrong wiring names itself: in the log, in STATUS= and in /ready', async (t) => {
  const real = await fakeSessionManager(t)
  const other = createServer((_req, res) =>
    res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>')
  ).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => {
    other.closeAllConnections()
    other.close()
  })
  const nothing = `http://127.0.0.1:${await freePort()}`
  const page = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  for (const { what, url, env, expected } of [
    {
      what: 'nothing there',
      url: nothing,
      env: {},
      expected:
        /nothing listens there .*SESSION_MANAGER_BASE_URL in \/etc\/leadmaster\/central-hub\.env/
    },
    {
      what: 'another HTTP server there',
      url: page,
      env: {},
      expected:
        /is not a session-manager: .*text\/html.*SESSION_MANAGER_BASE_URL in \/etc\/leadmaster\/central-hub\.env/
    },
    {
      what: 'a wrong token',
      url: real.url,
      env: { SESSION_MANAGER_TOKEN: 'not-the-same-token-0123456789-0123' },
      expected: /refuses our token: SESSION_MANAGER_TOKEN in \/etc\/leadmaster\/central-hub\.env/
    }
  ]) {
    t.test(what, async (t) => {
      const socket = await notifySocket(t)
      const daemon = await start(t, url, { ...env, NOTIFY_SOCKET: socket.path })
      const line = await daemon.seen('upstream_fault')
      t.match(line, { level: 'error', msg: expected })
      t.ok(line.msg.includes(url), 'it names where')
      t.notMatch(line.msg, /\n/)
      await socket.seen(/^READY=1/)
      t.match(await socket.seen(expected), new RegExp(`^STATUS=listening on .*${url}`))
      const { status, body } = await ready(daemon)
      t.equal(status, 503)
      t.match(
        body.checks.find(({ name }) => name === 'session-manager'),
        { ok: false, detail: expected }
      )
      t.match(
        body.checks.find(({ name }) => name === 'store'),
        { ok: true }
      )
      t.equal(
        (await ask(`${daemon.url}/api/leads`, apiToken)).status,
        200,
        'what is known is served all the same'
      )
      t.equal((await daemon.end()).code, 0)
    })
  }
})

t.test('a taken port: exit 1, and one line says what to change and where', async (t) => {
  const other = createTcpServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const daemon = await start(t, 'http://127.0.0.1:9', { PORT: String(port) })
  t.match(await daemon.seen('start_failed'), {
    level: 'fatal',
    msg: new RegExp(
      `PORT=${port} is taken by another program: .*change PORT in /etc/leadmaster/central-hub\\.env`
    )
  })
  t.equal((await daemon.ended).code, 1)
})

t.test('a state directory that cannot be written: exit 1, and the line says which', async (t) => {
  const daemon = await start(t, 'http://127.0.0.1:9', { STATE_DIR: '/dev/null/leadmaster' })
  t.match(await daemon.seen('start_failed'), { msg: /\/dev\/null\/leadmaster/ })
  t.equal((await daemon.ended).code, 1)
})

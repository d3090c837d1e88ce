import { once } from 'node:events'
import { chmod, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { InboundPage } from '../../src/contract/record.ts'
import { Connect, Disconnect, Health, Status } from '../../src/contract/session.ts'
import { openJournal } from '../../src/session-manager/journal/journal.ts'
import {
  ask,
  freePort,
  sessionManagerEnv,
  startDaemon,
  token,
  type Daemon
} from '../end-to-end/daemon.ts'
import { conforms } from '../platform/conforms.ts'
import { notifySocket } from '../platform/notify-socket.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { newRecord } from './journal/new-records.ts'
import { ownDirectory } from '../platform/own-directory.ts'

/**
 * The real session-manager without a browser that works: everything but the session must work all
 * the same.
 */

/** A program in place of Chromium: it tells its version, and then this happens. */
const fakeChromium = async (
  t: Test,
  then = 'echo "no display, say" >&2; exit 1'
): Promise<{ chromiumPath: string; stateDir: string }> => {
  const directory = ownDirectory(t)
  const chromiumPath = join(directory, 'chromium')
  await writeFile(
    chromiumPath,
    `#!/bin/sh\n[ "$1" = --version ] && echo "Chromium 142.0.0.1" && exit\n${then}\n`
  )
  await chmod(chromiumPath, 0o755)
  return { chromiumPath, stateDir: join(directory, 'state') }
}
const start = async (
  t: Test,
  env: Record<string, string> = {},
  where?: { chromiumPath: string; stateDir: string }
): Promise<Daemon & { stateDir: string }> => {
  const { chromiumPath, stateDir } = where ?? (await fakeChromium(t))
  const daemon = startDaemon('session-manager', {
    ...sessionManagerEnv({ port: await freePort(), stateDir, chromiumPath }),
    ...env
  })
  t.teardown(() => daemon.end('SIGKILL'))
  return { ...daemon, stateDir }
}

t.test(
  'READY=1 comes with the port and the journal, whatever becomes of Chromium; STATUS= and /status say what that is',
  async (t) => {
    const socket = await notifySocket(t)
    const daemon = await start(t, { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '300000' })
    await daemon.seen('listening')
    await socket.seen(/^READY=1/)
    const { body: health } = await ask(`${daemon.url}/health`, 'no token')
    conforms(t, Health, health, '/health')
    t.match(health, { service: 'session-manager', pid: daemon.pid, account: 'main' })

    const address = daemon.url.replace('http://', '')
    const failed = await daemon.seen('session', ({ status }) => status === 'ERROR')
    t.match(failed, {
      level: 'error',
      reason:
        /^Chromium ended while it was starting: run .*chromium --headless --dump-dom about:blank as this user/,
      retry_ms: Number
    })
    t.match(
      await socket.seen(/ERROR/),
      new RegExp(
        `^STATUS=listening on ${address}, session ERROR: Chromium ended while it was starting.*, next attempt in \\d+ s`
      )
    )
    const { body: status } = await ask(`${daemon.url}/status`, token)
    conforms(t, Status, status, '/status')
    await daemon.seen('connect_attempt', ({ attempt }) => (attempt as number) >= 3)
    await socket.seen(/^WATCHDOG=1/)

    const { code } = await daemon.end('SIGTERM')
    t.equal(code, 0)
    await socket.seen(/^STOPPING=1/)
    t.match(await socket.seen(/stopping: SIGTERM/), 'STATUS=stopping: SIGTERM')
    t.notMatch(JSON.stringify(daemon.lines), token, 'no token in the log')
  }
)

t.test('what is captured is there again after a restart, read, streamed and counted', async (t) => {
  const where = await fakeChromium(t)
  const first = await start(t, {}, where)
  await first.seen('listening')
  t.equal((await stat(join(where.stateDir, 'profile'))).mode & 0o777, 0o700)
  t.equal((await stat(join(where.stateDir, 'media'))).mode & 0o777, 0o700)
  await first.end()
  const journal = openJournal(join(where.stateDir, 'journal.db'), 'main')
  journal.append([newRecord('A'), newRecord('B')], 'live')
  journal.close()

  const second = await start(t, {}, where)
  await second.seen('listening')
  const { body } = await ask<InboundPage>(`${second.url}/inbound`, token)
  conforms(t, InboundPage, body, '/inbound')
  t.equal(body.last_seq, 2)
  t.match((await ask(`${second.url}/status`, token)).body, {
    journal: { last_seq: 2 },
    last_message_at: '2023-11-14T22:13:20.000Z',
    linked: false
  })
  t.match(
    await (
      await fetch(`${second.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    ).text(),
    /^journal_last_seq 2$/m
  )
  const client = await openSse(`${second.url}/inbound/stream?after=1`, {
    authorization: `Bearer ${token}`
  })
  await client.until(({ id }) => id === '2')
  const ended = second.end()
  await client.ended
  t.equal(client.events.at(-1)?.event, 'end', 'its clients are told that it stops')
  t.equal((await ended).code, 0)
})

t.test('connect and disconnect, over and over, with no browser to be had', async (t) => {
  const daemon = await start(t)
  await daemon.seen('listening')
  for (const _round of [1, 2]) {
    const { body: off } = await ask(`${daemon.url}/disconnect`, token, { method: 'POST' })
    conforms(t, Disconnect, off, '/disconnect')
    const { body: status } = await ask(`${daemon.url}/status`, token)
    t.match(status, { status: 'DISCONNECTED', reason: 'disconnected on request', failures: 0 })
    t.notOk('next_attempt_at' in (status as object))
    t.match((await ask(`${daemon.url}/disconnect?logout=true`, token, { method: 'POST' })).body, {
      alreadyDisconnected: true
    })
    const { body: on } = await ask(`${daemon.url}/connect`, token, { method: 'POST' })
    conforms(t, Connect, on, '/connect')
    t.match(on, { state: 'INIT', alreadyConnected: false })
  }
})

t.test(
  'a session that was turned off stays off over restarts, until it is asked to connect',
  async (t) => {
    const where = await fakeChromium(t)
    const first = await start(t, {}, where)
    await first.seen('listening')
    const { body } = await ask<Disconnect>(`${first.url}/disconnect`, token, { method: 'POST' })
    t.match(body.message, /stays off, also after a restart/)
    await first.end('SIGKILL')

    const second = await start(t, {}, where)
    await second.seen('session_off')
    const { body: status } = await ask<Status>(`${second.url}/status`, token)
    conforms(t, Status, status, '/status')
    t.match(status, {
      status: 'DISCONNECTED',
      off: true,
      reason: 'disconnected on request',
      failures: 0
    })
    t.notOk(second.lines.some(({ event }) => event === 'connect_attempt'))
    await ask(`${second.url}/connect`, token, { method: 'POST' })
    await second.seen('connect_attempt')
    await second.end()

    const third = await start(t, {}, where)
    await third.seen('connect_attempt')
  }
)

t.test(
  'a program that is missing, or that is no Chromium, is a state with its reason',
  async (t) => {
    for (const [chromiumPath, reason] of [
      ['/nowhere/chromium', /\/nowhere\/chromium/],
      ['/bin/true', '/bin/true --version printed no version']
    ] as const) {
      const daemon = await start(t, { CHROMIUM_PATH: chromiumPath })
      t.match(await daemon.seen('session', ({ status }) => status === 'ERROR'), { reason })
      t.equal((await ask(`${daemon.url}/status`, token)).status, 200)
      t.equal((await daemon.end()).code, 0)
    }
  }
)

t.test('a taken port: exit 1, and one line says what to change and where', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const daemon = await start(t, { PORT: String(port) })
  t.equal((await daemon.ended).code, 1)
  const line = daemon.lines.find(({ event }) => event === 'start_failed')
  t.match(
    line?.msg,
    `HOST=127.0.0.1 PORT=${port} is taken by another program: end it, or change PORT in session-manager.env and SESSION_MANAGER_BASE_URL in central-hub.env`
  )
})

t.test('a state directory that cannot be made: exit 1, named', async (t) => {
  const where = await fakeChromium(t)
  const daemon = await start(t, {}, { ...where, stateDir: join(where.chromiumPath, 'state') })
  t.equal((await daemon.ended).code, 1)
  t.match(
    daemon.lines.find(({ event }) => event === 'start_failed')?.msg,
    /ENOTDIR.*chromium\/state/
  )
})

t.test('a Chromium that hangs does not keep it from stopping', async (t) => {
  const daemon = await start(
    t,
    { SHUTDOWN_TIMEOUT: '20s' },
    await fakeChromium(t, 'exec sleep 600')
  )
  await daemon.seen('listening')
  await daemon.seen('connect_attempt')
  const started = performance.now()
  t.equal((await daemon.end()).code, 0)
  t.ok(performance.now() - started < 15_000)
})

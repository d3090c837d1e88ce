import { readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { withSession, type Session } from './session.ts'
import type { Line } from './daemon.ts'

/**
 * What goes wrong with a session that was READY, and how it gets READY again by itself, with
 * nothing lost.
 */

t.setTimeout(900_000)

const ana = '+5215512345678'

/**
 * A fault is noticed with these words; what is written meanwhile is captured once it is READY
 * again.
 */
const recovers = async (
  session: Session,
  fault: () => unknown,
  reason: string | RegExp,
  mend: () => unknown = () => undefined
): Promise<Line> => {
  const { daemon, web } = session
  const before = daemon.lines.length
  const lost = daemon.seen(
    'session',
    (line) =>
      ['DISCONNECTED', 'ERROR'].includes(line['status'] as string) &&
      daemon.lines.indexOf(line) >= before,
    60_000
  )
  await fault()
  const line = await lost
  const matches =
    typeof reason === 'string' ? line['reason'] === reason : reason.test(String(line['reason']))
  if (!matches) throw new Error(`lost for another reason: ${line['reason']}`)
  const { id } = web.phone.text({ from: ana, text: `written while ${line['reason']}` })
  await mend()
  await session.ready(before)
  await session.record(({ kind, message }) => kind === 'message' && message.id === id)
  return line
}

/** Kills a process, unless it is gone already. */
const killed = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

t.test('killed: the renderer, Chromium itself, and the lock it leaves', (t) =>
  withSession(t, { linked: true }, async (session) => {
    const { web, stateDir } = session
    t.match(
      await recovers(
        session,
        () => web.crashPage(),
        /^the page crashed|^Chromium or its page closed|^Chromium exited/
      ),
      { level: 'warn', retry_ms: Number }
    )
    const kill = async (): Promise<void> => {
      const [main] = await web.chromium()
      process.kill(main as number, 'SIGKILL')
    }
    await recovers(session, kill, 'Chromium exited')

    await session.daemon.end()
    await symlink('elsewhere-1', join(stateDir, 'profile', 'SingletonLock')).catch(() => undefined)
    t.ok(await readlink(join(stateDir, 'profile', 'SingletonLock')), 'a stale lock lies there')
    await session.start()
    await session.ready()
    t.ok(
      session.daemon.lines.some(({ event }) => event === 'profile_released'),
      'it was removed'
    )
    t.match(await session.status(), { status: 'READY', outbound_blocked: 0 })
  })
)

t.test('killed: the renderer while the page is first loaded', (t) =>
  withSession(t, { linked: true }, async (session) => {
    const { web } = session
    for (const attempt of [1, 2, 3]) {
      await session.daemon.end()
      const daemon = await session.start()
      let lost: Line | undefined
      const noticed = daemon
        .seen('session', ({ status }) => status === 'DISCONNECTED' || status === 'ERROR')
        .then((line) => (lost = line))
      let killedAt = 0
      // a renderer that Chromium was not yet done with, or already done with, is replaced: the next
      // one is killed, too
      while (lost === undefined) {
        const renderers = await web.chromium('renderer')
        for (const pid of renderers) killed(pid)
        if (renderers.length > 0) killedAt = Date.now()
        await Promise.race([noticed, turn()])
      }
      t.match(
        lost,
        { status: 'DISCONNECTED', reason: 'the page crashed', level: 'warn', retry_ms: Number },
        `start ${attempt}`
      )
      t.ok(Date.now() - killedAt < 5_000, 'and that at once')
      await session.ready()
      t.equal(
        daemon.lines.filter(({ event }) => event === 'leftover_browser').length,
        0,
        'its Chromium was closed'
      )
    }
  })
)

t.test(
  'the phone unlinks the device: whatever was under way in the page then is no error, and costs no other session',
  (t) =>
    withSession(t, { linked: true }, async (session) => {
      const { web, daemon } = session
      const before = daemon.lines.length
      web.logout()
      await daemon.seen(
        'session',
        (line) => line['status'] === 'QR_REQUIRED' && daemon.lines.indexOf(line) >= before
      )
      const since = daemon.lines.slice(before)
      t.same(
        since.filter(({ level }) => level === 'error' || level === 'fatal'),
        []
      )
      t.same(
        since
          .filter(({ event }) => event === 'session')
          .map(({ status, reason }) => [status, reason]),
        [
          ['DISCONNECTED', 'the phone unlinked this device'],
          ['INIT', undefined],
          ['QR_REQUIRED', undefined]
        ]
      )
      t.equal(since.filter(({ event }) => event === 'connect_attempt').length, 1)
    })
)

t.test('network: lost and back; then no network and no DNS when the page is to be loaded', (t) =>
  withSession(t, { linked: true, env: { START_TIMEOUT: '20s' } }, async (session) => {
    const { web } = session
    const line = await recovers(
      session,
      () => web.network(false),
      /^WhatsApp Web lost its connection \((TIMEOUT|OPENING)\) and is connecting again$/,
      () => web.network(true)
    )
    t.equal(line.level, 'warn', 'it passes')

    await session.daemon.end()
    await web.network(false)
    await session.start()
    const unreachable = await session.daemon.seen(
      'session',
      ({ status }) => status === 'DISCONNECTED'
    )
    t.match(unreachable, {
      reason: 'WhatsApp is unreachable (net::ERR_CONNECTION_REFUSED)',
      level: 'warn',
      retry_ms: Number
    })
    await session.daemon.seen('connect_attempt', ({ attempt }) => (attempt as number) >= 3)
    t.match(
      await session.status(),
      { failures: Number, journal: { last_seq: Number } },
      'everything else goes on'
    )
    await web.network(true)
    await session.ready()

    await session.daemon.end()
    await web.dns(false)
    await session.start()
    const nameless = await session.daemon.seen('session', ({ status }) => status === 'DISCONNECTED')
    t.equal(
      nameless['reason'],
      'WhatsApp is unreachable: web.whatsapp.com cannot be resolved (net::ERR_NAME_NOT_RESOLVED)'
    )
    await web.dns(true)
    await session.ready()
  })
)

t.test("WhatsApp Web's own states: busy, conflict, no longer accepted", (t) =>
  withSession(t, { linked: true }, async (session) => {
    const { web } = session
    await recovers(
      session,
      () => web.state('TIMEOUT'),
      'WhatsApp Web lost its connection (TIMEOUT) and is connecting again',
      () => web.state('CONNECTED')
    )
    const { lines } = session.daemon
    t.equal(
      lines.filter(({ event }) => event === 'connect_attempt').length,
      1,
      'it healed itself: the browser is still the first'
    )
    t.equal(
      (
        await recovers(
          session,
          () => web.state('CONFLICT'),
          'this linked device was opened in another browser (CONFLICT)'
        )
      ).level,
      'warn'
    )
    t.equal(
      (
        await recovers(
          session,
          () => web.state('DEPRECATED_VERSION'),
          /no longer accepts this version/
        )
      ).level,
      'error'
    )
    t.equal(
      (
        await recovers(
          session,
          () => web.state('TOS_BLOCK'),
          /has blocked this account \(TOS_BLOCK\): look at the phone/
        )
      ).level,
      'error'
    )
  })
)

t.test('harmless: ready twice, a QR after READY, an error of the page', (t) =>
  withSession(t, { linked: true }, async (session) => {
    const { web } = session
    web.syncedAgain()
    web.rotate()
    const thrown = session.next('page_error')
    web.throwInPage('something of no concern')
    t.match(await thrown, { level: 'warn', reason: /something of no concern/ })
    const { id } = web.phone.text({ from: ana, text: 'still here' })
    await session.record(({ kind, message }) => kind === 'message' && message.id === id)
    t.match(await session.status(), { status: 'READY', failures: 0 })
    t.same(
      (await session.records()).map(({ message }) => message.id),
      [id],
      'and heard once'
    )
    t.equal(session.daemon.lines.filter(({ event }) => event === 'connect_attempt').length, 1)
  })
)

t.test('a page that hangs is noticed from outside', (t) =>
  withSession(t, { linked: true }, async (session) => {
    await recovers(session, () => session.web.hangPage(), 'the page does not answer')
    t.ok(
      session.daemon.lines.some(
        ({ event, unanswered }) => event === 'probe_failed' && unanswered === 2
      )
    )
  })
)

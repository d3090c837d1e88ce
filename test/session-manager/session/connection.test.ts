import { EventEmitter, once } from 'node:events'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  createConnection,
  type ConnectionOptions
} from '../../../src/session-manager/session/connection.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import type { Session } from '../../../src/session-manager/session/session.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../journal/new-records.ts'
import {
  fakeListeners,
  page,
  ready,
  type FakeListener,
  type FakeListeners
} from './fake-listener.ts'
import { propertyRuns } from '../../property-runs.ts'

const fast = {
  startTimeoutMs: 10_000,
  readyTimeoutMs: 10_000,
  minDelayMs: 1,
  maxDelayMs: 1,
  random: () => 0
}

/**
 * A connection whose listeners a test plays. Probes come every 2 ms, retries at once, unless said
 * otherwise.
 */
const rig = (
  t: Test,
  options: Partial<ConnectionOptions> & {
    script?: (listener: FakeListener, index: number) => void
  } = {}
) => {
  const listeners = fakeListeners(options.script)
  const logged = logLines()
  const captured: NewRecord[] = []
  const changes: [Session, Session][] = []
  const news = new EventEmitter().setMaxListeners(0)
  const counts = { ready: 0, forgotten: 0 }
  const order: string[] = []
  const connection = createConnection({
    policy: fast,
    probeIntervalMs: 2,
    createListener: listeners.create,
    deleteDevice: async () => {
      counts.forgotten += 1
      order.push('delete device')
    },
    onCaptured: (newRecords) => captured.push(...newRecords),
    onChange: (session, before) => {
      changes.push([session, before])
      news.emit('change')
    },
    onReady: () => (counts.ready += 1),
    journal: { arrival: () => undefined },
    readBack: () => undefined,
    log: logged.log,
    ...options
  })
  t.teardown(() => connection.stop())
  /** Resolves once the session, now or later, fits. */
  const until = async (fits: (session: Session) => boolean): Promise<Session> => {
    const signal = AbortSignal.timeout(15_000)
    while (!fits(connection.session())) {
      await once(news, 'change', { signal }).catch(() => {
        throw new Error(`the session stays ${JSON.stringify(connection.session())}`)
      })
    }
    return connection.session()
  }
  return { connection, listeners, logged, captured, changes, counts, order, until }
}
const slowRetry = { ...fast, minDelayMs: 60_000, maxDelayMs: 60_000 }

t.test('from connect to READY, captured on the way', async (t) => {
  const { connection, listeners, captured, counts, changes, logged, until } = rig(t)
  t.match(connection.session(), { status: 'DISCONNECTED', reason: 'not started yet' })
  connection.connect()
  connection.connect()
  const listener = await listeners.called(0, 'start')
  t.equal(listeners.made.length, 1, 'connecting twice is connecting once')
  t.equal(connection.session().status, 'INIT')
  listener.say({ type: 'qr', code: 'code' })
  t.match(connection.session(), { status: 'QR_REQUIRED', qr: { code: 'code' }, qrAttempt: 1 })
  t.equal(connection.ready(), undefined)
  listener.say({ type: 'authenticated' })
  listener.say({ type: 'captured', newRecords: [newRecord('while syncing')] })
  listener.say({ type: 'syncing', percent: 60 })
  listener.say(ready)
  await until(({ status }) => status === 'READY')
  t.equal(connection.ready(), listener)
  t.equal(counts.ready, 1)
  listener.say({ type: 'captured', newRecords: [newRecord('A'), newRecord('B')] })
  t.same(
    captured.map(({ message }) => message.body),
    ['message while syncing', 'message A', 'message B']
  )
  t.same(
    changes.map(([session, before]) => `${before.status} → ${session.status}`),
    [
      'DISCONNECTED → INIT',
      'INIT → QR_REQUIRED',
      'QR_REQUIRED → AUTHENTICATED',
      'AUTHENTICATED → AUTHENTICATED',
      'AUTHENTICATED → READY'
    ]
  )
  t.same(
    logged.of('session').map(({ status }) => status),
    ['INIT', 'QR_REQUIRED', 'AUTHENTICATED', 'READY'],
    'each status is logged once'
  )
  t.match(logged.of('connect_attempt'), [{ attempt: 1 }])
})

t.test(
  'what is lost comes again with a browser of its own, each attempt logged with its number and delay',
  async (t) => {
    const { connection, listeners, logged, until } = rig(t)
    connection.connect()
    for (const index of [0, 1, 2]) {
      const listener = await listeners.called(index, 'start')
      listener.say({ type: 'lost', reason: `it went wrong ${index}`, fault: index === 1 })
      await listeners.called(index, 'stopped')
    }
    ;(await listeners.called(3, 'start')).say(ready)
    await until(({ status }) => status === 'READY')
    t.equal(connection.session().failures, 3)
    t.same(
      logged.of('connect_attempt').map(({ attempt }) => attempt),
      [1, 2, 3, 4]
    )
    t.match(
      logged.of('session').filter(({ reason }) => reason !== undefined),
      [
        { level: 'warn', status: 'DISCONNECTED', reason: 'it went wrong 0', failures: 1 },
        { level: 'error', status: 'ERROR', reason: 'it went wrong 1', failures: 2 },
        { level: 'warn', status: 'DISCONNECTED', reason: 'it went wrong 2', failures: 3 }
      ]
    )
  }
)

t.test('a start that fails is told in plain words, and tried again', async (t) => {
  const { connection, listeners, changes, until } = rig(t, {
    script: (listener, index) => {
      if (index === 0)
        listener.start = () =>
          Promise.reject(new Error('net::ERR_NAME_NOT_RESOLVED at https://web.whatsapp.com/'))
      if (index === 1)
        listener.start = () =>
          Promise.reject(
            new Error(
              'Failed to launch the browser process! spawn /usr/bin/chromium ENOENT\nTROUBLESHOOTING'
            )
          )
    }
  })
  connection.connect()
  ;(await listeners.called(2, 'start')).say(ready)
  await until(({ status }) => status === 'READY')
  t.match(
    changes.map(([session]) => session).filter(({ reason }) => reason !== undefined),
    [
      {
        status: 'DISCONNECTED',
        reason:
          'WhatsApp is unreachable: web.whatsapp.com cannot be resolved (net::ERR_NAME_NOT_RESOLVED)'
      },
      {
        status: 'ERROR',
        reason: 'Failed to launch the browser process! spawn /usr/bin/chromium ENOENT'
      }
    ]
  )
  t.ok(listeners.made[0]?.calls.includes('stopped'), 'what was half started is ended')
})

t.test('the next browser starts only when the one before is gone', async (t) => {
  const closed = Promise.withResolvers<void>()
  const { connection, listeners } = rig(t, {
    script: (listener, index) => (listener.hold = index === 0 ? { stop: closed.promise } : {})
  })
  connection.connect()
  const first = await listeners.called(0, 'start')
  first.say({ type: 'lost', reason: 'Chromium hangs', fault: false })
  await listeners.called(0, 'stop')
  while (listeners.made.length < 2) await turn()
  for (let turns = 0; turns < 20; turns += 1) await turn()
  t.same(listeners.made[1]?.calls, [])
  closed.resolve()
  await listeners.called(1, 'start')
  t.equal(listeners.maxAtOnce(), 1)
})

t.test(
  'whatever is asked and whatever happens, there are never two browsers at once',
  async (t) => {
    const deed = fc.constantFrom(
      'connect',
      'disconnect',
      'logout',
      'lost',
      'unlinked',
      'ready',
      'qr',
      'stray',
      'turn',
      'turn'
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(deed, { maxLength: 30 }),
        fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
        async (deeds, pauses) => {
          let step = 0
          const pause = async (): Promise<void> => {
            for (let turns = pauses[step++ % pauses.length] as number; turns > 0; turns -= 1)
              await turn()
          }
          const order: string[] = []
          const listeners = fakeListeners((listener) => {
            const { start, stop } = listener
            listener.start = async () => {
              await start()
              await pause()
            }
            listener.stop = async () => {
              await pause()
              await stop()
              order.push('stopped')
            }
          })
          let up = 0
          const connection = createConnection({
            policy: { ...fast, minDelayMs: 0, maxDelayMs: 0 },
            probeIntervalMs: 1,
            journal: { arrival: () => undefined },
            readBack: () => undefined,
            createListener: listeners.create,
            deleteDevice: async () => {
              up = Math.max(
                up,
                listeners.made.filter(
                  ({ calls }) => calls.includes('start') && !calls.includes('stopped')
                ).length
              )
            },
            onCaptured: () => undefined,
            onChange: () => undefined,
            onReady: () => undefined,
            log: logLines('fatal').log
          })
          const waits: Promise<void>[] = []
          for (const what of deeds) {
            const current = listeners.made.at(-1)
            if (what === 'connect') connection.connect()
            if (what === 'disconnect')
              waits.push(connection.disconnect(false).then(() => undefined))
            if (what === 'logout') waits.push(connection.disconnect(true).then(() => undefined))
            if (what === 'lost') current?.say({ type: 'lost', reason: 'x', fault: false })
            if (what === 'unlinked') current?.say({ type: 'logout' })
            if (what === 'ready') current?.say(ready)
            if (what === 'qr') current?.say({ type: 'qr', code: 'x' })
            if (what === 'stray') connection.onUnhandledError('a text, as the library throws')
            if (what === 'turn') await pause()
          }
          await Promise.all(waits)
          await connection.stop()
          if (listeners.maxAtOnce() > 1) throw new Error('two browsers at once')
          if (up > 0) throw new Error('the profile was deleted under a browser')
          const left = listeners.made.filter(
            ({ calls }) => calls.includes('start') && !calls.includes('stopped')
          )
          if (left.length > 0) throw new Error('a browser is left')
        }
      ),
      propertyRuns(t, 300)
    )
    t.pass('held for 300 sequences')
  }
)

t.test('late events of a dead listener change nothing', async (t) => {
  const { connection, listeners, captured, changes } = rig(t, { policy: slowRetry })
  connection.connect()
  const dead = await listeners.called(0, 'start')
  dead.say({ type: 'lost', reason: 'Chromium exited', fault: false })
  await listeners.called(0, 'stopped')
  connection.connect()
  const living = await listeners.called(1, 'start')
  const before = changes.length
  for (const event of [
    ready,
    { type: 'qr', code: 'late' },
    { type: 'authenticated' },
    { type: 'logout' },
    { type: 'lost', reason: 'late', fault: true },
    { type: 'captured', newRecords: [newRecord('late')] }
  ] as const) {
    dead.say(
      event.type === 'captured' ? { type: 'captured', newRecords: [...event.newRecords] } : event
    )
  }
  t.equal(changes.length, before)
  t.same(captured, [])
  t.equal(connection.session().status, 'INIT')
  living.say(ready)
  t.equal(connection.session().status, 'READY')
})

t.test('a start that fails after its listener was given up is not told', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { connection, listeners, changes } = rig(t, {
    policy: slowRetry,
    script: (listener) => (listener.hold = { start: gate.promise })
  })
  connection.connect()
  await listeners.called(0, 'start')
  await connection.disconnect(false)
  const before = changes.length
  gate.reject(new Error('Target closed'))
  for (let turns = 0; turns < 5; turns += 1) await turn()
  t.equal(changes.length, before)
  t.equal(connection.session().reason, 'disconnected on request')
})

t.test('a page that does not answer twice in a row is lost', async (t) => {
  const { connection, listeners, logged, until } = rig(t, { policy: slowRetry })
  connection.connect()
  const listener = await listeners.called(0, 'start')
  listener.say(ready)
  await listeners.called(0, 'probe', 2)
  t.equal(connection.session().status, 'READY')
  listener.page = new Error('no answer within 10000 ms')
  t.match(await until(({ status }) => status === 'DISCONNECTED'), {
    reason: 'the page does not answer'
  })
  t.same(
    logged.of('probe_failed').map(({ unanswered }) => unanswered),
    [1, 2]
  )
})

t.test('one missed answer now and then is no loss: the page may be busy', async (t) => {
  const { connection, listeners } = rig(t, { policy: slowRetry })
  connection.connect()
  const listener = await listeners.called(0, 'start')
  listener.say(ready)
  const { probe } = listener
  let count = 0
  listener.probe = async (ms) => {
    await probe(ms)
    if ((count += 1) % 2 === 0) throw new Error('busy')
    return page()
  }
  await listeners.called(0, 'probe', 12)
  t.equal(connection.session().status, 'READY')
})

t.test('a probe of a dead page that answers late counts for nothing', async (t) => {
  const answer = Promise.withResolvers<ReturnType<typeof page>>()
  const { connection, listeners } = rig(t, { policy: slowRetry })
  connection.connect()
  const dead = await listeners.called(0, 'start')
  dead.say(ready)
  const asked = Promise.withResolvers<void>()
  dead.probe = () => (asked.resolve(), answer.promise)
  await asked.promise
  dead.say({ type: 'lost', reason: 'Chromium exited', fault: false })
  connection.connect()
  const living = await listeners.called(1, 'start')
  living.say(ready)
  answer.resolve(page({ socket: 'UNPAIRED' }))
  await listeners.called(1, 'probe')
  t.equal(connection.session().status, 'READY', 'the new session is not lost for it')
})

t.test('what only the page shows', async (t) => {
  t.test('READY, but the socket says the device is no longer linked', async (t) => {
    const { connection, listeners, until } = rig(t, { policy: slowRetry })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    listener.page = page({ socket: 'UNPAIRED_IDLE' })
    t.match(await until(({ status }) => status !== 'READY'), {
      status: 'ERROR',
      reason: 'this device is no longer linked (UNPAIRED_IDLE)'
    })
  })
  t.test(
    'blocked, or opened elsewhere, before whatsapp-web.js listened: it is named at once, not once the time is up',
    async (t) => {
      for (const [socket, expected] of [
        [
          'TOS_BLOCK',
          {
            status: 'ERROR',
            reason: 'WhatsApp has blocked this account (TOS_BLOCK): look at the phone'
          }
        ],
        [
          'DEPRECATED_VERSION',
          {
            status: 'ERROR',
            reason: 'WhatsApp no longer accepts this version of WhatsApp Web (DEPRECATED_VERSION)'
          }
        ],
        [
          'CONFLICT',
          {
            status: 'DISCONNECTED',
            reason: 'this linked device was opened in another browser (CONFLICT)'
          }
        ]
      ] as const) {
        for (const heard of [undefined, { type: 'authenticated' }] as const) {
          const { connection, listeners, until } = rig(t, { policy: slowRetry })
          connection.connect()
          const listener = await listeners.called(0, 'start')
          if (heard !== undefined) listener.say(heard)
          listener.page = page({ socket })
          t.match(
            await until(({ running }) => !running),
            expected,
            `${socket}, ${heard?.type ?? 'nothing'} heard`
          )
        }
      }
    }
  )
  t.test('READY, but the socket is trying to connect, and then has', async (t) => {
    const { connection, listeners, counts, until } = rig(t)
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    listener.page = page({ socket: 'TIMEOUT' })
    t.match(await until(({ status }) => status === 'DISCONNECTED'), {
      running: true,
      reason: 'WhatsApp Web lost its connection (TIMEOUT) and is connecting again'
    })
    t.equal(connection.ready(), undefined)
    listener.page = page({ socket: 'CONNECTED' })
    await until(({ status }) => status === 'READY')
    t.equal(counts.ready, 2, 'what was missed is read back')
    t.equal(listeners.made.length, 1, 'in the same browser')
  })
  t.test('a socket that does not come back within the bound is lost', async (t) => {
    const { connection, listeners, until } = rig(t, {
      policy: { ...slowRetry, startTimeoutMs: 30 }
    })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    listener.page = page({ socket: 'OPENING' })
    t.match(await until(({ running }) => !running), {
      status: 'DISCONNECTED',
      reason: 'WhatsApp Web did not connect within 0.03 s'
    })
    await listeners.called(0, 'stopped')
  })
  t.test(
    'a sync that was missed while AUTHENTICATED is reported once, after a minute',
    async (t) => {
      let clock = 1_000_000
      const patient = { ...slowRetry, readyTimeoutMs: 600_000 }
      const { connection, listeners, logged } = rig(t, { steady: () => clock, policy: patient })
      connection.connect()
      const listener = await listeners.called(0, 'start')
      listener.say({ type: 'authenticated' })
      listener.page = page({ synced: true })
      const probes = (): number => listener.calls.filter((call) => call === 'probe').length
      const seen = probes()
      while (probes() < seen + 5) await turn()
      t.notOk(listener.calls.includes('reportSync'), 'whatsapp-web.js may still be working on it')

      clock += 60_000
      await listeners.called(0, 'reportSync')
      const reported = probes()
      while (probes() < reported + 5) await turn()
      t.equal(logged.of('sync_unreported').length, 1)
    }
  )
  t.test('synced, but whatsapp-web.js was never told: it is told, after two looks', async (t) => {
    const { connection, listeners, logged } = rig(t)
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.page = page({ synced: true })
    await listeners.called(0, 'reportSync')
    t.ok(
      listener.calls.indexOf('reportSync') > 0 &&
        listener.calls.filter((call) => call === 'probe').length >= 2
    )
    t.ok(logged.of('sync_unreported').length >= 1)
    listener.say({ type: 'authenticated' })
    const reports = listener.calls.filter((call) => call === 'reportSync').length
    const probes = listener.calls.filter((call) => call === 'probe').length
    await listeners.called(0, 'probe', probes + 5)
    t.ok(
      listener.calls.filter((call) => call === 'reportSync').length <= reports + 1,
      'and no more once it was heard'
    )
  })
  t.test('codes that rotate no more: a new one is asked for, ever more rarely', async (t) => {
    let clock = 1_000_000
    const { connection, listeners, logged } = rig(t, { steady: () => clock, policy: slowRetry })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say({ type: 'qr', code: 'the last' })
    listener.page = page({ socket: 'UNPAIRED_IDLE' })
    await listeners.called(0, 'refreshQr', 1)
    for (const [times, ms] of [
      [2, 1_000],
      [3, 2_000],
      [4, 4_000],
      [5, 8_000],
      [6, 16_000],
      [7, 32_000],
      [8, 60_000],
      [9, 60_000]
    ] as const) {
      clock += ms - 1
      await listeners.called(
        0,
        'probe',
        listener.calls.filter((call) => call === 'probe').length + 3
      )
      t.equal(
        listener.calls.filter((call) => call === 'refreshQr').length,
        times - 1,
        `not before ${ms} ms`
      )
      clock += 1
      await listeners.called(0, 'refreshQr', times)
    }
    t.equal(logged.of('qr_refresh').length, 9)
    t.equal(connection.session().status, 'QR_REQUIRED')
  })
  t.test('what the guard refused, counted over the browsers of this process', async (t) => {
    const { connection, listeners } = rig(t)
    connection.connect()
    const first = await listeners.called(0, 'start')
    first.say({
      type: 'outbound',
      counts: [
        { tag: 'presence', type: 'available', isAllowed: false, count: 2 },
        { tag: 'ack', type: 'none', isAllowed: true, count: 7 }
      ]
    })
    t.equal(connection.outboundBlocked(), 2)
    first.say({ type: 'lost', reason: 'x', fault: false })
    const second = await listeners.called(1, 'start')
    t.equal(connection.outboundBlocked(), 2)
    second.say({
      type: 'outbound',
      counts: [{ tag: 'function', type: 'WAWebCmd.Cmd.archiveChat', isAllowed: false, count: 1 }]
    })
    t.equal(connection.outboundBlocked(), 3)
    first.say({
      type: 'outbound',
      counts: [{ tag: 'presence', type: 'available', isAllowed: false, count: 9 }]
    })
    t.equal(connection.outboundBlocked(), 3, 'a page that is gone counts no more')
  })
})

t.test('a page is looked at only once it has loaded', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { connection, listeners } = rig(t, {
    script: (listener) => (listener.hold = { start: gate.promise })
  })
  connection.connect()
  const listener = await listeners.called(0, 'start')
  await new Promise((done) => setTimeout(done, 20))
  t.notOk(listener.calls.includes('probe'))
  gate.resolve()
  await listeners.called(0, 'probe')
})

t.test('a start or a sync that takes too long is given up', async (t) => {
  const { connection, listeners, until } = rig(t, {
    policy: { ...fast, startTimeoutMs: 20, readyTimeoutMs: 20 },
    script: (listener, index) =>
      (listener.hold = index === 0 ? { start: new Promise(() => undefined) } : {})
  })
  connection.connect()
  await listeners.called(0, 'stopped')
  const second = await listeners.called(1, 'start')
  second.say({ type: 'authenticated' })
  t.match(await until(({ status }) => status === 'ERROR'), {
    reason: 'WhatsApp Web authenticated but was not ready within 0.02 s'
  })
})

t.test(
  'the deadline of a step ends with the step, and cuts off nothing that goes well',
  async (t) => {
    const { connection, listeners, changes } = rig(t, {
      policy: { ...fast, startTimeoutMs: 100, readyTimeoutMs: 400 }
    })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say({ type: 'authenticated' })
    await delay(200)
    t.match(
      connection.session(),
      { status: 'AUTHENTICATED', failures: 0 },
      'a slow sync has a deadline of its own'
    )

    listener.say(ready)
    const before = changes.length
    await delay(500)
    t.equal(changes.length, before)
    t.match(connection.session(), { status: 'READY', failures: 0 })
    t.equal(listeners.made.length, 1)
  }
)

t.test('a code that waits to be scanned has no deadline', async (t) => {
  const { connection, listeners } = rig(t, {
    policy: { ...fast, startTimeoutMs: 50, readyTimeoutMs: 50 }
  })
  connection.connect()
  const listener = await listeners.called(0, 'start')
  listener.say({ type: 'qr', code: 'code' })
  await delay(150)
  t.match(connection.session(), { status: 'QR_REQUIRED', failures: 0 })
  t.equal(listeners.made.length, 1)
})

t.test(
  'a browser is started after the delay that the status and the log tell, not before',
  async (t) => {
    const { connection, listeners, logged, until } = rig(t, {
      policy: { ...fast, minDelayMs: 100, maxDelayMs: 400, random: () => 1 }
    })
    connection.connect()
    for (const index of [0, 1, 2]) {
      const listener = await listeners.called(index, 'start')
      const lostAt = Date.now()
      listener.say({ type: 'lost', reason: 'it went wrong', fault: false })
      const { nextAttemptAt = 0 } = await until(({ running }) => !running)
      t.ok(nextAttemptAt - lostAt >= 100 * 2 ** index - 1, `the delay after loss ${index}`)
      await listeners.called(index + 1, 'start')
      t.ok(Date.now() >= nextAttemptAt - 1, 'it starts when it said')
    }
    t.equal(logged.of('connect_attempt').length, 4)
  }
)

t.test(
  'a connection that is asked for does not wait, and its delay starts no second browser',
  async (t) => {
    const { connection, listeners } = rig(t, {
      policy: { ...fast, minDelayMs: 100, maxDelayMs: 100, random: () => 1 }
    })
    connection.connect()
    ;(await listeners.called(0, 'start')).say({
      type: 'lost',
      reason: 'it went wrong',
      fault: false
    })
    const since = performance.now()
    connection.connect()
    ;(await listeners.called(1, 'start')).say(ready)
    t.ok(performance.now() - since < 90)
    await delay(200)
    t.equal(listeners.made.length, 2)
    t.match(connection.session(), { status: 'READY' })
  }
)

t.test('when the time is up the page is asked why it is not ready', async (t) => {
  const changed = 'WhatsApp Web 2.3000.1 has changed: WAWebCollections has no Msg.on'
  const short = { ...slowRetry, startTimeoutMs: 20, readyTimeoutMs: 20 }
  /** A session at the moment its page has been asked, by a test that answers when it likes. */
  const asked = async (t: Test, policy = short) => {
    const [question, answer] = [
      Promise.withResolvers<void>(),
      Promise.withResolvers<string | undefined>()
    ]
    const rigged = rig(t, {
      policy,
      script: (listener) => (listener.whyNotReady = () => (question.resolve(), answer.promise))
    })
    rigged.connection.connect()
    const listener = await rigged.listeners.called(0, 'start')
    await question.promise
    return {
      ...rigged,
      listener,
      answers: async (reason: string | undefined): Promise<void> => {
        answer.resolve(reason)
        for (let turns = 0; turns < 5; turns += 1) await turn()
      }
    }
  }

  t.test('what it answers is the reason, and a fault: an operator should look at it', async (t) => {
    const { connection, listeners, logged, until } = rig(t, {
      policy: short,
      script: (listener) => (listener.lacks = changed)
    })
    connection.connect()
    t.match(await until(({ running }) => !running), {
      status: 'ERROR',
      reason: changed,
      failures: 1,
      nextAttemptAt: Number
    })
    await listeners.called(0, 'stopped')
    t.match(logged.of('session').at(-1), { level: 'error', reason: changed })
  })
  t.test(
    'once, and by how far it came: what only a linked page needs is not asked of one that may yet show a code',
    async (t) => {
      const { connection, listeners, until } = rig(t, {
        policy: { ...short, minDelayMs: 0, maxDelayMs: 0 },
        script: (listener) => (listener.lacks = changed)
      })
      const asks = (index: number): string[] =>
        listeners.made[index]?.calls.filter((call) => call.startsWith('whyNotReady')) ?? []
      connection.connect()
      await listeners.called(0, 'stopped')
      t.same(asks(0), ['whyNotReady unlinked'])
      ;(await listeners.called(1, 'start')).say({ type: 'authenticated' })
      await listeners.called(1, 'stopped')
      t.same(asks(1), ['whyNotReady linked'])
      const third = await listeners.called(2, 'start')
      third.say(ready)
      third.say({ type: 'lost', reason: 'Chromium exited', fault: false })
      await listeners.called(3, 'start')
      await until(({ failures }) => failures === 4)
      t.same(asks(2), [], 'what was READY in time is not asked')
      t.same(asks(3), ['whyNotReady linked'], 'whose account it is was known before')
    }
  )
  t.test('without an answer it only took too long', async (t) => {
    const { connection, answers } = await asked(t)
    t.equal(connection.session().status, 'INIT', 'it is not given up before the answer')
    await answers(undefined)
    t.match(connection.session(), {
      status: 'DISCONNECTED',
      reason: 'WhatsApp Web did not connect within 0.02 s',
      running: false
    })
  })
  t.test('an answer that comes when it is READY after all says nothing', async (t) => {
    const { connection, listener, changes, answers } = await asked(t)
    listener.say(ready)
    const before = changes.length
    await answers(changed)
    t.equal(changes.length, before)
    t.match(connection.session(), { status: 'READY', failures: 0 })
  })
  t.test(
    'nor one that comes when it has got further: the next step has a time of its own',
    async (t) => {
      const { connection, listener, changes, answers } = await asked(t, {
        ...short,
        readyTimeoutMs: 60_000
      })
      listener.say({ type: 'authenticated' })
      const before = changes.length
      await answers(undefined)
      t.equal(changes.length, before)
      t.match(connection.session(), { status: 'AUTHENTICATED', running: true })
    }
  )
  t.test(
    'nor one of a page that is closed by then, on request or because it was lost',
    async (t) => {
      for (const [reason, close] of [
        [
          'disconnected on request',
          ({ connection }: Awaited<ReturnType<typeof asked>>) => connection.disconnect(false)
        ],
        [
          'Chromium exited',
          async ({ listener }: Awaited<ReturnType<typeof asked>>) =>
            listener.say({ type: 'lost', reason: 'Chromium exited', fault: false })
        ]
      ] as const) {
        const session = await asked(t)
        await close(session)
        const before = session.changes.length
        await session.answers(changed)
        t.equal(session.changes.length, before)
        t.match(session.connection.session(), { status: 'DISCONNECTED', reason })
      }
    }
  )
})

t.test(
  'READY, but not all works: it is captured all the same, and said once in the log, and when all works again',
  async (t) => {
    const { connection, listeners, captured, changes, logged, counts, until } = rig(t)
    const reason =
      'WhatsApp Web 2.3000.1 has changed: its module WAWebDownloadManager is missing: media are not fetched'
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    for (const looks of [1, 2, 3]) {
      listener.say({ type: 'limited', source: 'page', reason })
      t.match(connection.session(), { status: 'READY', limited: reason }, `look ${looks}`)
    }
    t.equal(connection.ready(), listener)
    listener.say({ type: 'captured', newRecords: [newRecord('A')] })
    t.equal(captured.length, 1)
    t.match(logged.of('page_limited'), [{ level: 'warn', reason, msg: `READY, but ${reason}` }])
    t.same(
      changes.map(([{ status, limited }]) => [status, limited]),
      [
        ['INIT', undefined],
        ['READY', undefined],
        ['READY', reason]
      ],
      'who follows the status is told of it once'
    )
    listener.say({ type: 'limited', source: 'page', reason: undefined })
    t.notOk('limited' in connection.session())
    t.match(logged.of('page_whole'), [{ level: 'info' }])

    listener.say({ type: 'limited', source: 'page', reason })
    listener.say({ type: 'lost', reason: 'Chromium exited', fault: false })
    t.match(connection.session(), { status: 'DISCONNECTED', reason: 'Chromium exited' })
    t.notOk('limited' in connection.session(), 'it goes with the page')
    t.equal(logged.of('page_whole').length, 1, 'which is not mended by that')
    const second = await listeners.called(1, 'start')
    listener.say({ type: 'limited', source: 'page', reason })
    t.notOk(
      'limited' in connection.session(),
      'nor does a page that is gone say it of the next one'
    )
    second.say(ready)
    await until(({ status }) => status === 'READY')
    t.notOk('limited' in connection.session())
    second.say({ type: 'limited', source: 'page', reason })
    t.equal(logged.of('page_limited').length, 3, 'each page that lacks it is told of')
    t.equal(counts.ready, 2, 'nothing is read back anew for it')
  }
)

t.test(
  'unlinked by the phone: the browser is closed, then its profile deleted, then a new one shows a code',
  async (t) => {
    const { connection, listeners, counts, order } = rig(t, {
      script: (listener, index) => {
        const { stop, start } = listener
        listener.stop = async () => {
          await stop()
          order.push(`stopped ${index}`)
        }
        listener.start = async () => {
          order.push(`start ${index}`)
          await start()
        }
      }
    })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    listener.say({ type: 'logout' })
    await listeners.called(1, 'start')
    t.same(order, ['start 0', 'stopped 0', 'delete device', 'start 1'])
    t.equal(counts.forgotten, 1)
  }
)

t.test('disconnect', async (t) => {
  t.test(
    'closes the browser and keeps the device; nothing is tried again until connect',
    async (t) => {
      const { connection, listeners, counts, logged } = rig(t)
      connection.connect()
      ;(await listeners.called(0, 'start')).say(ready)
      await connection.disconnect(false)
      t.same(
        listeners.made[0]?.calls.slice(-2),
        ['stop', 'stopped'],
        'it resolves once the browser is closed'
      )
      t.match(connection.session(), {
        status: 'DISCONNECTED',
        reason: 'disconnected on request',
        off: true
      })
      t.equal(counts.forgotten, 0)
      t.match(logged.of('session').at(-1), { level: 'info' }, 'what was asked for is no warning')
      await connection.disconnect(false)
      t.equal(listeners.made.length, 1)
      connection.connect()
      await listeners.called(1, 'start')
    }
  )
  t.test('with logout unlinks the device first, then deletes its profile', async (t) => {
    const { connection, listeners, counts } = rig(t)
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    t.equal(await connection.disconnect(true), true, 'WhatsApp confirmed it')
    t.same(
      listener.calls.filter((call) => call !== 'probe'),
      ['start', 'unlink', 'stop', 'stopped']
    )
    t.equal(counts.forgotten, 1)
    t.match(connection.session(), { status: 'DISCONNECTED', off: true })
  })
  t.test("with logout, the page's own report of it does not start anew", async (t) => {
    const { connection, listeners, counts } = rig(t, {
      script: (listener) => {
        listener.unlink = async () => {
          listener.say({ type: 'logout' })
          return true
        }
      }
    })
    connection.connect()
    ;(await listeners.called(0, 'start')).say(ready)
    await connection.disconnect(true)
    t.equal(counts.forgotten, 1)
    t.equal(listeners.made.length, 1)
    t.match(connection.session(), { off: true, reason: 'disconnected on request' })
  })
  t.test('with logout, a phone that cannot be told does not keep it', async (t) => {
    const { connection, listeners, counts, logged } = rig(t, {
      script: (listener) =>
        (listener.unlink = () => Promise.reject(new Error('the page is closed')))
    })
    connection.connect()
    ;(await listeners.called(0, 'start')).say(ready)
    t.equal(await connection.disconnect(true), false)
    t.equal(counts.forgotten, 1)
    t.match(logged.of('unlink_failed'), [{ level: 'warn', msg: /remove it on the phone/ }])
  })
  t.test('with logout, an unlinking that WhatsApp does not confirm counts as none', async (t) => {
    const { connection, listeners, logged } = rig(t, {
      script: (listener) => (listener.unlink = async () => false)
    })
    connection.connect()
    ;(await listeners.called(0, 'start')).say(ready)

    t.equal(await connection.disconnect(true), false)

    t.match(logged.of('unlink_failed'), [{ level: 'warn', msg: /remove it on the phone/ }])
  })
  t.test('with logout while off, only the profile is deleted', async (t) => {
    const { connection, listeners, counts } = rig(t)
    t.equal(await connection.disconnect(true), false, 'nobody told WhatsApp')
    t.equal(counts.forgotten, 1)
    t.equal(listeners.made.length, 0)
  })
  t.test(
    'a profile that cannot be deleted is logged, and the next start still comes',
    async (t) => {
      const { connection, listeners, logged } = rig(t, {
        deleteDevice: () => Promise.reject(new Error('EBUSY'))
      })
      await connection.disconnect(true)
      t.match(logged.of('forget_failed'), [{ level: 'error' }])
      connection.connect()
      await listeners.called(0, 'start')
    }
  )
})

t.test('an error that nobody awaited', async (t) => {
  t.test('of whatsapp-web.js costs the session only', async (t) => {
    const { connection, listeners, logged, until } = rig(t, { policy: slowRetry })
    connection.connect()
    ;(await listeners.called(0, 'start')).say(ready)
    t.equal(connection.onUnhandledError('auth timeout'), true)
    t.match(await until(({ status }) => status === 'DISCONNECTED'), {
      reason: /did not show WhatsApp Web/
    })
    t.equal(logged.of('stray_error').length, 1)
  })
  t.test(
    'while a browser closes is no news, and the session that comes next does not pay for it',
    async (t) => {
      const closed = Promise.withResolvers<void>()
      const { connection, listeners, logged, until } = rig(t, {
        script: (listener, index) => (listener.hold = index === 0 ? { stop: closed.promise } : {})
      })
      t.equal(connection.onUnhandledError('before anything'), true)
      connection.connect()
      const listener = await listeners.called(0, 'start')
      listener.say(ready)
      // what a browser left unanswered may be told of in the same turn in which it is closed
      const late = closed.promise
        .then(() => turn())
        .then(() => connection.onUnhandledError('Target closed'))
      listener.say({ type: 'logout' })
      await until(({ status }) => status === 'INIT')
      t.equal(listeners.made.length, 2, 'the next one waits')
      t.equal(connection.onUnhandledError('Target closed'), true)
      t.equal(connection.session().status, 'INIT')
      closed.resolve()
      await late
      ;(await listeners.called(1, 'start')).say(ready)
      t.same(
        logged.of('stray_error').map(({ level }) => level),
        ['debug', 'debug', 'debug']
      )
      t.match(
        connection.session(),
        { status: 'READY', failures: 1 },
        'the logout is all that was counted'
      )
      connection.onUnhandledError('Target closed')
      t.equal(logged.of('stray_error').at(-1)?.level, 'error', 'from then on it costs the session')
      await until(({ status }) => status === 'DISCONNECTED')
    }
  )
  t.test('of our own is not taken for it', async (t) => {
    const { connection, listeners } = rig(t)
    connection.connect()
    ;(await listeners.called(0, 'start')).say(ready)
    t.equal(connection.onUnhandledError(new Error('a bug of ours')), false)
    t.equal(connection.session().status, 'READY')
  })
})

t.test(
  'stop closes the browser, resolves once it is closed, and nothing happens after',
  async (t) => {
    const { connection, listeners, changes } = rig(t)
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    await connection.stop()
    t.same(listener.calls.slice(-2), ['stop', 'stopped'])
    const before = changes.length
    connection.connect()
    listener.say({ type: 'lost', reason: 'x', fault: true })
    t.equal(changes.length, before)
    t.equal(listeners.made.length, 1)
  }
)

t.test('a clock that is set ahead or back by hours changes nothing that is measured', async (t) => {
  for (const jumpMs of [7_200_000, -7_200_000]) {
    let wall = 1_700_000_000_000
    const { connection, listeners, logged } = rig(t, {
      now: () => wall,
      policy: { ...slowRetry, readyTimeoutMs: 600_000 }
    })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    const looks = (): Promise<unknown> =>
      listeners.called(0, 'probe', listener.calls.filter((call) => call === 'probe').length + 4)

    listener.say({ type: 'qr', code: 'shown' })
    await looks()
    wall += jumpMs
    await looks()
    t.notOk(
      listener.calls.includes('refreshQr'),
      'the code is still shown: another would void it while it is scanned'
    )
    t.ok(connection.isAlive())

    listener.say({ type: 'authenticated' })
    listener.page = page({ synced: true })
    await looks()
    wall += jumpMs
    await looks()
    t.notOk(listener.calls.includes('reportSync'))
    t.same(logged.of('qr_refresh'), [])
    await connection.stop()
  }
})

t.test('whether the timers still run is seen from outside', async (t) => {
  let clock = 0
  const { connection, listeners } = rig(t, { steady: () => clock, probeIntervalMs: 10 })
  connection.connect()
  await listeners.called(0, 'probe', 1)
  t.ok(connection.isAlive())
  const hung = Promise.withResolvers<never>()
  const asked = Promise.withResolvers<void>()
  ;(listeners.made[0] as FakeListener).probe = () => (asked.resolve(), hung.promise)
  await asked.promise
  clock += 50_000
  t.ok(connection.isAlive(), 'two probes may hang for their bound')
  clock += 100
  t.notOk(connection.isAlive())
  hung.reject(new Error('at last'))
  await connection.stop()
})

t.test(
  'a pairing code: while it is valid the QR may go idle; then, or by connect, codes to scan are asked for again',
  async (t) => {
    const { connection, listeners, logged, until } = rig(t, { pairingLifetimeMs: 60_000 })
    const phone = '+525512345678'
    await t.rejects(connection.pairingCode(phone), { message: 'no QR is shown' })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say({ type: 'qr', code: 'one' })
    t.match(await connection.pairingCode(phone), { code: 'ABCD-EFGH' })
    listener.say({ type: 'qr', code: 'two' })
    t.match(connection.session(), { status: 'QR_REQUIRED', qr: { code: 'two' } })
    listener.page = page({ socket: 'UNPAIRED_IDLE' })
    const probes = listener.calls.filter((call) => call === 'probe').length
    await listeners.called(0, 'probe', probes + 4)
    t.notOk(listener.calls.includes('refreshQr'), 'that would void the code')
    connection.connect()
    await listeners.called(0, 'cancelPairing')
    await listeners.called(0, 'refreshQr')
    await connection.pairingCode(phone)
    listener.say({ type: 'authenticated' })
    await until(({ status }) => status === 'AUTHENTICATED')
    connection.connect()
    t.equal(
      listener.calls.filter((call) => call === 'cancelPairing').length,
      1,
      'a device that is linked is left alone'
    )
    t.notMatch(
      JSON.stringify(logged.lines),
      /525512345678|ABCD/,
      'neither the number nor the code is in the log'
    )
  }
)

t.test('a pairing code that nobody typed in is given up when it has expired', async (t) => {
  const { connection, listeners } = rig(t, { pairingLifetimeMs: 1 })
  connection.connect()
  const listener = await listeners.called(0, 'start')
  listener.say({ type: 'qr', code: 'one' })
  const { generatedAt, expiresAt } = await connection.pairingCode('+525512345678')
  t.equal(expiresAt - generatedAt, 1)
  await listeners.called(0, 'cancelPairing')
})

t.test(
  'WhatsApp refuses a pairing code: the reason is told in one line, and the QR goes on',
  async (t) => {
    const { connection, listeners } = rig(t)
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say({ type: 'qr', code: 'one' })
    listener.code = async () => Promise.reject(new Error('rate-overlimit\n at pptr:evaluate'))
    await t.rejects(connection.pairingCode('+525512345678'), { message: 'rate-overlimit' })
    await listeners.called(0, 'cancelPairing')
    t.equal(connection.session().status, 'QR_REQUIRED')
  }
)

t.test('a browser starts only once its account is acquired', async (t) => {
  t.test('until then /status says what for, and no deadline runs', async (t) => {
    const gate = Promise.withResolvers<void>()
    const { connection, listeners, until } = rig(t, {
      policy: { ...fast, startTimeoutMs: 20 },
      acquire: (tell) => {
        tell('the account is run by another host')
        return gate.promise
      }
    })
    connection.connect()
    await until(({ reason }) => reason === 'the account is run by another host')
    await new Promise((done) => setTimeout(done, 60))
    t.match(connection.session(), { status: 'INIT', failures: 0 })
    t.same(listeners.made[0]?.calls, [])
    gate.resolve()
    await listeners.called(0, 'start')
    t.match(connection.session(), { status: 'INIT' })
    t.notOk('reason' in connection.session())
  })
  t.test('refused, it is tried again, with the reason', async (t) => {
    let times = 0
    const { connection, listeners, until } = rig(t, {
      acquire: async () => {
        if ((times += 1) === 1) throw new Error('the backup cannot be opened')
      }
    })
    connection.connect()
    t.match(await until(({ status }) => status === 'ERROR'), {
      reason: 'the backup cannot be opened'
    })
    await listeners.called(1, 'start')
    t.same(
      listeners.made[0]?.calls.filter((call) => call === 'start'),
      []
    )
  })
  t.test(
    'not wanted any more, it is told so, and nothing else works on the profile before that is over',
    async (t) => {
      const { connection, listeners, order } = rig(t, {
        acquire: (_tell, signal) =>
          new Promise((resolve, reject) => {
            order.push('asked')
            signal.addEventListener('abort', () =>
              setTimeout(() => {
                order.push('over')
                reject(signal.reason)
              }, 20)
            )
            if (order.length > 1) resolve()
          })
      })
      connection.connect()
      while (order.length === 0) await turn()
      await connection.disconnect(true)
      t.same(order, ['asked', 'over', 'delete device'])
      connection.connect()
      await listeners.called(1, 'start')
      t.same(order, ['asked', 'over', 'delete device', 'asked'])
    }
  )
})

t.test('a session that may not go on is closed, and begins anew', async (t) => {
  const { connection, listeners, until } = rig(t, { policy: slowRetry })
  connection.fail('nobody is there yet')
  t.match(connection.session(), { reason: 'not started yet' })
  connection.connect()
  ;(await listeners.called(0, 'start')).say(ready)
  connection.fail("the account is another host's")
  t.match(await until(({ status }) => status === 'DISCONNECTED'), {
    reason: "the account is another host's"
  })
  await listeners.called(0, 'stopped')
})

t.test('the send guard of a page', async (t) => {
  const linked = async (t: Test): Promise<ReturnType<typeof rig> & { listener: FakeListener }> => {
    const started = rig(t, { policy: slowRetry })
    started.connection.connect()
    const listener = await started.listeners.called(0, 'start')
    listener.say(ready)
    await started.listeners.called(0, 'probe', 2)
    return { ...started, listener }
  }
  /** Until two more looks at the page are judged. */
  const looked = async ({
    listeners,
    listener
  }: {
    listeners: FakeListeners
    listener: FakeListener
  }): Promise<unknown> =>
    listeners.called(0, 'probe', listener.calls.filter((call) => call === 'probe').length + 3)

  t.test('its states are told, while a page is there', async (t) => {
    const it = await linked(t)
    t.same(it.connection.guard(), { wire: 'in_force', modules: 'in_force' })
    t.equal(it.connection.session().limited, undefined)

    it.listener.say({ type: 'lost', reason: 'x', fault: false })

    t.equal(it.connection.guard(), undefined)
  })
  t.test(
    'a page in which it does not hold loses the session, with the reason, and says so once',
    async (t) => {
      const it = await linked(t)

      it.listener.page = page({
        guard: { wire: 'absent', modules: 'absent', unsafe: 'no fence holds' }
      })

      t.match(await it.until(({ status }) => status !== 'READY'), {
        status: 'ERROR',
        reason: 'no fence holds'
      })
      t.equal(it.logged.of('guard_open').length, 1)
      t.match(it.logged.of('guard_open')[0], { level: 'error', wire: 'absent', modules: 'absent' })
    }
  )
  t.test('a fence that held and is gone loses the session though the other holds', async (t) => {
    for (const fence of ['wire', 'modules'] as const) {
      const it = await linked(t)

      it.listener.page = page({
        guard: { [fence]: 'absent', limited: `the fence on ${fence} is absent` }
      })

      t.match(await it.until(({ status }) => status !== 'READY'), {
        status: 'ERROR',
        reason: `The send guard held and holds no longer: the fence on ${fence} is absent`
      })
    }
  })
  t.test('one fence that never held limits the session, until it holds', async (t) => {
    const it = rig(t, {
      policy: slowRetry,
      script: (listener) =>
        (listener.page = page({ guard: { wire: 'absent', limited: 'no wire fence' } }))
    })
    it.connection.connect()
    const listener = await it.listeners.called(0, 'start')
    listener.say(ready)
    await looked({ ...it, listener })
    t.match(it.connection.session(), { status: 'READY', limited: 'no wire fence' })
    t.match(
      it.logged.of('guard_limited'),
      [{ level: 'error', wire: 'absent', modules: 'in_force' }],
      'an alert, once'
    )

    listener.page = page()
    await looked({ ...it, listener })

    t.equal(it.connection.session().status, 'READY')
    t.equal(it.connection.session().limited, undefined)
  })
  t.test(
    'a page that is not connected yet may lack the modules, and may not have a hole',
    async (t) => {
      const it = rig(t, {
        policy: slowRetry,
        script: (listener) =>
          (listener.page = page({
            socket: 'OPENING',
            guard: { wire: 'absent', modules: 'absent', unsafe: 'nothing is there' }
          }))
      })
      it.connection.connect()
      const listener = await it.listeners.called(0, 'start')
      await looked({ ...it, listener })
      t.equal(it.connection.session().status, 'INIT')

      listener.page = page({ socket: 'OPENING', guard: { wire: 'open', unsafe: 'a hole' } })

      t.match(await it.until(({ status }) => status !== 'INIT'), {
        status: 'ERROR',
        reason: 'a hole'
      })
    }
  )
  t.test('a page that loads again after it was READY has time to make its modules', async (t) => {
    const it = await linked(t)

    it.listener.page = page({
      socket: 'OPENING',
      guard: { wire: 'absent', modules: 'absent', unsafe: 'nothing is there' }
    })
    await looked(it)

    t.equal(it.connection.session().status, 'DISCONNECTED')
    t.equal(it.logged.of('guard_open').length, 0)
  })
})

t.test(
  'a clean stop hands over what a reloaded page told before its send guard was judged',
  async (t) => {
    const { connection, listeners, captured, until } = rig(t, {
      script: (listener) => {
        listener.releaseHeld = async () =>
          listener.say({
            type: 'captured',
            newRecords: [{ ...newRecord('held'), kind: 'reaction' }]
          })
      }
    })
    connection.connect()
    const listener = await listeners.called(0, 'start')
    listener.say(ready)
    await until(({ status }) => status === 'READY')

    await connection.stop()

    t.match(captured, [{ kind: 'reaction' }])
    t.ok(listener.calls.includes('stopped'))
  }
)

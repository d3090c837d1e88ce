import t from 'tap'
import { createNotify } from '../../src/platform/notify.ts'
import { runScript } from './child.ts'
import { notifySocket } from './notify-socket.ts'

t.test('READY, STATUS and STOPPING reach systemd', async (t) => {
  const socket = await notifySocket(t)
  const child = runScript(
    t,
    `
    import { createNotify } from 'src/platform/notify.ts'
    const notify = createNotify(process.env.NOTIFY_SOCKET)
    notify.ready('listening on 127.0.0.1:3001')
    notify.status('awaiting QR scan (attempt 1)')
    notify.status('awaiting QR scan (attempt 1)')
    notify.status('session READY')
    notify.stopping('stopping: SIGTERM')
    notify.close()`,
    { NOTIFY_SOCKET: socket.path }
  )
  t.same(await child.ended, { code: 0, signal: null })
  await socket.seen(/stopping: SIGTERM/)
  t.same(
    socket.received.map(({ state }) => state.trim()),
    [
      'STATUS=listening on 127.0.0.1:3001',
      'READY=1',
      'STATUS=awaiting QR scan (attempt 1)',
      'STATUS=session READY',
      'STOPPING=1',
      'STATUS=stopping: SIGTERM'
    ],
    'in order, and a status that did not change is not sent again'
  )
})

t.test('a status is one line: a newline in it cannot become another assignment', async (t) => {
  const socket = await notifySocket(t)
  const child = runScript(
    t,
    `
    import { createNotify } from 'src/platform/notify.ts'
    createNotify(process.env.NOTIFY_SOCKET).status('lost:\\nREADY=1\\r\\n  WATCHDOG=trigger')`,
    { NOTIFY_SOCKET: socket.path }
  )
  await child.ended
  t.equal((await socket.seen(/^STATUS=/)).trimEnd(), 'STATUS=lost: READY=1 WATCHDOG=trigger')
  t.equal(socket.received.length, 1)
})

t.test(
  'WATCHDOG comes at a third of the interval while healthy, and not while unhealthy',
  async (t) => {
    const socket = await notifySocket(t)
    const child = runScript(
      t,
      `
    import { createNotify } from 'src/platform/notify.ts'
    const notify = createNotify(process.env.NOTIFY_SOCKET)
    let asked = 0
    let first
    notify.watchdog(() => {
      asked += 1
      first ??= performance.now()
      if (asked <= 3) return true
      if (asked === 4) notify.status('unhealthy')
      if (asked < 8) return false
      notify.status('was asked 8 times in ' + Math.round(performance.now() - first) + ' ms')
      notify.close()
      return false
    })
    notify.watchdog(() => { throw new Error('a second watchdog does nothing') })`,
      { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '150000' }
    )
    await socket.seen(/was asked 8 times/)
    t.same(
      socket.received.map(({ state }) => state.trim().replace(/ in \d+ ms$/, '')),
      ['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'STATUS=unhealthy', 'STATUS=was asked 8 times']
    )
    const took = Number(/in (\d+) ms/.exec(socket.received.at(-1)?.state ?? '')?.[1])
    t.ok(took >= 7 * 50 - 20, 'a third of WATCHDOG_USEC apart, by its own clock')
    t.same(await child.ended, { code: 0, signal: null }, 'after close no timer holds the process')
  }
)

t.test('a start that takes long is given more time', async (t) => {
  const socket = await notifySocket(t)
  const child = runScript(
    t,
    `
    import { createNotify } from 'src/platform/notify.ts'
    createNotify(process.env.NOTIFY_SOCKET).extend(600_000)`,
    { NOTIFY_SOCKET: socket.path }
  )
  t.same(await child.ended, { code: 0, signal: null })
  await socket.seen(/EXTEND/)
  t.same(
    socket.received.map(({ state }) => state.trim()),
    ['EXTEND_TIMEOUT_USEC=600000000']
  )
})

t.test(
  'before it is busy the watchdog is told for how long, and afterwards that it is over',
  async (t) => {
    const socket = await notifySocket(t)
    const child = runScript(
      t,
      `
    import { createNotify } from 'src/platform/notify.ts'
    const notify = createNotify(process.env.NOTIFY_SOCKET)
    notify.busy(30_000)()
    const over = notify.busy(90_500.25)
    notify.status('busy')
    over()
    notify.status('done')`,
      { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '30000000' }
    )
    t.same(await child.ended, { code: 0, signal: null })
    await socket.seen(/done/)
    t.same(
      socket.received.map(({ state }) => state.trim()),
      ['WATCHDOG_USEC=90500250', 'STATUS=busy', 'WATCHDOG_USEC=30000000', 'STATUS=done'],
      'nothing for what takes no longer than it waits anyway'
    )
  }
)

t.test(
  'without WATCHDOG_USEC, or with one meant for another process, there is no watchdog',
  async (t) => {
    for (const env of [{}, { WATCHDOG_USEC: '30000', WATCHDOG_PID: '1' }]) {
      const socket = await notifySocket(t)
      const child = runScript(
        t,
        `
      import { createNotify } from 'src/platform/notify.ts'
      const notify = createNotify(process.env.NOTIFY_SOCKET)
      notify.watchdog(() => true)
      notify.busy(60_000)()
      notify.status('done')`,
        { NOTIFY_SOCKET: socket.path, ...env }
      )
      t.same(await child.ended, { code: 0, signal: null })
      await socket.seen(/done/)
      t.equal(socket.received.length, 1)
    }
  }
)

t.test(
  'without NOTIFY_SOCKET every call does nothing and the addon is not even loaded',
  async (t) => {
    const child = runScript(
      t,
      `
    import { createRequire } from 'node:module'
    import { createNotify } from 'src/platform/notify.ts'
    const notify = createNotify(undefined)
    notify.ready('x'); notify.status('x'); notify.watchdog(() => { throw new Error('asked') }); notify.busy(60_000)(); notify.extend(1); notify.stopping('x'); notify.close()
    const require = createRequire(import.meta.url)
    console.log('loaded: ' + Object.keys(require.cache).filter((file) => /sd-notify|\\.node$/.test(file)).length)`,
      { WATCHDOG_USEC: '1000' }
    )
    t.equal(await child.seen(/loaded/), 'loaded: 0')
    t.same(await child.ended, { code: 0, signal: null })
    t.doesNotThrow(() => createNotify(undefined).ready('here too'))
  }
)

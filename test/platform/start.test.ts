import t from 'tap'
import { runScript } from './child.ts'
import { notifySocket } from './notify-socket.ts'

/** A daemon whose environment is LOG_LEVEL, SHUTDOWN_TIMEOUT and PORT. */
const daemon = (main: string): string => `
  import { readEnv } from 'src/platform/env.ts'
  import { duration, oneOf, port } from 'src/platform/env-values.ts'
  import { start } from 'src/platform/start.ts'
  const schema = { LOG_LEVEL: oneOf('info')({ default: 'info' }), SHUTDOWN_TIMEOUT: duration('1s', '1m')({ default: 1_000 }), PORT: port({ desc: 'the port' }) }
  await start('tester', (source) => readEnv(source, schema), ${main})`

const parsed = (
  lines: readonly string[]
): { event: string; level: string; msg: string; [key: string]: unknown }[] =>
  lines.map((line) => JSON.parse(line))

t.test('a daemon has its name in ps and ss, and its command line as it was', async (t) => {
  const child = runScript(
    t,
    daemon(`async ({ log, lifecycle }) => {
    const { readFileSync } = await import('node:fs')
    log.info({ event: 'named', comm: readFileSync('/proc/self/comm', 'utf8').trim(), node: readFileSync('/proc/self/cmdline', 'utf8').split('\\0')[0] })
    await lifecycle.stop('done', 0)
  }`),
    { PORT: '3001' }
  )
  t.same(await child.ended, { code: 0, signal: null })
  t.match(
    parsed(child.lines).find(({ event }) => event === 'named'),
    { comm: 'tester', node: /node$/ }
  )
})

t.test('a good environment is logged, and main has all in hand', async (t) => {
  const child = runScript(
    t,
    daemon(`async ({ config, log, notify, lifecycle, version }) => {
    log.info({ event: 'in_main', port: config.PORT, version, all: [typeof notify.ready, typeof lifecycle.onStop] })
    await lifecycle.stop('done', 0)
  }`),
    { PORT: '3001' }
  )
  t.same(await child.ended, { code: 0, signal: null })
  const lines = parsed(child.lines)
  t.match(lines[0], {
    event: 'starting',
    service: 'tester',
    version: /^\d+\.\d+\.\d+/,
    config: { PORT: 3001, LOG_LEVEL: 'info' }
  })
  t.match(lines[1], { event: 'in_main', port: 3001, all: ['function', 'function'] })
})

t.test(
  'a bad environment: exit 78, one line, the same in STATUS=, and main never runs',
  async (t) => {
    const socket = await notifySocket(t)
    const child = runScript(t, daemon(`async () => { throw new Error('main ran') }`), {
      PROT: '1',
      NOTIFY_SOCKET: socket.path
    })
    t.same(await child.ended, { code: 78, signal: null })
    const lines = parsed(child.lines)
    t.equal(lines.length, 1)
    t.match(lines[0], {
      level: 'fatal',
      event: 'environment_refused',
      faults: ['PROT is unknown: remove it', 'PORT is missing: the port'],
      msg: 'tester cannot start: 2 faults in the environment: PROT is unknown: remove it; PORT is missing: the port'
    })
    t.match(await socket.seen(/^STATUS=/), `STATUS=${lines[0]?.msg}`)
  }
)

t.test('an error from main: exit 1, logged, and what was up is undone', async (t) => {
  const child = runScript(
    t,
    daemon(`async ({ log, lifecycle }) => {
    lifecycle.onStop('step', () => log.info({ event: 'undone' }))
    throw new Error('the port is taken')
  }`),
    { PORT: '3001' }
  )
  t.same(await child.ended, { code: 1, signal: null })
  t.same(
    parsed(child.lines).map(({ event }) => event),
    ['starting', 'start_failed', 'stopping', 'undone', 'stopped']
  )
  t.match(parsed(child.lines)[1], { level: 'fatal', msg: 'tester cannot start: the port is taken' })
})

t.test(
  'an error while reading the environment that is not a fault of it is not hidden',
  async (t) => {
    const script = `import { start } from 'src/platform/start.ts'
    process.on('uncaughtException', (error) => { console.log('uncaught: ' + error.message); process.exit(5) })
    await start('tester', () => { throw new Error('a bug of ours') }, async () => undefined)`
    const child = runScript(t, script)
    t.same(await child.ended, { code: 5, signal: null })
    t.same(child.lines, ['uncaught: a bug of ours'])
  }
)

import t, { type Test } from 'tap'
import { runScript, type Child } from './child.ts'

/** A daemon of a few lines: `body` has `lifecycle` and `say` at hand. */
const daemon = (t: Test, body: string, options = ''): Child =>
  runScript(
    t,
    `
    import { Lifecycle } from 'src/platform/lifecycle.ts'
    import { createLog } from 'src/platform/log.ts'
    const say = (text) => process.stdout.write(text + '\\n')
    const notify = { ready() {}, status() {}, watchdog() {}, stopping: (text) => say('notify ' + text), close: () => say('notify closed') }
    const log = createLog({ service: 'test', level: 'info', underJournal: false })
    const lifecycle = new Lifecycle({ log, notify, timeoutMs: 10_000, ${options} })
    const alive = setInterval(() => undefined, 1_000)
    ${body}
    say('up')`
  )

const told = (child: Child): string[] => child.lines.filter((line) => !line.startsWith('{'))
const events = (child: Child): string[] =>
  child.lines
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { event: string }).event)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(
    `${signal} undoes the steps one after the other, the last registered first, and exits 0`,
    async (t) => {
      const child = daemon(
        t,
        `
      lifecycle.onStop('first', () => say('first'))
      lifecycle.onStop('second', async () => { say('second begins'); await new Promise((done) => setTimeout(done, 20)); say('second ends') })
      lifecycle.onStop('third', () => say('third'))`
      )
      await child.seen(/^up$/)
      child.kill(signal)
      t.same(await child.ended, { code: 0, signal: null })
      t.same(told(child), [
        'up',
        `notify stopping: ${signal}`,
        'third',
        'second begins',
        'second ends',
        'first',
        'notify closed'
      ])
      t.same(events(child), ['stopping', 'stopped'])
    }
  )
}

t.test('a step that fails is logged and does not keep the others', async (t) => {
  const child = daemon(
    t,
    `
    lifecycle.onStop('last', () => say('last'))
    lifecycle.onStop('rejects', async () => { throw new Error('no') })
    lifecycle.onStop('throws', () => { throw new Error('no') })`
  )
  await child.seen(/^up$/)
  child.kill('SIGTERM')
  t.same(await child.ended, { code: 0, signal: null })
  t.ok(told(child).includes('last'))
  t.same(events(child), ['stopping', 'stop_step_failed', 'stop_step_failed', 'stopped'])
  t.match(
    child.lines.find((line) => line.includes('stop_step_failed')),
    '"step":"throws"'
  )
})

t.test('a stop that takes too long ends the process with 1, saying so', async (t) => {
  const child = daemon(
    t,
    `lifecycle.onStop('never ends', () => new Promise(() => undefined))`,
    'timeoutMs: 50'
  )
  await child.seen(/^up$/)
  child.kill('SIGTERM')
  t.same(await child.ended, { code: 1, signal: null })
  t.same(events(child), ['stopping', 'stop_overdue'])
})

t.test('a second signal while stopping changes nothing: the steps still run', async (t) => {
  const child = daemon(
    t,
    `
    lifecycle.onStop('slow', async () => { say('stopping slowly'); await new Promise((done) => setTimeout(done, 200)); say('undone') })`
  )
  await child.seen(/^up$/)
  child.kill('SIGTERM')
  await child.seen(/stopping slowly/)
  child.kill('SIGTERM')
  child.kill('SIGINT')
  t.same(await child.ended, { code: 0, signal: null })
  t.ok(told(child).includes('undone'))
  t.same(events(child), ['stopping', 'stopped'])
})

t.test('an error that nobody caught stops the daemon in good order, with 1', async (t) => {
  for (const [origin, onUnhandledError] of [
    ['uncaughtException', `setImmediate(() => { throw new Error('stray') })`],
    ['unhandledRejection', `void Promise.reject(new Error('stray'))`]
  ] as const) {
    const child = daemon(t, `lifecycle.onStop('step', () => say('undone')); ${onUnhandledError}`)
    t.same(await child.ended, { code: 1, signal: null }, origin)
    t.ok(told(child).includes('undone'))
    t.same(events(child), ['crashed', 'stopping', 'stopped'])
    t.match(
      child.lines.find((line) => line.includes('crashed')),
      `"origin":"${origin}"`
    )
  }
})

t.test('an error that is said to be harmless leaves the daemon running', async (t) => {
  const child = daemon(
    t,
    `
    lifecycle.onUnhandledError((error) => { say('stray: ' + (error.message ?? error)); return true })
    void Promise.reject('from a library')
    setImmediate(() => { throw new Error('from a library') })
    setTimeout(() => say('still here'), 20)`
  )
  await child.seen(/still here/)
  t.same(
    told(child)
      .filter((line) => line.startsWith('stray'))
      .sort(),
    ['stray: from a library', 'stray: from a library']
  )
  child.kill('SIGTERM')
  t.same(await child.ended, { code: 0, signal: null })
})

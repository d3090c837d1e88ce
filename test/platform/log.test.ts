import { spawnSync } from 'node:child_process'
import t from 'tap'
import { createLog } from '../../src/platform/log.ts'
import { logLines } from './log-lines.ts'

const written = (
  underJournal: boolean,
  level = 'trace'
): { lines: string[]; log: ReturnType<typeof createLog> } => {
  const lines: string[] = []
  return {
    lines,
    log: createLog({
      service: 'hub',
      level,
      underJournal,
      sink: { write: (line) => lines.push(line) }
    })
  }
}

t.test('a line is one JSON object with level, time, service, event and text', async (t) => {
  const { log, lines } = written(false)
  log.info({ event: 'listening', port: 1 }, 'listening on port 1')
  t.equal(lines.length, 1)
  t.match(lines[0], /^\{.*\}\n$/)
  t.match(JSON.parse(lines[0] as string), {
    level: 'info',
    time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
    service: 'hub',
    event: 'listening',
    port: 1,
    msg: 'listening on port 1'
  })
})

t.test('under journald each line begins with its syslog priority', async (t) => {
  const { log, lines } = written(true)
  const priorities = { trace: 7, debug: 7, info: 6, warn: 4, error: 3, fatal: 2 } as const
  for (const level of Object.keys(priorities) as (keyof typeof priorities)[]) log[level](level)
  t.equal(lines.length, 6)
  for (const [index, [level, priority]] of Object.entries(priorities).entries()) {
    t.match(lines[index], new RegExp(`^<${priority}>\\{"level":"${level}"`))
  }
})

t.test('the level is a threshold', async (t) => {
  const { log, lines } = written(false, 'warn')
  log.info('not this')
  log.warn('this')
  t.equal(lines.length, 1)
})

t.test('secrets, codes, phone numbers, names and texts are hidden wherever they sit', async (t) => {
  const secret = 'must-never-be-seen'
  for (const key of ['token', 'authorization', 'cookie', 'qr', 'phone', 'body', 'name', 'note']) {
    const { log, lines } = logLines()
    log.info({ [key]: secret }, 'top')
    log.info({ message: { [key]: secret } }, 'one level down')
    log.info({ req: { headers: { [key]: secret } } }, 'two levels down')
    log.info(
      { err: Object.assign(new Error('x'), { answer: { person: { [key]: secret } } }) },
      'in an error'
    )
    t.equal(lines.length, 4)
    t.equal(lines[0]?.[key], '(hidden)')
    t.same(lines[1]?.['message'], { [key]: '(hidden)' })
    t.notMatch(JSON.stringify(lines), secret, key)
  }
})

t.test(
  'whatever a text holds, a line stays one line, and does nothing to who reads it',
  async (t) => {
    const hostile = [
      ...Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)),
      '\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069',
      '\r\n<0>{"level":"fatal","msg":"forged"}\n',
      '\x1b]0;title\x07\x1b[2J\x9b2J'
    ].join('')
    const { log, lines } = written(true)
    log.warn(
      { event: 'page_error', reason: hostile, [`key ${hostile}`]: 1, list: [hostile] },
      hostile
    )
    log.error({ err: new Error(hostile) }, 'failed')
    t.equal(lines.length, 2)
    for (const line of lines) {
      t.match(line, /^<[34]>\{[^\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*\}\n$/u)
      t.equal(line.split('\n').length, 2)
    }
    t.match(
      JSON.parse(lines[0]?.slice(3) ?? ''),
      { reason: hostile, list: [hostile], msg: hostile },
      'and nothing of it is lost'
    )
  }
)

t.test('an error is logged with its message and stack', async (t) => {
  const { log, lines } = logLines()
  log.error({ event: 'failed', err: new TypeError('boom') }, 'it failed')
  t.match(lines[0], { err: { type: 'TypeError', message: 'boom', stack: /log\.test/ } })
})

t.test(
  'without a sink, lines go to stdout and are there even if the process exits at once',
  async (t) => {
    const script = `import { createLog } from ${JSON.stringify(new URL('../../src/platform/log.ts', import.meta.url).href)}
    createLog({ service: 's', level: 'info', underJournal: true }).fatal('last words'); process.exit(3)`
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8'
    })
    t.equal(status, 3)
    t.match(stdout, /^<2>\{"level":"fatal".*"msg":"last words"\}\n$/)
  }
)

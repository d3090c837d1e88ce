import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readableEntry } from '../../../src/admin/cli/log.ts'
import { readLogLine } from '../../../src/platform/log-line.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { controls, harmless, hostile, run, start } from './terminal.ts'

const entry = (message: unknown, more: Record<string, string> = {}): string =>
  JSON.stringify({
    MESSAGE: message,
    PRIORITY: '6',
    SYSLOG_IDENTIFIER: 'leadmaster-central-hub',
    __REALTIME_TIMESTAMP: '1796019827000000',
    ...more
  })
const line = (level: string, msg: string, more: object = {}): string =>
  JSON.stringify({
    level,
    time: '2026-11-30T05:23:47.000Z',
    service: 'central-hub',
    event: 'x',
    msg,
    ...more
  })

/** A journalctl that prints what it was asked, and these entries. */
const journalctl = (directory: string, script: string): Record<string, string> => {
  writeFileSync(
    join(directory, 'journalctl'),
    `#!/bin/sh\necho "$@" >'${directory}/asked'\n${script}\n`
  )
  chmodSync(join(directory, 'journalctl'), 0o755)
  return { PATH: `${directory}:/usr/bin:/bin`, TZ: 'UTC' }
}

t.test('an entry is a line of time, level, service, message and reason', async (t) => {
  const text = (message: unknown, more: Record<string, string> = {}): string =>
    (readableEntry(entry(message, more)) as string).replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /, '')
  t.match(readableEntry(entry('a')), /^2026-\d\d-\d\d \d\d:\d\d:\d\d info {2}central-hub {4,5} a$/)
  t.equal(
    text(line('warn', 'the journal stream broke', { err: { message: 'ECONNRESET' } })),
    'warn  central-hub     the journal stream broke (ECONNRESET)'
  )
  t.equal(
    text(line('warn', 'lost', { reason: 'WhatsApp is unreachable' })),
    'warn  central-hub     lost (WhatsApp is unreachable)'
  )
  t.equal(
    text(line('error', 'cannot start: the disk is full', { err: { message: 'the disk is full' } })),
    'error central-hub     cannot start: the disk is full',
    'nothing is said twice'
  )
  t.equal(
    text('Started leadmaster-central-hub.service.', { SYSLOG_IDENTIFIER: 'systemd' }),
    'info  systemd         Started leadmaster-central-hub.service.'
  )
  t.equal(
    text('SyntaxError: of Node', { PRIORITY: '3' }),
    'error central-hub     SyntaxError: of Node'
  )
  t.equal(
    text([72, 111, 108, 97]),
    'info  central-hub     Hola',
    'what is no UTF-8 comes as numbers'
  )
  t.equal(readableEntry('no entry'), undefined)
  const shown = readableEntry(
    entry(line('info', hostile), { SYSLOG_IDENTIFIER: hostile })
  ) as string
  t.ok(shown.includes(harmless))
  t.notMatch(shown, controls)
})

t.test('a line that is no line of our log keeps its words', async (t) => {
  for (const text of ['', 'null', '7', '[]', '{"a":1}', '{"msg":7}', 'text  with\tblanks'])
    t.type(readLogLine(text).text, 'string', text)
  t.equal(readLogLine('{"a":1}').text, '{"a":1}')
})

t.test('leadmaster log asks the journal for the units, and ends as it does', async (t) => {
  const directory = ownDirectory(t)
  const env = journalctl(
    directory,
    `printf '%s\\n' '${entry(line('info', 'listening'))}' 'no entry'`
  )
  t.match(await run(t, ['log', '--warnings', '--since', '1 hour ago', '-f'], env), {
    code: 0,
    out: /^\S+ \S+ info {2}central-hub {4,5} listening\n$/
  })
  const { readFileSync } = await import('node:fs')
  t.equal(
    readFileSync(join(directory, 'asked'), 'utf8'),
    '--unit=leadmaster-* --output=json --quiet --since=1 hour ago --follow --priority=warning\n'
  )
  await run(t, ['log'], env)
  t.match(readFileSync(join(directory, 'asked'), 'utf8'), /--lines=50\n$/)
})

t.test('what keeps it from the journal is said', async (t) => {
  const env = journalctl(
    ownDirectory(t),
    'echo "No journal files were opened due to insufficient permissions." >&2; exit 1'
  )
  t.match(await run(t, ['log'], env), {
    code: 1,
    err: /^leadmaster: the journal cannot be read: No journal files were opened.*Run it as root\n$/
  })
  t.match(await run(t, ['log'], { PATH: ownDirectory(t) }), {
    code: 1,
    err: /there is no journalctl: without systemd/
  })
  t.match(await run(t, ['log', '--lines', 'many'], env), {
    code: 2,
    err: /--lines: expected a whole number/
  })
  t.match(await run(t, ['log', '--help']), { code: 0, out: /-f, --follow/ })
})

t.test('Ctrl-C ends what follows', async (t) => {
  const following = start(
    t,
    ['log', '-f'],
    journalctl(ownDirectory(t), `printf '%s\\n' '${entry('a')}'; exec sleep 60`)
  )
  await following.seen(/ a\n/)
  following.kill('SIGINT')
  t.equal(await following.ended, 130)
})

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { readLogLine } from '../../platform/log-line.ts'
import {
  Fault,
  parseOptions,
  UsageError,
  wholeNumber,
  type Command,
  type Context
} from './command.ts'
import { clean, paint } from '../text.ts'

const help = `usage: leadmaster log [options]

Shows the log of the services, a line each: time, level, service, what happened and why. \
It reads the journal of
systemd, so run it as root, or as a user of the group systemd-journal.

options:
  -f, --follow          goes on until Ctrl-C
  -n, --lines N         the last N lines, 1 to 1000000 (50)
  --since TIME          from a time on, such as today, "1 hour ago" or "2026-11-30 08:00", \
see systemd.time(7)
  --warnings            warnings and errors alone
`

const options = {
  follow: { type: 'boolean', short: 'f' },
  lines: { type: 'string', short: 'n' },
  since: { type: 'string' },
  warnings: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' }
} as const

/** A line as `journalctl --output=json` gives it, systemd.journal-fields(7). */
interface Entry {
  MESSAGE?: unknown
  PRIORITY?: string
  SYSLOG_IDENTIFIER?: string
  /** Microseconds. */
  __REALTIME_TIMESTAMP?: string
}

/** Levels of syslog, by PRIORITY. */
const levels = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug']
const colours: Readonly<Record<string, Parameters<typeof paint>[0]>> = {
  fatal: ['red', 'bold'],
  error: 'red',
  warn: 'yellow',
  debug: 'dim',
  trace: 'dim'
}

/** A message. journalctl shows bytes that are no UTF-8 as a list of numbers. */
const messageOf = (message: unknown): string =>
  Array.isArray(message) ? Buffer.from(message as number[]).toString() : String(message ?? '')

const twoDigits = (number: number): string => String(number).padStart(2, '0')

/** A time in the time zone of this machine, as journalctl shows it. */
const timeInWords = (ms: number): string => {
  const at = new Date(ms)
  const day = [at.getFullYear(), twoDigits(at.getMonth() + 1), twoDigits(at.getDate())].join('-')
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':')}`
}

/** One entry of the journal as a line of text; undefined when the line is no entry. */
export const readableEntry = (json: string): string | undefined => {
  let entry: Entry
  try {
    entry = JSON.parse(json) as Entry
  } catch {
    return undefined
  }
  const { level, text } = readLogLine(messageOf(entry.MESSAGE))
  const shownLevel = level ?? levels[Number(entry.PRIORITY ?? 6)] ?? 'info'
  const service = (entry.SYSLOG_IDENTIFIER ?? '').replace(/^leadmaster-/, '')
  const at = timeInWords(Number(entry.__REALTIME_TIMESTAMP ?? 0) / 1_000)
  const colour = colours[shownLevel]
  const start = `${at} ${shownLevel.padEnd(5)}`
  const painted = colour === undefined ? start : paint(colour, start)
  return `${painted} ${clean(service).padEnd(15)} ${clean(text)}`
}

/** @throws {Fault} when the journal cannot be read */
const readJournal = async (args: readonly string[], { say, signal }: Context): Promise<number> => {
  const child = spawn('journalctl', ['--unit=leadmaster-*', '--output=json', '--quiet', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal
  })
  const ended = new Promise<number | null | NodeJS.ErrnoException>((resolve) =>
    child.once('error', resolve).once('close', resolve)
  )
  let complaint = ''
  child.stderr.on('data', (part: Buffer) => (complaint += String(part)))
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const shown = readableEntry(line)
    if (shown !== undefined) say(`${shown}\n`)
  }
  const code = await ended
  if (code instanceof Error) {
    if (signal.aborted) return 0
    if (code.code === 'ENOENT')
      throw new Fault('there is no journalctl: without systemd the log is what scripts/up prints')
    throw code
  }
  if (code !== 0 && !signal.aborted) {
    const why = complaint.trim().split('\n')[0] ?? `journalctl ended with ${code}`
    throw new Fault(`the journal cannot be read: ${why}. Run it as root`)
  }
  return 0
}

/** Reads the journal of this machine instead of asking the hub. */
export const log: Command = {
  summary: 'Shows the log in readable form; -f follows it',
  help,
  run: async (args, contextOf) => {
    const values = parseOptions(options, args)
    const context = contextOf({})
    if (values.help === true) {
      context.say(help)
      return 0
    }
    const given: string[] = []
    if (values.since === undefined || values.lines !== undefined)
      given.push(`--lines=${wholeNumber('lines', values.lines ?? '50', 1, 1_000_000)}`)
    if (values.since !== undefined) {
      if (values.since.trim() === '')
        throw new UsageError('--since: expected a time, such as today or "1 hour ago"')
      given.push(`--since=${values.since}`)
    }
    if (values.follow === true) given.push('--follow')
    if (values.warnings === true) given.push('--priority=warning')
    return readJournal(given, context)
  }
}

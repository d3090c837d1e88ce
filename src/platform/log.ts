import pino, { type Logger } from 'pino'
import { harmlessError, withoutIds } from './harmless.ts'

export type Log = Logger

/**
 * pino's levels as syslog priorities, sd-daemon(3): journald reads `<N>` at the start of a line as
 * PRIORITY.
 */
const priority = (level: number): number => {
  if (level >= 60) return 2
  if (level >= 50) return 3
  if (level >= 40) return 4
  return level >= 30 ? 6 : 7
}

/**
 * What may hold a secret, a QR code, a phone number or a message's text, wherever it sits in a
 * logged object, down to three levels.
 */
const secrets = ['token', 'authorization', 'cookie', 'qr', 'phone', 'body', 'name', 'note'].flatMap(
  (key) => [key, `*.${key}`, `*.*.${key}`, `*.*.*.${key}`]
)

/**
 * What JSON leaves as it is and a terminal or an editor obeys: DEL and the controls above it, line
 * separators, what turns the direction of text.
 */
const unseen = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The part of a stream that pino writes to. */
interface Sink {
  write(line: string): unknown
}

/**
 * A logger of JSON lines to stdout.
 * @param underJournal puts journald's `<N>` priority before each line
 * @param sink where lines go instead of stdout, for tests
 */
export const createLog = (options: {
  service: string
  level: string
  underJournal: boolean
  sink?: Sink
}): Log => {
  const out = options.sink ?? pino.destination({ fd: 1, sync: true })
  const destination = {
    // pino sets lastLevel before each write on a destination that carries its metadata symbol
    [Symbol.for('pino.metadata')]: true as const,
    lastLevel: 30,
    write(line: string) {
      const shown = withoutIds(line.replace(unseen, escaped))
      out.write(options.underJournal ? `<${priority(this.lastLevel)}>${shown}` : shown)
    }
  }
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // An error is of the page, the network, a database or a library: its words are theirs.
      serializers: {
        err: (error: unknown) => harmlessError(error),
        error: (error: unknown) => (error instanceof Error ? harmlessError(error) : error)
      },
      // Without a message of ours pino would take that of the error.
      hooks: {
        logMethod(args, method) {
          const [first, message] = args as unknown as [unknown, string | undefined]
          if (first instanceof Error)
            return method.call(this, { err: first }, message ?? 'an error')
          const isOfError = typeof first === 'object' && first !== null && 'err' in first
          if (isOfError && message === undefined) return method.call(this, first, 'an error')
          return method.apply(this, args)
        }
      },
      redact: { paths: secrets, censor: '(hidden)' }
    },
    destination
  )
}

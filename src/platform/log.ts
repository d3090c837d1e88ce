import pino, { type Logger } from 'pino'

export type Log = Logger

/** pino's levels as syslog priorities, sd-daemon(3): journald reads `<N>` at the start of a line as PRIORITY. */
const priority = (level: number): number => (level >= 60 ? 2 : level >= 50 ? 3 : level >= 40 ? 4 : level >= 30 ? 6 : 7)

/** What may hold a secret, a QR code, a phone number or a message's text, wherever it sits in a logged object, down to three levels. */
const secrets = ['token', 'authorization', 'cookie', 'qr', 'phone', 'body', 'name', 'note'].flatMap((key) => [key, `*.${key}`, `*.*.${key}`, `*.*.*.${key}`])

/** The part of a stream that pino writes to. */
export interface Sink {
  write(line: string): unknown
}

/**
 * A logger of JSON lines to stdout.
 * @param underJournal puts journald's `<N>` priority before each line
 * @param sink where lines go instead of stdout, for tests
 */
export const createLog = (options: { service: string; level: string; underJournal: boolean; sink?: Sink }): Log => {
  const out = options.sink ?? pino.destination({ fd: 1, sync: true })
  const destination = {
    // pino sets lastLevel before each write on a destination that carries its metadata symbol
    [Symbol.for('pino.metadata')]: true as const,
    lastLevel: 30,
    write(line: string) {
      out.write(options.underJournal ? `<${priority(this.lastLevel)}>${line}` : line)
    }
  }
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets, censor: '(hidden)' }
    },
    destination
  )
}

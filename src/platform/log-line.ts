/**
 * A line of the daemons' log as a person reads it: `pino` writes JSON, Node and systemd plain text.
 */

interface LogLine {
  /** pino's level; undefined when the line is plain text. */
  level?: string
  service?: string
  /** RFC 3339; undefined when the line is plain text. */
  time?: string
  /** What happened and why, in one line. */
  text: string
}

interface Written {
  level?: unknown
  service?: unknown
  time?: unknown
  msg?: unknown
  reason?: unknown
  err?: { message?: unknown } | null
}

const stringOr = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

/** The message, and the reason or the error's message unless the message says it already. */
const inWords = ({ msg, reason, err }: Written): string => {
  const message = stringOr(msg) ?? ''
  const why = [stringOr(err?.message), stringOr(reason)].find(
    (words) => words !== undefined && words !== '' && !message.includes(words)
  )
  return why === undefined ? message : `${message} (${why})`
}

export const readLogLine = (line: string): LogLine => {
  let written: Written | undefined
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null && 'msg' in parsed) written = parsed
  } catch {
    // no JSON: Node's own words, or those of systemd
  }
  const read: LogLine = {
    text: (written === undefined ? line : inWords(written)).replace(/\s+/g, ' ').trim()
  }
  const [level, service, time] = [
    stringOr(written?.level),
    stringOr(written?.service),
    stringOr(written?.time)
  ]
  if (level !== undefined) read.level = level
  if (service !== undefined) read.service = service
  if (time !== undefined) read.time = time
  return read
}

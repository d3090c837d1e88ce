import { createHash } from 'node:crypto'
import { Fault } from './command.ts'

/**
 * The text file that WhatsApp's own "Export chat" writes, of Android and of iOS, in any language.
 * It has names and local times, but neither numbers nor ids.
 */

/** The order of the parts of a date. */
export type DateOrder = 'dmy' | 'mdy'

/** A message of the file. */
interface ChatMessage {
  /** UNIX seconds. */
  timestamp: number
  author: string
  body: string
}

/** A message that was read, before it is known in which order its date is. */
interface Entry {
  date: readonly [number, number, number]
  time: readonly [number, number, number]
  author: string
  body: string
}

/** iOS writes it before what WhatsApp itself says, such as that a photo was left out. */
const mark = '\u200e'

const date = String.raw`(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})`
const time = String.raw`(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?: ?([ap])\.? ?m\.?)?`
/** `31/12/23, 21:41 - ` of Android, `[12/31/23, 9:41:05 PM] ` of iOS, with all that may vary. */
const header = new RegExp(`^\\[?${date},? ${time}\\]?(?: -)? `, 'i')

const hourOf = (hour: number, half: string | undefined): number => {
  if (half === undefined) return hour
  return (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
}

/** A line that begins a message, or that WhatsApp itself wrote; undefined: it goes on. */
const beginningOf = (given: string): Entry | 'whatsapp' | undefined => {
  const line = given.replace(/^[\u200e\ufeff]+/, '')
  const found = header.exec(line.replace(/[\u00a0\u202f]/g, ' '))
  if (found === null) return undefined
  const [all, a, b, c, hour, minute, second = '0', half] = found
  const [author = '', ...rest] = line.slice(all.length).split(': ')
  const body = rest.join(': ')
  if (rest.length === 0 || body.startsWith(mark)) return 'whatsapp'
  return {
    date: [Number(a), Number(b), Number(c)],
    time: [hourOf(Number(hour), half), Number(minute), Number(second)],
    author: author.replaceAll(mark, '').trim(),
    body
  }
}

const entriesOf = (text: string): { entries: Entry[]; leftOut: number } => {
  const entries: Entry[] = []
  let last: Entry | undefined
  let leftOut = 0
  for (const line of text.split(/\r?\n/)) {
    const beginning = beginningOf(line)
    if (beginning === 'whatsapp') {
      leftOut += 1
      last = undefined
    } else if (beginning !== undefined) {
      last = beginning
      entries.push(last)
    } else if (last !== undefined) last.body += `\n${line}`
  }
  for (const entry of entries) entry.body = entry.body.trimEnd()
  return { entries, leftOut }
}

/** UNIX seconds by the time zone of this machine; undefined: there is no such day. */
const secondsOf = ({ date: [a, b, c], time }: Entry, order: DateOrder): number | undefined => {
  const isYearFirst = a > 31
  const [day, month] = order === 'dmy' ? [a, b] : [b, a]
  const parts = isYearFirst
    ? ([a, b, c] as const)
    : ([c < 100 ? 2_000 + c : c, month, day] as const)
  const at = new Date(parts[0], parts[1] - 1, parts[2], ...time)
  const isThere = at.getMonth() === parts[1] - 1 && at.getDate() === parts[2]
  return isThere ? Math.floor(at.getTime() / 1_000) : undefined
}

/** The times in this order; undefined: some day is none, or the messages would go back in time. */
const timesIn = (entries: readonly Entry[], order: DateOrder): number[] | undefined => {
  const times = entries.map((entry) => secondsOf(entry, order))
  // An hour comes twice when summer time ends.
  const isInOrder = times.every(
    (time, at) => time !== undefined && time + 3_600 >= (times[at - 1] ?? 0)
  )
  return isInOrder ? (times as number[]) : undefined
}

/** @throws {Fault} when neither order fits, or both do and differ */
const timesOf = (entries: readonly Entry[], given: DateOrder | undefined): number[] => {
  const orders: readonly DateOrder[] = given === undefined ? ['dmy', 'mdy'] : [given]
  const fitting = orders.flatMap((order) => {
    const times = timesIn(entries, order)
    return times === undefined ? [] : [times]
  })
  const [times, other] = fitting
  if (times === undefined)
    throw new Fault(
      given === undefined
        ? 'the dates of the file are in no order that is known'
        : `the dates of the file are not in the order ${given}`
    )
  if (other !== undefined && other.some((time, at) => time !== times[at]))
    throw new Fault('the dates may be meant in two ways: say --dates dmy or --dates mdy')
  return times
}

/**
 * Reads an exported chat.
 * @param order of the dates; without it, it is found out
 * @returns the messages, and how many lines WhatsApp itself wrote
 * @throws {Fault} when it is no such file, or its dates cannot be read
 */
export const readChat = (
  text: string,
  order: DateOrder | undefined
): { messages: ChatMessage[]; leftOut: number } => {
  const { entries, leftOut } = entriesOf(text)
  if (entries.length === 0) throw new Fault('no message is in the file: is it an exported chat?')
  const times = timesOf(entries, order)
  const messages = entries.map(({ author, body }, at) => ({
    timestamp: times[at] as number,
    author,
    body
  }))
  return { messages, leftOut }
}

/**
 * The messages as lines of an import. Their ids come from what is in them, so that the same file
 * gives the same ids.
 * @param options.me the name of this account in the file
 * @param options.before UNIX seconds: from the minute of this on, messages were captured
 * @throws {Fault} when it is no conversation of `me` with one other person
 */
export const linesOfChat = (
  messages: readonly ChatMessage[],
  { phone, me, before = Infinity }: { phone: string; me: string; before?: number | undefined }
): object[] => {
  const authors = [...new Set(messages.map(({ author }) => author))]
  const others = authors.filter((author) => author !== me)
  if (others.length === authors.length && authors.length > 1)
    throw new Fault(`say --me NAME, your name in the file: ${authors.slice(0, 5).join(' or ')}`)
  if (others.length > 1)
    throw new Fault('more than two people write in the file: groups are not imported')
  const seen = new Map<string, number>()
  const end = Math.floor(before / 60) * 60
  return messages
    .filter(({ timestamp }) => timestamp < end)
    .map(({ timestamp, author, body }) => {
      const from_me = author === me
      const what = JSON.stringify([phone, timestamp, from_me, body])
      const nth = (seen.get(what) ?? 0) + 1
      seen.set(what, nth)
      const hash = createHash('sha256').update(`${what} ${nth}`).digest('base64url').slice(0, 32)
      return { id: `chat-export-${hash}`, phone, from_me, timestamp, body }
    })
}

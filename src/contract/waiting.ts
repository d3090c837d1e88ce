import { isOfAPerson } from './message-types.ts'
import type { LeadState } from './lead.ts'
import type { CapturedMessage } from './record.ts'

/**
 * Who waits for an answer. This is the whole rule. The table "Who waits" of
 * deploy/systemd/README.md says it in words, and a test holds the two together. The store's column
 * `messages.turn` is `turnOf`, so that the database can use it in an index.
 */

/**
 * What a message does to a wait:
 * 0: nothing; 1: it asks for an answer; 2: it is an answer;
 * 3: a person ended the wait at this message without writing (marked as handled, won, lost, a
 * reaction).
 */
export type Turn = 0 | 1 | 2 | 3

/** What ended a wait at a message without a reply to it. */
export interface Ends {
  /** A person marked the lead as handled up to this message. */
  isHandled?: boolean
  /** The lead became won or lost when this message was its latest, and still is. */
  isClosed?: boolean
  /** This account reacted to it, or voted in it, and did not take that back. */
  isAcknowledged?: boolean
}

/** The fields of a message that decide which turn it is. */
export type Said = Pick<
  CapturedMessage,
  'type' | 'from_me' | 'bot' | 'automatic' | 'call' | 'unsent'
> & {
  /** Who deleted it in WhatsApp: `sender` for everyone, `me` for this account alone. */
  revoked_by?: 'sender' | 'me' | null
  ends?: Ends
}

/**
 * Whether a person wrote a message, and not WhatsApp itself, a bot, or WhatsApp Business on its
 * own.
 */
export const isPersonal = ({
  type,
  bot,
  automatic
}: Pick<Said, 'type' | 'bot' | 'automatic'>): boolean =>
  bot !== true && automatic !== true && isOfAPerson(type)

/** Nobody was reached by it, or nobody knows what it is. */
const saysNothing = ({ type, unsent }: Said): boolean => unsent === true || type === 'unknown'

const isEnded = ({ isHandled, isClosed, isAcknowledged }: Ends = {}): boolean =>
  isHandled === true || isClosed === true || isAcknowledged === true

/** @returns which turn a message is, whatever else is in its chat */
export const turnOf = (message: Said): Turn => {
  const { type, from_me, call, revoked_by, ends } = message
  if (isEnded(ends)) return 3
  // What its sender deleted is gone for both. What this account deleted for itself is still with
  // the other one.
  if (!isPersonal(message) || type === 'revoked' || revoked_by === 'sender') return 0
  if (from_me && saysNothing(message)) return 0
  if (type !== 'call_log') return from_me ? 2 : 1
  if (call?.outcome === 'answered') return 2
  return from_me ? 0 : 1
}

/**
 * When a message was written: UNIX seconds, and within one second the order in which it was
 * captured.
 */
export interface Moment {
  timestamp: number
  seq: number
}

export const isAfter = (a: Moment, b: Moment): boolean =>
  a.timestamp > b.timestamp || (a.timestamp === b.timestamp && a.seq > b.seq)

/** Whether a lead in this state may wait at all. */
export const mayWait = (state: LeadState): boolean => state !== 'ignored'

/** Whether a lead stops waiting when it gets this state; what is written later waits. */
export const isClosing = (state: LeadState): boolean => state === 'won' || state === 'lost'

/** A message that asks, written after the latest one that ended a wait. */
export interface Unanswered {
  /** UNIX seconds. */
  timestamp: number
  /** Messages of one thing wait as one: the parts of an album. */
  thing: string
  isRead: boolean
}

/** "Remind me later": the lead does not wait until then. Times are UNIX seconds. */
export interface Reminder {
  /** When the lead comes back. */
  at: number
  /** A message that asks and was written after this moment ends the reminder. */
  from: number
  /** Its time has come: the lead waits again, also when nothing was unanswered. */
  isBack: boolean
}

/**
 * Whether a reminder has come to its end. Before its time, the person ends it by writing; an answer
 * of ours does not. Once it is back, an answer ends it that was written since.
 * @param lastAsking when the latest message that asks was written, UNIX seconds
 * @param lastAnswer when the latest answer was written, UNIX seconds
 */
export const isReminderOver = (
  { at, from, isBack }: Reminder,
  state: LeadState,
  lastAsking: number,
  lastAnswer: number
): boolean => {
  if (!mayWait(state)) return true
  return isBack ? lastAnswer >= at : lastAsking > from
}

/** A lead's wait. */
interface Wait {
  /** UNIX seconds; null: it does not wait. */
  waiting_since: number | null
  unanswered_count: number
  unread_count: number
}

export const noWait: Wait = { waiting_since: null, unanswered_count: 0, unread_count: 0 }

/**
 * @param unanswered in any order
 * @param reminder one that is not over
 */
export const waitOf = (
  state: LeadState,
  unanswered: readonly Unanswered[],
  reminder?: Reminder
): Wait => {
  if (!mayWait(state) || reminder?.isBack === false) return noWait
  const moments = unanswered.map(({ timestamp }) => timestamp)
  if (reminder !== undefined) moments.push(reminder.at)
  if (moments.length === 0) return noWait
  return {
    waiting_since: Math.min(...moments),
    unanswered_count: new Set(unanswered.map(({ thing }) => thing)).size,
    unread_count: new Set(unanswered.filter(({ isRead }) => !isRead).map(({ thing }) => thing)).size
  }
}

/** Numbers from here on are ms: as seconds they would be after the year 5138. */
const firstMs = 100_000_000_000
/** The largest ms for which JavaScript has a date. */
const lastMs = 8_640_000_000_000_000

/**
 * When a message was written, UNIX seconds. Records of early releases have ms, or 0 where WhatsApp
 * gave no time. A missing or impossible time is replaced by the time of capture.
 */
export const writtenAt = (
  { timestamp }: Pick<CapturedMessage, 'timestamp'>,
  capturedAt: string
): number => {
  if (timestamp > lastMs) return Math.floor(Date.parse(capturedAt) / 1_000)
  if (timestamp >= firstMs) return Math.round(timestamp / 1_000)
  const isMissing = Number.isInteger(timestamp) && timestamp <= 0
  return isMissing ? Math.floor(Date.parse(capturedAt) / 1_000) : timestamp
}

/** Text for comparison: case and the kind of white space do not count. */
const normalize = (text: string): string => text.replace(/\s+/g, ' ').trim().toLowerCase()

/**
 * WhatsApp Business sends greetings and away messages as ordinary messages of this account, and
 * nothing in them says so.
 * @param beginnings what such messages begin with, from AUTOMATIC_REPLIES
 * @returns whether a message is automatic
 */
export const automaticBy = (
  beginnings: readonly string[]
): ((message: Pick<CapturedMessage, 'from_me' | 'body'>) => boolean) => {
  const wanted = beginnings.map(normalize).filter((text) => text !== '')
  return ({ from_me, body }) =>
    from_me && wanted.length > 0 && wanted.some((text) => normalize(body).startsWith(text))
}

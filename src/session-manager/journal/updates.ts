import { isDeepStrictEqual } from 'node:util'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'
import { isOfMessages } from './identities.ts'

/**
 * Known messages that come again with something new: an own message that was sent after all, a call
 * that ended, or a message mapped by a later release.
 */

/** Types that WhatsApp changes after they were sent, without an edit. */
const changing: ReadonlySet<string> = new Set(['call_log', 'event_creation', 'order', 'payment'])

/** Whether WhatsApp changes messages of this type later, as a call ends or an order goes on. */
export const goesOn = ({ type }: CapturedMessage): boolean => changing.has(type)

/**
 * Whether a message that is reported once more may have something new: how it went on, or that it
 * was sent after all.
 */
export const canChange = ({ type, from_me }: CapturedMessage): boolean =>
  from_me || changing.has(type)

/** A message that was reported once more: the known message with what may have changed. */
export const refreshedMessage = (
  before: CapturedMessage,
  now: CapturedMessage
): CapturedMessage => {
  const message: CapturedMessage = { ...before }
  if (now.unsent === undefined) delete message.unsent
  else message.unsent = now.unsent
  if (now.call !== undefined && now.call.outcome !== 'unknown') message.call = now.call
  if (now.order !== undefined) message.order = now.order
  if (now.payment !== undefined) message.payment = now.payment
  if (now.event !== undefined) message.event = now.event
  return message
}

/** The newest version of each message in the journal. */
export class Known {
  readonly #rows: StatementSync
  readonly #account: string

  constructor(db: DatabaseSync, account: string) {
    this.#account = account
    // The unary plus stops SQLite from using the index on account, which matches every row.
    this.#rows = db.prepare(`
      SELECT record FROM records WHERE ${isOfMessages('(SELECT ?1 AS value)')} AND +account = ?2
      ORDER BY seq DESC`)
  }

  /**
   * The newest version of this message or edit; undefined when the journal only knows that the
   * message exists.
   */
  latest({ id, edited }: CapturedMessage): CapturedMessage | undefined {
    const first = edited === undefined ? 'message' : 'edit'
    for (const row of this.#rows.iterate(id, this.#account)) {
      const { kind, message } = JSON.parse(String(row['record'])) as InboundRecord
      if ((kind === 'update' || kind === first) && message.edited?.at === edited?.at) return message
    }
    return undefined
  }
}

/**
 * A message that was mapped again, with what only the record has: the id under which it is known,
 * and the outcome of its media.
 */
export const updatedMessage = (before: CapturedMessage, now: CapturedMessage): CapturedMessage => {
  const message = { ...now, id: before.id, chat_id: before.chat_id }
  for (const field of ['phone', 'lid', 'name', 'author'] as const) {
    const value = message[field] ?? before[field]
    if (value !== undefined) message[field] = value
  }
  if (before.media !== undefined) Object.assign(message, { media: before.media, has_media: true })
  if (before.edited !== undefined) message.edited = before.edited
  return withOutcome(before, message)
}

/** The message is mapped again as it first came. How it went on since is kept. */
const withOutcome = (before: CapturedMessage, now: CapturedMessage): CapturedMessage => {
  const message = { ...now }
  if (before.unsent === undefined) delete message.unsent
  if (before.call !== undefined && (now.call?.outcome ?? 'unknown') === 'unknown')
    message.call = before.call
  if (before.order !== undefined) message.order ??= before.order
  if (before.payment !== undefined) message.payment ??= before.payment
  if (before.event !== undefined) message.event ??= before.event
  return message
}

export const isNews = (before: CapturedMessage, now: CapturedMessage): boolean =>
  !isDeepStrictEqual(before, now)

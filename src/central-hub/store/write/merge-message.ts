import type { Selectable, Updateable } from 'kysely'
import type { CapturedMessage, Media } from '../../../contract/record.ts'
import type { MessageTable } from '../database/schema.ts'
import type { Content } from './write-message.ts'

/** Makes one message of its several records, or of its several rows. */

type Columns = Selectable<MessageTable>

/**
 * The parts that only who a message is from or to makes different under another address of its
 * chat.
 */
const ofAddress = new Set(['from', 'to', 'author', 'phone', 'lid', 'name', 'mentions'])

/** What the second has and the first has not, as JSON; undefined when there is nothing. */
const missingDetails = (known: string, given: string): string | undefined => {
  if (known === given) return undefined
  const before = JSON.parse(known) as Record<string, unknown>
  const fresh = Object.entries(JSON.parse(given) as Record<string, unknown>).filter(
    ([name]) => !(name in before) && !ofAddress.has(name)
  )
  return fresh.length === 0
    ? undefined
    : JSON.stringify({ ...before, ...Object.fromEntries(fresh) })
}

/**
 * A message that is known is told once more, perhaps with more in it: what is there stays, what was
 * missing is added.
 */
export const fillIn = (
  row: Pick<Columns, 'type' | 'body' | 'edited_at' | 'media' | 'details' | 'terms'>,
  content: Content
): Updateable<MessageTable> => {
  const changes: Updateable<MessageTable> = {}
  const details = missingDetails(row.details, content.details)
  if (details !== undefined) changes.details = details
  // what was known first may have been what is left of a deleted message, or one that was not
  // decrypted
  const isPlaceholder =
    row.type === 'revoked' || (row.type === 'ciphertext' && content.type !== 'revoked')
  if (isPlaceholder && content.type !== row.type) {
    changes.type = content.type
    changes.personal = content.personal
  }
  if (row.body === '' && row.edited_at === null && content.body !== '') {
    changes.body = content.body
    // whether a person wrote it may depend on its text
    changes.personal = content.personal
  }
  if (row.media === null && content.media !== null) changes.media = content.media
  if (row.terms === '' || details !== undefined) changes.terms = content.terms
  return changes
}

/** Whether these changes make the row another one. */
export const isDifferent = (row: Partial<Columns>, changes: Updateable<MessageTable>): boolean =>
  Object.entries(changes).some(([column, value]) => row[column as keyof Columns] !== value)

/** What only the address of the chat makes different stays as it was. */
export const withAddress = (known: string, given: string): string => {
  const before = Object.entries(JSON.parse(known) as Record<string, unknown>).filter(([name]) =>
    ofAddress.has(name)
  )
  return JSON.stringify({ ...(JSON.parse(given) as object), ...Object.fromEntries(before) })
}

/**
 * Which of two states of media counts: one that was fetched is there, whatever failed before or is
 * told later.
 */
export const mediaRank = (media: string | null): number =>
  media === null
    ? 0
    : { pending: 1, failed: 2, skipped: 2, stored: 3 }[(JSON.parse(media) as Media).state]

const earliest = (a: number | null, b: number | null): number | null =>
  a === null || (b !== null && b < a) ? b : a

const latest = (a: number | null, b: number | null): number | null =>
  a === null || (b !== null && b > a) ? b : a

/** A call that was answered stays answered, whatever an earlier record said. */
const withOutcome = (kept: string, other: string): string => {
  const [details, others] = [JSON.parse(kept), JSON.parse(other)] as Pick<CapturedMessage, 'call'>[]
  if (
    details?.call === undefined ||
    details.call.outcome === 'answered' ||
    others?.call?.outcome !== 'answered'
  )
    return kept
  return JSON.stringify({ ...details, call: others.call })
}

/** What a row takes over from another one that turned out to be of the same message. */
const takeOver = (kept: Columns, other: Columns): Updateable<MessageTable> => {
  const isDecrypted = kept.decryption !== null && other.decryption === null
  const { from_me, personal, type, body, timestamp, media, details, terms, decryption } = other
  const content: Content = {
    from_me,
    personal,
    type,
    body,
    timestamp,
    media,
    details,
    terms,
    decryption
  }
  const changes: Updateable<MessageTable> = isDecrypted ? { ...content } : fillIn(kept, content)
  if (kept.decryption === 'pending' && other.decryption === 'failed') changes.decryption = 'failed'
  if (other.edited_at !== null && other.edited_at > (kept.edited_at ?? -1)) {
    changes.body = other.body
    changes.edited_at = other.edited_at
  } else if (kept.edited_at !== null) changes.body = kept.body
  if (mediaRank(other.media) > mediaRank(kept.media)) changes.media = other.media
  changes.revoked_at = earliest(kept.revoked_at, other.revoked_at)
  changes.revoked_by = changes.revoked_at === kept.revoked_at ? kept.revoked_by : other.revoked_by
  // a deletion for everyone counts, whatever was deleted on this phone before
  if (kept.revoked_by === 'sender' || other.revoked_by === 'sender') changes.revoked_by = 'sender'
  const known = changes.details ?? kept.details
  if (withOutcome(known, other.details) !== known)
    changes.details = withOutcome(known, other.details)
  changes.handled_at = latest(kept.handled_at, other.handled_at)
  changes.closed_at = latest(kept.closed_at, other.closed_at)
  changes.acknowledged = Math.max(kept.acknowledged, other.acknowledged)
  return changes
}

/** Makes one row of the rows of one message: the first row, with what the others know. */
export const foldRows = ([kept, ...others]: readonly [
  Columns,
  ...Columns[]
]): Updateable<MessageTable> => {
  const now = { ...kept }
  const changes: Updateable<MessageTable> = {}
  for (const other of others) {
    const taken = takeOver(now, other)
    Object.assign(now, taken)
    Object.assign(changes, taken)
  }
  return changes
}

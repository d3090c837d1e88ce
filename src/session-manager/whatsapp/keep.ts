import { maxRawLength, type RawModel } from '../journal/raw-models.ts'
import { mapperVersion, type Mapping } from './message.ts'
import { isRaw, isThumbnail, type Raw } from './content/raw.ts'

/** Keeps raw models, so that a later release can map them again. */

/** The function of new-records.ts that made new records of a model. */
export type Way =
  | 'message'
  | 'ciphertext_failed'
  | 'edit'
  | 'revoke:sender'
  | 'revoke:me'
  | 'reaction'
  | 'vote'

/** What is kept of a model. */
export interface Kept {
  way: Way
  /** The account's own addresses then. */
  me: readonly string[]
  /** The text before an edit. */
  previous?: string
  model: Raw
}

/**
 * Fields that no mapping needs: keys and secrets, pictures, waveforms, and tokens that grant access.
 * The encrypted file's sum and old address are useless without its key. A quoted message has a
 * record of its own, and is erased with that record.
 */
const leftOut = new RegExp(
  [
    'thum|secret|sidecar|waveform|^enc[A-Z]|mediaKey|^token$|^inviteCode$|reportingToken',
    'protobuf|Buffer$|Mms3Url|^staticUrl$|^quotedMsg$|quotedMessage$'
  ].join('|'),
  'i'
)

/**
 * Fields of the page's own bookkeeping, which most models have. At a deeper level the same name is
 * something else, such as a row of a list.
 */
const bookkeeping: ReadonlySet<string> = new Set([
  'doNotPlayInline',
  'forwardsCount',
  'invis',
  'isNewMsg',
  'kicNotified',
  'lastPlaybackProgress',
  'lastUpdateFromServerTs',
  'links',
  'questionResponsesCount',
  'readQuestionResponsesCount',
  'recvFresh',
  'rowId',
  'star',
  'stickerSentTs',
  'viewed'
])

/** The page has few names, and each model has a hundred. */
const maxNames = 5_000
const namesLeftOut = new Map<string, boolean>()

const isLeftOut = (name: string): boolean => {
  const known = namesLeftOut.get(name)
  if (known !== undefined) return known
  if (namesLeftOut.size >= maxNames) namesLeftOut.clear()
  const isMatch = leftOut.test(name)
  namesLeftOut.set(name, isMatch)
  return isMatch
}

/** A value that is null, false or empty means the same as a missing value. */
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  (Array.isArray(value) && value.length === 0)

/** Deeper than any model of the page. */
const maxDepth = 12

const trim = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return isThumbnail(value) ? undefined : value
  if (depth > maxDepth) return undefined
  if (Array.isArray(value)) return value.map((item: unknown) => trim(item, depth + 1) ?? null)
  if (!isRaw(value)) return typeof value === 'bigint' ? undefined : value
  const kept = Object.create(null) as Record<string, unknown>
  for (const name of Object.keys(value)) {
    if (isEmpty(value[name]) || isLeftOut(name) || (depth === 0 && bookkeeping.has(name))) continue
    const trimmed = trim(value[name], depth + 1)
    if (trimmed !== undefined) kept[name] = trimmed
  }
  return kept
}

/** The body of a chat message is its text, even if it looks like a thumbnail. */
const withText = (model: Raw, trimmed: Raw): Raw =>
  model['type'] === 'chat' && typeof model['body'] === 'string'
    ? { ...trimmed, body: model['body'] }
    : trimmed

/** @returns undefined when models are not kept, or this model is too long */
export const keep = (
  model: Raw,
  way: Way,
  mapping: Mapping,
  previous?: string
): RawModel | undefined => {
  if (mapping.keepRaw !== true) return undefined
  const kept: Kept = { way, me: mapping.me, model: withText(model, trim(model, 0) as Raw) }
  if (previous !== undefined && !isThumbnail(previous)) kept.previous = previous
  const text = JSON.stringify(kept)
  return text.length > maxRawLength ? undefined : { version: mapperVersion, text }
}

/** Parses a kept model; undefined when the text does not hold a model. */
export const readKept = ({ text }: RawModel): Kept | undefined => {
  const kept: unknown = JSON.parse(text)
  return isRaw(kept) && isRaw(kept['model']) && Array.isArray(kept['me'])
    ? (kept as unknown as Kept)
    : undefined
}

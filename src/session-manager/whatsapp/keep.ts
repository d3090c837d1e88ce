import { maxRawLength, type RawModel } from '../journal/raw-models.ts'
import { mapperVersion, type Mapping } from './message.ts'
import { isRaw, isThumbnail, type Raw } from './content/raw.ts'

/** Raw models as they are kept, to be mapped again by a later release. */

/** How a model became new records: the function of new-records.ts that read it. */
export type Way =
  | 'message'
  | 'ciphertext_failed'
  | 'edit'
  | 'revoke:sender'
  | 'revoke:me'
  | 'reaction'
  | 'vote'

/** What is kept of one. */
export interface Kept {
  way: Way
  /** The account's own addresses then. */
  me: readonly string[]
  /** Of an edit: the text before it. */
  previous?: string
  model: Raw
}

/**
 * Fields that no mapping needs: keys and secrets, pictures, waveforms, and what opens something to
 * whoever has it. The encrypted file's sum and old address are of no use without its key. A quoted
 * message has a record of its own, and is erased with that one.
 */
const leftOut =
  /thum|secret|sidecar|waveform|^enc[A-Z]|mediaKey|^token$|^inviteCode$|reportingToken|protobuf|Buffer$|Mms3Url|^staticUrl$|^quotedMsg$|quotedMessage$/i

/**
 * Fields of the page's own bookkeeping, which most models have. Deeper, the same name is another
 * thing: a row of a list.
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

/** The page has few names, and each model has a hundred of them. */
const maxNames = 5_000
const namesLeftOut = new Map<string, boolean>()

const isLeftOut = (name: string): boolean => {
  const known = namesLeftOut.get(name)
  if (known !== undefined) return known
  if (namesLeftOut.size >= maxNames) namesLeftOut.clear()
  const found = leftOut.test(name)
  namesLeftOut.set(name, found)
  return found
}

/** What is null, false or empty means as much as what is not there. */
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

/** The message of a chat is its text, whatever it looks like. */
const withText = (model: Raw, trimmed: Raw): Raw =>
  model['type'] === 'chat' && typeof model['body'] === 'string'
    ? { ...trimmed, body: model['body'] }
    : trimmed

/** @returns undefined when models are not kept, or this one is too long */
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

/** Takes a kept model; undefined for a text that is none. */
export const readKept = ({ text }: RawModel): Kept | undefined => {
  const kept: unknown = JSON.parse(text)
  return isRaw(kept) && isRaw(kept['model']) && Array.isArray(kept['me'])
    ? (kept as unknown as Kept)
    : undefined
}

import type { CapturedMessage } from '../../../contract/record.ts'
import { isOfAPerson } from '../../../contract/message-types.ts'
import { whyNotKept, type MediaLimits } from '../../journal/media-limits.ts'
import { asCount, asNumber, asText, strip, type Raw } from './raw.ts'

/** Types whose content is a file, known before the model says where WhatsApp keeps it. */
const files: ReadonlySet<string> = new Set([
  'audio',
  'document',
  'gif',
  'image',
  'ptt',
  'ptv',
  'sticker',
  'video'
])

/**
 * Types that name a file which is not for people: a bundle of other messages, an archive of
 * stickers.
 */
const withoutMedia: ReadonlySet<string> = new Set([
  'album',
  'ciphertext',
  'revoked',
  'sticker-pack'
])

/** WhatsApp gives SHA-256 sums in base64. */
const asSha256 = (value: unknown): string | undefined => {
  const bytes = Buffer.from(asText(value) ?? '', 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : undefined
}

/** A file to be seen once is not given to linked devices. */
export const isViewOnceWithoutFile = (raw: Raw): boolean =>
  raw['isViewOnce'] === true && !asText(raw['directPath'])

const hasFile = (raw: Raw): boolean => {
  const type = asText(raw['type']) ?? ''
  if (withoutMedia.has(type) || !isOfAPerson(type)) return false
  if (isViewOnceWithoutFile(raw)) return false
  return asText(raw['directPath']) !== undefined || files.has(type)
}

/**
 * The media of a message. A file without a path yet is pending too: the page has the path later.
 */
export const mediaOf = (raw: Raw, limits: MediaLimits): CapturedMessage['media'] => {
  if (!hasFile(raw)) return undefined
  const size = asCount(raw['size'])
  const mimetype = asText(raw['mimetype'])
  const reason = whyNotKept(limits, { size, mimetype })
  return strip({
    state: reason === undefined ? ('pending' as const) : ('skipped' as const),
    reason,
    mimetype,
    filename: asText(raw['filename']),
    size,
    sha256: asSha256(raw['filehash']),
    duration: asNumber(raw['duration'])
  })
}

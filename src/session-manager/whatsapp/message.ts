import { createHash } from 'node:crypto'
import type { CapturedMessage } from '../../contract/record.ts'
import { whyNotKept, type MediaLimits } from '../media-limits.ts'
import { asId, asIds, asNumber, asSeconds, asText, asTime, isRaw, keyOf, lidOf, phoneOf, strip, type Raw } from './raw.ts'

/** A message of WhatsApp Web as it is captured. */

/** WhatsApp gives SHA-256 sums in base64. */
const asSha256 = (value: unknown): string | undefined => {
  const bytes = Buffer.from(asText(value) ?? '', 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : undefined
}

const mediaOf = (raw: Raw, limits: MediaLimits): CapturedMessage['media'] => {
  if (!asText(raw['directPath'])) return undefined
  const size = asNumber(raw['size'])
  const mimetype = asText(raw['mimetype'])
  const reason = whyNotKept(limits, { size, mimetype })
  return strip({
    state: reason === undefined ? ('pending' as const) : ('skipped' as const),
    reason,
    mimetype,
    filename: asText(raw['filename']),
    size: size === undefined ? undefined : Math.max(0, Math.round(size)),
    sha256: asSha256(raw['filehash']),
    duration: asNumber(raw['duration'])
  })
}

const locationOf = (raw: Raw): CapturedMessage['location'] => {
  const [latitude, longitude] = [asNumber(raw['lat']), asNumber(raw['lng'])]
  if (raw['type'] !== 'location' || latitude === undefined || longitude === undefined) return undefined
  const [name, address] = (asText(raw['loc']) ?? '').split('\n')
  return strip({ latitude, longitude, name: asText(name), address: asText(address) })
}

const contactsOf = (raw: Raw): string[] | undefined => {
  const list = Array.isArray(raw['vcardList']) ? raw['vcardList'] : []
  if (raw['type'] === 'multi_vcard') return list.flatMap((card: unknown) => (isRaw(card) ? (asText(card['vcard']) ?? []) : []))
  return raw['type'] === 'vcard' ? [asText(raw['body']) ?? ''] : undefined
}

const pollOf = (raw: Raw): CapturedMessage['poll'] => {
  if (raw['type'] !== 'poll_creation' || !Array.isArray(raw['pollOptions'])) return undefined
  const options = raw['pollOptions'].flatMap((option: unknown) => (isRaw(option) ? (asText(option['name']) ?? []) : []))
  return { options, multiple: !asNumber(raw['pollSelectableOptionsCount']) }
}

const groupOf = (raw: Raw): CapturedMessage['group'] =>
  raw['type'] === 'gp2' ? strip({ subtype: asText(raw['subtype']), recipients: asIds(raw['recipients']) }) : undefined

/** The quoted message's id in full: WhatsApp gives its parts, and who wrote it decides the first. */
const quotedOf = (raw: Raw, chatId: string, me: readonly string[]): string | undefined => {
  const stanza = asText(raw['quotedStanzaID'])
  if (stanza === undefined) return undefined
  const participant = asId(raw['quotedParticipant'])
  const remote = asId(raw['quotedRemoteJid']) ?? chatId
  const mine = participant !== undefined && me.includes(participant)
  return `${mine}_${remote}_${stanza}${remote.endsWith('@g.us') && participant ? `_${participant}` : ''}`
}

export interface Mapping {
  /** Other media is described, not fetched. */
  media: MediaLimits
  /** The account's own ids. */
  me: readonly string[]
}

/** Fields without which a message is not what WhatsApp's messages are: the page has changed. */
export const unreadableFields = (raw: Raw): string[] => [
  ...(keyOf(raw['id']) === undefined ? ['id'] : []),
  ...(asId(raw['from']) === undefined ? ['from'] : []),
  ...(asTime(raw['t'], 1_000) === undefined ? ['t'] : []),
  ...(asText(raw['type']) === undefined ? ['type'] : [])
]

/** An id for a message whose own cannot be read, the same each time it is seen. */
const madeUpId = (raw: Raw): string | undefined => {
  const [from, to] = [asId(raw['from']), asId(raw['to'])]
  if (from === undefined) return undefined
  const sum = createHash('sha256').update(JSON.stringify([from, to, asNumber(raw['t']), ...['type', 'body', 'caption', 'filehash'].map((name) => asText(raw[name]))])).digest('hex')
  return `false_${from}_unreadable-${sum.slice(0, 32)}`
}

/** A raw model as a captured message; undefined when it says neither what its id is nor whom it is from: it is no message at all. */
export const toMessage = (raw: Raw, { media: limits, me }: Mapping): CapturedMessage | undefined => {
  const key = isRaw(raw['id']) ? raw['id'] : {}
  const id = keyOf(raw['id']) ?? madeUpId(raw)
  if (id === undefined) return undefined
  const fromMe = key['fromMe'] === true || id.startsWith('true_')
  const from = asId(raw['from']) ?? ''
  const to = asId(raw['to']) ?? ''
  const chatId = asId(key['remote']) ?? (fromMe ? to : from)
  const author = asId(raw['author'])
  const counterpart = fromMe ? chatId : (author ?? chatId)
  const media = mediaOf(raw, limits)
  const mentions = asIds(raw['mentionedJidList'])
  return strip({
    id,
    chat_id: chatId,
    from,
    to,
    author,
    phone: phoneOf(counterpart),
    lid: lidOf(counterpart),
    name: fromMe ? undefined : asText(raw['notifyName']),
    from_me: fromMe,
    type: asText(raw['type']) ?? 'unknown',
    // with media, `body` is the thumbnail
    body: (media ? asText(raw['caption']) : (asText(raw['body']) ?? asText(raw['pollName']) ?? asText(raw['eventName']))) ?? '',
    timestamp: asSeconds(raw['t']),
    has_media: media !== undefined,
    media,
    quoted_id: quotedOf(raw, chatId, me),
    mentions: mentions.length > 0 ? mentions : undefined,
    forwarded: raw['isForwarded'] === true ? true : undefined,
    location: locationOf(raw),
    contacts: contactsOf(raw),
    poll: pollOf(raw),
    group: groupOf(raw)
  }) as CapturedMessage
}

import { createHash } from 'node:crypto'
import type { CapturedMessage } from '../../contract/record.ts'
import type { Draft } from '../journal.ts'
import { whyNotKept, type MediaLimits } from '../media-limits.ts'

/**
 * WhatsApp Web's own message models, as whatsapp-web.js hands them on (its `Message.rawData`), become drafts for the
 * journal. The models are WhatsApp's to change, so every field is read with doubt and nothing here throws.
 */
export type Raw = Readonly<Record<string, unknown>>

const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)
const asText = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const asNumber = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}
/** A time in ms, if it is one that Date can hold and that lies after 1970. */
const asTime = (value: unknown, unit = 1): number | undefined => {
  const ms = (asNumber(value) ?? NaN) * unit
  return ms >= 0 && ms <= 253_402_300_799_999 ? ms : undefined
}
const asSeconds = (value: unknown): number => Math.round((asTime(value, 1_000) ?? Date.now()) / 1_000)
/** A contact, group or chat id: a Wid object with `_serialized`, or the text itself. */
const asId = (value: unknown): string | undefined => asText(isRaw(value) ? value['_serialized'] : value)
const asIds = (value: unknown): string[] => (Array.isArray(value) ? value.flatMap((item) => asId(item) ?? []) : [])
const strip = <T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }

/** A message key: `<fromMe>_<chat>_<id>[_<participant>]`. */
export const keyOf = (key: unknown): string | undefined => {
  if (!isRaw(key)) return asText(key)
  const [remote, id] = [asId(key['remote']), asText(key['id'])]
  const participant = asId(key['participant'])
  const built = remote && id ? `${key['fromMe'] === true}_${remote}_${id}${participant ? `_${participant}` : ''}` : undefined
  return asText(key['_serialized']) ?? built
}

/** The phone number behind an id such as 5215512345678@c.us (a device suffix may stand before the @), in E.164. */
export const phoneOf = (id: string | undefined): string | undefined => {
  const [, digits] = /^(\d{5,15})(?::\d+)?@(?:c\.us|s\.whatsapp\.net)$/.exec(id ?? '') ?? []
  return digits === undefined ? undefined : `+${digits}`
}
const lidOf = (id: string | undefined): string | undefined => (id?.endsWith('@lid') ? id : undefined)

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

/** A raw model as a captured message; undefined when it has no id, so that it is no message at all. */
export const toMessage = (raw: Raw, { media: limits, me }: Mapping): CapturedMessage | undefined => {
  const key = isRaw(raw['id']) ? raw['id'] : {}
  const id = keyOf(raw['id'])
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

/** When a message was last edited, ms; undefined when it never was. */
const editedAt = (raw: Raw): number | undefined => asTime(raw['latestEditSenderTimestampMs'])

const draft = (kind: Draft['kind'], key: string, message: CapturedMessage): Draft => ({ kind, key: `${kind}:${key}`, message })

/** A new message, or one read back: also what has become of it since, for it may be known from before that. */
export const messageDrafts = (raw: Raw, mapping: Mapping): Draft[] => {
  const message = toMessage(raw, mapping)
  if (message === undefined) return []
  if (message.type === 'ciphertext') return [draft('ciphertext', message.id, message)]
  if (message.type === 'revoked') return [draft('message', message.id, message), ...revokeDrafts(raw, 'sender', mapping)]
  return [draft('message', message.id, message), ...(editedAt(raw) === undefined ? [] : editDrafts(raw, undefined, mapping))]
}

export const ciphertextFailedDrafts = (raw: Raw, mapping: Mapping): Draft[] => {
  const message = toMessage(raw, mapping)
  return message === undefined ? [] : [draft('ciphertext_failed', message.id, message)]
}

/**
 * An edit. `change:body` fires for more than edits (a thumbnail that loads, a text decrypted), so without an edit time
 * it counts only when one text took the place of another.
 */
export const editDrafts = (raw: Raw, previous: string | undefined, mapping: Mapping): Draft[] => {
  const message = toMessage(raw, mapping)
  if (message === undefined || message.type === 'ciphertext') return []
  const at = editedAt(raw)
  const textChanged = message.type === 'chat' && asText(previous) !== undefined && previous !== message.body
  if (at === undefined && !textChanged) return []
  const version = at ?? createHash('sha256').update(message.body).digest('hex').slice(0, 16)
  const edited = strip({ at: new Date(at ?? Date.now()).toISOString(), previous: asText(previous) }) as NonNullable<CapturedMessage['edited']>
  return [draft('edit', `${message.id}:${version}`, { ...message, edited })]
}

/** A deletion: by its sender for everyone, or by this account for itself. */
export const revokeDrafts = (raw: Raw, by: 'sender' | 'me', mapping: Mapping): Draft[] => {
  const message = toMessage(raw, mapping)
  if (message === undefined) return []
  const id = keyOf(raw['protocolMessageKey']) ?? message.id
  return [draft('revoke', `${by}:${id}`, { ...message, id, body: '', revoked: { by } })]
}

/** A reaction or its removal. `raw` is what `message_reaction` carries. */
export const reactionDrafts = (reaction: Raw): Draft[] => {
  const messageId = keyOf(reaction['msgId'])
  const sender = asId(reaction['senderId'])
  if (messageId === undefined || sender === undefined) return []
  const emoji = asText(reaction['reaction']) ?? ''
  const timestamp = asSeconds(reaction['timestamp'])
  const key = isRaw(reaction['id']) ? reaction['id'] : {}
  const chatId = asId(key['remote']) ?? messageId.split('_')[1] ?? ''
  const fromMe = key['fromMe'] === true
  const message: CapturedMessage = strip({
    id: keyOf(reaction['id']) ?? `${messageId}:${sender}`,
    chat_id: chatId,
    from: sender,
    to: '',
    phone: fromMe ? undefined : phoneOf(sender),
    lid: fromMe ? undefined : lidOf(sender),
    from_me: fromMe,
    type: 'reaction',
    body: emoji,
    timestamp,
    has_media: false,
    reaction: { message_id: messageId, emoji, sender }
  }) as CapturedMessage
  return [draft('reaction', `${messageId}:${sender}:${timestamp}:${emoji}`, message)]
}

/** A poll vote; what is selected now, in full. `raw` is what `vote_update` carries. */
export const voteDrafts = (vote: Raw): Draft[] => {
  const messageId = keyOf(vote['parentMsgKey'])
  const voter = asId(vote['voter'])
  if (messageId === undefined || voter === undefined) return []
  const selected = Array.isArray(vote['selectedOptions']) ? vote['selectedOptions'] : []
  const options = selected.flatMap((option: unknown) => (isRaw(option) ? (asText(option['name']) ?? []) : []))
  // the library's own spelling
  const at = asTime(vote['interractedAtTs']) ?? Date.now()
  const message: CapturedMessage = strip({
    id: `${messageId}:${voter}`,
    chat_id: messageId.split('_')[1] ?? '',
    from: voter,
    to: '',
    phone: phoneOf(voter),
    lid: lidOf(voter),
    from_me: false,
    type: 'poll_vote',
    body: options.join(', '),
    timestamp: Math.round(at / 1_000),
    has_media: false,
    vote: { message_id: messageId, options }
  }) as CapturedMessage
  return [draft('vote', `${messageId}:${voter}:${at}`, message)]
}

/** A change in a group: who joined, left, was promoted, or what was changed. `raw` is a GroupNotification. */
export const groupDrafts = (notification: Raw, mapping: Mapping): Draft[] =>
  messageDrafts(
    {
      ...notification,
      type: 'gp2',
      subtype: notification['type'],
      t: notification['timestamp'],
      recipients: notification['recipientIds'],
      from: notification['chatId']
    },
    mapping
  )

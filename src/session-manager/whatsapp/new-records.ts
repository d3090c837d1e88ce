import { createHash } from 'node:crypto'
import type { CapturedMessage } from '../../contract/record.ts'
import type { NewRecord } from '../journal/journal.ts'
import { keep } from './keep.ts'
import { toMessage, type Mapping } from './message.ts'
import {
  asId,
  asList,
  asSeconds,
  asText,
  asTime,
  asWords,
  hasTime,
  isRaw,
  keyOf,
  lidOf,
  phoneOf,
  strip,
  type Raw
} from './content/raw.ts'

/** Makes new records for the journal of what happens to messages. */

/** What a text without a time is told apart by. */
const digest = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16)

/** When a message was last edited, ms; undefined when it never was. */
const editedAt = (raw: Raw): number | undefined =>
  asTime(raw['latestEditSenderTimestampMs']) || undefined

const newRecord = (
  kind: NewRecord['kind'],
  key: string,
  message: CapturedMessage,
  raw: NewRecord['raw']
): NewRecord => {
  const record: NewRecord = { kind, key: `${kind}:${key}`, message }
  if (raw !== undefined) record.raw = raw
  return record
}

/** Marks a record whose model is a copy of a broadcast list, or has only a few fields. */
const markByModel = (record: NewRecord, raw: Raw): NewRecord => {
  if (raw['broadcast'] === true) record.isListCopy = true
  if (raw['isPartialModel'] === true) record.isPartial = true
  return record
}

/** Channels and status updates, which belong to no conversation. */
const isBroadcast = (chatId: string): boolean =>
  chatId === 'status@broadcast' || chatId.endsWith('@newsletter')

const isKeptOut = (chatId: string, { broadcasts = false }: Mapping): boolean =>
  !broadcasts && isBroadcast(chatId)

/** The page's own helpers, which it does not show or takes away again. */
const isForNobody = (raw: Raw): boolean =>
  raw['viewMode'] === 'HIDDEN' || raw['subtype'] === 'bot_typing_placeholder'

/** The message of a model; undefined when it is not captured. */
const toCaptured = (raw: Raw, mapping: Mapping): CapturedMessage | undefined => {
  const message = toMessage(raw, mapping)
  return message === undefined || isForNobody(raw) || isKeptOut(message.chat_id, mapping)
    ? undefined
    : message
}

/** A message whose content follows, under the same id. */
const isPlaceholder = ({ type }: CapturedMessage): boolean =>
  type === 'ciphertext' || type === 'loading_media'

/** The records of a new message, or of a message that was read back, with its later changes. */
export const messageRecords = (raw: Raw, mapping: Mapping): NewRecord[] => {
  const message = toCaptured(raw, mapping)
  if (message === undefined) return []
  const kept = keep(raw, 'message', mapping)
  if (isPlaceholder(message)) {
    // A linked device never gets the content of a phone-only message, and must not keep asking.
    const kind = message.phone_only === undefined ? 'ciphertext' : 'ciphertext_failed'
    return [markByModel(newRecord(kind, message.id, message, kept), raw)]
  }
  const created = markByModel(newRecord('message', message.id, message, kept), raw)
  if (message.type === 'revoked') return [created, ...revokeRecords(raw, 'sender', mapping)]
  if (editedAt(raw) === undefined) return [created]
  return [created, ...editRecords(raw, undefined, mapping)]
}

export const ciphertextFailedRecords = (raw: Raw, mapping: Mapping): NewRecord[] => {
  const message = toCaptured(raw, mapping)
  if (message === undefined) return []
  return [
    markByModel(
      newRecord('ciphertext_failed', message.id, message, keep(raw, 'ciphertext_failed', mapping)),
      raw
    )
  ]
}

/**
 * An edit. `change:body` fires for more than edits (a thumbnail that loads, a text decrypted), so
 * without an edit time it counts only when one text took the place of another.
 */
export const editRecords = (
  raw: Raw,
  previous: string | undefined,
  mapping: Mapping
): NewRecord[] => {
  const message = toCaptured(raw, mapping)
  if (message === undefined || isPlaceholder(message)) return []
  const at = editedAt(raw)
  const textChanged =
    message.type === 'chat' && asText(previous) !== undefined && previous !== message.body
  if (at === undefined && !textChanged) return []
  const version = at ?? digest(message.body)
  const edited = strip({
    at: new Date(at ?? Date.now()).toISOString(),
    previous: asWords(previous)
  }) as NonNullable<CapturedMessage['edited']>
  const kept = keep(raw, 'edit', mapping, previous)
  return [
    markByModel(newRecord('edit', `${message.id}:${version}`, { ...message, edited }, kept), raw)
  ]
}

/** A deletion: by its sender for everyone, or by this account for itself. */
export const revokeRecords = (raw: Raw, by: 'sender' | 'me', mapping: Mapping): NewRecord[] => {
  const message = toCaptured(raw, mapping)
  if (message === undefined) return []
  const id = keyOf(raw['protocolMessageKey']) ?? message.id
  const kept = keep(raw, `revoke:${by}`, mapping)
  return [
    markByModel(
      newRecord('revoke', `${by}:${id}`, { ...message, id, body: '', revoked: { by } }, kept),
      raw
    )
  ]
}

/** In the key of a change that WhatsApp gives no time for: told twice it is one. */
const untimed = 'untimed'

/** A reaction or its removal. `raw` is what `message_reaction` carries. */
export const reactionRecords = (reaction: Raw, mapping: Mapping): NewRecord[] => {
  const messageId = keyOf(reaction['msgId'])
  const sender = asId(reaction['senderId'])
  if (messageId === undefined || sender === undefined) return []
  const emoji = asText(reaction['reaction']) ?? ''
  const timestamp = asSeconds(reaction['timestamp'])
  const at = hasTime({ t: reaction['timestamp'] }) ? timestamp : untimed
  const key = isRaw(reaction['id']) ? reaction['id'] : {}
  const chatId = asId(key['remote']) ?? messageId.split('_')[1] ?? ''
  if (isKeptOut(chatId, mapping)) return []
  const fromMe = key['fromMe'] === true || mapping.me.includes(sender)
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
  return [
    newRecord(
      'reaction',
      `${messageId}:${sender}:${at}:${emoji}`,
      message,
      keep(reaction, 'reaction', mapping)
    )
  ]
}

/** A poll vote: what is selected now, in full. `raw` is what `vote_update` carries. */
export const voteRecords = (vote: Raw, mapping: Mapping): NewRecord[] => {
  const messageId = keyOf(vote['parentMsgKey'])
  const voter = asId(vote['voter'])
  const chatId = messageId?.split('_')[1] ?? ''
  if (messageId === undefined || voter === undefined || isKeptOut(chatId, mapping)) return []
  const options = asList(vote['selectedOptions']).flatMap((option) => asText(option['name']) ?? [])
  // The library spells it so.
  const at = asTime(vote['interractedAtTs']) || undefined
  const fromMe = mapping.me.includes(voter)
  const message: CapturedMessage = strip({
    id: `${messageId}:${voter}`,
    chat_id: chatId,
    from: voter,
    to: '',
    phone: fromMe ? undefined : phoneOf(voter),
    lid: fromMe ? undefined : lidOf(voter),
    from_me: fromMe,
    type: 'poll_vote',
    body: options.join(', '),
    timestamp: Math.round((at ?? Date.now()) / 1_000),
    has_media: false,
    vote: { message_id: messageId, options }
  }) as CapturedMessage
  const version = at ?? `${untimed}:${digest(options.join('\n'))}`
  const key = `${messageId}:${voter}:${version}`
  return [newRecord('vote', key, message, keep(vote, 'vote', mapping))]
}

/**
 * A change in a group: who joined, left, was promoted, or what was changed. `raw` is a
 * GroupNotification.
 */
export const groupRecords = (notification: Raw, mapping: Mapping): NewRecord[] =>
  messageRecords(
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

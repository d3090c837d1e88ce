import { createHash } from 'node:crypto'
import type { CapturedMessage } from '../../contract/record.ts'
import type { Draft } from '../journal.ts'
import { toMessage, type Mapping } from './message.ts'
import { asId, asSeconds, asText, asTime, isRaw, keyOf, lidOf, phoneOf, strip, type Raw } from './raw.ts'

/** What happens to messages becomes drafts for the journal. */

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

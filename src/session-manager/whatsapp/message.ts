import { createHash } from 'node:crypto'
import type { CapturedMessage } from '../../contract/record.ts'
import type { MediaLimits } from '../journal/media-limits.ts'
import { adOf, orderOf, paymentOf, productOf } from './content/commerce.ts'
import { interactiveOf, selectedOf } from './content/interactive.ts'
import { mediaOf } from './content/media.ts'
import {
  albumIdOf,
  albumOf,
  callOf,
  contactsOf,
  eventOf,
  groupInviteOf,
  groupOf,
  isBot,
  locationOf,
  numberChangeOf,
  phoneOnlyOf,
  pollOf,
  pollResultsOf
} from './content/talk.ts'
import { textOf } from './content/text.ts'
import {
  asId,
  asIds,
  asNumber,
  asSeconds,
  asText,
  asTime,
  isKeyBuilt,
  isRaw,
  keyOf,
  lidOf,
  phoneOf,
  strip,
  type Raw
} from './content/raw.ts'

/** A message of WhatsApp Web as it is captured. */

/**
 * The version of this mapping. Raise it with each change of the result: `leadmaster remap` maps
 * again what an earlier version has mapped.
 */
export const mapperVersion = 2

export interface Mapping {
  /** Media beyond these limits is described, not fetched. */
  media: MediaLimits
  /** The account's own addresses, without devices: its phone number and its LID. */
  me: readonly string[]
  /** Whether channels and status updates are captured. Default: false. */
  broadcasts?: boolean
  /** Whether raw models are kept beside what is mapped. Default: false. */
  keepRaw?: boolean
}

const isOneOf = (address: string | undefined, addresses: readonly string[]): boolean =>
  addresses.some((own) => own === address)

/** The full id of the quoted message. WhatsApp gives its parts; the author decides the first. */
const quotedOf = (raw: Raw, chatId: string, me: readonly string[]): string | undefined => {
  const stanza = asText(raw['quotedStanzaID'])
  if (stanza === undefined) return undefined
  const participant = asId(raw['quotedParticipant'])
  const remote = asId(raw['quotedRemoteJid']) ?? chatId
  const author = /@(?:g\.us|broadcast)$/.test(remote) ? participant : undefined
  return [String(isOneOf(participant, me)), remote, stanza, author]
    .filter((part) => part !== undefined)
    .join('_')
}

/** Required fields that a message lacks or that are unreadable: the page has changed. */
export const unreadableFields = (raw: Raw): string[] => [
  ...(keyOf(raw['id']) === undefined ? ['id'] : []),
  // The id is built from the parts of the key. WhatsApp Web may build its text in another way.
  ...(keyOf(raw['id']) !== undefined && isKeyBuilt(raw['id']) ? ['id text'] : []),
  ...(asId(raw['from']) === undefined ? ['from'] : []),
  ...(asTime(raw['t'], 1_000) === undefined ? ['t'] : []),
  ...(asText(raw['type']) === undefined ? ['type'] : [])
]

/** An id for a message whose own cannot be read, the same each time it is seen. */
const madeUpId = (raw: Raw): string | undefined => {
  const [from, to] = [asId(raw['from']), asId(raw['to'])]
  if (from === undefined) return undefined
  const sum = createHash('sha256')
    .update(
      JSON.stringify([
        from,
        to,
        asNumber(raw['t']),
        ...['type', 'body', 'caption', 'filehash'].map((name) => asText(raw[name]))
      ])
    )
    .digest('hex')
  return `false_${from}_unreadable-${sum.slice(0, 32)}`
}

/** What a message holds beside its text. */
const contentOf = (raw: Raw): Partial<CapturedMessage> =>
  strip({
    location: locationOf(raw),
    contacts: contactsOf(raw),
    poll: pollOf(raw),
    poll_results: pollResultsOf(raw),
    group: groupOf(raw),
    ad: adOf(raw),
    order: orderOf(raw),
    product: productOf(raw),
    payment: paymentOf(raw),
    interactive: interactiveOf(raw),
    selected: selectedOf(raw),
    event: eventOf(raw),
    group_invite: groupInviteOf(raw),
    call: callOf(raw),
    album: albumOf(raw),
    album_id: albumIdOf(raw),
    phone_only: phoneOnlyOf(raw),
    number_change: numberChangeOf(raw),
    group_status: raw['isGroupStatus'] === true ? true : undefined
  })

/**
 * In some versions the message that a deletion leaves behind has an id of its own. It then gets the
 * id of the deleted message.
 */
const idOf = (raw: Raw): string | undefined => {
  const deleted = raw['type'] === 'revoked' ? keyOf(raw['protocolMessageKey']) : undefined
  return deleted ?? keyOf(raw['id']) ?? madeUpId(raw)
}

/** A raw model as a captured message; undefined without an id and a sender: it is no message. */
export const toMessage = (
  raw: Raw,
  { media: limits, me }: Mapping
): CapturedMessage | undefined => {
  const key = isRaw(raw['id']) ? raw['id'] : {}
  const id = idOf(raw)
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
    body: textOf(raw),
    timestamp: asSeconds(raw['t'], raw['clientReceivedTsMillis']),
    has_media: media !== undefined,
    media,
    quoted_id: quotedOf(raw, chatId, me),
    mentions: mentions.length > 0 ? mentions : undefined,
    forwarded: raw['isForwarded'] === true ? true : undefined,
    ...contentOf(raw),
    bot: !fromMe && isBot(raw, author ?? chatId) ? true : undefined,
    to_self: isOneOf(chatId, me) ? true : undefined,
    unsent: fromMe && asNumber(raw['ack']) === -1 ? true : undefined
  }) as CapturedMessage
}

import type { CapturedMessage } from '../../../contract/record.ts'

/**
 * Ids of messages. WhatsApp names a chat with a person by phone number or by LID, with or without a
 * device, so one message has several ids: `fromMe_chat_stanza[_self][_participant]`. They have the
 * stanza in common.
 */

/** The parts of an id. Addresses are as `addressOf` gives them. */
export interface MessageId {
  fromMe: boolean
  chat: string
  stanza: string
  /** Who wrote it, in a group. */
  participant: string | undefined
}

/** Servers that name the same people as another one does. */
const servers: ReadonlyMap<string, string> = new Map([
  ['s.whatsapp.net', 'c.us'],
  ['hosted', 'c.us'],
  ['hosted.lid', 'lid']
])

/**
 * The address of a person or group without its device, the same for all servers that name that
 * person.
 */
export const addressOf = (jid: string): string => {
  const at = jid.indexOf('@')
  const server = jid.slice(at + 1)
  const colon = jid.indexOf(':')
  const isPlain = colon === -1 || colon > at
  if (at < 1 || (isPlain && !servers.has(server))) return jid
  return `${jid.slice(0, isPlain ? at : colon)}@${servers.get(server) ?? server}`
}

/**
 * Whether an address is of one person: not a group, a channel, a status, a bot, or WhatsApp's own
 * 0@c.us.
 */
export const isPerson = (address: string): boolean => /^\d{5,}@(c\.us|lid)$/.test(address)

/** Meta AI's own numbers, as WhatsApp Web knows them. */
const botNumber = /^(1313555\d{4}|131655500\d{2})@c\.us$/

/** Whether a chat is with Meta AI. */
export const isBotChat = (address: string): boolean =>
  address.endsWith('@bot') || botNumber.test(address)

const pattern = /^(true|false)_([^_]+)_([^_]+)(?:_(?:in|out))?(?:_(.+))?$/

/** undefined for an id of another form. */
export const parseMessageId = (id: string): MessageId | undefined => {
  const [, fromMe, chat = '', stanza = '', participant] = pattern.exec(id) ?? []
  if (fromMe === undefined) return undefined
  return {
    fromMe: fromMe === 'true',
    chat: addressOf(chat),
    stanza,
    participant: participant === undefined ? undefined : addressOf(participant)
  }
}

/**
 * What all ids of a message have in common; the id itself when it has another form. The column
 * `stanza` is the same.
 */
export const stanzaOf = (id: string): string =>
  /^(?:true|false)_[^_]+_[^_]/.test(id) ? (id.split('_')[2] ?? id) : id

/** The addresses of a person, as far as they are known. */
export const addressesOf = ({
  phone,
  lid
}: {
  phone?: string | null
  lid?: string | null
}): string[] => [
  ...(phone == null ? [] : [`${phone.slice(1)}@c.us`]),
  ...(lid == null ? [] : [addressOf(lid)])
]

/** What an address of a person says of who that is. */
export const identityOf = (jid: string | undefined): { phone?: string; lid?: string } => {
  const address = addressOf(jid ?? '')
  if (!isPerson(address)) return {}
  return address.endsWith('@lid')
    ? { lid: address }
    : { phone: `+${address.slice(0, address.indexOf('@'))}` }
}

const serverOf = (address: string): string => address.slice(address.indexOf('@'))

/**
 * Two addresses of the same kind name two people when they differ; a number and a LID may be one
 * person's.
 */
const mayBeOne = (a: string | undefined, b: string | undefined): boolean =>
  a === undefined || b === undefined || a === b || serverOf(a) !== serverOf(b)

/**
 * Whether two ids with one stanza name the same message.
 * @param person the addresses of the person whose chat it is, as far as they are known
 */
export const isSameMessage = (a: string, b: string, person: readonly string[]): boolean => {
  if (a === b) return true
  const [first, second] = [parseMessageId(a), parseMessageId(b)]
  if (first === undefined || second === undefined) return false
  if (first.fromMe !== second.fromMe || first.stanza !== second.stanza) return false
  if (first.chat !== second.chat) return person.includes(first.chat) && person.includes(second.chat)
  return isPerson(first.chat) || mayBeOne(first.participant, second.participant)
}

/** Whether a message is a note to oneself, under whichever of the account's own addresses. */
export const isToSelf = ({
  id,
  from,
  to,
  to_self
}: Pick<CapturedMessage, 'id' | 'from' | 'to' | 'to_self'>): boolean =>
  to_self === true || /_(?:in|out)(?:_|$)/.test(id) || addressOf(from) === addressOf(to)

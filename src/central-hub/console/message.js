import { h } from './dom.js'
import { clock } from './format.js'
import { kindOf, mediaNodes } from './media.js'
import { texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */

/** One message as it is read in a conversation. All of its content is text to us, whatever it looks like. */

/** @param {Message} message when it was written */
export const timeOf = ({ timestamp }) => new Date(timestamp * 1_000)

/** The part of a message id that both ends share: what stands before it names the chat, by phone or by LID. @param {string} id */
export const stanzaOf = (id) => id.split('_')[2] ?? id

const notices = new Set(['e2e_notification', 'notification', 'notification_template', 'broadcast_notification', 'newsletter_notification', 'gp2', 'protocol', 'pinned_message', 'debug'])

/** The values of a vCard's field, https://www.rfc-editor.org/rfc/rfc6350 @param {string} card @param {string} field */
const cardFields = (card, field) => [...card.matchAll(new RegExp(`^(?:item\\d+\\.)?${field}(?:;[^:\\r\\n]*)?:(.*)$`, 'gim'))].map(([, value = '']) => value.replace(/\\([,;\\])/g, '$1').trim())

/** What a message says in one line, for a quote and for the list. @param {{ type: string, body: string, decryption?: unknown, location?: unknown, contacts?: unknown, poll?: unknown }} message */
export const summary = ({ type, body, decryption, location, contacts, poll }) => {
  if (type === 'ciphertext' || (decryption ?? null) !== null) return texts.undecryptedPending
  if (contacts || /^(multi_)?vcard$/.test(type)) return texts.contact
  if (poll || type === 'poll_creation') return `${texts.poll}: ${body}`
  const kind = location || type === 'location' ? texts.location : type === 'call_log' ? texts.call : kindOf(type)
  return [kind, body].filter(Boolean).join(' · ') || texts.quoteMissing
}

/** @param {string} text */
const paragraph = (text) => h('p', { class: 'body', dir: 'auto' }, text)

/** A place; the map is elsewhere, and only who asks for it goes there. @param {NonNullable<Message['location']>} location */
const place = ({ latitude, longitude, name, address }) => [
  h('p', { class: 'attached' }, h('strong', {}, texts.location), h('span', { dir: 'auto' }, [name, address].filter(Boolean).map((text) => ` · ${text}`).join(''))),
  h('p', { class: 'small muted' }, `${latitude}, ${longitude} `,
    h('a', { href: `https://www.openstreetmap.org/?${new URLSearchParams({ mlat: String(latitude), mlon: String(longitude) })}#map=16/${latitude}/${longitude}`, target: '_blank', rel: 'noopener noreferrer' },
      texts.showMap, h('span', { 'aria-hidden': 'true' }, ' ↗'), h('span', { class: 'sr-only' }, ` ${texts.newTab}`)))
]

/** @param {string} card a vCard */
const contact = (card) => {
  const told = [...cardFields(card, 'FN'), ...cardFields(card, 'ORG'), ...cardFields(card, 'TEL'), ...cardFields(card, 'EMAIL')].filter((text) => text !== '')
  return h('p', { class: 'attached' }, h('strong', {}, texts.contact), ...told.map((text) => h('bdi', {}, ` · ${text}`)))
}

/** @param {Message} message @param {NonNullable<Message['poll']>} poll */
const ballot = ({ body, votes }, { options, multiple }) => {
  const chosen = (/** @type {string} */ option) => votes.filter((vote) => vote.options.includes(option)).length
  return [h('p', { class: 'body' }, h('strong', {}, `${texts.poll}: `), h('bdi', {}, body), multiple && h('span', { class: 'muted' }, ` (${texts.pollMany})`)),
    h('ul', { class: 'poll' }, ...options.map((option) => h('li', {}, h('bdi', {}, option), h('span', { class: 'muted' }, ` ${texts.votes(chosen(option))}`))))]
}

/** @param {Message} message @returns {(HTMLElement | false | undefined)[]} */
const content = (message) => {
  const { type, body, media, location, contacts, poll, decryption, revoked_at } = message
  if (decryption !== null) return [h('p', { class: 'muted' }, decryption === 'failed' ? texts.undecryptedFailed : texts.undecryptedPending)]
  if (location) return place(location)
  if (contacts) return contacts.map(contact)
  if (poll) return ballot(message, poll)
  if (type === 'call_log') return [h('p', { class: 'attached' }, h('strong', {}, texts.call)), body !== '' && paragraph(body)]
  if (media || kindOf(type)) return [...mediaNodes(message), body !== '' && paragraph(body)]
  if (body !== '') return [paragraph(body)]
  return revoked_at === null ? [h('p', { class: 'muted' }, texts.unknownType(type))] : []
}

/**
 * @param {Message} message
 * @param {{ name: string, find: (id: string) => Message | undefined, goTo: (id: string) => void }} around `name`: of the person at the other end
 */
export const messageNode = (message, { name, find, goTo }) => {
  const { from_me, quoted_id, revoked_at, revoked_by, edited_at, forwarded, reactions, type } = message
  const date = timeOf(message)
  const time = h('time', { datetime: date.toISOString() }, clock(date))
  if (notices.has(type)) return h('li', { class: 'notice small muted' }, message.body === '' ? texts.notice(type) : h('bdi', {}, message.body), ' ', time)

  const quoted = quoted_id === undefined ? undefined : find(quoted_id)
  const who = (/** @type {boolean} */ mine) => (mine ? texts.you : name)
  const quote = quoted_id !== undefined && (quoted
    ? h('button', { type: 'button', class: 'quote small', title: texts.goToQuoted, onclick: () => goTo(quoted.id) }, h('strong', {}, h('bdi', {}, who(quoted.from_me))), ' ', h('bdi', {}, summary(quoted).slice(0, 200)))
    : h('p', { class: 'quote small muted' }, texts.quoteMissing))
  const emojis = [...new Set(reactions.map(({ emoji }) => emoji))]
  const count = (/** @type {string} */ emoji) => reactions.filter((reaction) => reaction.emoji === emoji).length
  return h('li', { class: `message${from_me ? ' mine' : ''}${revoked_at === null ? '' : ' revoked'}`, tabindex: '-1' },
    h('span', { class: 'sr-only' }, `${who(from_me)}:`),
    forwarded && h('p', { class: 'small muted' }, texts.forwarded),
    quote,
    ...content(message),
    revoked_at !== null && h('p', { class: 'small muted' }, revoked_by === 'me' ? texts.deletedByMe : texts.deletedBySender),
    h('p', { class: 'meta small muted' }, edited_at !== null && `${texts.edited} `, time),
    emojis.length > 0 && h('p', { class: 'reactions' }, h('span', { class: 'sr-only' }, `${texts.reactions}:`), ...emojis.map((emoji) => h('span', {}, count(emoji) > 1 ? `${emoji} ${count(emoji)}` : emoji))))
}

import { h } from './dom.js'
import { clock, duration, size, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */

/** One message as it is read in a conversation. All of its content is text to us, whatever it looks like. */

/** @param {Message} message when it was written */
export const timeOf = ({ timestamp }) => new Date(timestamp * 1_000)

/** The part of a message id that both ends share: what stands before it names the chat, by phone or by LID. @param {string} id */
export const stanzaOf = (id) => id.split('_')[2] ?? id

const notices = new Set(['e2e_notification', 'notification', 'notification_template', 'broadcast_notification', 'newsletter_notification', 'gp2', 'protocol', 'pinned_message', 'debug'])

/** The value of a vCard's field, https://www.rfc-editor.org/rfc/rfc6350 @param {string} card @param {string} field */
const cardField = (card, field) => new RegExp(`^(?:item\\d+\\.)?${field}(?:;[^:\\r\\n]*)?:(.*)$`, 'im').exec(card)?.[1]?.replace(/\\([,;\\])/g, '$1').trim() ?? ''

/** What a message says in one line, for a quote. @param {Message} message */
export const summary = (message) => {
  const { type, body, decryption, location, contacts, poll } = message
  if (decryption !== null) return texts.undecryptedPending
  if (body !== '' && !contacts) return body
  if (location) return texts.location
  if (contacts) return texts.contact
  if (poll) return texts.poll
  return kindOf(type) ?? texts.quoteMissing
}
/** @param {string} type */
const kindOf = (type) => /** @type {Record<string, string>} */ (texts.kinds)[type]

/** @param {NonNullable<Message['media']>} media @param {string} type */
const mediaLine = ({ state, filename, size: bytes, duration: seconds, mimetype }, type) => {
  const facts = [filename, seconds !== undefined && duration(seconds * 1_000), bytes !== undefined && size(bytes)].filter(Boolean)
  return h('p', { class: 'attached' },
    h('strong', {}, kindOf(type) ?? mimetype ?? type), facts.length > 0 && h('span', {}, ` · ${facts.join(' · ')}`),
    texts.mediaState[state] !== '' && h('span', { class: 'muted' }, ` · ${texts.mediaState[state]}`))
}

/** @param {string} text */
const paragraph = (text) => h('p', { class: 'body', dir: 'auto' }, text)

/** @param {Message} message @returns {(HTMLElement | false | undefined)[]} */
const content = (message) => {
  const { type, body, media, location, contacts, poll, votes, decryption, revoked_at } = message
  if (decryption !== null) return [h('p', { class: 'muted' }, decryption === 'failed' ? texts.undecryptedFailed : texts.undecryptedPending)]
  if (location) {
    return [h('p', { class: 'attached' }, h('strong', {}, texts.location), h('span', { dir: 'auto' }, [location.name, location.address].filter(Boolean).map((text) => ` · ${text}`).join(''))),
      h('p', { class: 'small muted' }, `${location.latitude}, ${location.longitude}`)]
  }
  if (contacts) {
    return contacts.map((card) => h('p', { class: 'attached' }, h('strong', {}, texts.contact), h('span', { dir: 'auto' }, ` · ${[cardField(card, 'FN'), cardField(card, 'TEL')].filter(Boolean).join(' · ')}`)))
  }
  if (poll) {
    const chosen = (/** @type {string} */ option) => votes.filter(({ options }) => options.includes(option)).length
    return [h('p', { class: 'body' }, h('strong', {}, `${texts.poll}: `), h('bdi', {}, body), poll.multiple && h('span', { class: 'muted' }, ` (${texts.pollMany})`)),
      h('ul', { class: 'poll' }, ...poll.options.map((option) => h('li', {}, h('bdi', {}, option), h('span', { class: 'muted' }, ` ${texts.votes(chosen(option))}`))))]
  }
  if (type === 'call_log') return [h('p', { class: 'attached' }, h('strong', {}, texts.call)), body !== '' && paragraph(body)]
  if (media || kindOf(type)) return [mediaLine(media ?? { state: 'stored' }, type), body !== '' && paragraph(body)]
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

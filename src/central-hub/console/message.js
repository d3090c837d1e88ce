import { adCard, cardOf } from './cards.js'
import { h } from './dom.js'
import { clock } from './format.js'
import { kindOf, mediaNodes } from './media.js'
import { paragraph } from './rich-nodes.js'
import { summarize } from './summary.js'
import { fill, locale, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */

/** One message of a conversation. All of its content is shown as text, never as markup. */

/** @param {Message} message when it was written */
export const timeOf = ({ timestamp }) => new Date(timestamp * 1_000)

/**
 * The part of a message id that both ends share. The part before it names the chat, by phone or by
 * LID. @param {string} id
 */
export const stanzaOf = (id) => id.split('_')[2] ?? id

/**
 * A message in one line, for a quote and for the list.
 * @param {import('./summary.js').Summarised} message
 */
export const summary = (message) => summarize(message, texts, locale())

/** @param {Message} message @returns {(Node | false | undefined)[]} */
const content = (message) => {
  const { type, body, media, decryption, revoked_at, phone_only } = message
  if (phone_only)
    return [h('p', { class: 'muted' }, texts.phoneOnly[phone_only]), body !== '' && paragraph(body)]
  if (decryption !== null)
    return [
      h(
        'p',
        { class: 'muted' },
        decryption === 'failed' ? texts.message.undecryptedFailed : texts.message.undecryptedPending
      )
    ]
  const card = cardOf(message)
  if (card) return card
  if (media || kindOf(type)) return [...mediaNodes(message), body !== '' && paragraph(body)]
  if (body !== '') return [paragraph(body)]
  return revoked_at === null ? [h('p', { class: 'muted' }, fill(texts.unknownType, { type }))] : []
}

/** Whether WhatsApp itself wrote the message, and no business. @param {Message} message */
const isNotice = ({ personal, bot, automatic, type, body }) =>
  !personal && !bot && !automatic && (type !== 'automated_greeting_message' || body === '')

/** @param {string} body @param {(text: string) => void} copy */
const copyButton = (body, copy) =>
  h('button', {
    type: 'button',
    class: 'copy',
    tabindex: '-1',
    title: texts.copy,
    'aria-label': texts.copy,
    onclick: () => copy(body)
  })

/**
 * @typedef {object} Around
 * @property {string} name of the person at the other end
 * @property {(id: string) => Message | undefined} find
 * @property {(id: string) => void} goTo
 * @property {(text: string) => void} copy
 */

/** @param {Message} message @param {Node} time */
const noticeNode = (message, time) => {
  const text = message.poll_results ? summary(message) : message.body
  return h(
    'li',
    { class: 'notice small muted' },
    text === '' ? fill(texts.notice, { type: message.type }) : h('bdi', {}, text),
    ' ',
    time
  )
}

/** @param {boolean} isMine @param {string} name */
const writerOf = (isMine, name) => (isMine ? texts.you : name)

/** @param {string | undefined} id of the quoted message @param {Around} around */
const quoteNode = (id, { name, find, goTo }) => {
  if (id === undefined) return false
  const quoted = find(id)
  if (quoted === undefined) return h('p', { class: 'quote small muted' }, texts.quoteMissing)
  return h(
    'button',
    {
      type: 'button',
      class: 'quote small',
      title: texts.goToQuoted,
      onclick: () => goTo(quoted.id)
    },
    h('strong', {}, h('bdi', {}, writerOf(quoted.from_me, name))),
    ' ',
    h('bdi', {}, summary(quoted).slice(0, 200))
  )
}

/** @param {Message} message */
const reactionsNode = ({ reactions }) => {
  const emojis = [...new Set(reactions.map(({ emoji }) => emoji))]
  if (emojis.length === 0) return false
  const count = (/** @type {string} */ emoji) =>
    reactions.filter((reaction) => reaction.emoji === emoji).length
  return h(
    'p',
    { class: 'reactions' },
    h('span', { class: 'sr-only' }, `${texts.reactions}:`),
    ...emojis.map((emoji) => h('span', {}, count(emoji) > 1 ? `${emoji} ${count(emoji)}` : emoji))
  )
}

/** What a person should know before reading the message. @param {Message} message */
const originNodes = ({ forwarded, bot, personal, group_status, ad }) => [
  forwarded && h('p', { class: 'small muted' }, texts.forwarded),
  (bot || !personal) && h('p', { class: 'small muted' }, texts.message.automatic),
  group_status && h('p', { class: 'small muted' }, texts.message.groupStatus),
  ...(ad ? adCard(ad) : [])
]

/** @param {Message} message */
const deletedNode = ({ revoked_at, revoked_by }) =>
  revoked_at !== null &&
  h('p', { class: 'small muted' }, revoked_by === 'me' ? texts.deletedByMe : texts.deletedBySender)

/** @param {Message} message @param {Around} around */
export const messageNode = (message, around) => {
  const { body, from_me, quoted_id, revoked_at, edited_at } = message
  const date = timeOf(message)
  const time = h('time', { datetime: date.toISOString() }, clock(date))
  if (isNotice(message)) return noticeNode(message, time)
  return h(
    'li',
    {
      class: `message${from_me ? ' mine' : ''}${revoked_at === null ? '' : ' revoked'}`,
      tabindex: '-1'
    },
    h('span', { class: 'sr-only' }, `${writerOf(from_me, around.name)}:`),
    ...originNodes(message),
    quoteNode(quoted_id, around),
    ...content(message),
    deletedNode(message),
    h(
      'p',
      { class: 'meta small muted' },
      body !== '' && copyButton(body, around.copy),
      edited_at !== null && `${texts.edited} `,
      time
    ),
    reactionsNode(message)
  )
}

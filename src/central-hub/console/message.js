import { adCard, cardOf } from './cards.js'
import { h } from './dom.js'
import { clock, locale } from './format.js'
import { kindOf, mediaNodes } from './media.js'
import { paragraph } from './rich-nodes.js'
import { summarize } from './summary.js'
import { messageWords, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */

/**
 * One message as it is read in a conversation. All of its content is text to us, whatever it looks
 * like.
 */

/** @param {Message} message when it was written */
export const timeOf = ({ timestamp }) => new Date(timestamp * 1_000)

/**
 * The part of a message id that both ends share: what stands before it names the chat, by phone or
 * by LID. @param {string} id
 */
export const stanzaOf = (id) => id.split('_')[2] ?? id

/**
 * What a message says in one line, for a quote and for the list. @param
 * {import('./summary.js').Summarised} message
 */
export const summary = (message) => summarize(message, messageWords(), locale())

/** @param {Message} message @returns {(Node | false | undefined)[]} */
const content = (message) => {
  const { type, body, media, decryption, revoked_at, phone_only } = message
  if (phone_only)
    return [
      h('p', { class: 'muted' }, messageWords().phoneOnly[phone_only]),
      body !== '' && paragraph(body)
    ]
  if (decryption !== null)
    return [
      h(
        'p',
        { class: 'muted' },
        decryption === 'failed'
          ? messageWords().undecryptedFailed
          : messageWords().undecryptedPending
      )
    ]
  const card = cardOf(message)
  if (card) return card
  if (media || kindOf(type)) return [...mediaNodes(message), body !== '' && paragraph(body)]
  if (body !== '') return [paragraph(body)]
  return revoked_at === null ? [h('p', { class: 'muted' }, texts.unknownType(type))] : []
}

/** Whether WhatsApp itself speaks, and not a business by itself. @param {Message} message */
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
 * @param {Message} message
 * @param {{ name: string, find: (id: string) => Message | undefined, goTo: (id: string) => void,
 * copy: (text: string) => void }} around `name`: of the person at the other end
 */
export const messageNode = (message, { name, find, goTo, copy }) => {
  const { from_me, quoted_id, revoked_at, revoked_by, edited_at, forwarded, reactions, type } =
    message
  const date = timeOf(message)
  const time = h('time', { datetime: date.toISOString() }, clock(date))
  const { poll_results, bot, personal, ad, group_status } = message
  if (isNotice(message)) {
    const said = poll_results ? summary(message) : message.body
    return h(
      'li',
      { class: 'notice small muted' },
      said === '' ? texts.notice(type) : h('bdi', {}, said),
      ' ',
      time
    )
  }

  const quoted = quoted_id === undefined ? undefined : find(quoted_id)
  const who = (/** @type {boolean} */ mine) => (mine ? texts.you : name)
  const quote =
    quoted_id !== undefined &&
    (quoted
      ? h(
          'button',
          {
            type: 'button',
            class: 'quote small',
            title: texts.goToQuoted,
            onclick: () => goTo(quoted.id)
          },
          h('strong', {}, h('bdi', {}, who(quoted.from_me))),
          ' ',
          h('bdi', {}, summary(quoted).slice(0, 200))
        )
      : h('p', { class: 'quote small muted' }, texts.quoteMissing))
  const emojis = [...new Set(reactions.map(({ emoji }) => emoji))]
  const count = (/** @type {string} */ emoji) =>
    reactions.filter((reaction) => reaction.emoji === emoji).length
  return h(
    'li',
    {
      class: `message${from_me ? ' mine' : ''}${revoked_at === null ? '' : ' revoked'}`,
      tabindex: '-1'
    },
    h('span', { class: 'sr-only' }, `${who(from_me)}:`),
    forwarded && h('p', { class: 'small muted' }, texts.forwarded),
    (bot || !personal) && h('p', { class: 'small muted' }, messageWords().automatic),
    group_status && h('p', { class: 'small muted' }, messageWords().groupStatus),
    ...(ad ? adCard(ad) : []),
    quote,
    ...content(message),
    revoked_at !== null &&
      h(
        'p',
        { class: 'small muted' },
        revoked_by === 'me' ? texts.deletedByMe : texts.deletedBySender
      ),
    h(
      'p',
      { class: 'meta small muted' },
      message.body !== '' && copyButton(message.body, copy),
      edited_at !== null && `${texts.edited} `,
      time
    ),
    emojis.length > 0 &&
      h(
        'p',
        { class: 'reactions' },
        h('span', { class: 'sr-only' }, `${texts.reactions}:`),
        ...emojis.map((emoji) =>
          h('span', {}, count(emoji) > 1 ? `${emoji} ${count(emoji)}` : emoji)
        )
      )
  )
}

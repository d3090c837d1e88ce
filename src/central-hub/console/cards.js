import { h } from './dom.js'
import { dateTime } from './format.js'
import { webLink } from './links.js'
import { linkNode, paragraph } from './rich-nodes.js'
import {
  callLength,
  cardFields,
  describeAlbum,
  describeCall,
  describeInvite,
  isMissed,
  money
} from './summary.js'
import { fill, locale, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */

/** The content of a message beside its text: an order, a place, a call. It is shown as text. */

/**
 * A heading and what belongs to it, in one line. @param {string} title @param {...(string |
 * undefined | false)} parts
 */
const heading = (title, ...parts) =>
  h(
    'p',
    { class: 'attached' },
    h('strong', {}, title),
    ...parts.filter(Boolean).map((part) => h('bdi', {}, ` · ${part}`))
  )

/** @param {string | undefined} text @returns {HTMLElement | false} */
const aside = (text) =>
  text !== undefined && text !== '' && h('p', { class: 'small muted', dir: 'auto' }, text)

/**
 * A link that opens in another tab. What is no web address is text. @param {string | undefined} url
 * @param {string} [text] @returns {HTMLElement | false}
 */
const link = (url, text = url) => {
  if (url === undefined || url === '') return false
  const to = webLink(url)
  if (to === undefined) return h('p', { class: 'small muted' }, h('bdi', {}, url))
  const anchor = linkNode(to, text)
  anchor.append(
    h('span', { 'aria-hidden': 'true' }, ' ↗'),
    h('span', { class: 'sr-only' }, ` ${texts.newTab}`)
  )
  return h('p', { class: 'small' }, anchor)
}

/** @param {readonly Node[]} items @returns {HTMLElement | false} */
const list = (items) =>
  items.length > 0 && h('ul', { class: 'choices' }, ...items.map((item) => h('li', {}, item)))

/**
 * The ad that led to a message. @param {NonNullable<Message['ad']>} ad @returns {(HTMLElement |
 * false)[]}
 */
export const adCard = ({ title, body, url, app }) => [
  heading(texts.message.ad, title, app),
  aside(body),
  link(url)
]

/**
 * A place; the map is on another site, which only who asks for it goes to. @param
 * {NonNullable<Message['location']>} location
 */
const place = ({ latitude, longitude, name, address, live }) => {
  const words = texts.message
  const at = new URLSearchParams({ mlat: String(latitude), mlon: String(longitude) })
  return [
    heading(live ? words.liveLocation : words.location, name, address),
    aside(`${latitude}, ${longitude}`),
    link(`https://www.openstreetmap.org/?${at}#map=16/${latitude}/${longitude}`, texts.showMap)
  ]
}

/** @param {string} card a vCard */
const contact = (card) => {
  const told = ['FN', 'ORG', 'TEL', 'EMAIL'].flatMap((field) => cardFields(card, field))
  return heading(texts.message.contact, ...told)
}

/** @param {Message} message @param {NonNullable<Message['poll']>} poll */
const ballot = ({ body, votes }, { options, multiple }) => {
  const chosen = (/** @type {string} */ option) =>
    votes.filter((vote) => vote.options.includes(option)).length
  const many = multiple && h('span', { class: 'muted' }, ` (${texts.pollMany})`)
  const rows = options.map((option) =>
    h(
      'li',
      {},
      h('bdi', {}, option),
      h('span', { class: 'muted' }, ` ${fill(texts.message.votes, { count: chosen(option) })}`)
    )
  )
  return [
    h('p', { class: 'body' }, h('strong', {}, `${texts.message.poll}: `), h('bdi', {}, body), many),
    h('ul', { class: 'poll' }, ...rows)
  ]
}

/** @param {import('../../contract/content.ts').Choice} choice */
const choice = ({ text, url, phone }) =>
  h(
    'span',
    {},
    h('bdi', {}, text),
    (url ?? phone) && h('bdi', { class: 'muted' }, ` ${url ?? phone}`)
  )

/**
 * @param {Message} message @param {NonNullable<Message['interactive']>} interactive @returns
 * {(HTMLElement | false)[]}
 */
const offer = ({ body }, { title, footer, button, choices = [], cards = [] }) => [
  title !== undefined && h('p', { class: 'attached' }, h('strong', {}, h('bdi', {}, title))),
  body !== '' && paragraph(body),
  ...cards.flatMap((card) => [
    card.title !== undefined &&
      h('p', { class: 'attached' }, h('strong', {}, h('bdi', {}, card.title))),
    aside(card.body),
    list((card.choices ?? []).map(choice))
  ]),
  aside(button),
  list(choices.map(choice)),
  aside(footer)
]

/** @param {NonNullable<Message['event']>} event @returns {(HTMLElement | false)[]} */
const appointment = ({
  name,
  description,
  starts_at,
  ends_at,
  place: where,
  link: url,
  canceled
}) => {
  const words = texts.message
  const times = [starts_at, ends_at].flatMap((at) =>
    at === undefined ? [] : [dateTime(new Date(at))]
  )
  return [
    heading(words.event, name, canceled && words.canceled),
    aside([times.join(' – '), where].filter(Boolean).join(' · ')),
    aside(description),
    link(url)
  ]
}

/** @param {Message} message @returns {(HTMLElement | false)[] | undefined} */
const sale = ({ order, product, payment }) => {
  const words = texts.message
  if (order) {
    const { title, items = 0, status } = order
    const count = items > 0 && fill(words.items, { count: items })
    return [heading(words.order, title, count, money(order, locale()), status)]
  }
  if (product) {
    const { title, description, url } = product
    return [heading(words.product, title, money(product, locale())), aside(description), link(url)]
  }
  return (
    payment && [
      heading(words.payment, money(payment, locale()), payment.status),
      aside(payment.note)
    ]
  )
}

/** @param {NonNullable<Message['call']>} call @param {boolean} mine */
const phoned = (call, mine) => {
  const made = heading(
    describeCall(call, mine, texts),
    call.seconds !== undefined && callLength(call.seconds, locale())
  )
  made.classList.toggle('missed', isMissed(call, mine))
  return made
}

/**
 * What needs no text beside it. @param {Message} message @returns {(Node | false | undefined)[] |
 * undefined}
 */
const whole = (message) => {
  const { location, contacts, poll, event, interactive } = message
  if (location) return place(location)
  if (contacts) return contacts.map(contact)
  if (poll) return ballot(message, poll)
  if (interactive) return offer(message, interactive)
  return event && appointment(event)
}

/**
 * What may have a text. @param {Message} message @returns {(Node | false | undefined)[] |
 * undefined}
 */
const withText = (message) => {
  const { call, album, group_invite, selected, type, from_me } = message
  if (call) return [phoned(call, from_me)]
  if (type === 'call_log')
    return [heading(describeCall({ outcome: 'unknown', video: false }, from_me, texts))]
  if (album) return [heading(describeAlbum(album, texts, locale()))]
  if (selected !== undefined) return [heading(texts.message.chose)]
  if (!group_invite) return sale(message)
  const { expires_at } = group_invite
  return [
    heading(describeInvite(group_invite, texts, locale())),
    aside(expires_at && fill(texts.validUntil, { at: dateTime(new Date(expires_at)) }))
  ]
}

/**
 * The parts of a message that are more than its text and files; undefined when it has none. @param
 * {Message} message @returns {(Node | false | undefined)[] | undefined}
 */
export const cardOf = (message) => {
  const card = whole(message)
  if (card)
    return message.location && message.body !== '' ? [...card, paragraph(message.body)] : card
  const beside = withText(message)
  return beside && [...beside, message.body !== '' && paragraph(message.body)]
}

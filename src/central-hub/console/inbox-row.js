import { h, say } from './dom.js'
import { clock, dayAndMonth, duration, when } from './format.js'
import { marked } from './highlight.js'
import { comesBackAt } from './later.js'
import { isUnread, nameOf } from './lead.js'
import { summary } from './message.js'
import { isMissed } from './summary.js'
import { plainText } from './rich-text.js'
import { leadAddress, messageAddress } from './route.js'
import { fill, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/**
 * @typedef {{ now: number, isCurrent: boolean, q: string }} Around `now`: ms; `q`: the search text
 */

/** The row of a lead in the list: name, last message, wait, and unread messages. */

const tones = 6
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** @param {string} word */
const firstOf = (word) => segmenter.segment(word)[Symbol.iterator]().next().value?.segment ?? ''

/** `AG` of Ana García, `#` of somebody without a name. @param {string | null} name */
const initialsOf = (name) => {
  const words = (name ?? '')
    .split(/\s+/u)
    .filter((word) => /^[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word))
  const [first = '', last = ''] = words.length > 1 ? [words[0], words.at(-1)] : words
  return (firstOf(first) + firstOf(last)).toUpperCase() || '#'
}

/**
 * The initials of a lead in a colour of its own. The style sheet draws them, and no screen reader
 * reads them: the name says the same.
 * @param {number} id of the lead
 */
const makeAvatar = (id) =>
  h('span', { class: 'avatar', 'aria-hidden': 'true', 'data-tone': id % tones })

/** @param {HTMLElement} avatar @param {string | null} name */
const writeAvatar = (avatar, name) => {
  avatar.dataset['initials'] = initialsOf(name)
}

const maxTags = 3
const hourMs = 3_600_000

/** @param {Lead} lead @returns {HTMLElement} */
export const makeRow = ({ id }) => {
  const times = h(
    'span',
    { class: 'times small' },
    h('time', { class: 'muted' }),
    h('span', { class: 'badge' })
  )
  const excerpt = h('span', { class: 'excerpt small', dir: 'auto' })
  const sub = h(
    'span',
    { class: 'sub small muted' },
    h('span', { class: 'chip state' }),
    h('span', { class: 'row-tags' }),
    h('bdi', { class: 'assignee' }),
    h('bdi', { class: 'phone' })
  )
  return h(
    'li',
    {},
    h(
      'a',
      { href: leadAddress(id), class: 'row' },
      makeAvatar(id),
      h('bdi', { class: 'name' }),
      times,
      excerpt,
      h('span', { class: 'count' }),
      sub
    )
  )
}

/** What a search found, where the row does not show it anyway. @param {Lead} lead */
const foundIn = ({ matched, phone }) => {
  if (!matched || matched.snippet === '') return ''
  const { field, snippet } = matched
  if (field === 'name' || field === 'tag' || field === 'assignee' || snippet === phone) return ''
  return `${texts.foundIn[field]}: ${plainText(snippet)}`
}

/** The conversation, at the message that a search found. @param {Lead} lead */
const addressOf = ({ id, matched }) =>
  matched?.message_id ? messageAddress(id, matched.message_id) : leadAddress(id)

/** @param {Lead} lead */
const excerptOf = ({ last_message, note }) => {
  if (!last_message) return note.split('\n', 1)[0] ?? ''
  const text = plainText(summary(last_message)).replace(/\s+/g, ' ')
  return last_message.from_me ? `${texts.youWrote} ${text}` : text
}

/** How urgent a wait is, by its age. @param {number} ms */
const urgencyOf = (ms) => {
  if (ms < hourMs) return 'fresh'
  return ms < 24 * hourMs ? 'late' : 'overdue'
}

/**
 * Nodes are made again only if what they show is another. @param {HTMLElement} element @param
 * {string} key @param {() => (Node | string)[]} make
 */
const rewrite = (element, key, make) => {
  if (element.dataset['key'] === key) return
  element.dataset['key'] = key
  element.replaceChildren(...make())
}

/** @param {Lead} lead @returns {Node[]} */
const unreadNodes = ({ unread_count }) => {
  const [shown, said] =
    unread_count === 0
      ? ['', texts.markedUnread]
      : [unread_count > 99 ? '99+' : unread_count, fill(texts.unread, { count: unread_count })]
  return [h('span', { 'aria-hidden': 'true' }, shown), h('span', { class: 'sr-only' }, said)]
}

/** @param {readonly string[]} tags @param {string} q @returns {(Node | string)[]} */
const tagNodes = (tags, q) => {
  const chips = tags.slice(0, maxTags).map((tag) => h('bdi', { class: 'chip' }, ...marked(tag, q)))
  if (tags.length <= maxTags) return chips
  // On one line with the last: a number alone on the next line says nothing.
  const more = h('span', { class: 'more-tags' }, `+${tags.length - maxTags}`)
  return [...chips.slice(0, -1), h('span', { class: 'last-tag' }, ...chips.slice(-1), more)]
}

/**
 * When the lead comes back, shortly, for the name is beside it; else when it was seen.
 * @param {Lead} lead @param {number} now ms
 */
const seenText = (lead, now) => {
  const back = comesBackAt(lead)
  if (back === undefined) return when(new Date(lead.last_seen_at), now)
  const isToday = back.toDateString() === new Date(now).toDateString()
  return fill(texts.laterRow, { at: isToday ? clock(back) : dayAndMonth(back) })
}

/**
 * Writes a lead into its row; what is as it was is left alone. @param {HTMLElement} made @param
 * {Lead} lead @param {Around} around
 */
export const writeRow = (made, lead, { now, isCurrent, q }) => {
  /** @param {string} what @returns {any} */
  const part = (what) => made.querySelector(what)
  const { state, tags, assignee, waiting_since, last_seen_at } = lead
  const found = foundIn(lead)
  const excerpt = found === '' ? excerptOf(lead) : found
  writeAvatar(part('.avatar'), lead.name)
  part('.name').classList.toggle('number', lead.name === null)
  rewrite(part('.name'), `${nameOf(lead)}\n${q}`, () => marked(nameOf(lead), q))
  const number = lead.name === null ? '' : (lead.phone_display ?? '')
  rewrite(part('.phone'), `${number}\n${q}`, () => marked(number, q))
  say(part('.state'), texts.stateOf[state])
  part('.state').dataset.state = state
  rewrite(part('.row-tags'), `${tags.join(',')}\n${q}`, () => tagNodes(tags, q))
  say(part('.assignee'), assignee === null ? '' : `@${assignee}`)
  part('.excerpt').classList.toggle('found', found !== '')
  part('.excerpt').classList.toggle(
    'missed',
    found === '' && isMissed(lead.last_message?.call, lead.last_message?.from_me)
  )
  rewrite(part('.excerpt'), `${excerpt}\n${q}`, () => marked(excerpt, q))
  if (part('a').getAttribute('href') !== addressOf(lead))
    part('a').setAttribute('href', addressOf(lead))
  say(part('time'), waiting_since === null ? seenText(lead, now) : '')
  part('time').dateTime = last_seen_at
  const waitMs = waiting_since === null ? 0 : now - Date.parse(waiting_since)
  say(part('.badge'), waiting_since === null ? '' : fill(texts.waits, { time: duration(waitMs) }))
  part('.badge').dataset.urgency = urgencyOf(waitMs)
  rewrite(part('.count'), `${isUnread(lead)} ${lead.unread_count} ${texts.leads}`, () =>
    isUnread(lead) ? unreadNodes(lead) : []
  )
  part('a').classList.toggle('unread', isUnread(lead))
  if (isCurrent) part('a').setAttribute('aria-current', 'true')
  else part('a').removeAttribute('aria-current')
}

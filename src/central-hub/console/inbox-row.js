import { h, say } from './dom.js'
import { duration, when } from './format.js'
import { nameOf } from './lead.js'
import { summary } from './message.js'
import { leadAddress, messageAddress } from './route.js'
import { texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

/** A lead in the list: who, what was written last, how long it waits, what is unread. */

const mostTags = 3

/** @param {Lead} lead @returns {HTMLElement} */
export const makeRow = ({ id }) =>
  h('li', {}, h('a', { href: `#/lead/${id}`, class: 'row' },
    h('bdi', { class: 'name' }), h('span', { class: 'times small' }, h('time', { class: 'muted' }), h('span', { class: 'badge' })),
    h('span', { class: 'excerpt small', dir: 'auto' }), h('span', { class: 'count' }),
    h('span', { class: 'sub small muted' }, h('span', { class: 'chip state' }), h('span', { class: 'row-tags' }), h('bdi', { class: 'assignee' }), h('bdi', { class: 'phone' }))))

/** What a search found, where the row does not show it anyway. @param {Lead} lead */
const foundIn = ({ matched }) => {
  if (!matched || matched.snippet === '' || matched.field === 'name' || matched.field === 'tag' || matched.field === 'assignee') return ''
  return `${texts.foundIn[matched.field]}: ${matched.snippet}`
}

/** The conversation, at the message that a search found. @param {Lead} lead */
const addressOf = ({ id, matched }) => (matched?.message_id ? messageAddress(id, matched.message_id) : leadAddress(id))

/** @param {Lead} lead */
const excerpt = ({ last_message, note }) => {
  if (!last_message) return note.split('\n', 1)[0] ?? ''
  const text = summary(last_message).replace(/\s+/g, ' ')
  return last_message.from_me ? `${texts.youWrote} ${text}` : text
}

/** Writes a lead into its row; what is as it was is left alone. @param {HTMLElement} made @param {Lead} lead @param {number} now @param {boolean} current */
export const writeRow = (made, lead, now, current) => {
  /** @param {string} what @returns {any} */
  const part = (what) => made.querySelector(what)
  const { state, tags, assignee, waiting_since, last_seen_at, unread_count } = lead
  say(part('.name'), nameOf(lead))
  say(part('.phone'), lead.name === null ? '' : (lead.phone ?? ''))
  say(part('.state'), texts.stateOf[state])
  part('.state').dataset.state = state
  if (part('.row-tags').dataset.tags !== tags.join(',')) {
    part('.row-tags').dataset.tags = tags.join(',')
    part('.row-tags').replaceChildren(...tags.slice(0, mostTags).map((tag) => h('bdi', { class: 'chip' }, tag)), ...(tags.length > mostTags ? [`+${tags.length - mostTags}`] : []))
  }
  say(part('.assignee'), assignee === null ? '' : `@${assignee}`)
  const found = foundIn(lead)
  part('.excerpt').classList.toggle('found', found !== '')
  say(part('.excerpt'), found === '' ? excerpt(lead) : found)
  if (part('a').getAttribute('href') !== addressOf(lead)) part('a').setAttribute('href', addressOf(lead))
  say(part('time'), waiting_since === null ? when(new Date(last_seen_at), now) : '')
  part('time').dateTime = last_seen_at
  say(part('.badge'), waiting_since === null ? '' : texts.waits(duration(now - Date.parse(waiting_since))))
  const unread = part('.count')
  if (unread.dataset.count !== `${unread_count} ${texts.leads}`) {
    unread.dataset.count = `${unread_count} ${texts.leads}`
    unread.replaceChildren(...(unread_count === 0 ? [] : [h('span', { 'aria-hidden': 'true' }, unread_count > 99 ? '99+' : unread_count), h('span', { class: 'sr-only' }, texts.unread(unread_count))]))
  }
  part('a').classList.toggle('unread', unread_count > 0)
  if (current) part('a').setAttribute('aria-current', 'true')
  else part('a').removeAttribute('aria-current')
}

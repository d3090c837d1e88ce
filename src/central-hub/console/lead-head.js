import { byId, h, say } from './dom.js'
import { dateTime } from './format.js'
import { nameOf } from './lead.js'
import { texts } from './texts.js'

/** Who the lead is that is open, and the way to answer. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

/** The chat in WhatsApp Web, by number; the list of chats where only a LID is known. @param {Lead} lead */
const replyUrl = ({ phone }) => `https://web.whatsapp.com/${phone === null ? '' : `send?phone=${phone.replace(/\D/g, '')}`}`

/** @param {Lead} lead @returns {[string, string | null][]} */
const factsOf = ({ phone, lid, whatsapp_name, account, first_seen_at, last_seen_at, waiting_since, source }) => [
  [texts.phone, phone],
  [texts.lid, phone === null ? lid : null],
  [texts.whatsappName, whatsapp_name],
  [texts.as, account],
  [texts.firstSeen, dateTime(new Date(first_seen_at))],
  [texts.lastSeen, dateTime(new Date(last_seen_at))],
  [texts.waitsSince, waiting_since && dateTime(new Date(waiting_since))],
  [texts.source, source && [source.title ?? source.id ?? texts.unnamedAd, source.app, dateTime(new Date(source.at))].filter(Boolean).join(' · ')]
]

/** @param {Lead} lead */
export const renderHead = (lead) => {
  const { phone, name, whatsapp_name, state, tags } = lead
  say(byId('lead-name'), nameOf(lead))
  byId('lead-sub').replaceChildren(
    h('span', { class: 'chip', 'data-state': state }, texts.stateOf[state]),
    name !== null && phone !== null ? h('bdi', {}, phone) : '',
    ...tags.map((tag) => h('bdi', { class: 'chip' }, tag)))
  byId('reply').href = replyUrl(lead)
  byId('reply').replaceChildren(phone === null ? texts.openWhatsapp : texts.reply, h('span', { 'aria-hidden': 'true' }, ' ↗'), h('span', { class: 'sr-only' }, ` ${texts.newTab}`))
  byId('reply').classList.toggle('primary', phone !== null)
  byId('foot').dataset.by = phone === null ? 'lid' : 'phone'
  say(byId('reply-hint'), phone === null ? texts.noPhone(whatsapp_name ?? nameOf(lead)) : texts.replyHint)
  byId('lead-facts').replaceChildren(...factsOf(lead).flatMap(([term, value]) => (value === null ? [] : [h('div', {}, h('dt', {}, term), h('dd', {}, h('bdi', {}, value)))])))
}

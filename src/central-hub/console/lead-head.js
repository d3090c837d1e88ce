import { api } from './api.js'
import { byId, h, say } from './dom.js'
import { dateTime } from './format.js'
import { nameOf } from './lead.js'
import { fill, texts } from './texts.js'

/** Who the lead is that is open, and the way to answer. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

/** WhatsApp Web is for computers: a phone has the app, which wa.me opens. */
const isPhone = () => {
  const { userAgentData, userAgent } =
    /** @type {Navigator & { userAgentData?: { mobile: boolean } }} */ (navigator)
  return (
    userAgentData?.mobile === true ||
    /Android|iPhone|iPad|iPod/.test(userAgent) ||
    matchMedia('(pointer: coarse) and (hover: none)').matches
  )
}

/**
 * The chat, by number; WhatsApp with its list of chats where only a LID is known. @param {Lead}
 * lead
 */
const replyUrl = ({ phone }) => {
  const digits = phone?.replace(/\D/g, '')
  if (isPhone()) return digits === undefined ? 'whatsapp://app' : `https://wa.me/${digits}`
  return `https://web.whatsapp.com/${digits === undefined ? '' : `send?phone=${digits}`}`
}

/** @param {boolean} isKnown whether the number is known */
const replyWords = (isKnown) => {
  if (isPhone()) return isKnown ? texts.replyApp : texts.openApp
  return isKnown ? texts.reply : texts.openWhatsapp
}

/** @param {Lead} lead @returns {[string, string | null][]} */
const factsOf = ({
  phone_display,
  other_phones,
  whatsapp_name,
  account,
  first_seen_at,
  last_seen_at,
  waiting_since,
  source
}) => [
  [texts.phone, [phone_display ?? texts.unknownName, ...other_phones].join(', ')],
  [texts.whatsappName, whatsapp_name],
  [texts.as, account],
  [texts.firstSeen, dateTime(new Date(first_seen_at))],
  [texts.lastSeen, dateTime(new Date(last_seen_at))],
  [texts.waitsSince, waiting_since && dateTime(new Date(waiting_since))],
  [
    texts.source,
    source &&
      [source.title ?? source.id ?? texts.unnamedAd, source.app, dateTime(new Date(source.at))]
        .filter(Boolean)
        .join(' · ')
  ]
]

/** @param {Lead} lead */
export const renderHead = (lead) => {
  const { phone, phone_display, name, whatsapp_name, state, tags } = lead
  say(byId('lead-name'), nameOf(lead))
  byId('lead-sub').replaceChildren(
    h('span', { class: 'chip', 'data-state': state }, texts.stateOf[state]),
    name !== null && phone_display !== null ? h('bdi', { class: 'phone' }, phone_display) : '',
    ...tags.map((tag) => h('bdi', { class: 'chip' }, tag))
  )
  byId('reply').href = replyUrl(lead)
  byId('reply').replaceChildren(
    replyWords(phone !== null),
    h('span', { 'aria-hidden': 'true' }, ' ↗'),
    h('span', { class: 'sr-only' }, ` ${texts.newTab}`)
  )
  byId('reply').classList.toggle('primary', phone !== null)
  byId('foot').dataset.by = phone === null ? 'lid' : 'phone'
  say(
    byId('reply-hint'),
    phone === null ? fill(texts.noPhone, { name: whatsapp_name ?? nameOf(lead) }) : texts.replyHint
  )
  byId('lead-bundle').href = api.leadBundle(lead.id)
  byId('lead-facts').replaceChildren(
    ...factsOf(lead).flatMap(([term, value]) =>
      value === null ? [] : [h('div', {}, h('dt', {}, term), h('dd', {}, h('bdi', {}, value)))]
    )
  )
}

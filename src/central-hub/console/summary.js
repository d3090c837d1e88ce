import { fillText } from './fill-text.js'

/**
 * What a message says in one line: for the list, for a quote, and for the terminal. It needs no
 * page.
 */

/** @typedef {import('../../contract/lead.ts').LastMessage} LastMessage */
/** @typedef {import('../../contract/lead.ts').Message} Message */
/** @typedef {import('./texts.js').Texts} Texts */

/**
 * A message, or the latest one of a lead as a list has it.
 * @typedef {Pick<LastMessage, 'type' | 'body' | 'from_me'> & Partial<Omit<Message, 'type' | 'body'
 * | 'from_me'>> & Partial<Pick<LastMessage, 'filename' | 'contact_names'>>} Summarised
 */

/**
 * The values of a vCard's field, https://www.rfc-editor.org/rfc/rfc6350 @param {string} card @param
 * {string} field
 */
export const cardFields = (card, field) =>
  [...card.matchAll(new RegExp(`^(?:item\\d+\\.)?${field}(?:;[^:\\r\\n]*)?:(.*)$`, 'gim'))].map(
    ([, value = '']) => value.replace(/\\([,;\\])/g, '$1').trim()
  )

/**
 * An amount as the locale writes it; undefined without an amount. @param {{ amount1000?: number,
 * currency?: string }} amount @param {string} locale
 */
export const money = ({ amount1000, currency }, locale) => {
  if (amount1000 === undefined) return undefined
  const amount = amount1000 / 1_000
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 })
  // what is no code of ISO 4217 is shown as it came
  if (currency === undefined || !/^[A-Z]{3}$/i.test(currency))
    return [number.format(amount), currency].filter(Boolean).join(' ')
  return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount)
}

/** How long a call lasted: `45 sec`, `3 min`. @param {number} seconds @param {string} locale */
export const callLength = (seconds, locale) => {
  const [unit, value] = seconds < 60 ? ['second', seconds] : ['minute', Math.round(seconds / 60)]
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: String(unit),
    unitDisplay: 'short'
  }).format(Number(value))
}

/**
 * Whether they called and nobody took it. @param {{ outcome: string } | undefined} call @param
 * {boolean} [mine]
 */
export const isMissed = (call, mine) =>
  call !== undefined && !mine && /^(missed|rejected)$/.test(call.outcome)

/**
 * What became of a call. A call of one's own was answered or not: WhatsApp tells no more.
 * @param {{ outcome: string, video: boolean }} call @param {boolean} mine @param {Texts} texts
 */
export const describeCall = ({ outcome, video }, mine, { calls }) => {
  if (outcome === 'answered') return video ? calls.videoAnswered : calls.answered
  if (mine) return video ? calls.videoUnanswered : calls.unanswered
  if (outcome === 'rejected') return video ? calls.videoRejected : calls.rejected
  if (outcome === 'unknown') return video ? calls.videoIncoming : calls.incoming
  return video ? calls.videoMissed : calls.missed
}

/**
 * How many photos and videos an album has.
 * @param {{ images?: number, videos?: number }} album @param {Texts} texts @param {string} locale
 */
export const describeAlbum = ({ images = 0, videos = 0 }, { message }, locale) => {
  const parts = [
    images > 0 && fillText(message.photos, { count: images }, locale),
    videos > 0 && fillText(message.videos, { count: videos }, locale)
  ]
  return parts.filter(Boolean).join(', ') || message.album
}

/** @param {{ name?: string }} invite @param {Texts} texts @param {string} locale */
export const describeInvite = ({ name = '' }, { message, messageKinds }, locale) =>
  name === '' ? messageKinds.groups_v4_invite : fillText(message.groupInvite, { name }, locale)

/** @param {(string | undefined | false)[]} parts */
const line = (...parts) => parts.filter(Boolean).join(' · ')

/**
 * @param {Summarised} message @param {Texts} texts @param {string} locale @returns {string |
 * undefined}
 */
const sale = ({ order, product, payment }, { message: words }, locale) => {
  if (order) {
    const { title, items = 0 } = order
    const count = items > 0 && fillText(words.items, { count: items }, locale)
    return line(words.order, title, count, money(order, locale))
  }
  if (product) return line(words.product, product.title, money(product, locale))
  if (payment) return line(words.payment, money(payment, locale), payment.note)
  return undefined
}

/** @param {Summarised} message @param {Texts} texts */
const contactsOf = ({ contacts, contact_names, type }, { message: words }) => {
  if (!contacts && !contact_names && !/^(multi_)?vcard$/.test(type)) return undefined
  return line(
    words.contact,
    (contact_names ?? (contacts ?? []).flatMap((card) => cardFields(card, 'FN').slice(0, 1))).join(
      ', '
    )
  )
}

/** @param {Summarised} message @param {Texts} texts */
const placeOf = ({ location, type }, { message: words }) => {
  if (!location && type !== 'location') return undefined
  return line(
    location?.live ? words.liveLocation : words.location,
    location?.name,
    location?.address
  )
}

/** @param {Summarised} message @param {Texts} texts */
const resultOf = ({ poll_results: results }, { message: words }) => {
  if (!results) return undefined
  const most = Math.max(0, ...results.map(({ votes }) => votes))
  return line(
    words.pollResult,
    most > 0 &&
      results
        .filter(({ votes }) => votes === most)
        .map(({ option }) => option)
        .join(', ')
  )
}

/**
 * What is no text. @param {Summarised} message @param {Texts} texts @param {string} locale @returns
 * {string | undefined}
 */
const thing = (message, texts, locale) => {
  const { type, event, group_invite, call, album, poll, selected, from_me } = message
  const words = texts.message
  if (event) return line(words.event, event.name, event.canceled && words.canceled)
  if (group_invite) return describeInvite(group_invite, texts, locale)
  if (call)
    return line(
      describeCall(call, from_me, texts),
      call.seconds !== undefined && callLength(call.seconds, locale)
    )
  if (album) return describeAlbum(album, texts, locale)
  if (message.poll_results) return resultOf(message, texts)
  if (poll || type === 'poll_creation') return words.poll
  if (selected !== undefined) return words.chose
  return sale(message, texts, locale) ?? placeOf(message, texts) ?? contactsOf(message, texts)
}

/** @param {Summarised} message @param {Texts} texts */
const unknownTo = ({ decryption }, { message: words }) =>
  decryption === 'failed' ? words.undecryptedFailed : words.undecryptedPending

/**
 * @param {Summarised} message
 * @param {Texts} texts of the language
 * @param {string} locale by which amounts are written
 */
export const summarize = (message, texts, locale) => {
  const { type, body, decryption, phone_only, ad, interactive, media, bot, group_status } = message
  const words = texts.message
  if (phone_only) return texts.phoneOnly[phone_only]
  if (type === 'ciphertext' || (decryption ?? null) !== null) return unknownTo(message, texts)
  const named = /** @type {Record<string, string>} */ (texts.messageKinds)[type]
  const kind =
    thing(message, texts, locale) ?? (body !== '' || interactive?.title ? undefined : named)
  const isFile = /^(image|video|gif|ptt|audio|document|sticker|ptv)$/.test(type)
  const text = body === message.event?.name ? undefined : body
  const said = line(
    bot && words.automatic,
    group_status && words.groupStatus,
    isFile ? named : kind,
    message.filename ?? media?.filename,
    interactive?.title,
    text
  )
  return said || (ad && line(words.ad, ad.title)) || fillText(words.unknown, { type }, locale)
}

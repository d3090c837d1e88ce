/**
 * What a message says in one line: for the list, for a quote, and for the terminal. It needs no
 * page.
 */

/** @typedef {import('../../contract/lead.ts').LastMessage} LastMessage */
/** @typedef {import('../../contract/lead.ts').Message} Message */
/** @typedef {typeof import('./words.js').english} Words */

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

/** @param {(string | undefined | false)[]} parts */
const line = (...parts) => parts.filter(Boolean).join(' · ')

/**
 * @param {Summarised} message @param {Words} words @param {string} locale @returns {string |
 * undefined}
 */
const sale = ({ order, product, payment }, words, locale) => {
  if (order)
    return line(words.order, order.title, words.items(order.items ?? 0), money(order, locale))
  if (product) return line(words.product, product.title, money(product, locale))
  if (payment) return line(words.payment, money(payment, locale), payment.note)
  return undefined
}

/** @param {Summarised} message @param {Words} words */
const contactsOf = ({ contacts, contact_names, type }, words) => {
  if (!contacts && !contact_names && !/^(multi_)?vcard$/.test(type)) return undefined
  return line(
    words.contact,
    (contact_names ?? (contacts ?? []).flatMap((card) => cardFields(card, 'FN').slice(0, 1))).join(
      ', '
    )
  )
}

/** @param {Summarised} message @param {Words} words */
const placeOf = ({ location, type }, words) => {
  if (!location && type !== 'location') return undefined
  return line(
    location?.live ? words.liveLocation : words.location,
    location?.name,
    location?.address
  )
}

/** @param {Summarised} message @param {Words} words */
const resultOf = ({ poll_results: results }, words) => {
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
 * What is no text. @param {Summarised} message @param {Words} words @param {string} locale @returns
 * {string | undefined}
 */
const thing = (message, words, locale) => {
  const { type, event, group_invite, call, album, poll, selected, from_me } = message
  if (event) return line(words.event, event.name, event.canceled && words.canceled)
  if (group_invite) return words.groupInvite(group_invite.name ?? '')
  if (call)
    return line(
      words.call(call, from_me),
      call.seconds !== undefined && callLength(call.seconds, locale)
    )
  if (album) return words.album(album.images ?? 0, album.videos ?? 0)
  if (message.poll_results) return resultOf(message, words)
  if (poll || type === 'poll_creation') return words.poll
  if (selected !== undefined) return words.chose
  return sale(message, words, locale) ?? placeOf(message, words) ?? contactsOf(message, words)
}

/** @param {Summarised} message @param {Words} words */
const unknownTo = ({ decryption }, words) =>
  decryption === 'failed' ? words.undecryptedFailed : words.undecryptedPending

/**
 * @param {Summarised} message
 * @param {Words} words of the language
 * @param {string} locale by which amounts are written
 */
export const summarize = (message, words, locale) => {
  const { type, body, decryption, phone_only, ad, interactive, media, bot, group_status } = message
  if (phone_only) return words.phoneOnly[phone_only]
  if (type === 'ciphertext' || (decryption ?? null) !== null) return unknownTo(message, words)
  const kind =
    thing(message, words, locale) ??
    (body !== '' || interactive?.title
      ? undefined
      : /** @type {Record<string, string>} */ (words.kinds)[type])
  const named = /** @type {Record<string, string>} */ (words.kinds)[type]
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
  return said || (ad && line(words.ad, ad.title)) || words.unknown(type)
}

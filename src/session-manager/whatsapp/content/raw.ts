import { replaceUnstorable } from '../../../platform/replace-unstorable.ts'
import { accountAddress, plainMessageId } from '../../journal/address.ts'

export { lidOf, phoneOf } from '../../journal/address.ts'

/**
 * WhatsApp Web's own models, as whatsapp-web.js hands them on (its `Message.rawData`). They are
 * WhatsApp's to change, so every field is read with doubt and nothing here throws.
 */
export type Raw = Readonly<Record<string, unknown>>

export const isRaw = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
/**
 * A text that is not empty, in the form in which the journal and the hub store it. With an id in
 * another form a message would not be found again.
 */
export const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? replaceUnstorable(value) : undefined
export const asNumber = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}
/** A time in ms, if it is one that Date can hold and that lies after 1970. */
export const asTime = (value: unknown, unit = 1): number | undefined => {
  const ms = (asNumber(value) ?? NaN) * unit
  return ms >= 0 && ms <= 253_402_300_799_999 ? ms : undefined
}
/** No message has a time in seconds from here on (the year 5138): these are ms. */
const milliseconds = { from: 100_000_000_000, to: 5_000_000_000_000 }

/**
 * UNIX seconds of a message, whether given in seconds or in ms; undefined for what is no time of a
 * message.
 */
const messageSeconds = (value: unknown): number | undefined => {
  const number = asNumber(value) ?? 0
  const isMs = number >= milliseconds.from && number <= milliseconds.to
  const seconds = Math.round((asTime(isMs ? number / 1_000 : number, 1_000) ?? 0) / 1_000)
  return seconds > 0 ? seconds : undefined
}

/** The first of these values that is the time of a message, UNIX seconds; now when none is. */
export const asSeconds = (...values: unknown[]): number => {
  for (const value of values) {
    const seconds = messageSeconds(value)
    if (seconds !== undefined) return seconds
  }
  return Math.round(Date.now() / 1_000)
}

/** Whether a model says when its message was written. */
export const hasTime = (raw: Raw): boolean =>
  messageSeconds(raw['t']) !== undefined ||
  messageSeconds(raw['clientReceivedTsMillis']) !== undefined

/** An RFC 3339 time out of UNIX seconds. */
export const asIsoTime = (value: unknown): string | undefined => {
  const seconds = messageSeconds(value)
  return seconds === undefined ? undefined : new Date(seconds * 1_000).toISOString()
}

/** An image in base64, as WhatsApp's thumbnails are: JPEG, PNG, WebP or GIF. */
const image =
  /^(?:data:image\/[\w.+-]+;base64,)?(?:\/9j\/|iVBORw0KGgo|UklGR|R0lGOD)[A-Za-z0-9+/=\s_-]*$/

/** How such a text may begin: most do not, and are not looked at further. */
const firstLetters = '/iURd'

export const isThumbnail = (text: string): boolean =>
  firstLetters.includes(text[0] ?? ' ') && image.test(text)

/** A text for people: one that is not empty and is not a thumbnail. */
export const asWords = (value: unknown): string | undefined => {
  const text = asText(value)
  return text === undefined || isThumbnail(text) ? undefined : text
}

/** Objects of a list; anything else in it is left out. */
export const asList = (value: unknown): Raw[] => (Array.isArray(value) ? value.filter(isRaw) : [])

/** An object, an empty one for anything else. */
export const asObject = (value: unknown): Raw => (isRaw(value) ? value : {})

/** A whole number of at least 0. */
export const asCount = (value: unknown): number | undefined => {
  const number = asNumber(value)
  return number === undefined || number < 0 || number > Number.MAX_SAFE_INTEGER
    ? undefined
    : Math.round(number)
}

/** The text of a Wid: `<user>[:<device>]@<server>`. */
const widText = (wid: Raw): string | undefined => {
  const own = asText(wid['_serialized'])
  if (own !== undefined) return own
  const [user, server, device] = [
    asText(wid['user']),
    asText(wid['server']),
    asNumber(wid['device'])
  ]
  if (user === undefined || server === undefined) return undefined
  return device ? `${user}:${device}@${server}` : `${user}@${server}`
}
/** The address of an account, a group or a channel, without a device: a Wid object, or its text. */
export const asId = (value: unknown): string | undefined => {
  const text = isRaw(value) ? widText(value) : asText(value)
  return text === undefined ? undefined : accountAddress(text)
}

export const asIds = (value: unknown): string[] =>
  Array.isArray(value) ? value.flatMap((item) => asId(item) ?? []) : []

/** The facts that are there. */
export const strip = <T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

/** The same, undefined when nothing is there. */
export const stripOrNone = <T extends object>(
  facts: T
): { [K in keyof T]: Exclude<T[K], undefined> } | undefined => {
  const found = strip(facts)
  return Object.keys(found).length === 0 ? undefined : found
}

/**
 * The text that a message key carries. WhatsApp Web renames the private field that holds it
 * (`_serialized` until July 2026, `$1` since), so the field is found by its value: the one own text
 * that begins as the key's text does.
 */
const carriedKey = (key: Raw): string | undefined => {
  const own = asText(key['_serialized'])
  if (own !== undefined) return own
  const start = `${key['fromMe'] === true}_`
  const texts = Object.values(key).filter(
    (value) => typeof value === 'string' && value.startsWith(start)
  )
  return texts.length === 1 ? asText(texts[0]) : undefined
}

/** The text of a message key, made of its parts. */
const builtKey = (key: Raw): string | undefined => {
  const [remote, id] = [asId(key['remote']), asText(key['id'])]
  if (remote === undefined || id === undefined) return undefined
  const more = [asText(key['self']), asId(key['participant'])].filter((part) => part !== undefined)
  return [key['fromMe'] === true, remote, id, ...more].join('_')
}

/**
 * A message key: `<fromMe>_<chat>_<id>[_<in|out>][_<participant>]`; in|out only in the chat with
 * oneself. Addresses are without devices.
 */
export const keyOf = (key: unknown): string | undefined => {
  const text = isRaw(key) ? (carriedKey(key) ?? builtKey(key)) : asText(key)
  return text === undefined ? undefined : plainMessageId(text)
}

/** Whether a message key carries no text of its own, so that `keyOf` has to build it. */
export const isKeyBuilt = (key: unknown): boolean => isRaw(key) && carriedKey(key) === undefined

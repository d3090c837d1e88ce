import { storable } from '../../platform/storable.ts'

/**
 * WhatsApp Web's own models, as whatsapp-web.js hands them on (its `Message.rawData`). They are WhatsApp's to change, so
 * every field is read with doubt and nothing here throws.
 */
export type Raw = Readonly<Record<string, unknown>>

export const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)
/** A text that is not empty, as the journal and whoever reads it will have it: by an id that they keep as another, a message would not be found again. */
export const asText = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? storable(value) : undefined)
export const asNumber = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}
/** A time in ms, if it is one that Date can hold and that lies after 1970. */
export const asTime = (value: unknown, unit = 1): number | undefined => {
  const ms = (asNumber(value) ?? NaN) * unit
  return ms >= 0 && ms <= 253_402_300_799_999 ? ms : undefined
}
export const asSeconds = (value: unknown): number => Math.round((asTime(value, 1_000) ?? Date.now()) / 1_000)
/** The text of a Wid: `<user>[:<device>]@<server>`. */
const widText = (wid: Raw): string | undefined => {
  const own = asText(wid['_serialized'])
  if (own !== undefined) return own
  const [user, server, device] = [asText(wid['user']), asText(wid['server']), asNumber(wid['device'])]
  if (user === undefined || server === undefined) return undefined
  return device ? `${user}:${device}@${server}` : `${user}@${server}`
}
/** A contact, group or chat id: a Wid object, or its text. No private field of the object is named. */
export const asId = (value: unknown): string | undefined =>
  isRaw(value) ? widText(value) : asText(value)
export const asIds = (value: unknown): string[] => (Array.isArray(value) ? value.flatMap((item) => asId(item) ?? []) : [])
export const strip = <T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }

/**
 * The text that a message key carries. WhatsApp Web renames the private field that holds it (`_serialized` until July
 * 2026, `$1` since), so the field is found by its value: the one own text that begins as the key's text does.
 */
const carriedKey = (key: Raw): string | undefined => {
  const own = asText(key['_serialized'])
  if (own !== undefined) return own
  const start = `${key['fromMe'] === true}_`
  const texts = Object.values(key).filter((value) => typeof value === 'string' && value.startsWith(start))
  return texts.length === 1 ? asText(texts[0]) : undefined
}

/** The text of a message key, made of its parts. */
const builtKey = (key: Raw): string | undefined => {
  const [remote, id] = [asId(key['remote']), asText(key['id'])]
  if (remote === undefined || id === undefined) return undefined
  const more = [asText(key['self']), asId(key['participant'])].filter((part) => part !== undefined)
  return [key['fromMe'] === true, remote, id, ...more].join('_')
}

/** A message key: `<fromMe>_<chat>_<id>[_<in|out>][_<participant>]`; in|out only in the chat with oneself. */
export const keyOf = (key: unknown): string | undefined => {
  if (!isRaw(key)) return asText(key)
  return carriedKey(key) ?? builtKey(key)
}

/** Whether a message key carries no text of its own, so that `keyOf` has to build it. */
export const isKeyBuilt = (key: unknown): boolean => isRaw(key) && carriedKey(key) === undefined

/** The phone number behind an id such as 5215512345678@c.us (a device suffix may stand before the @), in E.164. */
export const phoneOf = (id: string | undefined): string | undefined => {
  const [, digits] = /^(\d{5,15})(?::\d+)?@(?:c\.us|s\.whatsapp\.net)$/.exec(id ?? '') ?? []
  return digits === undefined ? undefined : `+${digits}`
}

export const lidOf = (id: string | undefined): string | undefined => (id?.endsWith('@lid') ? id : undefined)

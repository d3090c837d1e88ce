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
/** A contact, group or chat id: a Wid object with `_serialized`, or the text itself. */
export const asId = (value: unknown): string | undefined => asText(isRaw(value) ? value['_serialized'] : value)
export const asIds = (value: unknown): string[] => (Array.isArray(value) ? value.flatMap((item) => asId(item) ?? []) : [])
export const strip = <T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }

/** A message key: `<fromMe>_<chat>_<id>[_<participant>]`. */
export const keyOf = (key: unknown): string | undefined => {
  if (!isRaw(key)) return asText(key)
  const [remote, id] = [asId(key['remote']), asText(key['id'])]
  const participant = asId(key['participant'])
  const built = remote && id ? `${key['fromMe'] === true}_${remote}_${id}${participant ? `_${participant}` : ''}` : undefined
  return asText(key['_serialized']) ?? built
}

/** The phone number behind an id such as 5215512345678@c.us (a device suffix may stand before the @), in E.164. */
export const phoneOf = (id: string | undefined): string | undefined => {
  const [, digits] = /^(\d{5,15})(?::\d+)?@(?:c\.us|s\.whatsapp\.net)$/.exec(id ?? '') ?? []
  return digits === undefined ? undefined : `+${digits}`
}

export const lidOf = (id: string | undefined): string | undefined => (id?.endsWith('@lid') ? id : undefined)

import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'
import { omitUndefined } from '../../../platform/omit-undefined.ts'

/** Phone numbers as they are compared. */

/**
 * What numbers are compared by: the digits of an E.164 number, without what WhatsApp's ids keep of
 * older numbering: Mexico's and Argentina's mobile prefixes (+52 1, +54 9), and the ninth digit of
 * Brazil's mobiles, which its ids of older accounts lack. leads.phone_key in the database is the
 * same.
 */
export const phoneKey = (phone: string): string => {
  const digits = phone.slice(1)
  if (/^521\d{10}$/.test(digits) || /^549\d{10}$/.test(digits))
    return digits.slice(0, 2) + digits.slice(3)
  if (/^55\d\d9\d{8}$/.test(digits)) return digits.slice(0, 4) + digits.slice(5)
  return digits
}

/** All E.164 numbers that are compared as one with this, itself included. */
export const spellingsOf = (phone: string): string[] => {
  const key = phoneKey(phone)
  const plain = `+${key}`
  if (/^(?:52|54)\d{10}$/.test(key))
    return [plain, `+${key.slice(0, 2)}${key.startsWith('52') ? 1 : 9}${key.slice(2)}`]
  if (/^55\d{10}$/.test(key)) return [plain, `+${key.slice(0, 4)}9${key.slice(4)}`]
  return [plain]
}

const possible = (text: string, country?: CountryCode): string | undefined => {
  const parsed = parsePhoneNumberFromString(
    text,
    omitUndefined({ defaultCountry: country, extract: false })
  )
  return parsed?.isPossible() === true ? parsed.number : undefined
}

/**
 * An E.164 number as people read it, with its country code and the spaces that are usual in its
 * country: `+52 55 1234 5678`. Older numbering, which WhatsApp's ids keep, is left out where no
 * such number exists any more.
 */
export const displayPhone = (phone: string): string => {
  const parsed = parsePhoneNumberFromString(phone)
  if (parsed?.isValid() === true) return parsed.formatInternational()
  const current = parsePhoneNumberFromString(`+${phoneKey(phone)}`)
  return current?.isValid() === true ? current.formatInternational() : phone
}

/**
 * A phone number however it is written, as E.164; undefined when it can be none.
 * @param country of numbers that are written without one
 */
export const readPhone = (text: string, country?: CountryCode): string | undefined => {
  const compact = text.replace(/[\s()./-]/g, '')
  // as WhatsApp shows numbers of older numbering, which is possible no more
  return (
    possible(text, country) ??
    (/^\+\d+$/.test(compact) ? possible(`+${phoneKey(compact)}`) : undefined)
  )
}

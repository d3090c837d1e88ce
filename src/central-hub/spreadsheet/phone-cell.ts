import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js'
import { readPhone } from '../store/database/phone.ts'

/** Phone numbers as people write them in tables. */

type PhoneFault =
  | 'phone-missing'
  | 'phone-lost-digits'
  | 'phone-without-country'
  | 'phone-unreadable'

/**
 * The fewest digits of an international number without `+`. A number with fewer may belong to any
 * country.
 */
const minInternationalDigits = 11

/** Invisible characters: zero-width and direction marks. */
const invisible = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g
/** https://faq.whatsapp.com/5913398998672934, and the address that it leads to. */
const linkBeginnings = [
  String.raw`wa\.me\/`,
  String.raw`(?:api|web|chat)\.whatsapp\.com\/send\/?\?(?:.*&)?phone=`,
  String.raw`whatsapp:\/\/send\/?\?(?:.*&)?phone=`
]
const link = new RegExp(
  String.raw`^(?:https?:\/\/)?(?:www\.)?(?:${linkBeginnings.join('|')})(?:\+|%2b)?([\d\s().-]+)`,
  'i'
)
const address = /^(\d+)(?::\d+)?@(?:c\.us|s\.whatsapp\.net)$/i
const scheme = /^(?:tel|callto|sms|whatsapp|phone):(?:\/\/)?/i
/** 5,21551E+12: the digits after the first few are lost. */
const scientific = /^[+-]?\d+(?:[.,]\d+)?e[+-]?\d+$/i

/**
 * The number of a link to WhatsApp or of one of its addresses, which is international without `+`.
 */
const linkedNumber = (text: string): string | undefined => {
  const digits = (link.exec(text) ?? address.exec(text))?.[1]
  return digits === undefined ? undefined : `+${digits}`
}

const isValid = (number: string): boolean => parsePhoneNumberFromString(number)?.isValid() === true

/** Digits without `+`: of the default country if they can be, else international. */
const readDigits = (text: string, country: CountryCode | undefined): string | undefined => {
  const national = readPhone(text, country)
  if (national !== undefined && isValid(national)) return national
  const digits = text.replace(/\D/g, '')
  const international = digits.length < minInternationalDigits ? undefined : readPhone(`+${digits}`)
  if (international !== undefined && isValid(international)) return international
  return national
}

/** The text of a number, without what spreadsheets, links and people put round it. */
const bare = (cell: string): string => {
  // NFKC makes an acute accent a space and a combining mark.
  const text = cell.replaceAll('´', '').normalize('NFKC').replace(invisible, '').trim()
  const unquoted = text
    .replace(/^=?\s*["'`’]+\s*/, '')
    .replace(/(?<!["'`’])["'`’]+$/, '')
    .trimEnd()
    .replace(/^=/, '')
  const number = linkedNumber(unquoted) ?? unquoted.replace(scheme, '')
  // Programs write 34600123456.0 when they treat the number as a fraction.
  const whole = number.replace(/^(\d{9,})[.,]0+$/, '$1')
  return whole.replace(/^00\s*(?=[1-9])/, '+')
}

/**
 * Reads a phone number of a table: `+34 600 12 34 56`, `34600123456`, `'+34…`, `="+34…"`, `tel:`,
 * links to WhatsApp.
 * @param country of numbers that are written without one
 */
export const readPhoneCell = (
  cell: string,
  country: CountryCode | undefined
): { phone: string } | { fault: PhoneFault } => {
  const text = bare(cell)
  if (text === '') return { fault: 'phone-missing' }
  if (scientific.test(text)) return { fault: 'phone-lost-digits' }
  const phone = text.startsWith('+') ? readPhone(text) : readDigits(text, country)
  if (phone !== undefined) return { phone }
  const isNumber = /^[\d\s()./-]{6,}$/.test(text)
  return { fault: isNumber && country === undefined ? 'phone-without-country' : 'phone-unreadable' }
}

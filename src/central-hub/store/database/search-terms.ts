import type { CountryCode } from 'libphonenumber-js'
import { phoneKey, readPhone } from './phone.ts'
import { spacedRun, spacelessRuns, tokensOf, withoutSpaceless } from './spaceless.ts'

/**
 * What is looked for by what a person typed: a number with spaces, a name with a comma, half a
 * word.
 */

/** What has to be found of a lead. */
export type LeadTerm =
  /**
   * Part of a name, a note, a tag, or of who takes care. Without case and accents; one of one or
   * two letters begins a word.
   */
  | { text: string }
  /** Digits in a phone number. */
  | { digits: string }
  | { all: readonly LeadTerm[] }
  | { any: readonly LeadTerm[] }

/** Words of messages, without anything that separates them, and those of writing without spaces. */
interface MessageTerms {
  words: readonly string[]
  tokens: readonly string[]
  /** The last word may go on: nothing was typed after it. */
  isOpen: boolean
}

const minDigits = 3

/**
 * Invisible marks, such as those that copying a number from a list of contacts brings along; not
 * those that join emoji.
 */
const invisible = /(?![\u200c\u200d])\p{Cf}/gu

const zeroOf = (code: number): number => {
  const block = code - (code % 16)
  return /\p{Nd}/u.test(String.fromCodePoint(block)) ? block : block + 6
}

/** The digits in a text, in whatever script, as 0 to 9. */
const asciiDigits = (text: string): string =>
  [...text.normalize('NFKC').matchAll(/\p{Nd}/gu)]
    .map(([digit]) => (digit.codePointAt(0) ?? 0) - zeroOf(digit.codePointAt(0) ?? 0))
    .join('')

/**
 * Ways of dialling that no number is kept with: Mexico's 01, 044 and 045; Argentina's 15 after the
 * area code.
 */
const dialled = (digits: string): string[] => {
  const national = digits.replace(/^0+/, '')
  const mexican = /^0(?:1|44|45)(\d{10})$/.exec(digits)?.[1]
  const found = [digits, national, ...(mexican === undefined ? [] : [mexican])]
  if (national.length !== 12) return found
  const areas = [2, 3, 4].filter((length) => national.slice(length, length + 2) === '15')
  return [
    ...found,
    ...areas.map((length) => national.slice(0, length) + national.slice(length + 2))
  ]
}

/**
 * What to look for of a number, or a part of one, however it is written. @param country of a number
 * without one
 */
const numberTerms = (text: string, country: CountryCode | undefined): string[] => {
  const phone = readPhone(text, country)
  const forms = dialled(asciiDigits(text)).flatMap((each) => [each, phoneKey(`+${each}`)])
  return [...new Set([...forms, ...(phone === undefined ? [] : [phoneKey(phone)])])].filter(
    ({ length }) => length >= minDigits
  )
}

const all = (terms: readonly LeadTerm[]): LeadTerm =>
  terms.length === 1 ? (terms[0] as LeadTerm) : { all: terms }
const any = (terms: readonly LeadTerm[]): LeadTerm =>
  terms.length === 1 ? (terms[0] as LeadTerm) : { any: terms }

/** Only of marks and skin tones, which say nothing without what they change. */
const saysNothing = (text: string): boolean => /^[\p{M}\p{Cf}\u{1f3fb}-\u{1f3ff}\s]*$/u.test(text)

/** A part of a name as the search has it: writing without spaces apart from the rest. */
const partsOf = (text: string): LeadTerm[] => {
  const rest = withoutSpaceless(text)
    .split(' ')
    .filter((part) => !saysNothing(part))
  return [
    ...rest.map((part) => ({ text: part })),
    ...spacelessRuns(text).map((run) => ({ text: spacedRun(run) }))
  ]
}

/** A word as it is, or its parts where a sign cuts it in two. */
const wordTerm = (word: string): LeadTerm | undefined => {
  const bare = word.replace(/^[.,;:!?¡¿"'«»()[\]{}…]+|[.,;:!?¡¿"'«»()[\]{}…]+$/gu, '')
  const parts = partsOf(bare)
  if (parts.length === 0) return undefined
  const pieces = bare.split(/\p{P}/u).filter((piece) => piece !== '')
  return pieces.length < 2 ? all(parts) : any([all(parts), all(pieces.flatMap(partsOf))])
}

const isNumeric = (word: string): boolean =>
  /^[\p{Nd}+().,;/\p{Pd}]+$/u.test(word.normalize('NFKC')) && /\p{Nd}/u.test(word)

/** Words in a row that may be one number: the number, or each word by itself. */
const numberTerm = (words: readonly string[], country: CountryCode | undefined): LeadTerm => {
  const digits = numberTerms(words.join(' '), country).map((each) => ({ digits: each }))
  const single = words.map((word) => {
    const own = asciiDigits(word)
    // without the signs around it each has a digit, which says something
    const asText = wordTerm(word) as LeadTerm
    return words.length > 1 && own.length >= minDigits ? any([asText, { digits: own }]) : asText
  })
  return any([...digits, all(single)])
}

const address =
  /^(?:tel:|(?:https?:\/\/)?(?:wa\.me\/|api\.whatsapp\.com\/send\/?\?phone=))(?=[+\p{Nd}])/iu

/**
 * Numbers and words in the order in which they were typed: those that may be one number are
 * together.
 */
const groupsOf = (q: string): string[][] => {
  const groups: string[][] = []
  let wasNumeric = false
  for (const given of q.split(/[\s,;\0]/u)) {
    const word = given.replace(address, '')
    // A sign alone is between the parts of a number, and is no part of a name.
    if (word === '' || /^[().,;/\p{Pd}]+$/u.test(word)) continue
    const numeric = isNumeric(word)
    if (numeric && wasNumeric && !word.startsWith('+')) groups.at(-1)?.push(word)
    else groups.push([word])
    wasNumeric = numeric
  }
  return groups
}

/** What has to be found of a lead; undefined when there is nothing to find. */
export const leadTerms = (q: string, country: CountryCode | undefined): LeadTerm | undefined => {
  const terms = groupsOf(q.replace(invisible, '')).flatMap((words) => {
    const word = words[0] as string
    return (isNumeric(word) ? numberTerm(words, country) : wordTerm(word)) ?? []
  })
  return terms.length === 0 ? undefined : all(terms)
}

/** undefined when nothing in it is in any message's words. */
export const messageTerms = (q: string): MessageTerms | undefined => {
  const text = q.replace(invisible, '')
  const words = withoutSpaceless(text)
    .split(/[^\p{L}\p{N}\p{M}]/u)
    .filter((word) => !saysNothing(word))
  const tokens = [...new Set(spacelessRuns(text).flatMap(tokensOf))]
  if (words.length + tokens.length === 0) return undefined
  return { words, tokens, isOpen: words.length > 0 && !endsSpaceless(text) }
}

const endsSpaceless = (text: string): boolean => /\s$/u.test(withoutSpaceless(text.trimEnd()))

import type { IncomingHttpHeaders } from 'node:http'
import { parseCookie } from 'cookie'

/** Which language a browser wants for the operator page. */

/** Set by the page: the language that a person chose in it. console/texts.js has the same name. */
const cookieName = 'leadmaster-language'

/** The language of a tag such as `pt-BR`. */
const languageOf = (tag: string): string => (tag.split('-')[0] ?? '').trim().toLowerCase()

/**
 * The languages of an Accept-Language header, the best first,
 * https://www.rfc-editor.org/rfc/rfc9110#field.accept-language
 */
const acceptedLanguages = (header: string): string[] =>
  header
    .split(',')
    .map((range) => {
      const [tag = '', ...parameters] = range.split(';')
      const quality = parameters.find((parameter) => parameter.trim().startsWith('q='))
      return { tag, quality: quality === undefined ? 1 : Number(quality.split('=')[1]) }
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality)
    .map(({ tag }) => languageOf(tag))

/**
 * The language for a request of the page: the one chosen in it, else the first that the browser
 * accepts and `languages` has, else English.
 * @param languages such as `['en', 'es']`
 */
export const pageLanguage = (
  { cookie = '', 'accept-language': accepted = '' }: IncomingHttpHeaders,
  languages: readonly string[]
): string => {
  const wanted = [parseCookie(cookie)[cookieName] ?? '', ...acceptedLanguages(accepted)]
  return wanted.find((name) => languages.includes(name)) ?? 'en'
}

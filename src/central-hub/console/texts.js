import { english } from './english.js'
import { spanish } from './spanish.js'
import * as words from './words.js'

/** The chosen language, its texts, and the texts of index.html. */

const languages = { en: english, es: spanish }
const remembered = 'leadmaster-language'

/** @returns {'en' | 'es'} */
const firstLanguage = () => {
  const wanted = [localStorage.getItem(remembered) ?? '', ...navigator.languages].map((name) =>
    name.slice(0, 2).toLowerCase()
  )
  return /** @type {'en' | 'es' | undefined} */ (wanted.find((name) => name in languages)) ?? 'en'
}

export let language = firstLanguage()
/** The texts of the language chosen. */
export let texts = languages[language]

/** What messages are called, in the language chosen. */
export const messageWords = () => (language === 'es' ? words.spanish : words.english)

/** @param {'en' | 'es'} chosen */
export const setLanguage = (chosen) => {
  language = chosen
  texts = languages[chosen]
  localStorage.setItem(remembered, chosen)
}

/** Puts the texts into the elements of index.html. */
export const writeStaticTexts = () => {
  document.documentElement.lang = language
  const known = /** @type {Record<string, unknown>} */ (texts)
  /** @param {Element} element @param {string} name */
  const textOf = (element, name) => String(known[element.getAttribute(name) ?? ''])
  for (const element of document.querySelectorAll('[data-text]'))
    element.textContent = textOf(element, 'data-text')
  for (const element of document.querySelectorAll('[data-label]'))
    element.setAttribute('aria-label', textOf(element, 'data-label'))
  for (const element of document.querySelectorAll('[data-hint]'))
    element.setAttribute('placeholder', textOf(element, 'data-hint'))
  for (const select of document.querySelectorAll('.language-select'))
    if (select instanceof HTMLSelectElement) select.value = language
}

/** What went wrong, in plain words, and the detail as the hub gives it, which says what to change.
 * @param {unknown} error @returns {{ words: string, detail: string }} */
export const explain = (error) => {
  const { kind = '', problem = undefined } =
    /** @type {Partial<import('./request.js').ApiError>} */ (error ?? {})
  return {
    words: wordsFor(kind),
    detail: problem?.detail ?? (kind === 'no-answer' ? '' : (problem?.title ?? String(error)))
  }
}
/** @param {string} kind the last part of a problem's type */
export const wordsFor = (kind) =>
  /** @type {Record<string, string>} */ (texts.problems)[kind] ?? texts.failed

import { fillText } from './fill-text.js'
import { request } from './request.js'

/** The language chosen, its texts, and the texts of index.html. */

/** @typedef {typeof import('./en.json')} Texts */
/** @typedef {keyof typeof files} Language */

/** The files of the texts. scripts/bundle-page.ts gives them other names, with a hash. */
const files = { en: 'en.json', es: 'es.json', pt: 'pt.json' }
/** Both the item of the store and the cookie. */
const remembered = 'leadmaster-language'
const cookieSeconds = 400 * 24 * 3_600

/** @type {Language} */
export let language = 'en'
/** The texts of the language chosen. @type {Texts} */
export let texts
/** The language that was asked for last. @type {Language | undefined} */
let wanted

/** How this person writes numbers and times, if they have said so for the language chosen. */
export const locale = () =>
  navigator.languages.find((name) => name.toLowerCase().startsWith(language)) ?? language

/**
 * A text of `texts` with a value in the place of each `{name}`; `count` decides on the plural form.
 * @param {import('./fill-text.js').Text} text
 * @param {Readonly<Record<string, string | number>>} values
 */
export const fill = (text, values) => fillText(text, values, locale())

/** @returns {Language} */
const firstLanguage = () => {
  const names = [localStorage.getItem(remembered) ?? '', ...navigator.languages]
  const known = names.map((name) => name.split('-')[0]?.toLowerCase() ?? '')
  return /** @type {Language | undefined} */ (known.find((name) => name in files)) ?? 'en'
}

/** The texts that index.html brought: those of the language that the hub took for wanted. */
const broughtTexts = () => document.getElementById('texts')

/**
 * Asks the hub to bring the texts of this language with index.html: it cannot read the store, and
 * the languages of the browser are not always those of its requests.
 * @param {Language} name
 */
const rememberForHub = (name) => {
  document.cookie = `${remembered}=${name}; Path=/; Max-Age=${cookieSeconds}; SameSite=Lax`
}

/** @param {Language} name @returns {Promise<Texts>} @throws {import('./request.js').ApiError} */
const textsOf = async (name) => {
  const brought = broughtTexts()
  if (brought?.dataset['language'] === name) return JSON.parse(brought.textContent ?? '')
  return (await request('GET', files[name])).value
}

/** @param {Language} name @throws {import('./request.js').ApiError} */
const useLanguage = async (name) => {
  wanted = name
  const loaded = await textsOf(name)
  // Another language may have been chosen before this one came.
  if (wanted !== name) return
  language = name
  texts = loaded
}

/**
 * Loads the texts of the language that this person wants: the one chosen here, else the first of
 * the browser's that is known, else English. If they cannot be loaded, the page speaks the language
 * that index.html brought.
 */
export const loadTexts = async () => {
  const [first, brought] = [firstLanguage(), broughtTexts()?.dataset['language']]
  if (first !== brought) rememberForHub(first)
  try {
    await useLanguage(first)
  } catch (error) {
    if (brought === undefined) throw error
    await useLanguage(/** @type {Language} */ (brought))
  }
}

/**
 * @param {Language} chosen
 * @throws {import('./request.js').ApiError} if its texts cannot be loaded; then all is as before
 */
export const setLanguage = async (chosen) => {
  await useLanguage(chosen)
  if (language !== chosen) return
  localStorage.setItem(remembered, chosen)
  rememberForHub(chosen)
}

/** Puts the texts into the elements of index.html. */
export const writeStaticTexts = () => {
  document.documentElement.lang = texts.languageTag
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

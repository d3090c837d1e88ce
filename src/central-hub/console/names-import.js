import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { fill, locale, texts } from './texts.js'

/**
 * Names by phone number, out of a CSV file; and where leads and messages are as files for a
 * spreadsheet.
 */

/** @typedef {import('../../contract/lead.ts').ImportResult} ImportResult */

/**
 * What is wrong, in the language of the page; in the hub's English if the page does not know the
 * code.
 * @param {{ code?: string, message: string }} fault
 */
const wordsOf = ({ code = '', message }) => {
  const words = /** @type {Record<string, string>} */ (texts.importFaults)[code]
  return words === undefined ? h('span', { lang: 'en' }, message) : words
}

/** @param {ImportResult['errors'][number]} fault */
const faultItem = ({ line, field, ...fault }) => {
  const name = /** @type {Record<string, string>} */ (texts.importFields)[field]
  return h(
    'li',
    {},
    `${fill(texts.line, { line })}: ${name === undefined ? '' : `${name}: `}`,
    wordsOf(fault)
  )
}

/** @param {ImportResult} result */
const outcomeOf = ({
  named,
  kept,
  unchanged,
  rejected = 0,
  ignored_columns: ignored = [],
  errors
}) => [
  h(
    'p',
    {},
    fill(texts.namesDone, {
      named: fill(texts.namesNamed, { count: named }),
      kept: fill(texts.namesKept, { count: kept }),
      unchanged: fill(texts.namesUnchanged, { count: unchanged })
    })
  ),
  ignored.length > 0 &&
    h('p', { class: 'muted small' }, fill(texts.namesIgnored, { columns: ignored.join(', ') })),
  rejected > 0 && h('p', { class: 'error' }, fill(texts.namesErrors, { count: rejected })),
  errors.length > 0 && h('ul', { class: 'small' }, ...errors.map(faultItem))
]

/**
 * What is wrong with the whole file; undefined when that is not what went wrong. @param {unknown}
 * error
 */
const refusalOf = (error) => {
  const { problem } = /** @type {Partial<import('./request.js').ApiError>} */ (error ?? {})
  const faults = (problem?.errors ?? []).filter(({ code }) => code !== undefined)
  return faults.length === 0
    ? undefined
    : h(
        'div',
        { class: 'error note', role: 'alert' },
        ...faults.map((fault) => h('p', {}, wordsOf(fault)))
      )
}

/** @param {() => void} onDone leads have other names now, perhaps */
export const createNamesImport = (onDone) => {
  const [form, file, outcome] = ['names-form', 'names-file', 'names-outcome'].map(byId)
  const button = /** @type {HTMLElement} */ (form.querySelector('[type=submit]'))

  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault()
    const [chosen] = file.files
    if (!chosen) return outcome.replaceChildren(h('p', { class: 'error' }, texts.namesPick))
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    outcome.replaceChildren(h('p', { class: 'muted' }, texts.working))
    try {
      outcome.replaceChildren(
        ...outcomeOf(await api.importNames(chosen)).filter((part) => part !== false)
      )
      onDone()
    } catch (error) {
      outcome.replaceChildren(refusalOf(error) ?? errorNote(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  })
  return {
    /** Where the files are follows from the language chosen. */
    render: () => {
      byId('export-leads').href = api.leadsFile(locale())
      byId('export-messages').href = api.messagesFile(locale())
    }
  }
}

import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { texts } from './texts.js'

/** Names by phone number, out of a CSV file. */

/** @param {() => void} onDone leads have other names now, perhaps */
export const createNamesImport = (onDone) => {
  const [form, file, outcome] = ['names-form', 'names-file', 'names-outcome'].map(byId)
  const button = /** @type {HTMLElement} */ (form.querySelector('[type=submit]'))

  /** @param {import('../../contract/lead.ts').ImportResult} result */
  const told = ({ named, kept, unchanged, errors }) => [
    h('p', {}, texts.namesDone(named, kept, unchanged)),
    ...(errors.length === 0 ? [] : [h('p', { class: 'error' }, texts.namesErrors(errors.length)),
      h('ul', { class: 'small' }, ...errors.map(({ line, field, message }) => h('li', {}, `${texts.line(line)}: `, h('span', { lang: 'en' }, `${field}: ${message}`))))])
  ]
  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault()
    const [chosen] = file.files
    if (!chosen) return outcome.replaceChildren(h('p', { class: 'error' }, texts.namesPick))
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    outcome.replaceChildren(h('p', { class: 'muted' }, texts.working))
    try {
      outcome.replaceChildren(...told(await api.importNames(await chosen.text())))
      onDone()
    } catch (error) {
      outcome.replaceChildren(errorNote(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  })
}

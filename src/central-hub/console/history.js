import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { fill, texts } from './texts.js'

/** The changes that people made to a lead, latest first. They are read when the part is opened. */

/** @typedef {import('../../contract/lead.ts').LeadChange} LeadChange */

/** @param {LeadChange} change */
const describeChange = ({ field, from, to }) => {
  if (field === 'merged') return fill(texts.mergedLead, { id: from ?? '' })
  if (field === 'handled') return to === null ? texts.handledUndone : texts.handledDone
  const states = /** @type {Record<string, string>} */ (texts.stateOf)
  const written = (/** @type {string | null} */ value) => {
    if (value === null || value === '') return texts.emptyNow
    if (field === 'remind_at') return dateTime(new Date(value))
    return field === 'state' ? (states[value] ?? value) : value
  }
  return fill(texts.became, { from: written(from), to: written(to) })
}

/** @param {LeadChange} change */
const changeItem = (change) =>
  h(
    'li',
    {},
    h(
      'p',
      { class: 'small muted' },
      h('strong', {}, texts.fieldOf[change.field]),
      ' · ',
      h('time', { datetime: change.at }, dateTime(new Date(change.at)))
    ),
    h('p', { class: 'small', dir: 'auto' }, describeChange(change))
  )

export class ChangeHistory {
  /** @type {number | undefined} */
  #id
  /** @type {LeadChange[]} */
  #changes = []
  /** @type {string | null} */
  #cursor = null
  #isRead = false
  /** @type {unknown} */
  #error
  #disclosure = byId('history')
  #box = byId('history-list')

  constructor() {
    this.#disclosure.addEventListener('toggle', () => {
      if (!this.#disclosure.open) return
      this.#render()
      this.#start()
    })
  }

  /** @param {number} id the lead that is open */
  show(id) {
    if (id === this.#id) return
    this.#id = id
    this.#changes = []
    this.#cursor = null
    this.#isRead = false
    this.#error = undefined
    this.#disclosure.open = false
  }

  /** The lead may have changed. */
  refresh() {
    if (this.#disclosure.open) this.#start()
  }

  render() {
    if (this.#disclosure.open) this.#render()
  }

  #start() {
    this.#cursor = null
    void this.#more()
  }

  async #more() {
    if (this.#id === undefined) return
    const id = this.#id
    const after = this.#cursor
    try {
      const page = await api.history(id, after)
      if (id !== this.#id) return
      this.#changes = after === null ? page.changes : [...this.#changes, ...page.changes]
      this.#cursor = page.next_cursor
      this.#isRead = true
      this.#error = undefined
    } catch (error) {
      if (id !== this.#id) return
      this.#error = error
    }
    this.#render()
  }

  #render() {
    const hasFailed = this.#error !== undefined
    if (!this.#isRead && !hasFailed)
      return this.#box.replaceChildren(h('p', { class: 'muted small' }, texts.loading))
    const more = () => void this.#more()
    this.#box.replaceChildren(
      this.#changes.length === 0 && !hasFailed
        ? h('p', { class: 'muted small' }, texts.noHistory)
        : h('ul', { class: 'changes' }, ...this.#changes.map(changeItem)),
      ...(hasFailed ? [errorNote(this.#error, more)] : []),
      ...(this.#cursor === null ? [] : [h('button', { type: 'button', onclick: more }, texts.more)])
    )
  }
}

import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { texts } from './texts.js'

/** What people changed of a lead, latest first; read when it is opened. */

/** @typedef {import('../../contract/lead.ts').LeadChange} LeadChange */

export const createHistory = () => {
  /** @type {number | undefined} */
  let id
  /** @type {LeadChange[]} */
  let changes = []
  /** @type {string | null} */
  let cursor = null
  let read = false
  /** @type {unknown} */
  let fault
  const disclosure = byId('history')
  const box = byId('history-list')

  /** @param {LeadChange} change */
  const words = ({ field, from, to }) => {
    if (field === 'merged') return texts.mergedLead(from ?? '')
    if (field === 'handled') return to === null ? texts.handledUndone : texts.handledDone
    const states = /** @type {Record<string, string>} */ (texts.stateOf)
    const written = (/** @type {string | null} */ value) => {
      if (value === null || value === '') return texts.emptyNow
      return field === 'state' ? (states[value] ?? value) : value
    }
    return texts.became(written(from), written(to))
  }
  const render = () => {
    if (!read && fault === undefined)
      return box.replaceChildren(h('p', { class: 'muted small' }, texts.loading))
    box.replaceChildren(
      changes.length === 0 && fault === undefined
        ? h('p', { class: 'muted small' }, texts.noHistory)
        : h(
            'ul',
            { class: 'changes' },
            ...changes.map((change) =>
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
                h('p', { class: 'small', dir: 'auto' }, words(change))
              )
            )
          ),
      ...(fault === undefined ? [] : [errorNote(fault, () => void more())]),
      ...(cursor === null
        ? []
        : [h('button', { type: 'button', onclick: () => void more() }, texts.more)])
    )
  }
  const more = async () => {
    if (id === undefined) return
    const of = id
    const after = cursor
    try {
      const page = await api.history(of, after)
      if (of !== id) return
      changes = after === null ? page.changes : [...changes, ...page.changes]
      ;[cursor, read, fault] = [page.next_cursor, true, undefined]
    } catch (error) {
      if (of !== id) return
      fault = error
    }
    render()
  }
  const start = () => {
    cursor = null
    void more()
  }
  disclosure.addEventListener('toggle', () => {
    if (!disclosure.open) return
    render()
    start()
  })
  return {
    /** @param {number} shown the lead that is open */
    show: (shown) => {
      if (shown === id) return
      ;[id, changes, cursor, read, fault] = [shown, [], null, false, undefined]
      disclosure.open = false
    },
    /** Something was changed, perhaps. */
    refresh: () => {
      if (disclosure.open) start()
    },
    render: () => disclosure.open && render()
  }
}

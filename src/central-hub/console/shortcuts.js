import { byId, h } from './dom.js'
import { texts } from './texts.js'

/**
 * Shortcuts of single letters; off in fields, with other keys held, and for who does not want them.
 */

const remembered = 'leadmaster-shortcuts'

/**
 * From a field the focus goes to the heading of its part, from where the keys go on. @param
 * {HTMLElement} field
 */
const leave = (field) => {
  field.blur()
  const part = field.closest('#details, #inbox')
  const heading = part?.querySelector('#details-title, #lists')
  if (heading instanceof HTMLElement) heading.focus({ preventScroll: true })
}

/** @param {Record<string, () => void>} actions by key */
export const createShortcuts = (actions) => {
  /** @type {HTMLDialogElement} */
  const dialog = byId('shortcuts')
  const use = byId('shortcuts-use')
  use.checked = localStorage.getItem(remembered) !== 'off'
  use.addEventListener('change', () => localStorage.setItem(remembered, use.checked ? 'on' : 'off'))
  const show = () => dialog.showModal()
  byId('shortcuts-show').addEventListener('click', show)

  addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, metaKey, altKey, isComposing, defaultPrevented } = event
    if (
      ctrlKey ||
      metaKey ||
      altKey ||
      isComposing ||
      defaultPrevented ||
      document.querySelector('dialog[open]')
    )
      return
    const field =
      target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
    if (key === 'Escape') {
      // a search is emptied by the browser first; the next one leaves it
      if (
        field &&
        target instanceof HTMLInputElement &&
        target.type === 'search' &&
        target.value !== ''
      )
        return
      if (field) leave(/** @type {HTMLElement} */ (target))
      else actions['Esc']?.()
      return
    }
    const run = key === '?' ? show : actions[key]
    if (field || !run || !use.checked) return
    event.preventDefault()
    run()
  })
  return {
    render: () =>
      byId('shortcut-list').replaceChildren(
        ...Object.entries(texts.shortcutKeys).map(([key, words]) =>
          h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, words))
        )
      )
  }
}

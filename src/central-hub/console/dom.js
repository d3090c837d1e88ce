/**
 * Building and arranging elements. Text goes in as text only, never as markup: names and messages
 * are hostile input.
 */

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id)

/**
 * Makes an element: `onclick` and the like are listeners, everything else attributes; undefined,
 * null and false are left out.
 * @param {string} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Node | string | number | undefined | null | false)} children
 * @returns {HTMLElement}
 */
export const h = (tag, props = {}, ...children) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (typeof value === 'function')
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value))
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children) {
    if (child !== undefined && child !== null && child !== false)
      element.append(child instanceof Node ? child : String(child))
  }
  return element
}

/**
 * A button of a row. Who does not see the row hears its name after the text.
 * @param {string} text @param {string} name @param {() => void} onclick
 * @param {Record<string, unknown>} [props]
 */
export const rowButton = (text, name, onclick, props = {}) =>
  h(
    'button',
    { type: 'button', ...props, onclick },
    text,
    h('span', { class: 'sr-only' }, ` ${name}`)
  )

/**
 * Focuses the element that took the place of the focused one.
 * @param {readonly Element[]} nodes @param {number} place
 */
const focusNear = (nodes, place) => {
  const focusable = 'a[href], button, [tabindex]'
  const after = [...nodes.slice(place), ...nodes.slice(0, place).reverse()]
  const next = after
    .map((node) => (node.matches(focusable) ? node : node.querySelector(focusable)))
    .find((node) => node !== null)
  if (next instanceof HTMLElement) next.focus({ preventScroll: true })
}

/**
 * Makes `nodes` the children of `parent`, and moves as few as possible. The element with the focus
 * keeps it; if it is removed, its neighbour gets the focus.
 * @param {Element} parent @param {readonly Element[]} nodes
 */
export const arrange = (parent, nodes) => {
  const focused = document.activeElement
  const wanted = new Set(nodes)
  const lost = [...parent.children].find((child) => !wanted.has(child) && child.contains(focused))
  const place = lost && [...parent.children].indexOf(lost)
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove()
  let at = parent.firstElementChild
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling
    else parent.insertBefore(node, at)
  }
  if (!(focused instanceof HTMLElement) || focused === document.activeElement) return
  if (parent.contains(focused)) focused.focus({ preventScroll: true })
  else if (place !== undefined) focusNear(nodes, place)
}

/**
 * Makes what is in `box` again. The element with the focus gives it to the new one with the same
 * `data-key`.
 * @param {HTMLElement} box @param {() => void} make
 */
export const keepFocus = (box, make) => {
  const focused = document.activeElement
  const key = focused instanceof HTMLElement && box.contains(focused) && focused.dataset['key']
  make()
  if (!key) return
  const next = box.querySelector(`[data-key="${key}"]`)
  if (next instanceof HTMLElement) next.focus({ preventScroll: true })
}

/**
 * Sets a text only if it differs, so that a screen reader does not read it twice.
 * @param {Element} element @param {string} text
 */
export const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Runs `run` once for all calls within a moment.
 * @param {() => void} run @param {number} [momentMs]
 */
export const coalesced = (run, momentMs = 30) => {
  let due = false
  return () => {
    if (due) return
    due = true
    setTimeout(() => {
      due = false
      run()
    }, momentMs)
  }
}

/**
 * Shows one of several elements, by id; undefined hides all.
 * @param {readonly string[]} ids @param {string} [shown]
 */
export const showOnly = (ids, shown) => {
  for (const id of ids) byId(id).hidden = id !== shown
}

/** @param {string} text */
const copySelected = (text) => {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'sr-only'
  document.body.append(field)
  field.select()
  // Deprecated, and the only way without HTTPS:
  // https://html.spec.whatwg.org/multipage/interaction.html
  const isCopied = document.execCommand('copy')
  field.remove()
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  return isCopied
}

/**
 * Copies a text. A page without HTTPS has no clipboard: there the text is selected and copied as by
 * Ctrl+C.
 * @param {string} text @returns {Promise<boolean>} whether it was copied
 */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text)
  }
}

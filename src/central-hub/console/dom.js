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
 * The focus goes to what took the place of what had it. @param {readonly Element[]} nodes @param
 * {number} place
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

/** Sets a text only if it is another one, so that a screen reader does not hear it twice.
 * @param {Element} element @param {string} text */
export const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Runs `run` once for however many calls come within a moment. @param {() => void} run @param
 * {number} [momentMs]
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
 * Shows one of several, by id; undefined shows none. @param {readonly string[]} ids @param {string}
 * [shown]
 */
export const showOnly = (ids, shown) => {
  for (const id of ids) byId(id).hidden = id !== shown
}

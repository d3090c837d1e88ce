/**
 * Copies a text. A page without HTTPS has no clipboard: there the text is selected and copied as by
 * Ctrl+C.
 */

/** @param {string} text @returns {Promise<boolean>} whether it was copied */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text)
  }
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

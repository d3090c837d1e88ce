/** Which view is shown: the part of the address after #, so that the browser's back works. */

/** @typedef {'connection' | 'figures' | 'team' | 'settings'} PageName */
/**
 * @typedef {{ name: 'home' | 'lead' | PageName, id?: number, details?: boolean, message?: string }}
 * Route
 */

/** What is no encoding is no message's id. @param {string} text */
const decoded = (text) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/** @returns {Route} */
export const route = () => {
  const [, id, details] = /^#\/lead\/([1-9]\d{0,14})(\/details)?$/.exec(location.hash) ?? []
  if (id !== undefined) return { name: 'lead', id: Number(id), details: details !== undefined }
  const [, of, message] =
    /^#\/lead\/([1-9]\d{0,14})\/message\/([^/]{1,900})$/.exec(location.hash) ?? []
  if (of !== undefined && message !== undefined)
    return { name: 'lead', id: Number(of), details: false, message: decoded(message) }
  const [, name] = /^#\/(connection|figures|team|settings)$/.exec(location.hash) ?? []
  return { name: /** @type {PageName | undefined} */ (name) ?? 'home' }
}

/** @param {number} id @param {boolean} [details] */
export const leadAddress = (id, details = false) => `#/lead/${id}${details ? '/details' : ''}`

/** A lead's conversation, at one of its messages. @param {number} id @param {string} message */
export const messageAddress = (id, message) => `#/lead/${id}/message/${encodeURIComponent(message)}`

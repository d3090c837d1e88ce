/** Which view is shown: the part of the address after #, so that the browser's back works. */

/** @typedef {{ name: 'home' | 'lead' | 'connection' | 'figures' | 'settings', id?: number, details?: boolean }} Route */

/** @returns {Route} */
export const route = () => {
  const [, id, details] = /^#\/lead\/([1-9]\d{0,14})(\/details)?$/.exec(location.hash) ?? []
  if (id !== undefined) return { name: 'lead', id: Number(id), details: details !== undefined }
  const [, name] = /^#\/(connection|figures|settings)$/.exec(location.hash) ?? []
  return { name: /** @type {'connection' | 'figures' | 'settings' | undefined} */ (name) ?? 'home' }
}

/** @param {number} id @param {boolean} [details] */
export const leadAddress = (id, details = false) => `#/lead/${id}${details ? '/details' : ''}`

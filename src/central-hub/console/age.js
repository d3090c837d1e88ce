/** Of which day something is, for the parts of a list. */

/** From the latest to the oldest. */
export const ages = /** @type {const} */ (['today', 'yesterday', 'older'])

/**
 * @param {Date} date @param {number} now ms @returns {typeof ages[number]} by the days of this
 * computer
 */
export const ageOf = (date, now) => {
  const today = new Date(now).setHours(0, 0, 0, 0)
  if (date.getTime() >= today) return 'today'
  const yesterday = new Date(today)
  yesterday.setDate(yesterday.getDate() - 1)
  return date >= yesterday ? 'yesterday' : 'older'
}

/** How text goes into the cells of a CSV file and comes out again, unchanged. */

/**
 * Text that a spreadsheet would run as a formula,
 * https://owasp.org/www-community/attacks/CSV_Injection. Apostrophes before it count too: the
 * export adds one, so that the import can tell a name with an apostrophe from a guarded name.
 */
const formula = /^'*[=+\-@\t\r\n＝＋－＠]/
const guarded = /^'+[=+\-@\t\r\n＝＋－＠]/
const phoneNumber = /^\+\d{1,15}$/

/**
 * Puts an apostrophe before text that a spreadsheet would run as a formula. A phone number is not
 * such text.
 */
export const guardFormula = (text: string): string =>
  formula.test(text) && !phoneNumber.test(text) ? `'${text}` : text

/** What Excel calls true and false in the languages of the Americas and of western Europe. */
const logical = /^(true|false|verdadero|falso|verdadeiro|vrai|faux|wahr|falsch|vero)$/i
/** Characters that no number, amount, date or time has. */
const neverInValues = /[_@"!?*<>[\]{}|\\~^&=;]|:\/\//
/** The longest text that a formula of Excel may hold is 255 characters long. */
const maxFormulaText = 255
const maxValueLength = 60
/** A date has at most the words of `1 de mayo de 2026`. */
const maxWords = 3

/**
 * Whether Excel, in any language, may take text for a number, a date, a time, an amount or a
 * logical value, and show something else: 5,22E+12 for a number, 5-mar for "3/5". Text that it
 * would leave alone may be among it.
 */
const mayBeValue = (text: string): boolean => {
  if (/[\r\n]/.test(text) || text.length > maxFormulaText) return false
  if (logical.test(text.trim()) || text.startsWith('#')) return true
  if (!/\p{Nd}/u.test(text)) return false
  if (/^[\p{Nd}\s.,:/+()%-]+$/u.test(text)) return true
  return (
    text.length <= maxValueLength &&
    !neverInValues.test(text) &&
    (text.match(/\p{L}+/gu)?.length ?? 0) <= maxWords
  )
}

/**
 * Text for Excel, which leaves it as it is: guarded, or as the result of a formula where it would
 * become a number or a date.
 */
export const toExcelText = (text: string): string => {
  const safe = guardFormula(text)
  return safe === text && mayBeValue(text) ? `="${text.replaceAll('"', '""')}"` : safe
}

/** Text that a file holds as `="…"`; undefined for any other cell. */
const formulaText = (cell: string): string | undefined => {
  const inner = /^="((?:[^"]|"")*)"$/.exec(cell)?.[1]
  return inner?.replaceAll('""', '"')
}

/** The text of a cell, without what {@link guardFormula} or {@link toExcelText} put round it. */
export const fromCell = (cell: string): string => {
  const text = cell.trim()
  if (guarded.test(text)) return text.slice(1).trim()
  return (formulaText(text) ?? text).trim()
}

import { stripVTControlCharacters, styleText } from 'node:util'

/** Text for a terminal. */

/**
 * Control characters, with which escape sequences begin, and characters that are invisible or
 * change the direction of text. The joiner is not among them, because emoji need it.
 */
const unseen = /(?!\u200d)[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** Text of others in one line, without what would control a terminal. */
export const clean = (text: string): string =>
  text
    .replace(/\s+/g, (blanks) => (/[\r\n\t\u2028\u2029]/.test(blanks) ? ' ' : blanks))
    .replace(unseen, '')

const escaped = (text: string): string =>
  Array.from(
    { length: text.length },
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`
  ).join('')

/** One line of JSON. JSON itself does not escape control characters above ASCII. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replace(unseen, escaped)}\n`

/** Coloured text when stdout is a terminal and NO_COLOR is not set. */
export const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout })

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const wide = new RegExp(
  [
    '\\p{Emoji_Presentation}|\\ufe0f|[\\uff01-\\uff60]',
    '\\p{sc=Han}|\\p{sc=Hiragana}|\\p{sc=Katakana}|\\p{sc=Hangul}'
  ].join('|'),
  'u'
)

const cellsOf = (grapheme: string): number => (wide.test(grapheme) ? 2 : 1)

/** The width of a text in cells of a terminal. Colours take no cell. */
export const width = (text: string): number =>
  [...graphemes.segment(stripVTControlCharacters(text))].reduce(
    (cells, { segment }) => cells + cellsOf(segment),
    0
  )

/** Cuts a text to a number of cells. */
export const cut = (text: string, cells: number): string => {
  if (width(text) <= cells) return text
  let kept = ''
  let left = cells - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= cellsOf(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

/** Aligns rows in columns. The last column is not padded. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => width(row[column] ?? '')))
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell))
      )
      .join('  ')
      .trimEnd()
  return rows.map((row) => `${line(row)}\n`).join('')
}

/** A time span in at most two units: `45 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. */
export const span = (ms: number): string => {
  const s = Math.max(0, Math.floor(ms / 1_000))
  const [d, h, min] = [Math.floor(s / 86_400), Math.floor(s / 3_600) % 24, Math.floor(s / 60) % 60]
  if (d > 0) return h > 0 ? `${d} d ${h} h` : `${d} d`
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`
  return min > 0 ? `${min} min` : `${s} s`
}

/** How long ago an RFC 3339 time was. */
export const since = (at: string): string => span(Date.now() - Date.parse(at))

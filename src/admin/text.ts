import { stripVTControlCharacters, styleText } from 'node:util'

/** Text as a terminal gets it. */

/**
 * Controls (an escape sequence begins with one), and what turns the direction of text or cannot be
 * seen; emoji need the joiner.
 */
const unseen = /(?!\u200d)[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** Text from WhatsApp, or from anywhere else, in one line that cannot do anything to a terminal. */
export const clean = (text: string): string =>
  text
    .replace(/\s+/g, (blanks) => (/[\r\n\t\u2028\u2029]/.test(blanks) ? ' ' : blanks))
    .replace(unseen, '')

/** One line of JSON: JSON itself leaves the controls above ASCII as they are. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replace(unseen, (char) => [...Array(char.length).keys()].map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''))}\n`

/** Coloured where stdout is a terminal, unless NO_COLOR is set. */
export const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout })

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const wide =
  /\p{Emoji_Presentation}|\ufe0f|\p{sc=Han}|\p{sc=Hiragana}|\p{sc=Katakana}|\p{sc=Hangul}|[\uff01-\uff60]/u

const cellsOf = (grapheme: string): number => (wide.test(grapheme) ? 2 : 1)

/** How many cells of a terminal a text takes; its colours take none. */
export const width = (text: string): number =>
  [...graphemes.segment(stripVTControlCharacters(text))].reduce(
    (cells, { segment }) => cells + cellsOf(segment),
    0
  )

/** The text in at most so many cells. */
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

/** Rows in columns, the last one as wide as it is. */
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

/** A span of time in at most two units: `45 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. */
export const span = (ms: number): string => {
  const s = Math.max(0, Math.floor(ms / 1_000))
  const [d, h, min] = [Math.floor(s / 86_400), Math.floor(s / 3_600) % 24, Math.floor(s / 60) % 60]
  if (d > 0) return h > 0 ? `${d} d ${h} h` : `${d} d`
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`
  return min > 0 ? `${min} min` : `${s} s`
}

/** How long ago an RFC 3339 time was. */
export const since = (at: string): string => span(Date.now() - Date.parse(at))

/**
 * Writing without spaces between words, and signs that are words by themselves: Chinese, Japanese,
 * Korean, Thai, Lao, Burmese, Khmer, emoji. The search has a word for each such character and for
 * each two in a row, so that 价格 is found in 请问价格多少.
 */

/**
 * Code points, https://www.unicode.org/Public/UCD/latest/ucd/Blocks.txt; without skin tones, which
 * change another sign.
 */
export const spacelessRanges: readonly (readonly [number, number])[] = [
  [0x0e00, 0x0eff],
  [0x1000, 0x109f],
  [0x1780, 0x17ff],
  [0x2190, 0x2bff],
  [0x2e80, 0x2fdf],
  [0x3040, 0x9fff],
  [0xac00, 0xd7af],
  [0xf900, 0xfaff],
  [0xff66, 0xff9f],
  [0x1f000, 0x1f3fa],
  [0x1f400, 0x1faff],
  [0x20000, 0x2ffff]
]

const escaped = (codePoint: number): string => `\\u{${codePoint.toString(16)}}`
const ranges = spacelessRanges.map(([from, to]) => `${escaped(from)}-${escaped(to)}`)
const spaceless = `[${ranges.join('')}]`
const runs = new RegExp(`${spaceless}+`, 'gu')

/** The parts of a text that are written without spaces. */
export const spacelessRuns = (text: string): string[] => text.match(runs) ?? []

/** The rest of a text, with a space for each such part. */
export const withoutSpaceless = (text: string): string => text.replace(runs, ' ')

const token = (characters: string): string => `\ue000${Buffer.from(characters).toString('hex')}`

/**
 * The words that the search has for such a part: one for a single character, else one for each two
 * in a row.
 */
export const tokensOf = (run: string): string[] => {
  const characters = [...run]
  if (characters.length === 1) return [token(run)]
  return characters.slice(1).map((next, at) => token(`${characters[at]}${next}`))
}

/** As the search of names has such a part: each character after two spaces. */
export const spacedRun = (run: string): string =>
  [...run].map((character) => `  ${character}`).join('')

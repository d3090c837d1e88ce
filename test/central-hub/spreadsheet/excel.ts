/**
 * What Excel for Windows does when it opens a CSV file by a double click and saves it again, by
 * what Microsoft and its users say in public:
 * - it takes the bytes for the code page of Windows, unless a byte order mark says otherwise;
 * - it separates cells by the list separator of Windows' region, whatever the file's name says,
 *   or by a line `sep=;`;
 * - quotation marks do not keep a cell from becoming a number, a date or a formula;
 * - a number of more than 11 digits is shown, and saved, as 5,21551E+12;
 * - it saves what it shows; quotation marks are only round cells that need them;
 * - letters that the code page lacks are saved as `?`.
 */

export interface Region {
  list: ';' | ','
  decimal: ',' | '.'
  thousands: string
  /** How a date is shown. */
  date: (year: number, month: number, day: number) => string
  months: RegExp
  logical: [string, string]
}

const two = (n: number): string => String(n).padStart(2, '0')
const dayFirst = (y: number, m: number, d: number): string => `${two(d)}/${two(m)}/${y}`
const monthFirst = (y: number, m: number, d: number): string => `${m}/${d}/${y}`
const spanishMonths = /^(ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic)/i
const portugueseMonths = /^(jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez)/i
const englishMonths = /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i

export const regions = {
  'es-ES': {
    list: ';',
    decimal: ',',
    thousands: '.',
    date: dayFirst,
    months: spanishMonths,
    logical: ['VERDADERO', 'FALSO']
  },
  'es-MX': {
    list: ',',
    decimal: '.',
    thousands: ',',
    date: dayFirst,
    months: spanishMonths,
    logical: ['VERDADERO', 'FALSO']
  },
  'es-AR': {
    list: ';',
    decimal: ',',
    thousands: '.',
    date: dayFirst,
    months: spanishMonths,
    logical: ['VERDADERO', 'FALSO']
  },
  'pt-BR': {
    list: ';',
    decimal: ',',
    thousands: '.',
    date: dayFirst,
    months: portugueseMonths,
    logical: ['VERDADEIRO', 'FALSO']
  },
  'pt-PT': {
    list: ';',
    decimal: ',',
    thousands: ' ',
    date: dayFirst,
    months: portugueseMonths,
    logical: ['VERDADEIRO', 'FALSO']
  },
  'en-US': {
    list: ',',
    decimal: '.',
    thousands: ',',
    date: monthFirst,
    months: englishMonths,
    logical: ['TRUE', 'FALSE']
  },
  'en-GB': {
    list: ',',
    decimal: '.',
    thousands: ',',
    date: dayFirst,
    months: englishMonths,
    logical: ['TRUE', 'FALSE']
  }
} as const satisfies Record<string, Region>
export type RegionName = keyof typeof regions

/** What a cell shows. */
type Shown = string

/** A number as the format General shows it. */
const showNumber = (value: number, { decimal }: Region): Shown => {
  const digits = Math.abs(value) < 1 ? 0 : Math.floor(Math.log10(Math.abs(value))) + 1
  if (digits <= 11 && (value === 0 || Math.abs(value) >= 1e-9))
    return String(Number(value.toPrecision(11))).replace('.', decimal)
  const [mantissa = '', exponent = '0'] = value.toExponential(5).split('e')
  const power = Number(exponent)
  return `${mantissa.replace('.', decimal)}E${power < 0 ? '-' : '+'}${two(Math.abs(power))}`
}

/** A cell as a number, if Excel would take it for one. */
const numberOf = (cell: string, { decimal, thousands }: Region): number | undefined => {
  let text = cell
    .trim()
    .replace(/^(-?)\s*(?:[$€£]|R\$)\s*/, '$1')
    .replace(/\s*(?:€|%|R\$)$/, '')
  const isNegative = /^\(.*\)$/.test(text)
  if (isNegative) text = text.slice(1, -1)
  if (!/^[+-]?[\d.,\s]*\d[\d.,\s]*(?:e[+-]?\d+)?$/i.test(text)) return undefined
  // More than Excel accepts: groups of any size.
  const plain = text.replaceAll(thousands, '').replaceAll('\u00a0', '').replace(decimal, '.')
  const number = Number(plain)
  return plain === '' ||
    !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(plain) ||
    !Number.isFinite(number)
    ? undefined
    : isNegative
      ? -number
      : number
}

/** A cell as a date or a time, as it is shown, if Excel would take it for one. */
const dateOf = (cell: string, { date, months }: Region): Shown | undefined => {
  const text = cell.trim()
  const iso = /^(\d{4})-(\d\d?)-(\d\d?)(?: (\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(text)
  if (iso !== null) {
    const [, year, month, day, hour, minute] = iso
    if (Number(month) > 12 || Number(day) > 31) return undefined
    return `${date(Number(year), Number(month), Number(day))}${hour === undefined ? '' : ` ${hour}:${minute}`}`
  }
  if (/^\d{1,2}:\d\d(?::\d\d)?(?:\s*[ap]\.?\s?m?\.?)?$/i.test(text)) return '(time)'
  const parts = text
    .split(/[\s/.,-]+|\bde\b/i)
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const numbers = parts.filter((part) => /^\d{1,4}$/.test(part))
  const words = parts.filter(
    (part) => /^\p{L}+$/u.test(part) && (months.test(part) || englishMonths.test(part))
  )
  if (numbers.length + words.length !== parts.length || words.length > 1) return undefined
  const isDate =
    words.length === 1
      ? numbers.length === 1 || numbers.length === 2
      : numbers.length === 2 || numbers.length === 3
  return isDate && /^[\p{L}\d]/u.test(text) && parts.length > 1 ? '(date)' : undefined
}

/**
 * The result of a formula, for the one kind that an export may have; anything else was run, which
 * must not happen.
 */
const resultOf = (formula: string): Shown => {
  const text = /^="((?:[^"]|"")*)"$/.exec(formula)?.[1]
  if (text === undefined || text.length > 255) throw new Error(`Excel ran ${formula}`)
  return text.replaceAll('""', '"')
}

/** What Excel makes of the text of a cell. */
const show = (cell: string, region: Region): Shown => {
  if (cell === '') return ''
  if (cell.startsWith('=')) return resultOf(cell)
  const number = numberOf(cell, region)
  if (number !== undefined) return showNumber(number, region)
  // Text after these signs is a formula, even without an equals sign.
  if (/^[+\-@]/.test(cell)) return resultOf(cell)
  const [yes, no] = region.logical
  const upper = cell.trim().toUpperCase()
  if (upper === yes || upper === 'TRUE') return yes
  if (upper === no || upper === 'FALSE') return no
  return dateOf(cell, region) ?? cell
}

/** Cells of CSV with quotation marks, as Excel reads them. */
const parse = (text: string, separator: string): string[][] => {
  const rows: string[][] = []
  let [row, cell, isQuoted, at]: [string[], string, boolean, number] = [[], '', false, 0]
  const endRow = (): void => {
    rows.push([...row, cell])
    ;[row, cell] = [[], '']
  }
  for (; at < text.length; at += 1) {
    const char = text[at]
    if (isQuoted) {
      if (char !== '"') cell += char
      else if (text[at + 1] === '"') {
        cell += '"'
        at += 1
      } else isQuoted = false
    } else if (char === '"' && cell === '') isQuoted = true
    else if (char === separator) {
      row.push(cell)
      cell = ''
    } else if (char === '\r' && text[at + 1] === '\n') {
      endRow()
      at += 1
    } else if (char === '\n' || char === '\r') endRow()
    else cell += char
  }
  if (cell !== '' || row.length > 0) endRow()
  return rows
}

const decode = (bytes: Buffer): { text: string; isUtf16: boolean } => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe)
    return { text: new TextDecoder('utf-16le').decode(bytes), isUtf16: true }
  const isUtf8 = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return { text: new TextDecoder(isUtf8 ? 'utf-8' : 'windows-1252').decode(bytes), isUtf16: false }
}

/**
 * What a sheet shows after a double click on the file. @throws {Error} when a formula of somebody
 * else was run
 */
export const open = (bytes: Buffer, region: Region): Shown[][] => {
  const { text, isUtf16 } = decode(bytes)
  const separator = /^sep=(.)\r?\n/i.exec(text)
  const rows = parse(
    separator === null ? text : text.slice(separator[0].length),
    separator?.[1] ?? (isUtf16 ? '\t' : region.list)
  )
  return rows.map((row) => row.map((cell) => show(cell, region)))
}

export const saveTypes = ['CSV', 'CSV UTF-8', 'Unicode text'] as const
export type SaveType = (typeof saveTypes)[number]

const codePage = new Map(
  [
    ...new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))
  ].map((letter, byte) => [letter, byte])
)

/** In Windows-1252; each half of a pair that it lacks is a question mark. */
const toCodePage = (text: string): Buffer =>
  Buffer.from(text.split('').map((unit) => codePage.get(unit) ?? 0x3f))

const write = (sheet: readonly Shown[][], separator: string, needsQuotes: RegExp): string => {
  const width = Math.max(...sheet.map((row) => row.length))
  const line = (row: readonly Shown[]): string =>
    Array.from({ length: width }, (_, index) => row[index] ?? '')
      .map((cell) => (needsQuotes.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
      .join(separator)
  return sheet.map((row) => `${line(row)}\r\n`).join('')
}

/** The file that "Save as" writes. */
export const save = (sheet: readonly Shown[][], type: SaveType, { list }: Region): Buffer => {
  if (type === 'Unicode text')
    return Buffer.from(`\ufeff${write(sheet, '\t', /[\t"\r\n,]/)}`, 'utf16le')
  const text = write(sheet, list, list === ';' ? /[;"\r\n]/ : /[,"\r\n]/)
  return type === 'CSV UTF-8' ? Buffer.from(`\ufeff${text}`) : toCodePage(text)
}

import { stringify } from 'csv-stringify/sync'
import { guardFormula, toExcelText } from './cells.ts'

/** Rows as CSV: as in RFC 4180, or as Excel in a language opens it. */

export interface CsvOptions {
  /** Begin with a byte order mark. */
  bom?: boolean | undefined
  delimiter?: Delimiter | undefined
  /** A language, such as es-MX: the file is for Excel in that language. */
  excel?: string | undefined
  /** The IANA time zone of times for Excel, which has no time zones. */
  tz?: string | undefined
}
type Delimiter = 'comma' | 'semicolon' | 'tab'

const characters: Readonly<Record<Delimiter, string>> = { comma: ',', semicolon: ';', tab: '\t' }

interface CsvFormat {
  bom: string
  delimiter: string
  /** The text of a cell. @param column its heading */
  cell(value: unknown, column: string): string
}

/**
 * The decimal sign of a language. Where it is a comma, Windows separates lists, and so Excel cells,
 * by semicolons.
 */
const decimalSign = (language: string): string =>
  new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal')
    ?.value ?? '.'

/** Whether Intl knows a language. */
export const isLanguage = (language: string): boolean => {
  try {
    return Intl.NumberFormat.supportedLocalesOf(language).length > 0
  } catch {
    return false
  }
}

const isTime = (column: string): boolean => column.endsWith('_at') || column === 'waiting_since'

/**
 * `2026-11-25 10:00:00`, which Excel reads as a time in every language. It does not know T or Z.
 */
const timeFormat = (tz: string): ((text: string) => string) => {
  // Times are written like this in Swedish.
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: tz,
    dateStyle: 'short',
    timeStyle: 'medium'
  })
  return (text) => {
    const ms = Date.parse(text)
    return Number.isNaN(ms) ? toExcelText(text) : format.format(ms)
  }
}

const plainCell = (value: unknown): string =>
  typeof value === 'string' ? guardFormula(value) : String(value ?? '')

const excelCell = (language: string, tz: string): CsvFormat['cell'] => {
  const toTime = timeFormat(tz)
  const sign = decimalSign(language)
  return (value, column) => {
    if (typeof value === 'number') return String(value).replace('.', sign)
    if (typeof value !== 'string') return String(value ?? '')
    return isTime(column) ? toTime(value) : toExcelText(value)
  }
}

/** The format of a file by the options of its request. */
export const csvFormat = ({ bom, delimiter, excel, tz = 'UTC' }: CsvOptions): CsvFormat => {
  const usual: Delimiter = decimalSign(excel ?? 'en') === ',' ? 'semicolon' : 'comma'
  return {
    bom: (bom ?? excel !== undefined) ? '\ufeff' : '',
    delimiter: characters[delimiter ?? usual],
    cell: excel === undefined ? plainCell : excelCell(excel, tz)
  }
}

/** The first line, with the byte order mark. */
export const csvHead = ({ bom, delimiter }: CsvFormat, columns: readonly string[]): string =>
  bom + stringify([columns], { delimiter })

export const csvRows = (
  { delimiter, cell }: CsvFormat,
  columns: readonly string[],
  rows: readonly Record<string, unknown>[]
): string =>
  stringify(
    rows.map((row) => columns.map((column) => cell(row[column], column))),
    {
      delimiter,
      record_delimiter: '\n',
      // A carriage return ends a line, too.
      quoted_match: /\r/
    }
  )

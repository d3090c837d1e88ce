import { byContent, byHeading, type ColumnFault, type Columns } from './columns.ts'
import { CsvReader, firstWrong, type CsvRecord } from './csv-reader.ts'

/**
 * A table of phone numbers and names, with any delimiter, with or without headings.
 */

const delimiters = [';', '\t', ',', '|']
/** How many records are read to recognize the columns. */
const sampleSize = 20

/** A line of the table. */
export interface TableRow {
  line: number
  phone: string
  name: string
  /** Columns of the phone number and the name, from 1. */
  phoneColumn: number
  nameColumn: number
}
export interface TableFault {
  line: number
  code: 'line-quotes' | 'line-in-quotes' | 'name-line-break'
  column?: number
}

export interface Table {
  columns: Columns
  rows: Iterable<TableRow | TableFault>
}

interface Layout {
  delimiter: string
  columns: Columns
  hasHeading: boolean
  /** The number of columns of the first line. */
  width: number
}

type IsPhone = (cell: string) => boolean

/** The line `sep=;`, which names the delimiter for Excel. */
const separatorLine = /^"?sep=([^\r\n])"?[;,\t ]*(?:\r\n|\r|\n|$)/i

const isBlank = (cells: readonly string[]): boolean => cells.every((cell) => cell.trim() === '')

/** The first records that are not blank; those with wrong quotes are left out. */
const sample = (text: string, delimiter: string, at: number): string[][] => {
  const reader = new CsvReader(text, delimiter, { at, line: 1 })
  const rows: string[][] = []
  for (let tries = 0; tries < sampleSize * 5 && rows.length < sampleSize; tries += 1) {
    const record = reader.read()
    if (record === undefined) break
    if ('cells' in record && !isBlank(record.cells)) rows.push(record.cells)
  }
  return rows
}

const layoutOf = (
  delimiter: string,
  rows: readonly string[][],
  isPhone: IsPhone
): Layout | { faults: ColumnFault[] } => {
  const first = rows[0] ?? []
  const width = first.length
  const hasNumbers = (column: number): boolean =>
    rows.slice(1).some((row) => isPhone(row[column] ?? ''))
  const named = byHeading(first, hasNumbers)
  if (!('faults' in named)) return { delimiter, columns: named, hasHeading: true, width }
  const found = byContent(rows, isPhone)
  return found === undefined ? named : { delimiter, columns: found, hasHeading: false, width }
}

/** The number of rows with a phone number and a name. */
const fit = (
  { columns: { phones, name } }: Layout,
  rows: readonly string[][],
  isPhone: IsPhone
): number =>
  rows.filter(
    (row) => phones.some((phone) => isPhone(row[phone] ?? '')) && (row[name] ?? '').trim() !== ''
  ).length

/** The layout of the delimiter by which most of the first lines have a number and a name. */
const findLayout = (
  text: string,
  at: number,
  candidates: readonly string[],
  isPhone: IsPhone
): Layout | { faults: ColumnFault[] } => {
  let best: { layout: Layout; score: number } | undefined
  let nearest: ColumnFault[] = ['heading-phone', 'heading-name']
  for (const delimiter of candidates) {
    const rows = sample(text, delimiter, at)
    const layout = layoutOf(delimiter, rows, isPhone)
    if ('faults' in layout) {
      if (
        layout.faults.length < nearest.length ||
        layout.faults.some((fault) => fault.endsWith('-twice'))
      )
        nearest = layout.faults
      continue
    }
    if (layout.hasHeading) return layout
    const score = fit(layout, rows, isPhone)
    if (best === undefined || score > best.score) best = { layout, score }
  }
  return best?.layout ?? { faults: nearest }
}

const linesOf = (cell: string): string[] => cell.split(/\r\n|\r|\n/)

/** Whether a line within a cell looks like a row of its own, with all its columns. */
const isRow = (
  line: string,
  { delimiter, width, columns: { phones, name } }: Layout,
  isPhone: IsPhone
): boolean => {
  const cells = line.split(delimiter)
  return (
    cells.length === width &&
    phones.some((phone) => isPhone(cells[phone] ?? '')) &&
    (cells[name] ?? '').trim() !== ''
  )
}

/**
 * Whether a cell is a phone number, or one that cannot be read: without its country, or as
 * 5.21551E+12. A postal code has fewer digits.
 */
const isLikePhone = (cell: string, isPhone: IsPhone): boolean =>
  isPhone(cell) ||
  /^\+?(?:[\s()./-]*\d){9,}$/.test(cell.trim()) ||
  /^\s*\d[.,]\d+E\+\d+\s*$/i.test(cell)

/**
 * Whether a line within a cell is a row, good or bad: one of its cells is a phone number, or only
 * the phone number is missing.
 */
const isLikeRow = (
  line: string,
  { delimiter, width, columns }: Layout,
  isPhone: IsPhone
): boolean => {
  const cells = line.split(delimiter)
  if (cells.length < 2) return false
  if (cells.some((cell) => isLikePhone(cell, isPhone))) return true
  return (
    cells.length === width && columns.phones.every((phone) => (cells[phone] ?? '').trim() === '')
  )
}

const phoneColumnOf = ({ cells }: CsvRecord, { phones }: Columns): number =>
  phones.find((phone) => (cells[phone] ?? '').trim() !== '') ?? phones[0] ?? 0

/**
 * Rows inside the quotes of another column. They are reported and not imported, because a note may
 * quote a table.
 */
function* hiddenRows(
  { cells, places }: CsvRecord,
  layout: Layout,
  isPhone: IsPhone
): Generator<TableFault> {
  for (const [index, cell] of cells.entries()) {
    if (!/[\r\n]/.test(cell)) continue
    for (const [offset, line] of linesOf(cell).entries()) {
      if (offset > 0 && isRow(line, layout, isPhone))
        yield { line: (places[index]?.line ?? 1) + offset, code: 'line-in-quotes' }
    }
  }
}

/** The cells of a line, without regard to quotation marks. */
const withoutQuotes = (line: string, { delimiter }: Layout): string[] =>
  line.replaceAll('"', '').split(delimiter)

/**
 * The first and the last line of a cell with several lines, each as a whole line of the text: the
 * quotes may have joined two rows.
 */
const outerLines = (
  { cells, places }: CsvRecord,
  column: number,
  reader: CsvReader,
  layout: Layout
): string[][] => {
  const [place, next] = [places[column], places[column + 1]]
  if (place === undefined) return []
  const last = next === undefined ? linesOf(cells[column] ?? '').at(-1) : reader.lineOf(next)
  return [withoutQuotes(reader.lineOf(place), layout), withoutQuotes(last ?? '', layout)]
}

/** Whether there are rows inside the quotation marks of the phone number or the name. */
const hidesRows = (
  record: CsvRecord,
  column: number,
  reader: CsvReader,
  layout: Layout,
  isPhone: IsPhone
): boolean => {
  const lines = linesOf(record.cells[column] ?? '')
  // The next row may begin with its number, and its own quote may have ended the cell there.
  if (lines.slice(1).some((line) => isLikePhone(line, isPhone))) return true
  if (lines.some((line) => isLikeRow(line, layout, isPhone))) return true
  return outerLines(record, column, reader, layout).every(({ length }) => length >= layout.width)
}

/**
 * Whether a cell before the phone number or the name begins and ends on lines that are rows by
 * themselves. Then the number may be of one line and the name of another. An address of more lines
 * has no phone number at both ends.
 */
const mixesRows = (
  record: CsvRecord,
  column: number,
  reader: CsvReader,
  layout: Layout,
  isPhone: IsPhone
): boolean => {
  const {
    columns: { phones },
    width
  } = layout
  return outerLines(record, column, reader, layout).every((cells) => {
    // With more cells than columns there are delimiters within some: the number may be in any.
    const possible = cells.length === width ? phones.map((phone) => cells[phone] ?? '') : cells
    return cells.length >= width && possible.some((cell) => isLikePhone(cell, isPhone))
  })
}

/**
 * The error of a record whose quotes may have taken its number or its name from another line. Its
 * name is not imported, and the lines are read one by one.
 */
const quotesFault = (
  record: CsvRecord,
  phone: number,
  reader: CsvReader,
  layout: Layout,
  isPhone: IsPhone
): TableFault | undefined => {
  const { name } = layout.columns
  const isWrong = (column: number): boolean => {
    if (!/[\r\n]/.test(record.cells[column] ?? '')) return false
    const isRead = column === phone || column === name
    return (isRead ? hidesRows : mixesRows)(record, column, reader, layout, isPhone)
  }
  const wrong = record.places.findIndex(
    (_, column) => column <= Math.max(phone, name) && isWrong(column)
  )
  const place = record.places[wrong]
  if (place === undefined) return undefined
  const first = firstWrong(record, place)
  reader.goBackTo(first)
  return { line: first.line, code: 'line-quotes', column: record.places.indexOf(first) + 1 }
}

/**
 * The error of a phone number or a name with a line break. A break at either end is harmless when
 * the whole text is of one cell.
 */
const breakFault = (
  { cells, places }: CsvRecord,
  column: number,
  { delimiter }: Layout
): TableFault | undefined => {
  const cell = cells[column] ?? ''
  const hasCells = /[\r\n]/.test(cell) && cell.includes(delimiter)
  if (!hasCells && !/[\r\n]/.test(cell.trim())) return undefined
  return { line: places[column]?.line ?? 1, code: 'name-line-break', column: column + 1 }
}

function* rowsOf(
  reader: CsvReader,
  layout: Layout,
  isPhone: IsPhone
): Generator<TableRow | TableFault> {
  const { columns } = layout
  let isHeading = layout.hasHeading
  for (let record = reader.read(); record !== undefined; record = reader.read()) {
    if (!('cells' in record)) {
      yield { line: record.line, code: 'line-quotes' }
      continue
    }
    if (isBlank(record.cells)) continue
    if (isHeading) {
      isHeading = false
      continue
    }
    const phone = phoneColumnOf(record, columns)
    const wrong = quotesFault(record, phone, reader, layout, isPhone)
    if (wrong !== undefined) {
      yield wrong
      continue
    }
    const line = (record.places[phone] ?? record.places[0])?.line ?? 1
    const row = {
      line,
      phone: record.cells[phone] ?? '',
      name: record.cells[columns.name] ?? '',
      phoneColumn: phone + 1,
      nameColumn: columns.name + 1
    }
    yield breakFault(record, phone, layout) ?? breakFault(record, columns.name, layout) ?? row
    yield* hiddenRows(record, layout, isPhone)
  }
}

/** Reads a table. @param isPhone whether a cell is a phone number */
export const readTable = (text: string, isPhone: IsPhone): Table | { faults: ColumnFault[] } => {
  const separator = separatorLine.exec(text)
  const at = separator?.[0].length ?? 0
  const layout = findLayout(
    text,
    at,
    separator?.[1] === undefined ? delimiters : [separator[1]],
    isPhone
  )
  if ('faults' in layout) return layout
  const reader = new CsvReader(text, layout.delimiter, { at, line: separator === null ? 1 : 2 })
  return { columns: layout.columns, rows: rowsOf(reader, layout, isPhone) }
}

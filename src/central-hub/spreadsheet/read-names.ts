import { setImmediate as turn } from 'node:timers/promises'
import type { CountryCode } from 'libphonenumber-js'
import {
  LeadPatch,
  type ImportCode,
  type ImportFileCode,
  type ImportResult
} from '../../contract/lead.ts'
import { faultsAgainst } from '../../platform/http/expected.ts'
import { invalid, ProblemError, type Fault } from '../../platform/http/problem.ts'
import type { ImportedName } from '../store/write/names.ts'
import { fromCell } from './cells.ts'
import { decodeFile, isWorkbook, type Decoded } from './decode.ts'
import { readPhoneCell } from './phone-cell.ts'
import { readTable, type TableFault, type TableRow } from './table.ts'

/** A file of names by phone number. It is read as a whole before any name is stored. */

type ImportError = ImportResult['errors'][number]

interface ReadNames {
  names: ImportedName[]
  /** The first {@link maxErrors}. */
  errors: ImportError[]
  /** Lines with an error. */
  rejected: number
  /** Lines of our own export without a number or a name: there is nothing to import. */
  nothing: number
  /** Headings of columns that were not read. */
  ignored: string[]
}

export interface ReadOptions {
  type: 'text/csv' | 'application/x-ndjson'
  /** The encoding that the sender names, if any. */
  charset?: string
  /** The country of numbers that are written without one. */
  country: CountryCode | undefined
}

const maxLines = 100_000
const maxErrors = 100
/** Lines that are read before other requests get their turn. */
const batchSize = 500

/** The message of each error. It contains no value of the file. */
const messages: Readonly<Record<ImportCode, string>> = {
  'phone-missing': 'expected a phone number',
  'phone-unreadable': 'expected a phone number',
  'phone-without-country':
    'expected a phone number with its country code, such as +52 55 1234 5678, for ' +
    'DEFAULT_COUNTRY is not set',
  'phone-lost-digits':
    'expected a phone number; a spreadsheet made it a number such as 5.22E+12 and its last ' +
    'digits are lost: format the column as text before you type or paste numbers',
  'name-missing': 'expected a name of 1 to 200 characters',
  'name-too-long': 'expected a name of 1 to 200 characters',
  'name-line-break': 'expected a name of one line',
  'name-characters': 'expected a name without control characters',
  'name-lost-characters':
    'expected a name; its letters were lost when the file was saved: save it as CSV UTF-8',
  'line-quotes':
    'expected a line of CSV, RFC 4180: a quotation mark is not closed, or is in the middle of a ' +
    'cell',
  'line-in-quotes': 'expected a line of its own; it is inside the quotation marks of a line before',
  'line-encoding': 'expected text in UTF-8, UTF-16 or Windows-1252',
  'line-json': 'expected a JSON object with phone and name'
}

const fileFaults = {
  'file-empty': { in: 'body', field: 'body', message: 'the file is empty' },
  'file-no-lines': {
    in: 'body',
    field: 'body',
    message: 'the file has headings alone: expected a line for each name'
  },
  'file-workbook': {
    in: 'body',
    field: 'body',
    message: 'expected text; this is a workbook: save it as CSV UTF-8'
  },
  'heading-phone': {
    in: 'column',
    field: 'phone',
    message:
      'expected a column of this name in the first line, or one such as Teléfono, Celular, ' +
      'WhatsApp, Telefone'
  },
  'heading-name': {
    in: 'column',
    field: 'name',
    message: 'expected a column of this name in the first line, or one such as Nombre, Nome'
  },
  'heading-phone-twice': {
    in: 'column',
    field: 'phone',
    message: 'expected one column of this name in the first line'
  },
  'heading-name-twice': {
    in: 'column',
    field: 'name',
    message: 'expected one column of this name in the first line'
  }
} as const satisfies Record<ImportFileCode, Fault>

const refuse = (...codes: ImportFileCode[]): ProblemError =>
  invalid(...codes.map((code) => ({ ...fileFaults[code], code })))

/** A line that could be read, or its error. */
type Line = TableRow | TableFault | { line: number; code: 'line-json' }

const nameFaults = faultsAgainst(LeadPatch)
const maxNameLength = 200

const faultOfName = (name: string): ImportCode | undefined => {
  if (name === '') return 'name-missing'
  if (name.length > maxNameLength) return 'name-too-long'
  if (/[\n\r\u2028\u2029]/.test(name)) return 'name-line-break'
  return /[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(name) || nameFaults({ name }).length > 0
    ? 'name-characters'
    : undefined
}

const toError = (line: number, code: ImportCode, column?: number): ImportError => {
  const [field = 'line'] = code.split('-')
  const error: ImportError = { line, field, code, message: messages[code] }
  if (column !== undefined) error.column = column
  return error
}

/**
 * Numbers of our own export come from WhatsApp: they are right even if their country is unknown.
 */
const readExportedPhone = (cell: string): string | undefined =>
  /^\+\d{5,15}$/.exec(fromCell(cell))?.[0]

interface Context {
  file: Decoded
  isExport: boolean
  country: CountryCode | undefined
}

/** The name of a line, or its error. */
const understand = (
  line: Line,
  { file: { isDamaged, isNarrow }, isExport, country }: Context
): { name: ImportedName } | { faults: ImportError[] } => {
  if ('code' in line)
    return { faults: [toError(line.line, line.code, 'column' in line ? line.column : undefined)] }
  const faults: ImportError[] = []
  const read = readPhoneCell(line.phone, country)
  const exported = isExport ? readExportedPhone(line.phone) : undefined
  const phone = 'phone' in read ? read.phone : exported
  if (phone === undefined && 'fault' in read)
    faults.push(toError(line.line, read.fault, line.phoneColumn))
  const name = fromCell(line.name)
  const isUnreadable = isDamaged && `${line.phone}${name}`.includes('\ufffd')
  const isLost = isNarrow && name.includes('?') && /^[?\s]*$/.test(name)
  const fault = faultOfName(name) ?? (isLost ? 'name-lost-characters' : undefined)
  if (isUnreadable) faults.push(toError(line.line, 'line-encoding', line.nameColumn))
  else if (fault !== undefined) faults.push(toError(line.line, fault, line.nameColumn))
  if (phone === undefined || faults.length > 0) return { faults }
  return { name: { phone, name, isNarrow } }
}

function* jsonLines(text: string): Generator<Line> {
  for (const [index, json] of text.split(/\r\n|\r|\n/).entries()) {
    if (json.trim() !== '') yield jsonLine(json, index + 1)
  }
}

const jsonLine = (json: string, line: number): Line => {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { line, code: 'line-json' }
    const { phone, name }: { phone?: unknown; name?: unknown } = value
    const text = (member: unknown): string => (typeof member === 'string' ? member : '')
    // A JavaScript number holds the digits of any phone number exactly.
    const digits =
      typeof phone === 'number' && Number.isSafeInteger(phone) ? String(phone) : text(phone)
    return { line, phone: digits, name: text(name), phoneColumn: 0, nameColumn: 0 }
  } catch {
    return { line, code: 'line-json' }
  }
}

/** Errors of JSON have no column. */
const withoutColumn = ({ column: _column, ...error }: ImportError): ImportError => error

const isNothing = (line: Line): boolean =>
  'phone' in line && (line.phone.trim() === '' || line.name.trim() === '')

/**
 * Reads a file of names.
 * @throws {ProblemError} invalid-parameters if it is not such a file, payload-too-large
 */
export const readNames = async (
  bytes: Buffer,
  { type, charset, country }: ReadOptions
): Promise<ReadNames> => {
  if (isWorkbook(bytes)) throw refuse('file-workbook')
  const decoded = decodeFile(bytes, charset)
  if (decoded.text.trim() === '') throw refuse('file-empty')
  const isCsv = type === 'text/csv'
  const isPhone = (cell: string): boolean => 'phone' in readPhoneCell(cell, country)
  const table = isCsv
    ? readTable(decoded.text, isPhone)
    : { rows: jsonLines(decoded.text), columns: { ignored: [], isExport: false } }
  if ('faults' in table) throw refuse(...table.faults)

  const result: ReadNames = {
    names: [],
    errors: [],
    rejected: 0,
    nothing: 0,
    ignored: table.columns.ignored
  }
  const { isExport } = table.columns
  let lines = 0
  for (const line of table.rows) {
    lines += 1
    if (lines > maxLines)
      throw new ProblemError(
        'payload-too-large',
        `an import may have at most ${maxLines} lines: nothing was taken, send it in parts`
      )
    if (lines % batchSize === 0) await turn()
    if (isExport && isNothing(line)) {
      result.nothing += 1
      continue
    }
    const understood = understand(line, { file: decoded, isExport, country })
    if ('name' in understood) {
      result.names.push(understood.name)
      continue
    }
    result.rejected += 1
    const faults = isCsv ? understood.faults : understood.faults.map(withoutColumn)
    result.errors.push(...faults.slice(0, maxErrors - result.errors.length))
  }
  if (lines === 0) throw refuse('file-no-lines')
  return result
}

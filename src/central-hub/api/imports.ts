import { pipeline } from 'node:stream'
import { parse } from 'csv-parse'
import type { CountryCode } from 'libphonenumber-js'
import type { ImportResult } from '../../contract/lead.ts'
import { sendJson, type Request } from '../../platform/http.ts'
import { invalid, ProblemError } from '../../platform/problem.ts'
import { importNames, type ImportedName } from '../store/names.ts'
import { readPhone } from '../store/phone.ts'
import type { Db } from '../store/schema.ts'
import { changeLeads } from '../store/transaction.ts'
import type { Serve } from './serve.ts'

const mostBytes = 10_000_000
const mostLines = 100_000
const mostErrors = 100
const mostNameLength = 200
/** Names taken in one transaction. */
const batchSize = 500
/** A heading longer than this is none, and so is a record, bytes. */
const mostLineBytes = 20_000

const tooLarge = (detail: string): ProblemError => new ProblemError('payload-too-large', detail)

/** One line as it came. */
interface Line {
  line: number
  phone: unknown
  name: unknown
  /** It could not be read at all. */
  fault?: string
}
type Fault = ImportResult['errors'][number]

async function* bounded(req: Request): AsyncGenerator<Buffer> {
  let bytes = Number(req.headers['content-length'] ?? 0)
  const check = (): void => {
    if (bytes > mostBytes) throw tooLarge(`an import may have at most ${mostBytes} bytes: send it in parts`)
  }
  check()
  bytes = 0
  for await (const part of req as AsyncIterable<Buffer>) {
    bytes += part.length
    check()
    yield part
  }
}

/** The column names of a heading. @throws {ProblemError} invalid-parameters */
const heading = (cells: string[]): string[] => {
  const names = cells.map((cell) => cell.trim().toLowerCase())
  const faults = ['phone', 'name'].flatMap((field) => (names.filter((name) => name === field).length === 1 ? [] : { field, message: 'expected one column of this name in the first line' }))
  if (faults.length > 0) throw invalid(...faults)
  return names
}

async function* readCsv(parts: AsyncGenerator<Buffer>): AsyncGenerator<Line> {
  // the first line tells the delimiter: a spreadsheet of a country that writes 1,5 uses semicolons
  let head = Buffer.alloc(0)
  while (!head.includes('\n') && head.length < mostLineBytes) {
    const { value, done } = await parts.next()
    if (done === true) break
    head = Buffer.concat([head, value])
  }
  const [first = ''] = head.toString().split('\n')
  const skipped: Line[] = []
  const parser = parse({
    bom: true, delimiter: first.includes(';') ? ';' : ',', columns: heading, trim: true, info: true,
    relax_column_count: true, skip_empty_lines: true, max_record_size: mostLineBytes, skip_records_with_error: true,
    on_skip: (error) => void skipped.push({ line: Number(error?.['lines'] ?? 0), phone: undefined, name: undefined, fault: 'expected a line of CSV, RFC 4180' })
  })
  const all = async function* (): AsyncGenerator<Buffer> {
    yield head
    yield* parts
  }
  // what goes wrong ends the reading of the parser below
  pipeline(all, parser, () => undefined)
  for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: Record<string, unknown> }>) {
    yield* skipped.splice(0)
    yield { line: info.lines, phone: record['phone'], name: record['name'] }
  }
  yield* skipped
}

async function* splitLines(parts: AsyncGenerator<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of parts) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}

async function* readJsonLines(parts: AsyncGenerator<Buffer>): AsyncGenerator<Line> {
  let line = 0
  for await (const text of splitLines(parts)) {
    line += 1
    if (text.trim() === '') continue
    yield { line, ...jsonLine(text) }
  }
}

const jsonLine = (text: string): Omit<Line, 'line'> => {
  const none = { phone: undefined, name: undefined, fault: 'expected a JSON object with phone and name' }
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { phone: undefined, name: undefined, ...value } : none
  } catch {
    return none
  }
}

const readers: Record<string, (parts: AsyncGenerator<Buffer>) => AsyncGenerator<Line>> = { 'text/csv': readCsv, 'application/x-ndjson': readJsonLines }

/** What a line names, or what is wrong with it. */
const understand = ({ line, phone, name, fault }: Line, country: CountryCode | ''): { names: ImportedName } | { faults: Fault[] } => {
  if (fault !== undefined) return { faults: [{ line, field: 'line', message: fault }] }
  const number = typeof phone === 'string' ? readPhone(phone, country === '' ? undefined : country) : undefined
  const called = typeof name === 'string' ? name.trim() : ''
  const faults = [
    ...(number === undefined ? [{ line, field: 'phone', message: `expected a phone number${country === '' ? ' with its country code, such as +52 55 1234 5678' : ''}` }] : []),
    ...(called === '' || called.length > mostNameLength ? [{ line, field: 'name', message: `expected a name of 1 to ${mostNameLength} characters` }] : []),
    ...(called.includes('\ufffd') ? [{ line, field: 'name', message: 'expected text in UTF-8' }] : [])
  ]
  return number === undefined || faults.length > 0 ? { faults } : { names: { phone: number, name: called } }
}

/** `POST /api/leads/import`: names by phone number. What is wrong with a line keeps out that line alone. @param onChanged called after leads were named */
export const addImportRoutes = ({ serve, db, country, onChanged }: { serve: Serve; db: Db; country: CountryCode | ''; onChanged: () => void }): void => {
  serve.raw('importLeads', async ({ req, res }) => {
    const type = (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    const read = readers[type]
    if (read === undefined) throw new ProblemError('unsupported-media-type', `expected ${Object.keys(readers).join(' or ')}`)
    const result: ImportResult = { named: 0, kept: 0, unchanged: 0, errors: [] }
    const take = async (batch: ImportedName[]): Promise<void> => {
      const { named, kept, unchanged } = await changeLeads(db, (trx) => importNames(trx, batch))
      result.named += named
      result.kept += kept
      result.unchanged += unchanged
      if (named > 0) onChanged()
    }

    let [lines, batch]: [number, ImportedName[]] = [0, []]
    for await (const line of read(bounded(req))) {
      lines += 1
      if (lines > mostLines) throw tooLarge(`an import may have at most ${mostLines} lines: those were taken, send the rest on its own`)
      const understood = understand(line, country)
      if ('names' in understood) batch.push(understood.names)
      else result.errors.push(...understood.faults.slice(0, mostErrors - result.errors.length))
      if (batch.length >= batchSize) await take(batch.splice(0))
    }
    await take(batch)
    // a line that could not be read is told of ahead of those before it
    sendJson(res, { ...result, errors: result.errors.sort((a, b) => a.line - b.line) })
  })
}

import type { CountryCode } from 'libphonenumber-js'
import type { ImportResult } from '../../contract/lead.ts'
import { sendJson, type Request } from '../../platform/http/http.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { readNames, type ReadOptions } from '../spreadsheet/read-names.ts'
import { importNames, lastNames } from '../store/write/names.ts'
import type { Db } from '../store/database/schema.ts'
import { changeLeads } from '../store/database/transaction.ts'
import { recordAudit } from './record-audit.ts'
import type { Serve } from './serve.ts'

const maxBytes = 10_000_000
/** Names taken in one transaction. */
const batchSize = 500

const types: readonly string[] = [
  'text/csv',
  'application/x-ndjson'
] satisfies ReadOptions['type'][]

const checkSize = (bytes: number): void => {
  if (bytes > maxBytes)
    throw new ProblemError(
      'payload-too-large',
      `an import may have at most ${maxBytes} bytes: send it in parts`
    )
}

/** The whole body. @throws {ProblemError} payload-too-large, as soon as the size is known */
export const readBytes = async (req: Request): Promise<Buffer> => {
  checkSize(Number(req.headers['content-length'] ?? 0))
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += part.length
      checkSize(bytes)
      parts.push(part)
    }
  } finally {
    // The rest of a body that is too large is read and dropped. Unread it would block the
    // connection, and with it the answer.
    req.resume()
  }
  return Buffer.concat(parts)
}

/**
 * The type and charset of the body. @throws {ProblemError} unsupported-media-type,
 * invalid-parameters
 */
const readType = (req: Request): Pick<ReadOptions, 'type' | 'charset'> => {
  const [essence = '', ...parameters] = (req.headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase())
  if (!types.includes(essence))
    throw new ProblemError('unsupported-media-type', `expected ${types.join(' or ')}`)
  const type = essence as ReadOptions['type']
  const charset = parameters
    .find((part) => part.startsWith('charset='))
    ?.slice('charset='.length)
    .replace(/^"|"$/g, '')
  if (charset === undefined) return { type }
  try {
    return { type, charset: new TextDecoder(charset).encoding }
  } catch {
    throw invalid({
      in: 'header',
      field: 'Content-Type',
      message:
        'expected a charset of https://encoding.spec.whatwg.org/, such as utf-8 or windows-1252'
    })
  }
}

interface Options {
  serve: Serve
  db: Db
  /** The country of numbers that are written without one; may be empty. */
  country: CountryCode | ''
  /** Called after leads were named. */
  onChanged: () => void
}

/** `POST /api/leads/import`: names by phone number. A line with an error is left out, alone. */
export const addImportRoutes = ({ serve, db, country, onChanged }: Options): void => {
  serve.raw('importLeads', async ({ req, res }) => {
    const options = { ...readType(req), country: country === '' ? undefined : country }
    const { names, errors, rejected, nothing, ignored } = await readNames(
      await readBytes(req),
      options
    )
    const last = lastNames(names)
    const result: ImportResult = {
      named: 0,
      kept: 0,
      unchanged: names.length - last.length + nothing,
      errors
    }
    if (rejected > 0) result.rejected = rejected
    if (ignored.length > 0) result.ignored_columns = ignored
    for (let start = 0; start < last.length; start += batchSize) {
      const { named, kept, unchanged } = await changeLeads(db, async (trx) => {
        if (start === 0) await recordAudit(trx, 'importLeads', { req })
        return importNames(trx, last.slice(start, start + batchSize))
      })
      result.named += named
      result.kept += kept
      result.unchanged += unchanged
      if (named > 0) onChanged()
    }
    sendJson(res, result)
  })
}

import { open, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Http } from '../../platform/http/http.ts'
import { namesEtag } from '../../platform/http/etag.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { query } from '../../platform/http/query.ts'
import { mediaPath } from '../journal/media.ts'

/** The part of a file that a request asks for; `end` is included. */
interface ByteRange {
  start: number
  end: number
}

/**
 * The one range of a Range header, RFC 9110 section 14.1.2. It is undefined when the whole file is
 * to be sent: without a range, with several, and for a malformed header, as section 14.2 has it.
 */
export const byteRange = (
  header: string | undefined,
  size: number
): ByteRange | 'unsatisfiable' | undefined => {
  const [, first = '', last = ''] =
    /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '')
    return Number(last) === 0 || size === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, size - Number(last)), end: size - 1 }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

/** @returns undefined without such a file */
const openMedia = (directory: string, sha256: string): Promise<FileHandle | undefined> =>
  open(mediaPath(directory, sha256)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

/**
 * Passes on as many bytes as were promised, or throws: a short answer must not look like a whole
 * answer.
 */
const exactly = (length: number) =>
  async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let passed = 0
    for await (const bytes of source) {
      passed += bytes.length
      yield bytes
    }
    if (passed < length) throw new Error(`the file is ${length - passed} bytes short`)
  }

/**
 * `GET /media/:sha256`: streams a stored file, or one range of bytes. The message has the type of
 * the file, which is not known here. The file behind a sum never changes, so the sum is its strong
 * ETag.
 */
export const addMediaRoute = ({ http, directory }: { http: Http; directory: string }): void => {
  http.route('GET', '/media/:sha256', async (req, res) => {
    query(req)
    const sha256 = req.params['sha256'] ?? ''
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw invalid({
        in: 'path',
        field: 'sha256',
        message: 'expected a SHA-256 sum, 64 hexadecimal digits in lower case'
      })
    const etag = `"${sha256}"`
    const { range: wanted, 'if-range': ifRange = etag, 'if-none-match': ifNoneMatch } = req.headers
    const file = await openMedia(directory, sha256)
    if (file === undefined) throw new ProblemError('not-found', `there is no media ${sha256}`)
    try {
      const { size } = await file.stat()
      const range = byteRange(ifRange === etag ? wanted : undefined, size)
      res.setHeader('accept-ranges', 'bytes')
      if (ifNoneMatch !== undefined && namesEtag(ifNoneMatch, etag))
        return void res.writeHead(304, { etag }).end()
      if (range === 'unsatisfiable') {
        res.setHeader('content-range', `bytes */${size}`)
        throw new ProblemError('range-not-satisfiable', `the file has ${size} bytes`)
      }
      const { start, end } = range ?? { start: 0, end: size - 1 }
      const length = end - start + 1
      const headers = omitUndefined({
        etag,
        'content-type': 'application/octet-stream',
        'content-length': length,
        'content-range': range === undefined ? undefined : `bytes ${start}-${end}/${size}`
      })
      res.writeHead(range === undefined ? 200 : 206, headers)
      if (size === 0) return void res.end()
      await pipeline(file.createReadStream({ start, end }), exactly(length), res)
    } catch (error) {
      // It is no error when the client has gone.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    } finally {
      await file.close()
    }
  })
}

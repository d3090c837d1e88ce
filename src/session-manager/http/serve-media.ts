import { open, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Http } from '../../platform/http/http.ts'
import { namesEtag } from '../../platform/http/etag.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { query } from '../../platform/http/query.ts'
import { byteRange } from './byte-range.ts'
import { mediaPath } from '../journal/media.ts'

/** undefined when it is not there. */
const openMedia = (directory: string, sha256: string): Promise<FileHandle | undefined> =>
  open(mediaPath(directory, sha256)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

/**
 * Passes on as many bytes as were promised, or throws: a short answer must not pass for a whole
 * one.
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
 * `GET /media/:sha256`: a stored file, or one range of it, streamed. Its type is not known here:
 * the message has it. The file behind a sum never changes, so the sum is its strong ETag.
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
      // a client that went away is no fault
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    } finally {
      await file.close()
    }
  })
}

import type { ProblemError } from '../../platform/http/problem.ts'

/** A media file that session-manager keeps, as it streams. */

export interface MediaRequest {
  range?: string | undefined
  ifRange?: string | undefined
  ifNoneMatch?: string | undefined
  signal: AbortSignal
  requestId?: string
}

export interface MediaAnswer {
  status: 200 | 206 | 304 | 404 | 416
  /** Content-Length, Content-Range, ETag and Accept-Ranges, as far as there are. */
  headers: Record<string, string>
  /** Of 200 and 206 only. */
  body: ReadableStream<Uint8Array> | null
}

const passedOn = ['content-length', 'content-range', 'accept-ranges', 'etag']
/** The answer must begin in this time, ms; how long it takes is for whoever reads it to say. */
const beginMs = 5_000

/** @param options.stranger the problem of an answer that no session-manager gives */
export const createMediaClient =
  (options: {
    request: (path: string, init: RequestInit) => Promise<Response>
    headers: (more: Record<string, string>) => Record<string, string>
    stranger: (what: string) => ProblemError
  }) =>
  async (
    sha256: string,
    { range, ifRange, ifNoneMatch, signal, requestId }: MediaRequest
  ): Promise<MediaAnswer> => {
    const path = `/media/${sha256}`
    const wanted = {
      range,
      'if-range': ifRange,
      'if-none-match': ifNoneMatch,
      'x-request-id': requestId
    }
    const given = Object.entries(wanted).filter(
      (header): header is [string, string] => header[1] !== undefined
    )
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new DOMException('no answer in time', 'TimeoutError')),
      beginMs
    )
    const init = {
      headers: options.headers(Object.fromEntries(given)),
      signal: AbortSignal.any([signal, late.signal])
    }
    const { status, headers, body } = await options
      .request(path, init)
      .finally(() => clearTimeout(timer))
    const type = headers.get('content-type') ?? 'no Content-Type'
    const kept = Object.fromEntries(
      passedOn.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) as string]] : []))
    )
    if (
      (status === 200 || status === 206) &&
      body !== null &&
      headers.get('etag') === `"${sha256}"`
    )
      return { status, headers: kept, body }
    await body?.cancel()
    if (
      status === 304 ||
      ((status === 404 || status === 416) && type.startsWith('application/problem+json'))
    )
      return { status, headers: kept, body: null }
    throw options.stranger(`GET ${path} gives HTTP ${status}, ${type}`)
  }

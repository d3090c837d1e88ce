import type { ProblemError } from '../../platform/http/problem.ts'

export interface MediaRequest {
  range?: string | undefined
  ifRange?: string | undefined
  ifNoneMatch?: string | undefined
  signal: AbortSignal
  requestId?: string
}

export interface MediaAnswer {
  status: 200 | 206 | 304 | 404 | 416
  /** Content-Length, Content-Range, ETag and Accept-Ranges, where session-manager gave them. */
  headers: Record<string, string>
  /** Only with 200 and 206. */
  body: ReadableStream<Uint8Array> | null
}

const passedOn = ['content-length', 'content-range', 'accept-ranges', 'etag']
/** How long the beginning of an answer may take, ms. The reader decides how long the rest may. */
const beginMs = 5_000

const requestHeaders = (request: MediaRequest): Record<string, string> => {
  const headers = {
    range: request.range,
    'if-range': request.ifRange,
    'if-none-match': request.ifNoneMatch,
    'x-request-id': request.requestId
  }
  const given = Object.entries(headers).filter(
    (header): header is [string, string] => header[1] !== undefined
  )
  return Object.fromEntries(given)
}

const answerHeaders = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    passedOn.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) as string]] : []))
  )

interface MediaClient {
  /** Sends a GET request with the token. */
  request: (
    path: string,
    init: { headers: Record<string, string>; signal: AbortSignal }
  ) => Promise<Response>
  /** Makes the problem of an answer that no session-manager gives. */
  notSessionManager: (reason: string) => ProblemError
}

/** Asks session-manager for a media file that it keeps, and gives the answer as it streams. */
export const fetchMedia = async (
  sha256: string,
  request: MediaRequest,
  client: MediaClient
): Promise<MediaAnswer> => {
  const path = `/media/${sha256}`
  const timeout = new AbortController()
  const timer = setTimeout(
    () => timeout.abort(new DOMException('no answer in time', 'TimeoutError')),
    beginMs
  )
  const init = {
    headers: requestHeaders(request),
    signal: AbortSignal.any([request.signal, timeout.signal])
  }
  const { status, headers, body } = await client
    .request(path, init)
    .finally(() => clearTimeout(timer))
  const type = headers.get('content-type') ?? 'no Content-Type'
  const kept = answerHeaders(headers)
  const isThisFile = headers.get('etag') === `"${sha256}"`
  if ((status === 200 || status === 206) && body !== null && isThisFile)
    return { status, headers: kept, body }
  await body?.cancel()
  const isProblem = type.startsWith('application/problem+json')
  if (status === 304 || ((status === 404 || status === 416) && isProblem))
    return { status, headers: kept, body: null }
  throw client.notSessionManager(`GET ${path} gives HTTP ${status}, ${type}`)
}

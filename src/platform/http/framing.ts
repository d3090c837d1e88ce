import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProblemError } from './problem.ts'

/**
 * Where the body of a request ends must be the same to us as to a proxy before us, RFC 9112, 6.1
 * and 6.3. @throws {ProblemError} bad-request
 */
export const checkFraming = (
  { headers: { 'transfer-encoding': coding }, httpVersion }: IncomingMessage,
  res: ServerResponse
): void => {
  if (coding === undefined || (coding.toLowerCase() === 'chunked' && httpVersion === '1.1')) return
  res.shouldKeepAlive = false
  throw new ProblemError(
    'bad-request',
    'a body comes with Content-Length, or by HTTP/1.1 with Transfer-Encoding: chunked'
  )
}

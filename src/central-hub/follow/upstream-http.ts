import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { PlainError } from '../../platform/harmless.ts'

/** One request and its answer, over connections that are kept: fetch takes three times the CPU. */

export interface Asked {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  /** JSON. */
  body?: string
  timeoutMs: number
}

export interface Answered {
  status: number
  /** Empty when there is none. */
  contentType: string
  body: Buffer
}

/** The answer is longer than is taken. */
export class TooLong extends PlainError {}

/** More at once wait for one another. */
const maxConnections = 64

const read = (answer: IncomingMessage, maxBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    answer.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > maxBytes) answer.destroy(new TooLong(`longer than ${maxBytes} bytes`))
      else parts.push(part)
    })
    answer.on('end', () =>
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
    )
    answer.on('error', reject)
  })

/** Where requests to an origin go, as node:http has it. */
interface Target {
  request: typeof httpRequest
  isSecure: boolean
  where: RequestOptions
}

const targetOf = (origin: string): Target => {
  const { protocol, hostname, port } = new URL(origin)
  const isSecure = protocol === 'https:'
  const where: RequestOptions = { hostname: hostname.replace(/^\[|\]$/g, '') }
  if (port !== '') where.port = port
  return { request: isSecure ? httpsRequest : httpRequest, isSecure, where }
}

/**
 * Opens answers that have no end, each over a connection of its own. With fetch the limit of such
 * an answer would be a timer that wakes an idle daemon twice a second.
 */
export const createStreams = (origin: string) => {
  const { request, where } = targetOf(origin)
  return async (
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal
  ): Promise<IncomingMessage> => {
    const asking = request({ ...where, agent: false, path, headers, signal })
    const answered = once(asking, 'response')
    asking.end()
    const [answer] = (await answered) as [IncomingMessage]
    // From here on, what breaks the connection is an error of the answer too, where it is read.
    asking.on('error', () => undefined)
    return answer
  }
}

/**
 * @param origin scheme, host and port @returns what rejects with TooLong, or as node:http does;
 * late with a TimeoutError
 */
export const createConnections = (
  origin: string,
  maxBytes: number
): ((asked: Asked) => Promise<Answered>) => {
  const { request, isSecure, where } = targetOf(origin)
  const pool = { keepAlive: true, maxSockets: maxConnections }
  const agent = isSecure ? new TlsAgent(pool) : new Agent(pool)

  const askOnce = (
    { method, path, headers, body, timeoutMs }: Asked,
    more: RequestOptions
  ): { answered: Promise<Answered>; wasReused: () => boolean } => {
    const sent =
      body === undefined
        ? headers
        : {
            ...headers,
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(body))
          }
    const asking = request({ ...where, agent, method, path, headers: sent, ...more })
    const answered = new Promise<Answered>((resolve, reject) => {
      const late = setTimeout(
        () => asking.destroy(new DOMException('no answer in time', 'TimeoutError')),
        timeoutMs
      )
      const fail = (error: unknown): void => {
        clearTimeout(late)
        reject(error)
      }
      asking.on('error', fail)
      asking.on('response', (answer) => {
        read(answer, maxBytes).then((bytes) => {
          clearTimeout(late)
          resolve({
            status: answer.statusCode as number,
            contentType: answer.headers['content-type'] ?? '',
            body: bytes
          })
        }, fail)
      })
      asking.end(body)
    })
    return { answered, wasReused: () => asking.reusedSocket }
  }

  return async (asked) => {
    const { answered, wasReused } = askOnce(asked, {})
    try {
      return await answered
    } catch (error) {
      // the other side closed a kept connection just as it was used:
      // https://nodejs.org/api/http.html#requestreusedsocket
      const closed = wasReused() && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
      if (!closed || asked.method !== 'GET') throw error
      return askOnce(asked, { agent: false }).answered
    }
  }
}

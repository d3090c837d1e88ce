import { once } from 'node:events'
import {
  Agent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions
} from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { PlainError } from '../../platform/harmless.ts'

/**
 * Requests over connections that are kept, without fetch, which takes three times the CPU for each
 * request.
 */

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
  /** Empty when the answer has none. */
  contentType: string
  body: Buffer
}

/** The answer is longer than the limit. */
export class AnswerTooLong extends PlainError {}

/** Further requests wait for a free connection. */
const maxConnections = 64

const readBody = (answer: IncomingMessage, maxBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    answer.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > maxBytes) answer.destroy(new AnswerTooLong(`longer than ${maxBytes} bytes`))
      else parts.push(part)
    })
    answer.on('end', () =>
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
    )
    answer.on('error', reject)
  })

/** An origin, as node:http has it. */
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
 * Opens an answer that has no end, over a connection of its own. With fetch the limit of such an
 * answer would be a timer that wakes an idle daemon twice a second.
 */
export const openStream = async (
  origin: string,
  path: string,
  headers: Record<string, string>,
  signal: AbortSignal
): Promise<IncomingMessage> => {
  const { request, where } = targetOf(origin)
  const asking = request({ ...where, agent: false, path, headers, signal })
  const answered = once(asking, 'response')
  asking.end()
  const [answer] = (await answered) as [IncomingMessage]
  // From here on, what breaks the connection is an error of the answer too, where it is read.
  asking.on('error', () => undefined)
  return answer
}

const jsonHeaders = (body: string): Record<string, string> => ({
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(body))
})

/** Sends a request and reads its whole answer, within its time. */
const answerTo = (
  asking: ClientRequest,
  { body, timeoutMs }: Asked,
  maxBytes: number
): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => asking.destroy(new DOMException('no answer in time', 'TimeoutError')),
      timeoutMs
    )
    const fail = (error: unknown): void => {
      clearTimeout(timer)
      reject(error)
    }
    asking.on('error', fail)
    asking.on('response', (answer) => {
      readBody(answer, maxBytes).then((bytes) => {
        clearTimeout(timer)
        resolve({
          status: answer.statusCode as number,
          contentType: answer.headers['content-type'] ?? '',
          body: bytes
        })
      }, fail)
    })
    asking.end(body)
  })

/** Connections to one origin that are kept for further requests. */
export class RequestConnections {
  readonly #target: Target
  readonly #agent: Agent
  readonly #maxBytes: number

  /**
   * @param origin scheme, host and port
   * @param maxBytes of an answer
   */
  constructor(origin: string, maxBytes: number) {
    const pool = { keepAlive: true, maxSockets: maxConnections }
    this.#target = targetOf(origin)
    this.#agent = this.#target.isSecure ? new TlsAgent(pool) : new Agent(pool)
    this.#maxBytes = maxBytes
  }

  /** @throws {AnswerTooLong}, a TimeoutError when it is late, or as node:http does */
  async ask(asked: Asked): Promise<Answered> {
    const asking = this.#request(asked, {})
    try {
      return await answerTo(asking, asked, this.#maxBytes)
    } catch (error) {
      // The other side closed a kept connection just as it was used:
      // https://nodejs.org/api/http.html#requestreusedsocket
      const isClosed = asking.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
      if (!isClosed || asked.method !== 'GET') throw error
      return answerTo(this.#request(asked, { agent: false }), asked, this.#maxBytes)
    }
  }

  #request({ method, path, headers, body }: Asked, more: RequestOptions): ClientRequest {
    const { request, where } = this.#target
    const sent = body === undefined ? headers : { ...headers, ...jsonHeaders(body) }
    return request({ ...where, agent: this.#agent, method, path, headers: sent, ...more })
  }
}

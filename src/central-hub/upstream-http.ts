import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { PlainError } from '../platform/harmless.ts'

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
const mostConnections = 64

const read = (answer: IncomingMessage, mostBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    answer.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > mostBytes) answer.destroy(new TooLong(`longer than ${mostBytes} bytes`))
      else parts.push(part)
    })
    answer.on('end', () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)))
    answer.on('error', reject)
  })

/** @param origin scheme, host and port @returns what rejects with TooLong, or as node:http does; late with a TimeoutError */
export const createConnections = (origin: string, mostBytes: number): ((asked: Asked) => Promise<Answered>) => {
  const { protocol, hostname, port } = new URL(origin)
  const secure = protocol === 'https:'
  const request = secure ? httpsRequest : httpRequest
  const pool = { keepAlive: true, maxSockets: mostConnections }
  const agent = secure ? new TlsAgent(pool) : new Agent(pool)
  const where = { hostname: hostname.replace(/^\[|\]$/g, ''), ...(port === '' ? {} : { port }) }

  const once = ({ method, path, headers, body, timeoutMs }: Asked, more: RequestOptions): { answered: Promise<Answered>; wasReused: () => boolean } => {
    const sent = body === undefined ? headers : { ...headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
    const asking = request({ ...where, agent, method, path, headers: sent, ...more })
    const answered = new Promise<Answered>((resolve, reject) => {
      const late = setTimeout(() => asking.destroy(new DOMException('no answer in time', 'TimeoutError')), timeoutMs)
      const fail = (error: unknown): void => {
        clearTimeout(late)
        reject(error)
      }
      asking.on('error', fail)
      asking.on('response', (answer) => {
        read(answer, mostBytes).then((bytes) => {
          clearTimeout(late)
          resolve({ status: answer.statusCode as number, contentType: answer.headers['content-type'] ?? '', body: bytes })
        }, fail)
      })
      asking.end(body)
    })
    return { answered, wasReused: () => asking.reusedSocket }
  }

  return async (asked) => {
    const { answered, wasReused } = once(asked, {})
    try {
      return await answered
    } catch (error) {
      // the other side closed a kept connection just as it was used: https://nodejs.org/api/http.html#requestreusedsocket
      const closed = wasReused() && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
      if (!closed || asked.method !== 'GET') throw error
      return once(asked, { agent: false }).answered
    }
  }
}

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { RefusedUrl, type Guard } from './guard.ts'

/** Posts a body; redirects are not followed. */
export interface Post {
  /** Resolves whatever comes of it. @param signal ends it at once, with an error */
  send(request: { url: string; headers: Record<string, string>; body: string }, signal: AbortSignal): Promise<Outcome>
  /** Closes the connections that are kept for further use. */
  close(): void
}

/** What came of it. */
export interface Outcome {
  /** null: there was no answer. */
  status: number | null
  /** Why it was not taken; undefined when it was. */
  error?: string
  retryAfterMs?: number
}

/** Of an answer's body, which says nothing to us, bytes that are read so that the connection can be used again. */
const mostBytes = 16_384
const idleMs = 30_000

/** Retry-After, RFC 9110, 10.2.3: seconds or a date. @returns ms from now */
const retryAfterMs = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

const drain = (res: IncomingMessage): void => {
  let bytes = 0
  res.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > mostBytes) res.destroy()
  })
  // the status has been told: an answer that is cut off now changes nothing
  res.on('error', () => undefined)
}

const inWords = (error: NodeJS.ErrnoException, timeoutMs: number): string => {
  if (error instanceof RefusedUrl) return error.message
  if (error.cause instanceof DOMException) return `no answer within ${timeoutMs / 1_000} s`
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'nothing listens there (ECONNREFUSED)'
    case 'ECONNRESET':
    case 'EPIPE':
      return `the connection was cut off before an answer (${error.code})`
    default:
      return `the request failed (${error.code ?? error.message})`
  }
}

const refusal = (status: number): string | undefined => {
  if (status >= 200 && status < 300) return undefined
  return status >= 300 && status < 400 ? `HTTP ${status}: redirects are not followed, set the URL to where it leads` : `HTTP ${status}`
}

/** @param timeoutMs of all of a request, from the look-up of the name to the answer's status */
export const createPost = ({ guard, userAgent, timeoutMs = 15_000 }: { guard: Guard; userAgent: string; timeoutMs?: number }): Post => {
  const options = { keepAlive: true, timeout: idleMs, lookup: guard.lookup }
  const agents: { http: HttpAgent; https?: HttpsAgent } = { http: new HttpAgent(options) }

  const once = (url: URL, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      guard.checkHost(url)
      const [request, agent] = url.protocol === 'https:' ? [httpsRequest, (agents.https ??= new HttpsAgent(options))] : [httpRequest, agents.http]
      const req = request(url, {
        method: 'POST', agent, signal,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': userAgent }
      })
      req.on('response', (res) => {
        drain(res)
        const status = res.statusCode as number
        const [error, wait] = [refusal(status), retryAfterMs(res.headers['retry-after'])]
        resolve({ status, ...(error === undefined ? {} : { error }), ...(wait === undefined ? {} : { retryAfterMs: wait }) })
      })
      // a kept connection may be closed by the other side just as it is used again, RFC 9112, 9.5: that is no failure
      req.on('error', (error: NodeJS.ErrnoException) => (req.reusedSocket && error.code === 'ECONNRESET' ? resolve(once(url, headers, body, signal)) : reject(error)))
      req.end(body)
    })

  return {
    send: async ({ url, headers, body }, stop) => {
      try {
        return await once(new URL(url), headers, body, AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]))
      } catch (error) {
        return { status: null, error: inWords(error as NodeJS.ErrnoException, timeoutMs) }
      }
    },
    close: () => {
      agents.http.destroy()
      agents.https?.destroy()
    }
  }
}

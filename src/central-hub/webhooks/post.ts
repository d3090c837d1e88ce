import {
  Agent as HttpAgent,
  request as httpRequest,
  type AgentOptions as HttpAgentOptions,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions
} from 'node:http'
import {
  Agent as HttpsAgent,
  request as httpsRequest,
  type AgentOptions as HttpsAgentOptions
} from 'node:https'
import { reasonOf } from '../../platform/harmless.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { tunnelStatus, type Proxy } from '../../platform/proxy.ts'
import { RefusedUrl, type Guard } from './guard.ts'

/** Posts a body; redirects are not followed. */
export interface Post {
  /** Resolves whatever comes of it. @param signal ends it at once, with an error */
  send(
    request: { url: string; headers: Record<string, string>; body: string },
    signal: AbortSignal
  ): Promise<Outcome>
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

/**
 * Of an answer's body, which says nothing to us, bytes that are read so that the connection can be
 * used again.
 */
const maxBytes = 16_384
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
    if (bytes > maxBytes) res.destroy()
  })
  // the status has been told: an answer that is cut off now changes nothing
  res.on('error', () => undefined)
}

const wrongLogin = (envFile: string): string =>
  `does not take the user and password of PROXY_URL in ${envFile} (HTTP 407)`

/** What a proxy answered instead of opening the way to a receiver. */
const proxyAnswer = (error: Error, envFile: string): string => {
  const status = tunnelStatus(error)
  if (status === '407') return wrongLogin(envFile)
  return status === undefined
    ? 'did not open a connection'
    : `refuses the connection (HTTP ${status})`
}

/** @param proxy by which the request went, if it did */
const inWords = (
  error: NodeJS.ErrnoException,
  timeoutMs: number,
  proxy: Proxy | undefined,
  envFile: string
): string => {
  if (error instanceof RefusedUrl) return reasonOf(error)
  if (error.cause instanceof DOMException) return `no answer within ${timeoutMs / 1_000} s`
  if (error.code === 'ERR_PROXY_TUNNEL' && proxy !== undefined)
    return `the proxy ${proxy.server} ${proxyAnswer(error, envFile)}`
  switch (error.code) {
    case 'ECONNREFUSED':
      return proxy === undefined
        ? 'nothing listens there (ECONNREFUSED)'
        : `nothing listens at the proxy ${proxy.server} (ECONNREFUSED): PROXY_URL in ${envFile} names it`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return proxy === undefined
        ? `its name cannot be looked up (${error.code})`
        : `the name of the proxy ${proxy.server} cannot be looked up (${error.code})`
    case 'ECONNRESET':
    case 'EPIPE':
      return `the connection was cut off before an answer (${error.code})`
    default:
      return `the request failed (${error.code ?? reasonOf(error)})`
  }
}

const refusal = (status: number): string | undefined => {
  if (status >= 200 && status < 300) return undefined
  return status >= 300 && status < 400
    ? `HTTP ${status}: redirects are not followed, set the URL to where it leads`
    : `HTTP ${status}`
}

interface PostOptions {
  guard: Guard
  userAgent: string
  /** By which receivers are reached that are not on a network of our own. */
  proxy?: Proxy | undefined
  /** Where the environment is kept, for messages. */
  envFile?: string
  /** Of all of a request, from the look-up of the name to the answer's status. */
  timeoutMs?: number
}

/** Connections of one kind, kept for further use. */
class Connections {
  readonly #options: HttpAgentOptions & HttpsAgentOptions
  #http: HttpAgent | undefined
  #https: HttpsAgent | undefined

  constructor(options: HttpAgentOptions & HttpsAgentOptions) {
    this.#options = { keepAlive: true, timeout: idleMs, ...options }
  }

  request(url: URL, options: RequestOptions): ClientRequest {
    if (url.protocol === 'https:') {
      this.#https ??= new HttpsAgent(this.#options)
      return httpsRequest(url, { ...options, agent: this.#https })
    }
    this.#http ??= new HttpAgent(this.#options)
    return httpRequest(url, { ...options, agent: this.#http })
  }

  close(): void {
    this.#http?.destroy()
    this.#https?.destroy()
  }
}

export const createPost = ({
  guard,
  userAgent,
  proxy,
  envFile = '',
  timeoutMs = 15_000
}: PostOptions): Post => {
  const direct = new Connections({ lookup: guard.lookup })
  const proxied =
    proxy === undefined
      ? undefined
      : new Connections({ proxyEnv: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url } })

  const once = (
    connections: Connections,
    url: URL,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal
  ): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const req = connections.request(url, {
        method: 'POST',
        signal,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': userAgent
        }
      })
      req.on('response', (res) => {
        drain(res)
        const status = res.statusCode as number
        const [error, wait] = [refusal(status), retryAfterMs(res.headers['retry-after'])]
        resolve(omitUndefined({ status, error, retryAfterMs: wait }))
      })
      // a kept connection may be closed by the other side just as it is used again, RFC 9112, 9.5:
      // that is no failure
      req.on('error', (error: NodeJS.ErrnoException) =>
        req.reusedSocket && error.code === 'ECONNRESET'
          ? resolve(once(connections, url, headers, body, signal))
          : reject(error)
      )
      req.end(body)
    })

  return {
    send: async ({ url: text, headers, body }, stop) => {
      let usedProxy: Proxy | undefined
      try {
        const url = new URL(text)
        const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
        guard.checkHost(url)
        if (proxied === undefined || !(await guard.needsProxy(url)))
          return await once(direct, url, headers, body, signal)
        usedProxy = proxy
        const outcome = await once(proxied, url, headers, body, signal)
        // no receiver gives this status, RFC 9110, 15.5.8
        if (outcome.status === 407)
          return { status: null, error: `the proxy ${proxy?.server} ${wrongLogin(envFile)}` }
        return outcome
      } catch (error) {
        return {
          status: null,
          error: inWords(error as NodeJS.ErrnoException, timeoutMs, usedProxy, envFile)
        }
      }
    },
    close: () => {
      direct.close()
      proxied?.close()
    }
  }
}

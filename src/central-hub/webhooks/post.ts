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
import { RefusedUrl, type SsrfGuard } from './guard.ts'

/** Posts bodies. It does not follow redirects. */
export interface Post {
  /**
   * Resolves with any outcome, failures included.
   * @param signal ends it immediately, as a failure
   */
  send(
    request: { url: string; headers: Record<string, string>; body: string },
    signal: AbortSignal
  ): Promise<Outcome>
  /** Closes the connections that are kept for further requests. */
  close(): void
}

/** The outcome of one attempt. */
export interface Outcome {
  /** null: there was no answer. */
  status: number | null
  /** Why the receiver did not accept it; undefined when it did. */
  error?: string
  retryAfterMs?: number
}

/**
 * The most bytes of an answer's body that are read, so that the connection can be used again. The
 * body itself is not needed.
 */
const maxBytes = 16_384
const idleMs = 30_000

/** Retry-After, RFC 9110, 10.2.3: seconds or a date. @returns ms from now */
const retryAfterMs = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

const discardBody = (res: IncomingMessage): void => {
  let bytes = 0
  res.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > maxBytes) res.destroy()
  })
  // The status is known, so an answer that is cut off now changes nothing.
  res.on('error', () => undefined)
}

const wrongLogin = (envFile: string): string =>
  `does not take the user and password of PROXY_URL in ${envFile} (HTTP 407)`

/** What a proxy answered instead of opening a connection to the receiver. */
const describeProxyAnswer = (error: Error, envFile: string): string => {
  const status = tunnelStatus(error)
  if (status === '407') return wrongLogin(envFile)
  return status === undefined
    ? 'did not open a connection'
    : `refuses the connection (HTTP ${status})`
}

/** @param proxy the proxy that the request went by, if any */
const describeError = (
  error: NodeJS.ErrnoException,
  timeoutMs: number,
  proxy: Proxy | undefined,
  envFile: string
): string => {
  if (error instanceof RefusedUrl) return reasonOf(error)
  if (error.cause instanceof DOMException) return `no answer within ${timeoutMs / 1_000} s`
  if (error.code === 'ERR_PROXY_TUNNEL' && proxy !== undefined)
    return `the proxy ${proxy.server} ${describeProxyAnswer(error, envFile)}`
  switch (error.code) {
    case 'ECONNREFUSED':
      return proxy === undefined
        ? 'nothing listens there (ECONNREFUSED)'
        : `nothing listens at the proxy ${proxy.server} (ECONNREFUSED): ` +
            `PROXY_URL in ${envFile} names it`
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
  guard: SsrfGuard
  userAgent: string
  /** The way to receivers that are not on a network of our own. */
  proxy?: Proxy | undefined
  /** The file that has the environment, for messages. */
  envFile?: string
  /** The limit of a request, from the look-up of the name to the answer's status, ms. */
  timeoutMs?: number
}

/** Connections of one kind that are kept for further requests. */
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

type PostRequest = Parameters<Post['send']>[0]

class WebhookPost implements Post {
  readonly #guard: SsrfGuard
  readonly #userAgent: string
  readonly #proxy: Proxy | undefined
  readonly #envFile: string
  readonly #timeoutMs: number
  readonly #direct: Connections
  readonly #proxied: Connections | undefined

  constructor({ guard, userAgent, proxy, envFile = '', timeoutMs = 15_000 }: PostOptions) {
    this.#guard = guard
    this.#userAgent = userAgent
    this.#proxy = proxy
    this.#envFile = envFile
    this.#timeoutMs = timeoutMs
    this.#direct = new Connections({ lookup: guard.lookup })
    if (proxy !== undefined)
      this.#proxied = new Connections({
        proxyEnv: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url }
      })
  }

  async send(request: PostRequest, stop: AbortSignal): Promise<Outcome> {
    let usedProxy: Proxy | undefined
    try {
      const url = new URL(request.url)
      const signal = AbortSignal.any([stop, AbortSignal.timeout(this.#timeoutMs)])
      this.#guard.checkHost(url)
      if (this.#proxied === undefined || !(await this.#guard.needsProxy(url)))
        return await this.#sendOnce(this.#direct, url, request, signal)
      usedProxy = this.#proxy
      const outcome = await this.#sendOnce(this.#proxied, url, request, signal)
      // No receiver gives this status, RFC 9110, 15.5.8.
      if (outcome.status === 407) {
        const reason = wrongLogin(this.#envFile)
        return { status: null, error: `the proxy ${this.#proxy?.server} ${reason}` }
      }
      return outcome
    } catch (error) {
      const failure = error as NodeJS.ErrnoException
      return {
        status: null,
        error: describeError(failure, this.#timeoutMs, usedProxy, this.#envFile)
      }
    }
  }

  close(): void {
    this.#direct.close()
    this.#proxied?.close()
  }

  #sendOnce(
    connections: Connections,
    url: URL,
    request: PostRequest,
    signal: AbortSignal
  ): Promise<Outcome> {
    const { headers, body } = request
    return new Promise((resolve, reject) => {
      const req = connections.request(url, {
        method: 'POST',
        signal,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': this.#userAgent
        }
      })
      req.on('response', (res) => {
        discardBody(res)
        const status = res.statusCode as number
        const [error, wait] = [refusal(status), retryAfterMs(res.headers['retry-after'])]
        resolve(omitUndefined({ status, error, retryAfterMs: wait }))
      })
      // The other side may close a kept connection just as it is used again, RFC 9112, 9.5. That is
      // no failure.
      req.on('error', (error: NodeJS.ErrnoException) =>
        req.reusedSocket && error.code === 'ECONNRESET'
          ? resolve(this.#sendOnce(connections, url, request, signal))
          : reject(error)
      )
      req.end(body)
    })
  }
}

export const createPost = (options: PostOptions): Post => new WebhookPost(options)

import { randomUUID } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse
} from 'node:http'
import type { AddressInfo } from 'node:net'
import helmet from 'helmet'
import polka, { type Middleware, type Polka, type Request, type Response } from 'polka'
import { createAllowedHosts } from './allowed-hosts.ts'
import { Answer, endWith, headersOf, type FlatHeaders } from './answer.ts'
import { createReadBody, tooLarge } from './body.ts'
import { allowOrigins } from './cors.ts'
import { checkFraming } from './framing.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { ProblemError } from './problem.ts'
import { limitRate, type RateLimit } from './rate-limit.ts'
import { Streams, type Stream } from './sse.ts'

export type { Request, Response }
export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
export type Handler = (req: Request, res: Response) => unknown

declare module 'node:http' {
  interface IncomingMessage {
    /** X-Request-Id: the caller's, if it gave a usable one, else ours. */
    requestId: string
  }
}

export interface HttpOptions {
  log: Log
  metrics: Metrics
  /**
   * Host headers answered besides the loopback names and the address listened on, against DNS
   * rebinding.
   */
  allowedHosts?: readonly string[]
  /** How many requests a minute one address may make; 0: any number. */
  rateLimit?: number
  /** Origins whose pages may call this server, https://fetch.spec.whatwg.org/#http-cors-protocol */
  corsOrigins?: readonly string[]
  /** Whether a request may go on; throws a ProblemError, or rejects with it, to say why not. */
  authorize: (req: Request, res: Response) => void | Promise<void>
  /**
   * Called for each route that is added, such as `GET /things/:id`; throws when it may not be
   * served. What it returns is called with each request of the route, and throws a ProblemError to
   * say why it may not go on. Without it, who passed `authorize` may use all routes.
   */
  permit?: (route: string) => (req: Request) => void
  /** Content-Security-Policy directives for pages; by default nothing may load. */
  contentSecurityPolicy?: Record<string, string[]>
  timeouts?: Partial<Timeouts>
}

/** How long a slow client is waited for, ms. */
interface Timeouts {
  /** For its headers to be whole. */
  headersMs: number
  /** For all of its request. */
  requestMs: number
  /** While nothing moves, such as an answer that is not read. */
  idleMs: number
  /** How often late clients are looked for. */
  checkMs: number
}

const defaultTimeouts: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 120_000,
  checkMs: 5_000
}
const slowMs = 1_000

/** Answers with JSON. */
export const sendJson = (res: ServerResponse, body: unknown, status = 200): void => {
  const bytes = Buffer.from(JSON.stringify(body))
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': bytes.length
  })
  endWith(res, bytes)
}

/** Answers with problem details, RFC 9457. */
const sendProblem = (res: ServerResponse, { problem }: ProblemError): void => {
  if (res.headersSent) return void res.destroy()
  const bytes = Buffer.from(JSON.stringify(problem))
  if (problem.status === 401) res.setHeader('www-authenticate', 'Bearer')
  res.writeHead(problem.status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': bytes.length
  })
  endWith(res, bytes)
}

/**
 * The errors of polka and body-parser have a status. Every other error is a fault of the server,
 * and the caller gets no details.
 */
const toProblem = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error
  const status =
    typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  if (status === 413) return tooLarge()
  if (status === 415) return new ProblemError('unsupported-media-type')
  if (status === 400)
    return new ProblemError('bad-request', 'the body is not the JSON it says it is')
  if (error instanceof URIError)
    return new ProblemError('bad-request', 'the path is not valid percent-encoding')
  return new ProblemError('internal-error', 'it was logged under the X-Request-Id of this answer')
}

const requestId = (req: IncomingMessage): string => {
  const given = req.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}

const isPathOf = (pattern: string, path: string): boolean =>
  new RegExp(
    `^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}/?$`
  ).test(path)

const createNodeServer = (timeouts: Timeouts): Server<typeof IncomingMessage, typeof Answer> => {
  const server = createServer({
    ServerResponse: Answer,
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16_384,
    requestTimeout: timeouts.requestMs,
    headersTimeout: timeouts.headersMs,
    connectionsCheckingInterval: timeouts.checkMs,
    // A header that comes twice, such as Host or Authorization, then has neither value.
    joinDuplicateHeaders: true
  })
  server.timeout = timeouts.idleMs
  return server
}

const securityHeaders = (directives: Record<string, string[]>): FlatHeaders =>
  headersOf(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives },
      strictTransportSecurity: false
    }) as unknown as Middleware,
    { method: 'GET', headers: {} }
  )

const nothingLoads = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }

/** An HTTP server with what every route needs around it. */
export class Http {
  readonly #options: HttpOptions
  readonly #streams: Streams
  readonly #hosts: ReturnType<typeof createAllowedHosts>
  /** Methods by pattern. */
  readonly #routes = new Map<string, Set<string>>()
  readonly #server: ReturnType<typeof createNodeServer>
  readonly #app: Polka
  readonly #security: FlatHeaders
  readonly #crossOrigin: ReturnType<typeof allowOrigins> | undefined
  readonly #rateLimit: RateLimit | undefined
  readonly #readBody = createReadBody()
  readonly #logsEach: boolean
  #isClosing = false

  constructor(options: HttpOptions) {
    const { corsOrigins, rateLimit } = options
    this.#options = options
    this.#streams = this.#createStreams()
    this.#hosts = createAllowedHosts(options.allowedHosts ?? [])
    this.#server = createNodeServer({ ...defaultTimeouts, ...options.timeouts })
    this.#app = polka({
      server: this.#server,
      onError: (error, req, res) => this.#onError(error, req, res),
      onNoMatch: (req, res) => this.#onNoMatch(req, res)
    })
    this.#logsEach = options.log.isLevelEnabled('debug')
    this.#security = securityHeaders(options.contentSecurityPolicy ?? nothingLoads)
    this.#crossOrigin = corsOrigins?.length ? allowOrigins(corsOrigins) : undefined
    this.#rateLimit = rateLimit ? limitRate(rateLimit) : undefined
    // One middleware for everything: polka makes a promise for each.
    this.#app.use((req, res, next) => this.#prepare(req, res as Answer, next))
  }

  /** Puts middleware before the routes. */
  use(middleware: Middleware): void {
    this.#app.use(middleware)
  }

  /** Adds a route. `pattern` is as polka has it. It is also the route's name in metrics. */
  route(method: Method, pattern: string, handler: Handler): void {
    const permit = this.#options.permit?.(`${method} ${pattern}`)
    const methods = this.#routes.get(pattern) ?? new Set()
    this.#routes.set(pattern, methods.add(method))
    // polka takes a pattern's dots for any character.
    this.#app.add(method, pattern.replaceAll('.', '\\.'), (async (req: Request, res: Response) => {
      ;(res as Answer).route = pattern
      permit?.(req)
      await handler(req, res)
    }) as Middleware)
  }

  /** The routes that were added so far, such as `GET /things/:id`. */
  routes(): string[] {
    return [...this.#routes].flatMap(([pattern, methods]) =>
      [...methods].map((method) => `${method} ${pattern}`)
    )
  }

  /** Opens an event stream. When the server closes, it ends with its reason. */
  stream(req: IncomingMessage, res: ServerResponse): Stream {
    return this.#streams.open(req, res)
  }

  /** Ends an answer before it is whole: of a stream with its reason, any other is cut off. */
  end(res: ServerResponse, reason: string): void {
    if (!this.#streams.endOne(res, reason)) res.destroy()
  }

  listen(host: string, port: number): Promise<AddressInfo> {
    const server = this.#server
    const handle = this.#app.handler as unknown as RequestListener
    return new Promise((resolve, reject) => {
      this.#hosts.add(host.includes(':') ? `[${host}]` : host)
      server.once('error', reject)
      // polka's own `listen` delays each request to another turn of the event loop.
      server.on('request', (req, res) => {
        // A URL such as http://host/path or *, which no middleware would see.
        if (!req.url?.startsWith('/')) req.url = `/${req.url}`
        handle(req, res)
      })
      server.listen(port, host, () => {
        server.off('error', reject)
        resolve(server.address() as AddressInfo)
      })
    })
  }

  /**
   * Takes no new request, ends the streams, and lets other requests finish. After `timeoutMs` it
   * cuts the rest.
   */
  close(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#isClosing = true
      const cut = setTimeout(() => this.#server.closeAllConnections(), timeoutMs)
      this.#server.close(() => {
        clearTimeout(cut)
        resolve()
      })
      this.#streams.end('the server is stopping')
      this.#server.closeIdleConnections()
    })
  }

  #createStreams(): Streams {
    const { metrics, log } = this.#options
    return new Streams({
      onOpened: () => metrics.streamOpened(),
      onClosed: (req, dropped) => {
        metrics.streamClosed(dropped?.reason)
        if (dropped === undefined) return
        log.info(
          {
            event: 'stream_dropped',
            request_id: req.requestId,
            reason: dropped.reason,
            queued_bytes: dropped.queuedBytes
          },
          'a client of an event stream was too slow, and was dropped'
        )
      }
    })
  }

  /** What each request goes through before its route. */
  #prepare(req: Request, answer: Answer, next: Parameters<Middleware>[2]): ReturnType<Middleware> {
    req.requestId = requestId(req)
    const own = ['x-request-id', req.requestId]
    answer.carried = [own, this.#security]
    this.#observe(req, answer)
    checkFraming(req, answer)
    this.#hosts.check(req)
    // This comes before `authorize`: a preflight carries no token, and a page must be able to read
    // why it was refused.
    if (this.#crossOrigin !== undefined) {
      if (req.method === 'OPTIONS') return this.#crossOrigin.preflight(req, answer, next)
      answer.carried = [own, this.#security, this.#crossOrigin.headers(req)]
    }
    this.#spendRate(req, own)
    const authorized = this.#options.authorize(req, answer)
    if (authorized === undefined) return this.#readBody(req, answer, next)
    return authorized.then(() => this.#readBody(req, answer, next))
  }

  /** @param headers gets the headers of the rate limit */
  #spendRate(req: Request, headers: string[]): void {
    if (this.#rateLimit === undefined) return
    const spent = this.#rateLimit(req.socket.remoteAddress ?? '')
    headers.push(...spent.headers)
    if (!spent.allowed)
      throw new ProblemError(
        'too-many-requests',
        `${this.#options.rateLimit} requests a minute are answered`
      )
  }

  /** Counts and logs a request when its answer is finished. */
  #observe(req: Request, res: Answer): void {
    const startedAt = performance.now()
    res.once('finish', () => {
      // A kept-alive connection is idle only now, and would hold the server open.
      if (this.#isClosing) setImmediate(() => this.#server.closeIdleConnections())
      const ms = performance.now() - startedAt
      const { metrics, log } = this.#options
      const { route, statusCode: status } = res
      metrics.request({ method: req.method, route, status }, ms / 1_000)
      // Streams, media and exports take as long as their reader.
      const isSlow = ms > slowMs && res.isJson
      if (!isSlow && !this.#logsEach) return
      const line = {
        event: 'request',
        request_id: req.requestId,
        method: req.method,
        route,
        status,
        ms: Math.round(ms)
      }
      if (isSlow) log.warn(line, 'slow request')
      else log.debug(line, 'request')
    })
  }

  #onError(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    const problem = toProblem(error)
    if (problem.problem.status === 500)
      this.#options.log.error(
        { event: 'request_failed', request_id: req.requestId, err: error },
        'a request failed'
      )
    sendProblem(res, problem)
  }

  #onNoMatch(req: Request, res: ServerResponse): void {
    const allowed = [...this.#routes]
      .filter(([pattern]) => isPathOf(pattern, req.path))
      .flatMap(([, methods]) => [...methods])
      .join(', ')
    if (allowed === '')
      return sendProblem(res, new ProblemError('not-found', `there is no route ${req.path}`))
    res.setHeader('allow', allowed)
    sendProblem(res, new ProblemError('method-not-allowed', `${req.path} takes ${allowed}`))
  }
}

export const createHttp = (options: HttpOptions): Http => new Http(options)

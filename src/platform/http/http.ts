import { randomUUID } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse
} from 'node:http'
import type { AddressInfo } from 'node:net'
import helmet from 'helmet'
import polka, { type Middleware, type Polka, type Request, type Response } from 'polka'
import { createAllowedHosts } from './allowed-hosts.ts'
import { Answer, endWith, headersOf } from './answer.ts'
import { createReadBody, tooLarge } from './body.ts'
import { allowOrigins } from './cors.ts'
import { checkFraming } from './framing.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { ProblemError } from './problem.ts'
import { limitRate } from './rate-limit.ts'
import { createStreams, type Stream } from './sse.ts'

export type { Request, Response }
export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
export type Handler = (req: Request, res: Response) => unknown

declare module 'node:http' {
  interface IncomingMessage {
    /** X-Request-Id: the caller's, if it gave a usable one, else ours. */
    requestId: string
  }
}

/** An HTTP server with what every route of ours needs round it. */
export interface Http {
  /** Adds a route; `pattern` as polka has it. It is also the route's name in metrics. */
  route(method: Method, pattern: string, handler: Handler): void
  /** The routes there are by now, such as `GET /things/:id`. */
  routes(): string[]
  /** Puts middleware before the routes. */
  use(middleware: Middleware): void
  /** Opens an event stream that ends, with its reason told, when the server closes. */
  stream(req: IncomingMessage, res: ServerResponse): Stream
  listen(host: string, port: number): Promise<AddressInfo>
  /**
   * Takes no new request, ends the streams, lets the others finish; cuts what is left after
   * `timeoutMs`.
   */
  close(timeoutMs: number): Promise<void>
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
  /** Whether a request may go on; throws a ProblemError to say why not. */
  authorize: (req: Request) => void
  /** Content-Security-Policy directives for pages; by default nothing may load. */
  contentSecurityPolicy?: Record<string, string[]>
  timeouts?: Partial<Patience>
}

/** How long a slow client is waited for, ms. */
interface Patience {
  /** For its headers to be whole. */
  headersMs: number
  /** For all of its request. */
  requestMs: number
  /** While nothing at all moves, such as an answer that is not read. */
  idleMs: number
  /** How often it is looked who is late. */
  checkMs: number
}

const usualPatience: Patience = {
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
 * Polka's and body-parser's errors carry a status; everything else is ours to mend and tells the
 * caller nothing.
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

export const createHttp = (options: HttpOptions): Http => {
  const { log, metrics, authorize } = options
  const streams = createStreams({
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
  const hosts = createAllowedHosts(options.allowedHosts ?? [])
  const routes = new Map<string, Set<string>>()
  let closing = false
  const timeouts = { ...usualPatience, ...options.timeouts }
  const server = createServer({
    ServerResponse: Answer,
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16_384,
    requestTimeout: timeouts.requestMs,
    headersTimeout: timeouts.headersMs,
    connectionsCheckingInterval: timeouts.checkMs,
    // what comes twice, such as Host or Authorization, is then neither one nor the other
    joinDuplicateHeaders: true
  })
  server.timeout = timeouts.idleMs

  const onError = (error: unknown, req: IncomingMessage, res: ServerResponse): void => {
    const answer = toProblem(error)
    if (answer.problem.status === 500)
      log.error(
        { event: 'request_failed', request_id: req.requestId, err: error },
        'a request failed'
      )
    sendProblem(res, answer)
  }
  const app: Polka = polka({
    server,
    onError: (error, req, res) => onError(error, req, res),
    onNoMatch: (req, res) => {
      const allowed = [...routes]
        .filter(([pattern]) => matches(pattern, req.path))
        .flatMap(([, methods]) => [...methods])
      if (allowed.length === 0)
        return sendProblem(res, new ProblemError('not-found', `there is no route ${req.path}`))
      res.setHeader('allow', allowed.join(', '))
      sendProblem(
        res,
        new ProblemError('method-not-allowed', `${req.path} takes ${allowed.join(', ')}`)
      )
    }
  })

  const handle = app.handler as unknown as RequestListener

  const logsEach = log.isLevelEnabled('debug')
  const observe = (req: Request, res: Answer): void => {
    const started = performance.now()
    res.once('finish', () => {
      // a kept-alive connection falls idle only now, and would hold the server open
      if (closing) setImmediate(() => server.closeIdleConnections())
      const ms = performance.now() - started
      const { route, statusCode: status } = res
      metrics.request({ method: req.method, route, status }, ms / 1_000)
      // streams, media and exports take as long as who reads them
      const isSlow = ms > slowMs && res.isJson
      if (!isSlow && !logsEach) return
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
  const directives = options.contentSecurityPolicy ?? {
    defaultSrc: ["'none'"],
    frameAncestors: ["'none'"]
  }
  const security = headersOf(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives },
      strictTransportSecurity: false
    }) as unknown as Middleware,
    { method: 'GET', headers: {} }
  )
  const crossOrigin = options.corsOrigins?.length ? allowOrigins(options.corsOrigins) : undefined
  const spend = options.rateLimit ? limitRate(options.rateLimit) : undefined
  const readBody = createReadBody()

  // all in one: polka makes a promise for each middleware
  app.use((req, res, next) => {
    const answer = res as Answer
    req.requestId = requestId(req)
    const own = ['x-request-id', req.requestId]
    answer.carried = [own, security]
    observe(req, answer)
    checkFraming(req, res)
    hosts.check(req)
    // before authorize: a preflight carries no token, and a page must be able to read why it was
    // refused
    if (crossOrigin !== undefined) {
      if (req.method === 'OPTIONS') return crossOrigin.preflight(req, res, next)
      answer.carried = [own, security, crossOrigin.headers(req)]
    }
    if (spend !== undefined) {
      const { allowed, headers } = spend(req.socket.remoteAddress ?? '')
      own.push(...headers)
      if (!allowed)
        throw new ProblemError(
          'too-many-requests',
          `${options.rateLimit} requests a minute are answered`
        )
    }
    authorize(req)
    return readBody(req, res, next)
  })

  return {
    use: (middleware) => void app.use(middleware),
    route: (method, pattern, handler) => {
      const methods = routes.get(pattern) ?? new Set()
      routes.set(pattern, methods.add(method))
      // polka takes a pattern's dots for any character
      app.add(method, pattern.replaceAll('.', '\\.'), (async (req: Request, res: Response) => {
        ;(res as Answer).route = pattern
        await handler(req, res)
      }) as Middleware)
    },
    routes: () =>
      [...routes].flatMap(([pattern, methods]) =>
        [...methods].map((method) => `${method} ${pattern}`)
      ),
    stream: streams.open,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        hosts.add(host.includes(':') ? `[${host}]` : host)
        server.once('error', reject)
        // polka's own listen puts each request off to another turn of the event loop
        server.on('request', (req, res) => {
          // such as http://host/path or *, which no middleware would see
          if (!req.url?.startsWith('/')) req.url = `/${req.url}`
          handle(req, res)
        })
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve(server.address() as AddressInfo)
        })
      }),
    close: (timeoutMs) =>
      new Promise((resolve) => {
        closing = true
        const cut = setTimeout(() => server.closeAllConnections(), timeoutMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        streams.end('the server is stopping')
        server.closeIdleConnections()
      })
  }
}

const matches = (pattern: string, path: string): boolean =>
  new RegExp(
    `^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}/?$`
  ).test(path)

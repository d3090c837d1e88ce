import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import bodyParser from 'body-parser'
import cors from 'cors'
import helmet from 'helmet'
import polka, { type Middleware, type Polka, type Request, type Response } from 'polka'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
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
  /** Takes no new request, ends the streams, lets the others finish; cuts what is left after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
}

export interface HttpOptions {
  log: Log
  metrics: Metrics
  /** Host headers answered besides the loopback names and the address listened on, against DNS rebinding. */
  allowedHosts?: readonly string[]
  /** How many requests a minute one address may make; 0: any number. */
  rateLimit?: number
  /** Origins whose pages may call this server, https://fetch.spec.whatwg.org/#http-cors-protocol */
  corsOrigins?: readonly string[]
  /** Whether a request may go on; throws a ProblemError to say why not. */
  authorize: (req: Request) => void
  /** Content-Security-Policy directives for pages; by default nothing may load. */
  contentSecurityPolicy?: Record<string, string[]>
}

const loopback = ['localhost', '127.0.0.1', '[::1]']
const maxBodyBytes = 64 * 1024
/** No body of ours is nested so deeply, and whatever walks through one, such as JSON.stringify, runs out of stack at some thousands. */
const maxLevels = 64
/** What a page of another origin may read of an answer, besides the few that are always there. */
const exposedHeaders = ['X-Request-Id', 'ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Idempotency-Replayed', 'Content-Disposition', 'Content-Range']
const slowMs = 1_000

/** Answers with JSON. */
export const sendJson = (res: ServerResponse, body: unknown, status = 200): void => {
  const bytes = Buffer.from(JSON.stringify(body))
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', 'content-length': bytes.length })
  res.end(bytes)
}

/** Answers with problem details, RFC 9457. */
export const sendProblem = (res: ServerResponse, { problem }: ProblemError): void => {
  if (res.headersSent) return void res.destroy()
  const bytes = Buffer.from(JSON.stringify(problem))
  if (problem.status === 401) res.setHeader('www-authenticate', 'Bearer')
  res.writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store', 'content-length': bytes.length })
  res.end(bytes)
}

/** Polka's and body-parser's errors carry a status; everything else is ours to mend and tells the caller nothing. */
const toProblem = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  if (status === 413) return new ProblemError('payload-too-large', `the body may have at most ${maxBodyBytes} bytes`)
  if (status === 415) return new ProblemError('unsupported-media-type')
  if (status === 400) return new ProblemError('bad-request', 'the body is not the JSON it says it is')
  if (error instanceof URIError) return new ProblemError('bad-request', 'the path is not valid percent-encoding')
  return new ProblemError('internal-error', 'it was logged under the X-Request-Id of this answer')
}

const isDeeperThan = (levels: number, value: unknown): boolean =>
  typeof value === 'object' && value !== null && (levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner)))

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
      log.info({ event: 'stream_dropped', request_id: req.requestId, reason: dropped.reason, queued_bytes: dropped.queuedBytes }, 'a client of an event stream was too slow, and was dropped')
    }
  })
  const hosts = new Set([...loopback, ...(options.allowedHosts ?? [])])
  const routes = new Map<string, Set<string>>()
  let closing = false
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 })

  const onError = (error: unknown, req: IncomingMessage, res: ServerResponse): void => {
    const answer = toProblem(error)
    if (answer.problem.status === 500) log.error({ event: 'request_failed', request_id: req.requestId, err: error }, 'a request failed')
    sendProblem(res, answer)
  }
  const app: Polka = polka({
    server,
    onError: (error, req, res) => onError(error, req, res),
    onNoMatch: (req, res) => {
      const allowed = [...routes].filter(([pattern]) => matches(pattern, req.path)).flatMap(([, methods]) => [...methods])
      if (allowed.length === 0) return sendProblem(res, new ProblemError('not-found', `there is no route ${req.path}`))
      res.setHeader('allow', allowed.join(', '))
      sendProblem(res, new ProblemError('method-not-allowed', `${req.path} takes ${allowed.join(', ')}`))
    }
  })

  const observe: Middleware = (req, res, next) => {
    const started = performance.now()
    req.requestId = requestId(req)
    res.setHeader('x-request-id', req.requestId)
    res.once('finish', () => {
      // a kept-alive connection falls idle only now, and would hold the server open
      if (closing) setImmediate(() => server.closeIdleConnections())
      const ms = performance.now() - started
      const route = (res as { route?: string }).route ?? 'none'
      metrics.request({ method: req.method, route, status: res.statusCode }, ms / 1_000)
      const line = { event: 'request', request_id: req.requestId, method: req.method, route, status: res.statusCode, ms: Math.round(ms) }
      // streams, media and exports take as long as who reads them
      if (ms > slowMs && /^application\/(problem\+)?json/.test(String(res.getHeader('content-type')))) log.warn(line, 'slow request')
      else log.debug(line, 'request')
    })
    void next()
  }
  const checkHost: Middleware = (req, _res, next) => {
    const name = (req.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
    if (!hosts.has(name)) throw new ProblemError('misdirected-request', `this server does not answer to the Host header it was given`)
    void next()
  }
  const origin = [...(options.corsOrigins ?? [])]
  const directives = options.contentSecurityPolicy ?? { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }
  app.use(
    observe,
    helmet({ contentSecurityPolicy: { useDefaults: false, directives }, strictTransportSecurity: false }) as unknown as Middleware,
    checkHost,
    // before authorize: a preflight carries no token, and a page must be able to read why it was refused
    ...(origin.length > 0 ? [cors({ origin, methods: ['GET', 'POST', 'PATCH', 'DELETE'], exposedHeaders, maxAge: 600 }) as unknown as Middleware] : []),
    ...(options.rateLimit ? [limitRate(options.rateLimit)] : []),
    (req, _res, next) => {
      authorize(req)
      void next()
    },
    bodyParser.json({ limit: maxBodyBytes, strict: true }) as unknown as Middleware,
    (req, _res, next) => {
      if (isDeeperThan(maxLevels, (req as { body?: unknown }).body)) throw new ProblemError('bad-request', `the body may be nested ${maxLevels} levels deep`)
      void next()
    }
  )

  return {
    use: (middleware) => void app.use(middleware),
    route: (method, pattern, handler) => {
      const methods = routes.get(pattern) ?? new Set()
      routes.set(pattern, methods.add(method))
      // polka takes a pattern's dots for any character
      app.add(method, pattern.replaceAll('.', '\\.'), (async (req: Request, res: Response) => {
        ;(res as { route?: string }).route = pattern
        await handler(req, res)
      }) as Middleware)
    },
    routes: () => [...routes].flatMap(([pattern, methods]) => [...methods].map((method) => `${method} ${pattern}`)),
    stream: streams.open,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        hosts.add(host.includes(':') ? `[${host}]` : host)
        server.once('error', reject)
        app.listen(port, host, () => {
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
  new RegExp(`^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}/?$`).test(path)

import { createHmac } from 'node:crypto'
import { parseCookie, stringifySetCookie } from 'cookie'
import { bearerCheck, sameSecret } from '../../platform/http/auth.ts'
import { requireJson } from '../../platform/http/body.ts'
import type { Http, Request, Response } from '../../platform/http/http.ts'
import type { Log } from '../../platform/log.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'

const cookieName = 'leadmaster'
const lifetimeS = 30 * 86_400

/** ms between two log lines about refused requests, so that callers cannot fill the log. */
const logAtMostEveryMs = 600_000

/** Logs why requests are refused and where the token is kept. The answers do not say where. */
class RefusalLog {
  readonly #log: Pick<Log, 'warn'>
  readonly #envFile: string
  #loggedAt = -Infinity
  /** Refused since the last line. */
  #unlogged = 0

  constructor(log: Pick<Log, 'warn'>, envFile: string) {
    this.#log = log
    this.#envFile = envFile
  }

  note(requestId: string): void {
    this.#unlogged += 1
    const now = performance.now()
    if (now - this.#loggedAt < logAtMostEveryMs) return
    this.#log.warn(
      { event: 'request_refused', request_id: requestId, requests: this.#unlogged },
      `requests are refused: they do not carry HUB_API_TOKEN of ${this.#envFile}, as ` +
        'Authorization: Bearer'
    )
    this.#loggedAt = now
    this.#unlogged = 0
  }
}

interface AccessOptions {
  token: string
  /** Where the token is kept: the log names it. */
  envFile: string
  log: Pick<Log, 'warn'>
}

/** A page of another site can make the browser send our cookie, but it cannot forge its origin. */
const isCrossOriginWrite = ({ method, headers }: Request): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  headers.origin?.replace(/^https?:\/\//, '') !== headers.host

/** A cookie that was set over TLS is sent over TLS only. */
const setCookie = ({ headers: { origin = '' } }: Request, value: string, maxAge: number): string =>
  stringifySetCookie({
    name: cookieName,
    value,
    maxAge,
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: origin.startsWith('https://')
  })

/** @throws {ProblemError} invalid-parameters */
const tokenOf = (body: unknown): string => {
  const token =
    typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined
  if (typeof token === 'string') return token
  throw invalid({ in: 'body', field: '/token', message: 'expected HUB_API_TOKEN, as text' })
}

/**
 * Who may call. Frontends send `Authorization: Bearer` with HUB_API_TOKEN. The operator page signs
 * in with it once and gets a cookie that its scripts cannot read. The token signs the cookie, so
 * the cookie survives restarts and becomes invalid with the token.
 */
export class Access {
  readonly #token: string
  readonly #refusals: RefusalLog
  readonly #hasToken: (req: Request) => boolean
  readonly #openPaths = new Set(['/health', '/api/sign-in'])
  readonly #openPrefixes = new Set<string>()

  constructor({ token, envFile, log }: AccessOptions) {
    this.#token = token
    this.#refusals = new RefusalLog(log, envFile)
    this.#hasToken = bearerCheck(token)
  }

  /** Lets a path be read without signing in. */
  open(path: string): void {
    this.#openPaths.add(path)
  }

  /**
   * Lets every path below `path`, such as `/api/media/`, be read without signing in. The routes
   * there check permission themselves.
   */
  openBeneath(path: `/${string}/`): void {
    this.#openPrefixes.add(path)
  }

  /** The HTTP server gets it as a function. @throws {ProblemError} unauthorized, forbidden */
  readonly authorize = (req: Request): void => {
    if (this.#isOpen(req.path) || this.#hasToken(req)) return
    if (!this.#isSignedIn(req)) {
      this.#refusals.note(req.requestId)
      throw new ProblemError('unauthorized', 'send Authorization: Bearer with HUB_API_TOKEN')
    }
    if (isCrossOriginWrite(req))
      throw new ProblemError(
        'forbidden',
        'with the cookie of the operator page, only that page itself may change anything'
      )
  }

  /** `POST /api/sign-in` with `{token}` sets the cookie; `POST /api/sign-out` removes it. */
  addRoutes(http: Http): void {
    http.route('POST', '/api/sign-in', (req, res) => this.#signIn(req, res))
    http.route('POST', '/api/sign-out', (req, res) => {
      query(req)
      res.setHeader('set-cookie', setCookie(req, '', 0))
      res.writeHead(204).end()
    })
  }

  #isOpen(path: string): boolean {
    return (
      this.#openPaths.has(path) || [...this.#openPrefixes].some((prefix) => path.startsWith(prefix))
    )
  }

  #isSignedIn(req: Request): boolean {
    const [expires = '', signature = ''] =
      parseCookie(req.headers.cookie ?? '')[cookieName]?.split('.') ?? []
    return (
      /^\d{1,12}$/.test(expires) &&
      Number(expires) > Date.now() / 1_000 &&
      sameSecret(signature, this.#sign(expires))
    )
  }

  #sign(expires: string): string {
    return createHmac('sha256', this.#token)
      .update(`leadmaster sign-in ${expires}`)
      .digest('base64url')
  }

  #signIn(req: Request, res: Response): void {
    query(req)
    requireJson(req)
    if (!sameSecret(tokenOf(req.body), this.#token)) {
      this.#refusals.note(req.requestId)
      throw new ProblemError('unauthorized', 'this is not HUB_API_TOKEN')
    }
    const expires = String(Math.floor(Date.now() / 1_000) + lifetimeS)
    res.setHeader('set-cookie', setCookie(req, `${expires}.${this.#sign(expires)}`, lifetimeS))
    res.writeHead(204).end()
  }
}

export const createAccess = (options: AccessOptions): Access => new Access(options)

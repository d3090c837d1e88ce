import { createHmac } from 'node:crypto'
import { parseCookie, stringifySetCookie } from 'cookie'
import { bearerCheck, sameSecret } from '../../platform/http/auth.ts'
import { requireJson } from '../../platform/http/body.ts'
import type { Http, Request } from '../../platform/http/http.ts'
import type { Log } from '../../platform/log.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'

/**
 * Who may call. Frontends send `Authorization: Bearer` with HUB_API_TOKEN. The operator page signs
 * in with it once and gets a cookie that its scripts cannot read; the cookie is signed by the
 * token, so it outlives restarts and dies with the token.
 */
export interface Access {
  /** Lets a path be read without signing in. */
  open(path: string): void
  /**
   * Lets what is beneath a path be read so, `/api/media/` for one: its routes see to it themselves
   * who may.
   */
  openBeneath(path: `/${string}/`): void
  /** @throws {ProblemError} unauthorized, forbidden */
  authorize(req: Request): void
  /** `POST /api/sign-in` with `{token}` sets the cookie; `POST /api/sign-out` takes it back. */
  addRoutes(http: Http): void
}

const cookieName = 'leadmaster'
const lifetimeS = 30 * 86_400

/** Between two lines of the log on refused requests: nobody fills the log by knocking. */
const logAtMostEveryMs = 600_000

/**
 * Tells the log why requests are refused and where the token is kept. Whoever has no token is not
 * told that.
 */
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

export const createAccess = ({ token, envFile, log }: AccessOptions): Access => {
  const refusals = new RefusalLog(log, envFile)
  const hasToken = bearerCheck(token)
  const openPaths = new Set(['/health', '/api/sign-in'])
  const openBeginnings = new Set<string>()
  const isOpen = (path: string): boolean =>
    openPaths.has(path) || [...openBeginnings].some((beginning) => path.startsWith(beginning))
  const sign = (expires: string): string =>
    createHmac('sha256', token).update(`leadmaster sign-in ${expires}`).digest('base64url')

  const signedIn = (req: Request): boolean => {
    const [expires = '', signature = ''] =
      parseCookie(req.headers.cookie ?? '')[cookieName]?.split('.') ?? []
    return (
      /^\d{1,12}$/.test(expires) &&
      Number(expires) > Date.now() / 1_000 &&
      sameSecret(signature, sign(expires))
    )
  }
  /**
   * A page of another site can have the browser send our cookie, but not pretend to be of this one.
   */
  const fromElsewhere = ({ method, headers }: Request): boolean =>
    method !== 'GET' &&
    method !== 'HEAD' &&
    headers.origin?.replace(/^https?:\/\//, '') !== headers.host

  /** Of a page that came by TLS, the cookie goes by nothing else. */
  const setCookie = (
    { headers: { origin = '' } }: Request,
    value: string,
    maxAge: number
  ): string =>
    stringifySetCookie({
      name: cookieName,
      value,
      maxAge,
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: origin.startsWith('https://')
    })

  return {
    open: (path) => void openPaths.add(path),
    openBeneath: (path) => void openBeginnings.add(path),
    authorize: (req) => {
      if (isOpen(req.path) || hasToken(req)) return
      if (!signedIn(req)) {
        refusals.note(req.requestId)
        throw new ProblemError('unauthorized', 'send Authorization: Bearer with HUB_API_TOKEN')
      }
      if (fromElsewhere(req))
        throw new ProblemError(
          'forbidden',
          'with the cookie of the operator page, only that page itself may change anything'
        )
    },
    addRoutes: (http) => {
      http.route('POST', '/api/sign-in', (req, res) => {
        query(req)
        requireJson(req)
        const body: unknown = req.body
        const given =
          typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined
        if (typeof given !== 'string')
          throw invalid({ in: 'body', field: '/token', message: 'expected HUB_API_TOKEN, as text' })
        if (!sameSecret(given, token)) {
          refusals.note(req.requestId)
          throw new ProblemError('unauthorized', 'this is not HUB_API_TOKEN')
        }
        const expires = String(Math.floor(Date.now() / 1_000) + lifetimeS)
        res.setHeader('set-cookie', setCookie(req, `${expires}.${sign(expires)}`, lifetimeS))
        res.writeHead(204).end()
      })
      http.route('POST', '/api/sign-out', (req, res) => {
        query(req)
        res.setHeader('set-cookie', setCookie(req, '', 0))
        res.writeHead(204).end()
      })
    }
  }
}

import { createHmac } from 'node:crypto'
import { parseCookie, stringifySetCookie } from 'cookie'
import { needs, type Need, type Scope } from '../../contract/access.ts'
import { routes, type OperationId } from '../../contract/routes.ts'
import { bearerCheck, bearerOf, sameSecret } from '../../platform/http/auth.ts'
import type { Request, Response } from '../../platform/http/http.ts'
import type { Log } from '../../platform/log.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { describeActor, scopesOf, tokenActor, type Actor } from '../store/team/actor.ts'
import type { RevocableActor } from '../store/team/credentials.ts'
import { kindOfSecret } from '../store/team/secrets.ts'
import { sessionMs } from '../store/team/sessions.ts'
import { actorOf } from './actor.ts'

const cookieName = 'leadmaster'
/** A cookie lasts as long as the session of an operator. */
const lifetimeS = sessionMs / 1_000

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
  /** Whose session or API key a secret is; undefined: nobody's, or not any more. */
  findActor(secret: string): Promise<RevocableActor | undefined>
  /** Called with each request of one who can be revoked. */
  onRequest?(res: Response, actor: RevocableActor): void
}

/** A page of another site can make the browser send our cookie, but it cannot forge its origin. */
const isCrossOriginWrite = ({ method, headers }: Request): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  headers.origin?.replace(/^https?:\/\//, '') !== headers.host

/** A cookie that was set over TLS is sent over TLS only. @param maxAge seconds */
export const setCookie = (
  { headers: { origin = '' } }: Request,
  value: string,
  maxAge = lifetimeS
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

const cookieOf = ({ headers }: Request): string =>
  parseCookie(headers.cookie ?? '')[cookieName] ?? ''

/** The operations by route, such as `GET /api/leads/:id`. */
const operationOf = new Map(
  Object.entries(routes).map(([id, route]): [string, OperationId] => [route, id as OperationId])
)

/** What a route needs. @throws when the contract does not have the route */
const needOf = (route: string): Need => {
  const id = operationOf.get(route)
  if (id !== undefined) return needs[id]
  throw new Error(`${route} is served, but src/contract/routes.ts does not have it`)
}

/** The paths of routes that are open to all, cut where a parameter begins. */
const openRoutes = (Object.keys(needs) as OperationId[])
  .filter((id) => needs[id] === 'nothing')
  .map((id) => (routes[id].split(' ')[1] ?? '').split(':') as [string, string?])

/** @throws {ProblemError} insufficient-scope */
export const ensureScope = (actor: Actor, scope: Scope): void => {
  if (scopesOf(actor).includes(scope)) return
  throw new ProblemError(
    'insufficient-scope',
    `this needs the scope ${scope}, which ${describeActor(actor)} does not have`
  )
}

/**
 * Who may call. Programs send `Authorization: Bearer` with HUB_API_TOKEN, which may do everything,
 * or with an API key. The operator page signs in and gets a cookie that its scripts cannot read: an
 * operator's holds the secret of a session, and that of HUB_API_TOKEN is signed by the token, so
 * that it survives restarts and becomes invalid with the token.
 *
 * A request passes twice: `authorize` finds out who it comes from, before anything is read, and
 * `permit` whether that one may do what the route does.
 */
export class Access {
  readonly #options: AccessOptions
  readonly #refusals: RefusalLog
  readonly #hasToken: (req: Request) => boolean
  readonly #openPaths = new Set<string>()
  readonly #openPrefixes: readonly string[]

  constructor(options: AccessOptions) {
    const { token, envFile, log } = options
    this.#options = options
    this.#refusals = new RefusalLog(log, envFile)
    this.#hasToken = bearerCheck(token)
    for (const [path, parameter] of openRoutes)
      if (parameter === undefined) this.#openPaths.add(path)
    this.#openPrefixes = openRoutes.flatMap(([path, parameter]) =>
      parameter === undefined ? [] : path
    )
  }

  /** Lets a path that is no route be read without signing in. */
  open(path: string): void {
    this.#openPaths.add(path)
  }

  /**
   * Finds out who makes a request. The HTTP server gets it as a function.
   * @throws {ProblemError} unauthorized, forbidden
   */
  readonly authorize = (req: Request, res: Response): void | Promise<void> => {
    if (this.#hasToken(req)) return this.#enter(req, tokenActor)
    if (this.#isOpen(req.path)) return
    const cookie = cookieOf(req)
    if (this.#isOfToken(cookie)) return this.#enterByCookie(req, tokenActor)
    const bearer = bearerOf(req)
    // A session is for the page alone, and an API key for programs.
    const isExpected = kindOfSecret(bearer ?? cookie) === (bearer === undefined ? 'session' : 'key')
    if (!isExpected) throw this.#refusal(req)
    return this.#enterBySecret(req, res, bearer ?? cookie)
  }

  /**
   * What a route checks of each request: whether the actor has the scope that
   * src/contract/access.ts asks for. The HTTP server gets it as a function.
   * @param route such as `GET /api/leads/:id`
   * @throws when the contract does not have the route: the hub does not start
   */
  readonly permit = (route: string): ((req: Request) => void) => {
    const need = needOf(route)
    if (need === 'nothing') return () => undefined
    if (need === 'sign-in') return (req) => void actorOf(req)
    return (req) => ensureScope(actorOf(req), need)
  }

  /** Whether it is HUB_API_TOKEN. */
  isToken(given: string): boolean {
    return sameSecret(given, this.#options.token)
  }

  /** What the cookie of one who has HUB_API_TOKEN holds. */
  tokenCookie(): string {
    const expires = String(Math.floor(Date.now() / 1_000) + lifetimeS)
    return `${expires}.${this.#sign(expires)}`
  }

  /** Logs that somebody did not get in. */
  noteRefusal(req: Request): void {
    this.#refusals.note(req.requestId)
  }

  #enter(req: Request, actor: Actor): void {
    req.actor = actor
  }

  #enterByCookie(req: Request, actor: Actor): void {
    if (isCrossOriginWrite(req))
      throw new ProblemError(
        'forbidden',
        'with the cookie of the operator page, only that page itself may change anything'
      )
    this.#enter(req, actor)
  }

  async #enterBySecret(req: Request, res: Response, secret: string): Promise<void> {
    const actor = await this.#options.findActor(secret)
    if (actor === undefined) throw this.#refusal(req)
    if (actor.kind === 'operator') this.#enterByCookie(req, actor)
    else this.#enter(req, actor)
    this.#options.onRequest?.(res, actor)
  }

  #refusal(req: Request): ProblemError {
    this.noteRefusal(req)
    return new ProblemError('unauthorized', 'send Authorization: Bearer with HUB_API_TOKEN')
  }

  #isOpen(path: string): boolean {
    return this.#openPaths.has(path) || this.#openPrefixes.some((prefix) => path.startsWith(prefix))
  }

  #isOfToken(cookie: string): boolean {
    const [expires = '', signature = ''] = cookie.split('.')
    return (
      /^\d{1,12}$/.test(expires) &&
      Number(expires) > Date.now() / 1_000 &&
      sameSecret(signature, this.#sign(expires))
    )
  }

  #sign(expires: string): string {
    return createHmac('sha256', this.#options.token)
      .update(`leadmaster sign-in ${expires}`)
      .digest('base64url')
  }
}

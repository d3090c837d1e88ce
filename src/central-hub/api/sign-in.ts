import { Compile } from 'typebox/compile'
import { SignIn } from '../../contract/team.ts'
import { once } from '../../platform/async.ts'
import { requireJson } from '../../platform/http/body.ts'
import type { Http, Request, Response } from '../../platform/http/http.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'
import type { Db } from '../store/database/schema.ts'
import { changeLeads } from '../store/database/transaction.ts'
import { findPassword } from '../store/team/operators.ts'
import { beginSession, endSession } from '../store/team/sessions.ts'
import { setCookie, type Access } from './access.ts'
import { actorOf } from './actor.ts'
import { hashOfNobody, isPassword } from './passwords.ts'
import type { SignInThrottle } from './sign-in-throttle.ts'

interface SignInOptions {
  http: Http
  access: Access
  db: Db
  throttle: SignInThrottle
}

type OfOperator = Extract<SignIn, { username: string }>

const isSignIn = once(() => {
  const [, ofOperator] = SignIn.anyOf
  const compiled = Compile(ofOperator)
  return (body: unknown): body is OfOperator => compiled.Check(body)
})

/** @throws {ProblemError} invalid-parameters */
const tokenOf = (body: unknown): string => {
  const token =
    typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined
  if (typeof token === 'string') return token
  throw invalid({ in: 'body', field: '/token', message: 'expected HUB_API_TOKEN, as text' })
}

/** @throws {ProblemError} invalid-parameters */
const operatorOf = (body: object): OfOperator => {
  if (isSignIn()(body)) return body
  throw invalid(
    ...['username', 'password'].map((name) => ({
      in: 'body' as const,
      field: `/${name}`,
      message: 'expected both username and password, as text, and nothing else'
    }))
  )
}

/** A network of one household or company is one address: of IPv6 that is its first 64 bits. */
export const addressOf = ({ socket }: Pick<Request, 'socket'>): string => {
  const address = socket.remoteAddress ?? ''
  if (!address.includes(':') || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':')
}

/** Runs a check of a password that is slowed down when it fails. */
export class PasswordCheck {
  readonly #throttle: SignInThrottle

  constructor(throttle: SignInThrottle) {
    this.#throttle = throttle
  }

  /**
   * Takes as long for a username that nobody has as for a wrong password.
   * @param found what is at the username; undefined: nobody is there, or may not sign in
   * @throws {ProblemError} sign-in-failed, too-many-requests
   */
  async run(
    req: Request,
    res: Response,
    { username, password }: OfOperator,
    find: () => Promise<{ id: number; passwordHash: string; enabled: boolean } | undefined>
  ): Promise<{ id: number; passwordHash: string }> {
    const [who, address] = [username.toLowerCase(), addressOf(req)]
    const waitS = this.#throttle.begin(who, address)
    if (waitS !== undefined) {
      res.setHeader('retry-after', String(waitS))
      throw new ProblemError('too-many-requests', `try to sign in again in ${waitS} s`)
    }
    const found = await find()
    const isRight = await isPassword(password, found?.passwordHash ?? hashOfNobody)
    if (found === undefined || !isRight || !found.enabled) throw new ProblemError('sign-in-failed')
    this.#throttle.succeeded(who, address)
    return found
  }
}

/**
 * `POST /api/sign-in` with `{token}` or `{username, password}` sets the cookie; `POST
 * /api/sign-out` removes it, and ends the session.
 */
export const addSignIn = ({ http, access, db, throttle }: SignInOptions): void => {
  const check = new PasswordCheck(throttle)

  const signInOperator = async (req: Request, res: Response, body: object): Promise<string> => {
    const given = operatorOf(body)
    const found = await check.run(req, res, given, () => findPassword(db, given))
    const userAgent = req.headers['user-agent'] ?? ''
    const secret = await changeLeads(db, (trx) =>
      beginSession(trx, { operatorId: found.id, passwordHash: found.passwordHash, userAgent })
    )
    if (secret === undefined) throw new ProblemError('sign-in-failed')
    return secret
  }

  const signInToken = (req: Request, body: unknown): string => {
    if (access.isToken(tokenOf(body))) return access.tokenCookie()
    access.noteRefusal(req)
    throw new ProblemError('unauthorized', 'this is not HUB_API_TOKEN')
  }

  http.route('POST', '/api/sign-in', async (req, res) => {
    query(req)
    requireJson(req)
    const body = req.body as unknown
    const isOperator =
      typeof body === 'object' && body !== null && ('username' in body || 'password' in body)
    const value = isOperator ? await signInOperator(req, res, body) : signInToken(req, body)
    res.setHeader('set-cookie', setCookie(req, value))
    res.writeHead(204).end()
  })

  http.route('POST', '/api/sign-out', async (req, res) => {
    query(req)
    const actor = actorOf(req)
    if (actor.kind === 'operator')
      await changeLeads(db, (trx) => endSession(trx, actor.id, actor.sessionId))
    res.setHeader('set-cookie', setCookie(req, '', 0))
    res.writeHead(204).end()
  })
}

import { Compile } from 'typebox/compile'
import { SignIn } from '../../contract/team.ts'
import { once } from '../../platform/async.ts'
import { requireJson } from '../../platform/http/body.ts'
import type { Http, Request, Response } from '../../platform/http/http.ts'
import { invalid, ProblemError, toProblemUrn } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'
import type { Db } from '../store/database/schema.ts'
import { changeLeads } from '../store/database/transaction.ts'
import { findPassword } from '../store/team/operators.ts'
import { beginSession, endSession } from '../store/team/sessions.ts'
import { setCookie, type Access } from './access.ts'
import { actorOf } from './actor.ts'
import { hashOfNobody, isPassword } from './passwords.ts'
import { recordAudit } from './record-audit.ts'
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

/** What is found at a username. */
type Found = NonNullable<Awaited<ReturnType<typeof findPassword>>>

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
    find: () => Promise<Found | undefined>
  ): Promise<Found> {
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

const isWrongPassword = (error: unknown): boolean =>
  error instanceof ProblemError && error.problem.type === toProblemUrn('sign-in-failed')

/** Begins a session. @returns its secret @throws {ProblemError} sign-in-failed */
const begin = async (trx: Db, req: Request, { id, name, passwordHash }: Found): Promise<string> => {
  const userAgent = req.headers['user-agent'] ?? ''
  const secret = await beginSession(trx, { operatorId: id, passwordHash, userAgent })
  if (secret === undefined) throw new ProblemError('sign-in-failed')
  await recordAudit(trx, 'signIn', { req, by: { kind: 'operator', id, name } })
  return secret
}

/**
 * Records a wrong password, with whose it was not. What was typed as a username may be a password:
 * it is recorded nowhere. The throttle bounds how many there are.
 */
const recordRefusal = (db: Db, req: Request, found: Found | undefined): Promise<void> => {
  const by =
    found === undefined
      ? ({ kind: 'nobody', id: null, name: null } as const)
      : ({ kind: 'operator', id: found.id, name: found.name } as const)
  return recordAudit(db, 'signIn', { req, by, refused: true })
}

/**
 * `POST /api/sign-in` with `{token}` or `{username, password}` sets the cookie; `POST
 * /api/sign-out` removes it, and ends the session.
 */
export const addSignIn = ({ http, access, db, throttle }: SignInOptions): void => {
  const check = new PasswordCheck(throttle)

  const signInOperator = async (req: Request, res: Response, body: object): Promise<string> => {
    const given = operatorOf(body)
    let found: Found | undefined
    try {
      const right = await check.run(req, res, given, async () => {
        found = await findPassword(db, given)
        return found
      })
      return await changeLeads(db, (trx) => begin(trx, req, right))
    } catch (error) {
      if (isWrongPassword(error)) await recordRefusal(db, req, found)
      throw error
    }
  }

  const signInToken = async (req: Request, body: unknown): Promise<string> => {
    if (!access.isToken(tokenOf(body))) {
      access.noteRefusal(req)
      throw new ProblemError('unauthorized', 'this is not HUB_API_TOKEN')
    }
    await recordAudit(db, 'signIn', { req, by: { kind: 'token', id: null, name: null } })
    return access.tokenCookie()
  }

  http.route('POST', '/api/sign-in', async (req, res) => {
    query(req)
    requireJson(req)
    const body = req.body as unknown
    const isOperator =
      typeof body === 'object' && body !== null && ('username' in body || 'password' in body)
    const value = isOperator ? await signInOperator(req, res, body) : await signInToken(req, body)
    res.setHeader('set-cookie', setCookie(req, value))
    res.writeHead(204).end()
  })

  http.route('POST', '/api/sign-out', async (req, res) => {
    query(req)
    const actor = actorOf(req)
    await changeLeads(db, async (trx) => {
      if (actor.kind === 'operator') await endSession(trx, actor.id, actor.sessionId)
      await recordAudit(trx, 'signOut', { req })
    })
    res.setHeader('set-cookie', setCookie(req, '', 0))
    res.writeHead(204).end()
  })
}

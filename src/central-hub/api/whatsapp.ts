import { operations } from '../../contract/api/operations.ts'
import { routes as contractRoutes, type OperationId } from '../../contract/routes.ts'
import { endWith } from '../../platform/http/answer.ts'
import { requireJson } from '../../platform/http/body.ts'
import { sendJson, type Http, type Request, type Response } from '../../platform/http/http.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { accountName, listAccounts, type Account } from '../follow/accounts.ts'
import type { PassedRequest } from '../follow/upstream.ts'
import type { Db } from '../store/database/schema.ts'
import { recordAudit } from './record-audit.ts'

/** Closing Chromium and unlinking take their time, ms. */
const disconnectMs = 45_000
/** WhatsApp is asked for the code, ms. */
const pairingMs = 35_000
/** The page is asked several times, ms. */
const pageReportMs = 20_000

/** The page hands the answer in, sends the confirmation, or is loaded again, ms. */
const passkeyMs = 65_000

/** A part of the journal is mapped again, ms. */
const remapMs = 60_000

const routes = [
  ...['/status', '/qr', '/qr.png', '/qr.svg', '/qr.txt', '/passkey'].map(
    (path) => ({ method: 'GET', path }) as const
  ),
  { method: 'GET', path: '/page-report', timeoutMs: pageReportMs },
  { method: 'POST', path: '/connect' },
  { method: 'POST', path: '/remap', timeoutMs: remapMs },
  { method: 'POST', path: '/disconnect', timeoutMs: disconnectMs },
  { method: 'POST', path: '/pairing-code', timeoutMs: pairingMs },
  ...['/passkey', '/passkey/confirm', '/passkey/restart', '/passkey/cancel'].map(
    (path) => ({ method: 'POST', path, timeoutMs: passkeyMs }) as const
  )
] as const satisfies readonly PassedRequest[]

/** The operation of a route, without the account. @throws when the contract does not have it */
const operationOf = ({ method, path }: PassedRequest): OperationId => {
  const route = `${method} /api/whatsapp${path}`
  const found = Object.entries(contractRoutes).find(([, each]) => each === route)
  if (found === undefined) throw new Error(`the contract has no ${route}`)
  return found[0] as OperationId
}

/** @throws {ProblemError} not-found */
const namedAccount = (accounts: readonly Account[], req: Request): Account => {
  const name = req.params['account']
  const account = accounts.find((each) => accountName(each) === name)
  if (account !== undefined) return account
  throw notFound(accounts, name)
}

const notFound = (accounts: readonly Account[], name: string | undefined): ProblemError => {
  const known = accounts.flatMap((each) => accountName(each) ?? [])
  return new ProblemError(
    'not-found',
    `there is no account ${name}; there is ${known.join(', ') || 'none yet'}`
  )
}

/** Passes a request to the session-manager of the account, and its answer to the client. */
const pass = async (
  db: Db,
  account: Account,
  { passed, operation }: { passed: PassedRequest; operation: OperationId },
  req: Request,
  res: Response
): Promise<void> => {
  if ('body' in operations[operation]) requireJson(req)
  const { accept } = req.headers
  const { body } = req as { body?: unknown }
  const more = omitUndefined({ accept, body: passed.method === 'GET' ? undefined : body })
  const answer = await account.upstream.pass({
    ...passed,
    path: passed.path + req.search,
    requestId: req.requestId,
    ...more
  })
  if (answer.status < 400)
    await recordAudit(db, operation, {
      req,
      query: Object.fromEntries(new URLSearchParams(req.search)),
      body,
      account: accountName(account)
    })
  res.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': answer.body.length,
    'cache-control': 'no-store',
    vary: 'accept'
  })
  endWith(res, answer.body)
}

/**
 * `/api/whatsapp/status`, `/qr`, `/connect`, `/disconnect`, `/pairing-code`, `/page-report`,
 * `/passkey`: the routes of the first session-manager, passed on as they come.
 * `/api/whatsapp/accounts/:account/status` and so on are those of each account. The hub does not
 * decide, infer or cache states. `GET /api/whatsapp/accounts` lists the accounts.
 */
export const addWhatsappRoutes = ({
  http,
  db,
  accounts
}: {
  http: Http
  db: Db
  accounts: readonly Account[]
}): void => {
  http.route('GET', '/api/whatsapp/accounts', (req, res) => {
    query(req)
    sendJson(res, listAccounts(accounts))
  })
  for (const passed of routes) {
    const what = { passed, operation: operationOf(passed) }
    http.route(passed.method, `/api/whatsapp${passed.path}`, async (req, res) => {
      const [first] = accounts
      if (first === undefined) throw notFound(accounts, req.params['account'])
      return pass(db, first, what, req, res)
    })
    http.route(passed.method, `/api/whatsapp/accounts/:account${passed.path}`, async (req, res) =>
      pass(db, namedAccount(accounts, req), what, req, res)
    )
  }
}

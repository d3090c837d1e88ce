import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  allScopes,
  needs,
  scopesOfRole,
  type Role,
  type Scope
} from '../../../src/contract/access.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { routes, type OperationId } from '../../../src/contract/routes.ts'
import type { ApiKeyWithSecret } from '../../../src/contract/team.ts'
import { propertyRuns } from '../../property-runs.ts'
import { record } from '../store/open-store.ts'
import { document, documented } from './documented.ts'
import { requestsOf } from './requests.ts'
import { bearer, serveApi, type Api } from './rig.ts'

/**
 * Who may do what, written a second time: by operation the scope, and the roles that have it. A
 * route that is added needs a row here.
 */
const rows: Record<OperationId, ['everybody' | 'signed in'] | [Scope, string]> = {
  getHealth: ['everybody'],
  getReadiness: ['status', 'admin operator viewer'],
  getMetrics: ['status', 'admin operator viewer'],
  getOpenApi: ['everybody'],
  signIn: ['everybody'],
  signOut: ['signed in'],
  getMe: ['signed in'],
  changeMyPassword: ['signed in'],
  listMySessions: ['signed in'],
  deleteMySession: ['signed in'],
  listOperators: ['admin', 'admin'],
  createOperator: ['admin', 'admin'],
  getOperator: ['admin', 'admin'],
  patchOperator: ['admin', 'admin'],
  deleteOperator: ['admin', 'admin'],
  setOperatorPassword: ['admin', 'admin'],
  listOperatorSessions: ['admin', 'admin'],
  deleteOperatorSession: ['admin', 'admin'],
  listKeys: ['admin', 'admin'],
  createKey: ['admin', 'admin'],
  deleteKey: ['admin', 'admin'],
  listAudit: ['admin', 'admin'],
  exportAuditCsv: ['admin', 'admin'],
  listLeads: ['leads.read', 'admin operator viewer'],
  createLead: ['leads.write', 'admin operator'],
  exportLeadsCsv: ['leads.read', 'admin operator viewer'],
  exportLeadsJsonl: ['leads.read', 'admin operator viewer'],
  exportLead: ['leads.read', 'admin operator viewer'],
  importLeads: ['leads.write', 'admin operator'],
  getLead: ['leads.read', 'admin operator viewer'],
  patchLead: ['leads.write', 'admin operator'],
  deleteLead: ['leads.delete', 'admin'],
  readLead: ['leads.write', 'admin operator'],
  unreadLead: ['leads.write', 'admin operator'],
  handleLead: ['leads.write', 'admin operator'],
  unhandleLead: ['leads.write', 'admin operator'],
  mergeLead: ['leads.write', 'admin operator'],
  listLeadChanges: ['leads.read', 'admin operator viewer'],
  listLeadMessages: ['leads.read', 'admin operator viewer'],
  listTags: ['leads.read', 'admin operator viewer'],
  listDeletions: ['leads.delete', 'admin'],
  getStats: ['leads.read', 'admin operator viewer'],
  listMessages: ['leads.read', 'admin operator viewer'],
  exportMessagesCsv: ['leads.read', 'admin operator viewer'],
  exportMessagesJsonl: ['leads.read', 'admin operator viewer'],
  importMessages: ['admin', 'admin'],
  getMedia: ['leads.read', 'admin operator viewer'],
  getMediaUrl: ['leads.read', 'admin operator viewer'],
  getSignedMedia: ['everybody'],
  streamEvents: ['events', 'admin operator viewer'],
  listAlarms: ['leads.read', 'admin operator viewer'],
  acknowledgeAlarm: ['leads.write', 'admin operator'],
  listAlarmRules: ['leads.read', 'admin operator viewer'],
  createAlarmRule: ['admin', 'admin'],
  patchAlarmRule: ['admin', 'admin'],
  deleteAlarmRule: ['admin', 'admin'],
  getBusinessHours: ['leads.read', 'admin operator viewer'],
  patchBusinessHours: ['admin', 'admin'],
  listWebhooks: ['webhooks', 'admin'],
  createWebhook: ['webhooks', 'admin'],
  getWebhook: ['webhooks', 'admin'],
  patchWebhook: ['webhooks', 'admin'],
  deleteWebhook: ['webhooks', 'admin'],
  rotateWebhookSecret: ['webhooks', 'admin'],
  pingWebhook: ['webhooks', 'admin'],
  listDeliveries: ['webhooks', 'admin'],
  replayDelivery: ['webhooks', 'admin'],
  replayDeadDeliveries: ['webhooks', 'admin'],
  listAccounts: ['status', 'admin operator viewer'],
  getStatus: ['status', 'admin operator viewer'],
  getQr: ['session', 'admin operator'],
  getQrPng: ['session', 'admin operator'],
  getQrSvg: ['session', 'admin operator'],
  getQrText: ['session', 'admin operator'],
  connect: ['session', 'admin operator'],
  disconnect: ['session.end', 'admin'],
  requestPairingCode: ['session', 'admin operator'],
  remap: ['admin', 'admin'],
  getPageReport: ['admin', 'admin'],
  getPasskey: ['session', 'admin operator'],
  answerPasskey: ['session', 'admin operator'],
  confirmPasskey: ['session', 'admin operator'],
  restartPasskey: ['session', 'admin operator'],
  cancelPasskey: ['session', 'admin operator'],
  getAccountStatus: ['status', 'admin operator viewer'],
  getAccountQr: ['session', 'admin operator'],
  getAccountQrPng: ['session', 'admin operator'],
  getAccountQrSvg: ['session', 'admin operator'],
  getAccountQrText: ['session', 'admin operator'],
  connectAccount: ['session', 'admin operator'],
  disconnectAccount: ['session.end', 'admin'],
  requestAccountPairingCode: ['session', 'admin operator'],
  remapAccount: ['admin', 'admin'],
  getAccountPageReport: ['admin', 'admin'],
  getAccountPasskey: ['session', 'admin operator'],
  answerAccountPasskey: ['session', 'admin operator'],
  confirmAccountPasskey: ['session', 'admin operator'],
  restartAccountPasskey: ['session', 'admin operator'],
  cancelAccountPasskey: ['session', 'admin operator']
}

const operationIds = Object.keys(routes) as OperationId[]
const roles = Object.keys(scopesOfRole) as Role[]
const password = 'a password of a test'

/** A caller of the hub, with the headers by which it is known. */
interface Caller {
  name: string
  headers: Record<string, string>
  /** Whether a row lets it in. */
  may(row: (typeof rows)[OperationId]): boolean
}

const keyOf = async ({ ask }: Api, scopes: readonly Scope[]): Promise<ApiKeyWithSecret> =>
  (await ask<ApiKeyWithSecret>('/api/keys', { method: 'POST', body: { name: 'a', scopes } })).body

const signedIn = async ({ url, ask }: Api, role: Role): Promise<Record<string, string>> => {
  await ask('/api/operators', { method: 'POST', body: { username: role, role, password } })
  const answer = await fetch(`${url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: role, password })
  })
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  return { cookie, origin: url }
}

const isOpen = ([need]: (typeof rows)[OperationId]): boolean =>
  need === 'everybody' || need === 'signed in'

const callersOf = async (api: Api): Promise<Caller[]> => {
  const callers: Caller[] = [
    { name: 'nobody', headers: {}, may: ([need]) => need === 'everybody' },
    { name: 'HUB_API_TOKEN', headers: bearer, may: () => true }
  ]
  for (const role of roles)
    callers.push({
      name: role,
      headers: await signedIn(api, role),
      may: (row) => isOpen(row) || (row[1] ?? '').split(' ').includes(role)
    })
  for (const scope of allScopes)
    callers.push({
      name: `a key with ${scope}`,
      headers: { authorization: `Bearer ${(await keyOf(api, [scope])).key}` },
      may: (row) => isOpen(row) || row[0] === scope
    })
  for (const scope of allScopes)
    callers.push({
      name: `a key with all but ${scope}`,
      headers: {
        authorization: `Bearer ${
          (
            await keyOf(
              api,
              allScopes.filter((each) => each !== scope)
            )
          ).key
        }`
      },
      may: (row) => isOpen(row) || row[0] !== scope
    })
  return callers
}

interface Answered {
  status: number
  type: string
}

/** Asks for what is not there, so that a caller who may changes nothing. Does not wait for streams. */
const knock = async (
  { port, url }: Api,
  id: OperationId,
  headers: Record<string, string>
): Promise<Answered> => {
  const [method = '', pattern = ''] = routes[id].split(' ')
  const path = pattern.replace(/:(id|session_id)\b/g, '999999').replace(/:\w+/g, 'x')
  const sent = { host: new URL(url).host, ...headers, 'content-type': 'application/json' }
  const req = request({ port, host: '127.0.0.1', agent: false, method, path, headers: sent })
  req.end(method === 'POST' || method === 'PATCH' ? '[]' : undefined)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let text = ''
  if (!String(res.headers['content-type']).includes('event-stream'))
    for await (const part of res) text += String(part)
  res.destroy()
  const isProblem = res.headers['content-type'] === 'application/problem+json'
  const type = isProblem ? ((JSON.parse(text) as Problem).type.split(':').at(-1) ?? '') : ''
  return { status: res.statusCode as number, type }
}

t.test('every route has a row, and the contract says the same', async (t) => {
  t.same(Object.keys(rows).toSorted(), operationIds.toSorted())
  for (const id of operationIds) {
    const [need, having = ''] = rows[id]
    const said = { everybody: 'nothing', 'signed in': 'sign-in' }[need as 'everybody'] ?? need
    t.equal(needs[id], said, id)
    if (isOpen(rows[id])) continue
    const withScope = roles.filter((role) =>
      (scopesOfRole[role] as readonly string[]).includes(need)
    )
    t.equal(withScope.join(' '), having, id)
  }
})

t.test('the OpenAPI document shows what each operation needs', async (t) => {
  for (const { operationId, security } of documented) {
    const [need] = rows[operationId]
    if (need === 'everybody') t.same(security, [], operationId)
    else if (need === 'signed in') t.equal(security, undefined, operationId)
    else t.same(security, [{ bearer: [need] }, { cookie: [need] }], operationId)
  }
  for (const role of roles) t.match(String(document.info['description']), `${role}: `)
})

t.test('every route lets in exactly those callers that its row names', async (t) => {
  const api = await serveApi(t)
  const callers = await callersOf(api)
  let asked = 0
  // The session ends with it.
  const inOrder = [...operationIds.filter((id) => id !== 'signOut'), 'signOut' as const]
  for (const { name, headers, may } of callers) {
    for (const id of inOrder) {
      const { status, type } = await knock(api, id, headers)
      asked += 1
      const isRefused = type === 'insufficient-scope' || (status === 401 && type === 'unauthorized')
      if (may(rows[id])) t.notOk(isRefused, `${name} may ${id}: ${status} ${type}`)
      else
        t.same(
          [status, type],
          name === 'nobody' ? [401, 'unauthorized'] : [403, 'insufficient-scope'],
          `${name} may not ${id}`
        )
    }
  }
  t.equal(asked, callers.length * operationIds.length)
})

const secretText = 'Hola, soy Ana y esto es privado'

/** Everything in the store that a caller could change. */
const dump = async ({ db }: Api): Promise<string> => {
  const tables = ['leads', 'lead_tags', 'webhooks', 'operators', 'deliveries']
  const rowsOf = (table: string) =>
    db
      .selectFrom(table as 'leads')
      .selectAll()
      .execute()
  // When they were used last changes by itself.
  const keys = await db.selectFrom('api_keys').select(['id', 'name', 'scopes']).execute()
  const sessions = await db.selectFrom('operator_sessions').select(['id', 'expires_at']).execute()
  return JSON.stringify([await Promise.all(tables.map(rowsOf)), keys, sessions])
}

const filled = async (t: Test): Promise<Api> => {
  const api = await serveApi(t)
  await api.take(record('1', { body: secretText, name: 'Ana' }))
  await api.ask('/api/webhooks', {
    method: 'POST',
    body: { url: 'http://127.0.0.1:9/a', events: ['lead.created'] }
  })
  return api
}

/** Ways to write the same path, or to hide what is asked for. */
const disguises: ((path: string) => string)[] = [
  (path) => path,
  (path) => `${path}/`,
  (path) => `/${path}`,
  (path) => path.replace('/api', '/%61pi'),
  (path) => path.replace('/api', '/API'),
  (path) => `/api/media/..${path}`,
  (path) => `/health/..${path}`,
  (path) => path.replace('?', '%3f')
]

interface Answer {
  status: number
  text: string
}

/**
 * The answer to a request. Of a body that is too large the hub reads no more: the connection may
 * end before the answer is read, which counts as 413.
 */
const answerTo = (req: ClientRequest): Promise<Answer> =>
  new Promise((resolve) => {
    const cutOff = (): void => resolve({ status: 413, text: '' })
    req.once('error', cutOff)
    req.once('response', (res: IncomingMessage) => {
      let text = ''
      res.setEncoding('utf8').on('data', (part: string) => (text += part))
      res.once('error', cutOff)
      res.once('end', () => resolve({ status: res.statusCode ?? 0, text }))
    })
  })

t.test('no caller reads or changes what its scopes do not allow, however it asks', async (t) => {
  const api = await filled(t)
  const known = { id: [1], account: ['main'], delivery_id: ['x'], ticket: ['1.x'] }
  const operations = documented.filter(({ operationId }) => needs[operationId] !== 'nothing')
  const scopeSets = [
    ...allScopes.map((scope) => [scope]),
    ...allScopes.map((scope) => allScopes.filter((each) => each !== scope)),
    scopesOfRole.operator,
    scopesOfRole.viewer
  ]
  const callers = await Promise.all(
    scopeSets.map(async (scopes) => ({
      scopes: scopes as readonly Scope[],
      known: { authorization: `Bearer ${(await keyOf(api, scopes)).key}` } as Record<string, string>
    }))
  )
  for (const role of ['operator', 'viewer'] as const)
    callers.push({ scopes: scopesOfRole[role], known: await signedIn(api, role) })
  const attempts = fc.constantFrom(...operations).chain((operation) =>
    fc.record({
      operation: fc.constant(operation),
      sent: fc.oneof(...Object.values(requestsOf(operation, known))),
      disguise: fc.constantFrom(...disguises),
      method: fc.constantFrom(undefined, 'HEAD')
    })
  )

  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...callers), attempts, async (caller, attempt) => {
      const { scopes, known: own } = caller
      const { operation, sent, disguise, method } = attempt
      const need = needs[operation.operationId]
      fc.pre(need !== 'nothing' && need !== 'sign-in' && !scopes.includes(need))
      const before = await dump(api)
      const req = request({
        port: api.port,
        host: '127.0.0.1',
        agent: false,
        method: sent.method === 'GET' ? (method ?? 'GET') : sent.method,
        path: disguise(sent.path),
        headers: { 'x-http-method-override': 'GET', ...sent.headers, ...own }
      })
      req.end(sent.body)
      const { status, text } = await answerTo(req)

      if (text.includes(secretText)) throw new Error(`${scopes} read ${sent.path}`)
      if (status < 300) throw new Error(`${scopes} may ${sent.method} ${sent.path}`)
      if ((await dump(api)) !== before) throw new Error(`${scopes} changed by ${sent.path}`)
    }),
    { ...propertyRuns(t, 600), endOnFailure: true }
  )
  t.match((await api.ask('/api/leads/1')).body, { name: 'Ana' })
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { Static } from 'typebox'
import { watchOnce } from '../../../src/central-hub/alarms/watch.ts'
import type { AlarmPage } from '../../../src/contract/alarm.ts'
import { auditedOperations, AuditPage, type AuditEntry } from '../../../src/contract/audit.ts'
import { routes, type OperationId } from '../../../src/contract/routes.ts'
import { apiToken } from '../../end-to-end/daemon.ts'
import { conforms } from '../../platform/conforms.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

/** Who did what: an entry for each request that changed something or took data out. */

const password = 'a password of a test'

/** A session-manager to which everything is well. */
const agreeable = async (t: Test): Promise<string> => {
  const server = createServer((req, res) => {
    req.resume()
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ chat_ids: [], records: 0, media_files: 0 }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Operator {
  id: number
  headers: Record<string, string>
}

/** An admin who has signed in, by the cookie of the browser. */
const admin = async ({ url, ask }: Api, username = 'ana'): Promise<Operator> => {
  const body = { username, name: `${username} of the team`, role: 'admin', password }
  const { id } = (await ask<{ id: number }>('/api/operators', { method: 'POST', body })).body
  const answer = await fetch(`${url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password })
  })
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  return { id, headers: { cookie, origin: url } }
}

/** A request whose answer may be a file. */
const call = async (
  { url }: Api,
  path: string,
  {
    method,
    headers,
    body,
    text
  }: { method: string; headers: Record<string, string>; body?: unknown; text?: string | undefined }
): Promise<{ status: number; headers: Headers; text: string }> => {
  const sent = body === undefined ? text : JSON.stringify(body)
  const answer = await fetch(url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(sent === undefined ? {} : { body: sent })
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

/** The whole list, latest first; reading it adds nothing. */
const entriesOf = async ({ ask }: Api, query = ''): Promise<AuditEntry[]> =>
  (await ask<{ entries: AuditEntry[] }>(`/api/audit?limit=200${query}`)).body.entries

/** A request that succeeds, and what is recorded of it besides who it was. */
interface Done {
  path?: string
  body?: unknown
  text?: string
  type?: string
  subject: string | null
  fields?: string[]
}
type Rows = Partial<Record<OperationId, (api: Api) => Promise<Done> | Done>>

const newId = async (api: Api, path: string, body: unknown): Promise<number> =>
  Number((await api.ask<{ id: number }>(path, { method: 'POST', body })).body.id)
let people = 0
const newLead = (api: Api): Promise<number> =>
  newId(api, '/api/leads', { phone: `+52155${String((people += 1)).padStart(8, '3')}` })
const newWebhook = (api: Api): Promise<number> =>
  newId(api, '/api/webhooks', { url: 'http://127.0.0.1:9/', events: ['lead.created'] })
const waitingRule = { name: 'waits', event: 'lead.waiting', steps: [{ after_minutes: 15 }] }
const newAlarmRule = (api: Api): Promise<number> => newId(api, '/api/alarm-rules', waitingRule)
const newOperator = (api: Api): Promise<number> =>
  newId(api, '/api/operators', { username: `u${(people += 1)}`, role: 'viewer', password })

const ofLead =
  (end: string, body?: object) =>
  async (api: Api): Promise<Done> => {
    const id = await newLead(api)
    const fields = Object.keys(body ?? {})
    return { path: `/api/leads/${id}${end}`, body, subject: `lead ${id}`, fields }
  }
const ofAccount = (body?: object): Done => ({
  body,
  subject: 'account main',
  fields: Object.keys(body ?? {})
})
const exported: Done = { subject: null }
const passkey = { answer: 'x' }
const phone = { phone: '+525512345678' }

/** One for each operation that is recorded; those of the session are answered by a stand-in. */
const rows: Rows = {
  createLead: () => ({ body: { phone: '+5215512340000' }, subject: 'lead *', fields: ['phone'] }),
  patchLead: ofLead('', { note: 'a secret', state: 'won' }),
  handleLead: ofLead('/handled', {}),
  unhandleLead: ofLead('/handled'),
  mergeLead: async (api) => {
    const [id, lead_id] = [await newLead(api), await newLead(api)]
    return {
      path: `/api/leads/${id}/merge`,
      body: { lead_id },
      subject: `lead ${id}`,
      fields: ['lead_id']
    }
  },
  deleteLead: ofLead(''),
  importLeads: () => ({
    text: 'phone,name\n+5215512340001,Ana\n',
    type: 'text/csv',
    subject: null
  }),
  importMessages: () => ({
    path: '/api/messages/import?dry_run=false',
    text: '\n',
    type: 'application/x-ndjson',
    subject: null,
    fields: ['dry_run']
  }),
  exportLead: ofLead('/bundle'),
  exportLeadsCsv: () => ({ ...exported, path: '/api/leads.csv?q=secret', fields: ['q'] }),
  exportLeadsJsonl: () => exported,
  exportMessagesCsv: () => exported,
  exportMessagesJsonl: () => exported,
  exportAuditCsv: () => exported,
  createWebhook: () => ({
    body: { url: 'http://127.0.0.1:9/secret', events: ['lead.created'] },
    subject: 'webhook *',
    fields: ['url', 'events']
  }),
  createAlarmRule: async () => ({
    path: '/api/alarm-rules',
    body: waitingRule,
    subject: 'alarm-rule *',
    fields: ['name', 'event', 'steps']
  }),
  patchAlarmRule: async (api) => {
    const id = await newAlarmRule(api)
    const body = { enabled: false }
    return {
      path: `/api/alarm-rules/${id}`,
      body,
      subject: `alarm-rule ${id}`,
      fields: ['enabled']
    }
  },
  deleteAlarmRule: async (api) => {
    const id = await newAlarmRule(api)
    return { path: `/api/alarm-rules/${id}`, subject: `alarm-rule ${id}` }
  },
  acknowledgeAlarm: async (api) => {
    await newAlarmRule(api)
    await api.take(record('alarming', { timestamp: 1_000 }))
    await watchOnce(api.db, Date.now())
    const { alarms } = (await api.ask<Static<typeof AlarmPage>>('/api/alarms')).body
    const id = alarms[0]?.id
    return { path: `/api/alarms/${id}/acknowledge`, subject: `alarm ${id}` }
  },
  patchBusinessHours: async () => ({
    path: '/api/business-hours',
    body: { time_zone: 'Europe/Madrid' },
    subject: null,
    fields: ['time_zone']
  }),
  patchWebhook: async (api) => {
    const id = await newWebhook(api)
    const body = { enabled: true }
    return { path: `/api/webhooks/${id}`, body, subject: `webhook ${id}`, fields: ['enabled'] }
  },
  deleteWebhook: async (api) => {
    const id = await newWebhook(api)
    return { path: `/api/webhooks/${id}`, subject: `webhook ${id}` }
  },
  rotateWebhookSecret: async (api) => {
    const id = await newWebhook(api)
    return { path: `/api/webhooks/${id}/rotate-secret`, subject: `webhook ${id}` }
  },
  pingWebhook: async (api) => {
    const id = await newWebhook(api)
    return { path: `/api/webhooks/${id}/ping`, subject: `webhook ${id}` }
  },
  replayDelivery: async (api) => {
    const id = await newWebhook(api)
    const { body } = await api.ask<{ delivery_id: string }>(`/api/webhooks/${id}/ping`, {
      method: 'POST'
    })
    const path = `/api/webhooks/${id}/deliveries/${body.delivery_id}/replay`
    return { path, subject: `webhook ${id}` }
  },
  replayDeadDeliveries: async (api) => {
    const id = await newWebhook(api)
    return { path: `/api/webhooks/${id}/replay`, subject: `webhook ${id}` }
  },
  createOperator: () => ({
    body: { username: 'zoe', role: 'viewer', password },
    subject: 'operator *',
    fields: ['username', 'role', 'password']
  }),
  patchOperator: async (api) => {
    const id = await newOperator(api)
    const body = { name: 'Berta' }
    return { path: `/api/operators/${id}`, body, subject: `operator ${id}`, fields: ['name'] }
  },
  setOperatorPassword: async (api) => {
    const id = await newOperator(api)
    const path = `/api/operators/${id}/password`
    return { path, body: { password }, subject: `operator ${id}`, fields: ['password'] }
  },
  deleteOperator: async (api) => {
    const id = await newOperator(api)
    return { path: `/api/operators/${id}`, subject: `operator ${id}` }
  },
  deleteOperatorSession: async (api) => {
    const { id } = await admin(api, `s${(people += 1)}`)
    const [session] = await api.db
      .selectFrom('operator_sessions')
      .select('id')
      .where('operator_id', '=', id)
      .execute()
    return { path: `/api/operators/${id}/sessions/${session?.id}`, subject: `operator ${id}` }
  },
  createKey: () => ({
    body: { name: 'CRM', scopes: ['leads.read'] },
    subject: 'key *',
    fields: ['name', 'scopes']
  }),
  deleteKey: async (api) => {
    const id = await newId(api, '/api/keys', { name: 'CRM', scopes: ['leads.read'] })
    return { path: `/api/keys/${id}`, subject: `key ${id}` }
  },
  connect: () => ofAccount(),
  disconnect: () => ({
    ...ofAccount(),
    path: '/api/whatsapp/disconnect?logout=true',
    fields: ['logout']
  }),
  remap: () => ofAccount(),
  requestPairingCode: () => ofAccount(phone),
  answerPasskey: () => ofAccount(passkey),
  confirmPasskey: () => ofAccount(),
  restartPasskey: () => ofAccount(),
  cancelPasskey: () => ofAccount()
}
/** They are about who asks, and have tests of their own below. */
const ofOneself: readonly OperationId[] = [
  'signIn',
  'signOut',
  'changeMyPassword',
  'deleteMySession'
]

t.test('every operation that changes something or exports has a row here', async (t) => {
  t.same([...Object.keys(rows), ...ofOneself].toSorted(), auditedOperations.toSorted())
})

/** Does it. Asserts that one entry comes of it, by this actor. */
const holdsOf = async (
  t: Test,
  api: Api,
  operation: OperationId,
  { path = '', body, text, type, subject, fields = [] }: Done,
  { headers, actor }: { headers: Record<string, string>; actor: AuditEntry['actor'] }
): Promise<void> => {
  const [last] = await entriesOf(api)
  const answer = await call(api, path, {
    method: routes[operation].split(' ')[0] ?? '',
    headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) },
    body,
    text
  })
  t.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`)
  const added = (await entriesOf(api)).filter((entry) => entry.id > (last?.id ?? 0))
  t.match(added, [{ operation, actor, refused: false, fields, address: '127.0.0.1' }], path)
  t.equal(added.length, 1, path)
  const [entry] = added
  const said = entry?.subject ? `${entry.subject.kind} ${entry.subject.id}` : null
  const made = subject?.includes('*') === true ? String(JSON.parse(answer.text).id) : ''
  t.equal(said, subject?.replace('*', made) ?? null, path)
  t.equal(entry?.request_id, answer.headers.get('x-request-id'), path)
}

t.test('each request leaves one entry: who, what, to what, and no value', async (t) => {
  const api = await serveApi(t, { sessionManager: await agreeable(t) })
  const { id, headers } = await admin(api)
  const actor = { kind: 'operator' as const, id, name: 'ana of the team' }
  for (const [name, prepare] of Object.entries(rows)) {
    const operation = name as OperationId
    const pattern = routes[operation].split(' ')[1] ?? ''
    const done = { path: pattern, ...(await prepare(api)) }
    await holdsOf(t, api, operation, done, { headers, actor })
    if (done.subject !== 'account main') continue
    const path = done.path.replace('whatsapp', 'whatsapp/accounts/main')
    await holdsOf(t, api, operation, { ...done, path }, { headers, actor })
  }
  const entries = await entriesOf(api)
  conforms(t, AuditPage, { entries, next_cursor: null }, 'the list')
  t.notMatch(JSON.stringify(entries), /a secret|9\/secret|q=|5512|a password|CRM|Berta/)
})

t.test('what is refused, reads, or is asked for twice with one key leaves no entry', async (t) => {
  const api = await serveApi(t, { sessionManager: 'http://127.0.0.1:9' })
  await api.take(record('1'))
  const [lead] = (await api.ask<{ leads: { id: number }[] }>('/api/leads')).body.leads
  for (const id of Object.keys(routes) as OperationId[]) {
    const [method = '', pattern = ''] = routes[id].split(' ')
    if (id === 'streamEvents' || id.startsWith('export') || id === 'signOut') continue
    const isRead = method === 'GET' || /^(?:un)?readLead$/.test(id)
    const path = isRead ? pattern.replace('/leads/:id', `/leads/${lead?.id}`) : pattern
    const hasBody = !isRead && (method === 'POST' || method === 'PATCH')
    await call(api, path.replace(/:(id|session_id)\b/g, '999999').replace(/:\w+/g, 'x'), {
      method,
      headers: bearer,
      ...(hasBody ? { body: [] } : {})
    })
    t.same(await entriesOf(api), [], id)
  }
  const twice = {
    method: 'PATCH',
    body: { state: 'won' },
    headers: { 'idempotency-key': 'a' }
  }
  for (let at = 0; at < 2; at += 1) await api.ask(`/api/leads/${lead?.id}`, twice)
  t.equal((await entriesOf(api)).length, 1)
})

t.test('a change and its entry are both there, or neither', async (t) => {
  const api = await serveApi(t)
  await api.take(record('1'))
  const [lead] = (await api.ask<{ leads: { id: number }[] }>('/api/leads')).body.leads
  await api.db.schema.alterTable('audit').renameTo('elsewhere').execute()
  const path = `/api/leads/${lead?.id}`
  t.equal((await api.ask(path, { method: 'PATCH', body: { state: 'won' } })).status, 500)
  t.equal((await api.ask(path, { method: 'DELETE' })).status >= 500, true)
  t.match((await api.ask(path)).body, { state: 'new' })
  t.equal((await api.ask('/api/leads.csv')).status, 500, 'and nothing leaves without one')
})

t.test('signing in and out, with the password that was wrong', async (t) => {
  const api = await serveApi(t)
  const { id, headers } = await admin(api)
  const signIn = async (body: object): Promise<number> =>
    (await call(api, '/api/sign-in', { method: 'POST', body, headers: {} })).status
  await call(api, '/api/me/password', {
    method: 'POST',
    headers,
    body: { current_password: password, password: 'another password' }
  })
  t.equal(await signIn({ username: 'ana', password }), 401)
  t.equal(await signIn({ username: password, password: 'ana' }), 401)
  t.equal(await signIn({ token: apiToken }), 204)
  await call(api, '/api/sign-out', { method: 'POST', headers })
  const ana = { kind: 'operator', id, name: 'ana of the team' }
  t.match(
    (await entriesOf(api)).map(({ operation, actor, refused, fields }) => ({
      operation,
      actor,
      refused,
      fields
    })),
    [
      { operation: 'signOut', actor: ana },
      { operation: 'signIn', actor: { kind: 'token', id: null, name: null }, refused: false },
      { operation: 'signIn', actor: { kind: 'nobody', id: null, name: null }, refused: true },
      { operation: 'signIn', actor: ana, refused: true },
      {
        operation: 'changeMyPassword',
        actor: ana,
        refused: false,
        fields: ['current_password', 'password']
      },
      { operation: 'signIn', actor: ana, refused: false },
      { operation: 'createOperator', actor: { kind: 'token' } }
    ]
  )
  t.notMatch(JSON.stringify(await entriesOf(api)), password)
})

t.test('the list: pages, filters, and CSV that gives the same', async (t) => {
  const api = await serveApi(t)
  const { id, headers } = await admin(api)
  const leads = [await newLead(api), await newLead(api)]
  const key = (
    await api.ask<{ id: number; key: string }>('/api/keys', {
      method: 'POST',
      body: { name: 'CRM', scopes: ['leads.write'] }
    })
  ).body
  const patch = (lead: number | undefined, of: Record<string, string>): Promise<unknown> =>
    call(api, `/api/leads/${lead}`, {
      method: 'PATCH',
      body: { note: of['cookie'] ?? '' },
      headers: of
    })
  await patch(leads[0], headers)
  await patch(leads[1], headers)
  const between = new Date().toISOString()
  await patch(leads[0], { authorization: `Bearer ${key.key}` })

  const all = await entriesOf(api)
  for (const limit of [1, 2, 3, 50]) {
    const paged: AuditEntry[] = []
    for (let cursor = ''; ; ) {
      const { body } = await api.ask<{ entries: AuditEntry[]; next_cursor: string | null }>(
        `/api/audit?limit=${limit}${cursor}`
      )
      paged.push(...body.entries)
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    t.same(paged, all, `${limit} at a time`)
  }
  // Each export adds an entry.
  const isBefore = (id: number): boolean => id <= (all[0]?.id ?? 0)
  const idsOf = (entries: AuditEntry[]): number[] => entries.map((entry) => entry.id)
  for (const [query, fits] of [
    [`operator=${id}`, ({ actor }) => actor.kind === 'operator' && actor.id === id],
    [`key=${key.id}`, ({ actor }) => actor.kind === 'key' && actor.id === key.id],
    [`lead=${leads[0]}`, ({ subject }) => subject?.kind === 'lead' && subject.id === `${leads[0]}`],
    ['operation=patchLead', ({ operation }) => operation === 'patchLead'],
    [`since=${between}`, ({ at }) => at >= between],
    [`until=${between}`, ({ at }) => at < between],
    [
      `lead=${leads[0]}&key=${key.id}`,
      ({ actor, subject }) => actor.kind === 'key' && subject?.id === `${leads[0]}`
    ]
  ] as [string, (entry: AuditEntry) => boolean][]) {
    const wanted = all.filter(fits)
    t.ok(wanted.length > 0 && wanted.length < all.length, query)
    t.same(idsOf(await entriesOf(api, `&${query}`)).filter(isBefore), idsOf(wanted), query)
    const csv = await (await fetch(`${api.url}/api/audit.csv?${query}`, { headers: bearer })).text()
    const lines = csv.trim().split(/\r?\n/).slice(1)
    t.same(
      lines.map((line) => Number(line.split(',')[0])).filter(isBefore),
      idsOf(wanted),
      `${query} as CSV`
    )
  }
  for (const [query, field] of [
    ['operation=getLead', 'operation'],
    ['since=yesterday', 'since'],
    ['until=x', 'until'],
    ['lead=0', 'lead'],
    ['cursor=x', 'cursor']
  ] as const)
    t.match(
      await api.ask(`/api/audit?${query}`),
      { status: 400, body: { errors: [{ in: 'query', field }] } },
      query
    )
})

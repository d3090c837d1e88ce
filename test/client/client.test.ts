import t from 'tap'
import Type from 'typebox'
import { createClient, etagOf, LeadMasterError, pages } from '../../src/client/index.ts'
import { operations } from '../../src/contract/api/operations.ts'
import type { Operation } from '../../src/contract/api/operation.ts'
import { routes } from '../../src/contract/routes.ts'
import { serveApi } from '../central-hub/api/rig.ts'
import { record } from '../central-hub/store/open-store.ts'
import { apiToken } from '../end-to-end/daemon.ts'
import { serve } from '../platform/http/http-server.ts'
import { rejection } from './rejection.ts'

const other = {
  id: 'false_5215511111111@c.us_X',
  chat_id: '5215511111111@c.us',
  from: '5215511111111@c.us',
  phone: '+5215511111111'
}

t.test('a function for each operation: reads, filters, writes', async (t) => {
  const { url, take } = await serveApi(t)
  await take(
    record('1', { name: 'Ana', timestamp: 100 }),
    record('2', { ...other, timestamp: 200 })
  )
  const hub = createClient({ baseUrl: `${url}/`, token: apiToken })
  t.match(await hub.getLead({ id: 1 }), { id: 1, name: 'Ana' })
  t.match(await hub.listLeads({ q: 'ana', state: ['new', 'open'], account: undefined }), {
    leads: [{ name: 'Ana' }],
    next_cursor: null
  })
  t.match(await hub.patchLead({ id: 1, body: { state: 'won' } }), { id: 1, state: 'won' })
  t.same(await hub.listLeads({ fields: ['id', 'state'], limit: 1 }), {
    leads: [{ id: 2, state: 'new' }],
    next_cursor: (await hub.listLeads({ limit: 1 })).next_cursor
  })
  const names: (string | null)[] = []
  for await (const { leads } of pages(hub.listLeads, { limit: 1 }))
    names.push(...leads.map(({ name }) => name))
  t.same(names, [null, 'Ana'])
})

t.test('ifMatch takes what was read: nobody else’s change is written over', async (t) => {
  const { url, take } = await serveApi(t)
  await take(record('1'))
  const hub = createClient({ baseUrl: url, token: apiToken })
  const mine = await hub.getLead({ id: 1 })
  t.match(etagOf(mine), /^".+"$/)
  const theirs = await hub.patchLead({ id: 1, body: { note: 'theirs' } }, { ifMatch: mine })
  t.match(await rejection(hub.patchLead({ id: 1, body: { note: 'mine' } }, { ifMatch: mine })), {
    type: 'precondition-failed',
    status: 412
  })
  t.match(
    await hub.patchLead({ id: 1, body: { note: 'mine, too' } }, { ifMatch: etagOf(theirs) ?? '' }),
    { note: 'mine, too' }
  )
  await t.rejects(
    hub.patchLead({ id: 1, body: { note: '' } }, { ifMatch: { ...mine } }),
    TypeError,
    'a copy has no ETag'
  )
})

t.test('idempotencyKey: sent twice, done once', async (t) => {
  const { url, take, db } = await serveApi(t)
  await take(record('1'))
  const hub = createClient({ baseUrl: url, token: apiToken })
  const once = await hub.patchLead({ id: 1, body: { note: 'a' } }, { idempotencyKey: 'k1' })
  const history = (): Promise<unknown[]> => db.selectFrom('events').selectAll().execute()
  const before = await history()
  t.same(await hub.patchLead({ id: 1, body: { note: 'a' } }, { idempotencyKey: 'k1' }), once)
  t.same(await history(), before, 'nothing happened the second time')
  t.match(
    await rejection(hub.patchLead({ id: 1, body: { note: 'b' } }, { idempotencyKey: 'k1' })),
    { type: 'idempotency-key-reused' }
  )
})

t.test('what goes wrong is a LeadMasterError with the problem in it', async (t) => {
  const { url } = await serveApi(t)
  const hub = createClient({ baseUrl: url, token: apiToken })
  const error = await rejection(hub.getLead({ id: 7 }, { requestId: 'mine-1' }))
  t.ok(error instanceof LeadMasterError)
  t.match(error, {
    type: 'not-found',
    status: 404,
    message: 'there is no lead 7',
    errors: [],
    requestId: 'mine-1',
    problem: { title: String }
  })
  t.match(await rejection(hub.listLeads({ limit: 500 })), {
    type: 'invalid-parameters',
    errors: [{ field: 'limit', message: /1 to 200/ }]
  })
  t.match(await rejection(createClient({ baseUrl: url, token: 'wrong' }).listLeads()), {
    type: 'unauthorized',
    status: 401
  })
  t.match(await rejection(hub.getStatus()), { type: 'session-manager-unreachable', status: 503 })
})

t.test('so is an answer that is none of ours, and none at all; an abort stays one', async (t) => {
  const { url } = await serve(t, (http) => {
    http.route(
      'GET',
      '/api/leads',
      (_req, res) =>
        void res.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
    )
    http.route(
      'GET',
      '/api/tags',
      (_req, res) => void res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hello</h1>')
    )
    http.route('GET', '/api/stats', () => undefined)
    http.route(
      'GET',
      '/api/messages',
      (_req, res) => void res.writeHead(429, { 'retry-after': '7' }).end()
    )
  })
  const hub = createClient({ baseUrl: url })
  t.match(await rejection(hub.listLeads()), {
    type: 'unexpected-answer',
    status: 502,
    problem: undefined
  })
  t.match(await rejection(hub.listTags()), { type: 'unexpected-answer', status: 200 })
  t.match(await rejection(hub.listMessages()), { status: 429, retryAfterS: 7 })
  t.match(await rejection(createClient({ baseUrl: 'http://127.0.0.1:9' }).listLeads()), {
    type: 'unreachable',
    status: 0,
    cause: Error
  })
  const controller = new AbortController()
  const call = hub.getStats({}, { signal: controller.signal })
  controller.abort()
  await t.rejects(call, { name: 'AbortError' })
})

t.test('how a request goes over the wire', async (t) => {
  const sent: Request[] = []
  const hub = createClient({
    baseUrl: 'http://hub.example',
    credentials: 'include',
    fetch: async (url, init) => {
      sent.push(new Request(url, init))
      return new Response(null, { status: 204 })
    }
  })
  const last = (): Request => sent.at(-1) as Request
  const media = await hub.getMedia({ id: 'true_5/2?#%@c.us_é', download: true })
  t.ok(media instanceof Response, 'a file is the caller’s to read')
  t.equal(
    last().url,
    'http://hub.example/api/messages/true_5%2F2%3F%23%25%40c.us_%C3%A9/media?download=true'
  )
  t.equal(last().credentials, 'include')
  t.equal(last().headers.get('authorization'), null)
  await hub.importLeads({ body: new Blob(['phone,name\n']), contentType: 'text/csv' })
  t.match(
    [last().method, last().headers.get('content-type'), await last().text()],
    ['POST', 'text/csv', 'phone,name\n']
  )
  t.equal(await hub.signOut(), undefined)
  t.equal(last().body, null)
  await t.rejects(hub.getAccountStatus({ account: '..' }), TypeError, 'it would be another path')
  await t.rejects(hub.getAccountStatus({ account: '' }), TypeError)
})

t.test('the contract is as the client takes it to be', async (t) => {
  const all: Record<string, Operation> = operations
  for (const [id, { query, params }] of Object.entries(all)) {
    const names = (object: Operation['query']): string[] => Object.keys(object?.properties ?? {})
    const needed = Object.entries(query?.properties ?? {}).filter(
      ([, schema]) => !Type.IsOptional(schema) && !('default' in schema)
    )
    t.same(needed, [], `${id}: every parameter of the query may be left out`)
    const inPath = [...routes[id as keyof typeof routes].matchAll(/:(\w+)/g)].map(
      ([, name]) => name
    )
    t.same(
      names(query).filter((name) => ['body', 'contentType', ...inPath].includes(name)),
      [],
      `${id}: no two things by one name`
    )
    t.same(names(params), params === undefined ? [] : inPath, `${id}: its path`)
  }
})

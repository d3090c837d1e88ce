import t, { type Test } from 'tap'
import { tokenActor } from '../../../src/central-hub/store/team/actor.ts'
import { createServe, type Serve } from '../../../src/central-hub/api/serve.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { pruneAnswers } from '../../../src/central-hub/store/write/idempotency.ts'
import { exampleLead, exampleMessage } from '../../../src/contract/api/examples.ts'
import type { LeadMerge } from '../../../src/contract/lead.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { serve } from '../../platform/http/http-server.ts'
import { testStore } from '../store/open-store.ts'

/** Some operations of the contract, served by handlers of the test's own. */
const served = async (
  t: Test,
  add: (serve: Serve) => void
): Promise<{
  db: Db
  ask(
    path: string,
    init?: { method?: string; headers?: Record<string, string>; body?: unknown }
  ): Promise<{ status: number; headers: Headers; body: unknown }>
}> => {
  const { db } = await testStore(t)
  const { url } = await serve(t, (http) => add(createServe({ http, db })), {
    authorize: (req) => void (req.actor = tokenActor)
  })
  return {
    db,
    ask: async (path, { method = 'GET', headers = {}, body } = {}) => {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const text = await answer.text()
      return {
        status: answer.status,
        headers: answer.headers,
        body: text === '' ? undefined : JSON.parse(text)
      }
    }
  }
}
const lead = (note: string): typeof exampleLead => ({ ...exampleLead, note })
const patch = (
  body: object,
  headers: Record<string, string> = {}
): { method: string; headers: Record<string, string>; body: object } => ({
  method: 'PATCH',
  headers,
  body
})

t.test('a handler gets its input checked and typed', async (t) => {
  const inputs: unknown[] = []
  const { ask } = await served(t, (handle) =>
    handle.read('listLeads', ({ params, query, body }) => {
      inputs.push({ params, query, body })
      return { leads: [], next_cursor: null }
    })
  )
  await ask('/api/leads?waiting=true&state=new,open')
  t.same(inputs, [
    { params: {}, query: { limit: 50, waiting: true, state: ['new', 'open'] }, body: undefined }
  ])
  t.match(
    await ask('/api/leads?limit=0&colour=red'),
    {
      status: 400,
      body: {
        type: 'urn:leadmaster:problem:invalid-parameters',
        errors: [{ field: 'limit' }, { field: 'colour' }]
      }
    },
    'every fault at once'
  )
  t.equal(inputs.length, 1, 'and is not called for nothing')
})

t.test('a read has an ETag: the same again is an empty 304', async (t) => {
  let note = 'a'
  const { ask } = await served(t, (handle) => handle.read('getLead', () => lead(note)))
  const first = await ask('/api/leads/1')
  const etag = first.headers.get('etag') ?? ''
  t.match(
    [first.status, etag, first.headers.get('cache-control')],
    [200, /^"[\w-]{27}\.[\w-]{27}"$/, 'private, no-cache']
  )
  for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
    t.match(
      await ask('/api/leads/1', { headers: { 'if-none-match': given } }),
      { status: 304, body: undefined },
      given
    )
  for (const given of ['"other"', etag.slice(1), ''])
    t.equal((await ask('/api/leads/1', { headers: { 'if-none-match': given } })).status, 200, given)
  note = 'b'
  const changed = await ask('/api/leads/1', { headers: { 'if-none-match': etag } })
  t.match(changed, { status: 200, body: { note: 'b' } })
  t.not(changed.headers.get('etag'), etag)
})

t.test('fields keeps to some members of a list, and the rest of the page', async (t) => {
  const { ask } = await served(t, (handle) =>
    handle.read('listMessages', () => ({ messages: [exampleMessage], next_cursor: 'next' }))
  )
  t.same((await ask('/api/messages?fields=id,body')).body, {
    messages: [{ id: exampleMessage.id, body: exampleMessage.body }],
    next_cursor: 'next'
  })
  t.match(await ask('/api/messages?fields=id,colour'), {
    status: 400,
    body: { errors: [{ field: 'fields', message: /separated by commas/ }] }
  })
})

t.test('a write with If-Match is done if what is there has that ETag', async (t) => {
  let note = 'a'
  let committed = 0
  const { ask } = await served(t, (handle) => {
    handle.read('getLead', () => lead(note))
    handle.write('patchLead', async ({ body }) => lead((note = body.note ?? note)), {
      current: async () => lead(note),
      after: () => (committed += 1)
    })
  })
  const etag = async (): Promise<string> => (await ask('/api/leads/1')).headers.get('etag') ?? ''
  const before = await etag()
  const done = await ask('/api/leads/1', patch({ note: 'b' }, { 'if-match': before }))
  t.match(done, { status: 200, body: { note: 'b' } })
  t.match(
    [done.headers.get('etag'), done.headers.get('cache-control')],
    [await etag(), 'no-store'],
    'the ETag is that of a read, for the next change'
  )
  t.match(await ask('/api/leads/1', patch({ note: 'c' }, { 'if-match': before })), {
    status: 412,
    body: { type: 'urn:leadmaster:problem:precondition-failed' }
  })
  t.match([note, committed], ['b', 1], 'nothing was done')
  for (const given of ['*', `"x", ${await etag()}`])
    t.equal(
      (await ask('/api/leads/1', patch({ note: 'b' }, { 'if-match': given }))).status,
      200,
      given
    )
  t.equal((await ask('/api/leads/1', patch({ note: 'd' }))).status, 200, 'without it, as ever')
})

/** A merge that counts how often it was done. */
const counting = async (
  t: Test
): Promise<{
  done: LeadMerge[]
  merge(
    key: string | undefined,
    body: unknown,
    path?: string
  ): Promise<{ status: number; headers: Headers; body: unknown }>
  db: Db
}> => {
  const done: LeadMerge[] = []
  const { ask, db } = await served(t, (handle) =>
    handle.write('mergeLead', async ({ body }) => {
      if (body.lead_id === 99) throw new ProblemError('conflict', 'not that one')
      done.push(body)
      return lead(`merged ${done.length}`)
    })
  )
  return {
    done,
    db,
    merge: (key, body, path = '/api/leads/1/merge') =>
      ask(path, {
        method: 'POST',
        body,
        headers: key === undefined ? {} : { 'idempotency-key': key }
      })
  }
}

t.test(
  'with an Idempotency-Key the same request is done once, and answered as it was',
  async (t) => {
    const { done, merge } = await counting(t)
    const first = await merge('key-1', { lead_id: 2 })
    t.equal(first.headers.get('idempotency-replayed'), null)
    const again = await merge('key-1', { lead_id: 2 })
    t.match(
      [
        again.status,
        again.body,
        again.headers.get('etag'),
        again.headers.get('idempotency-replayed')
      ],
      [first.status, first.body, first.headers.get('etag'), 'true']
    )
    t.equal(done.length, 1)
    await Promise.all([1, 2, 3, 4].map(() => merge('key-2', { lead_id: 2 })))
    t.equal(done.length, 2, 'also when all come at once')
    await merge(undefined, { lead_id: 2 })
    await merge(undefined, { lead_id: 2 })
    t.equal(done.length, 4, 'without one, each is done')
  }
)

t.test('a key that comes with another request is refused', async (t) => {
  const { done, merge } = await counting(t)
  await merge('key', { lead_id: 2 })
  for (const other of [
    () => merge('key', { lead_id: 3 }),
    () => merge('key', { lead_id: 2 }, '/api/leads/7/merge')
  ])
    t.match(await other(), {
      status: 422,
      body: { type: 'urn:leadmaster:problem:idempotency-key-reused', detail: /key/ }
    })
  t.equal(done.length, 1)
})

t.test('what failed may be tried again with the same key', async (t) => {
  const { done, merge } = await counting(t)
  t.equal((await merge('key', { lead_id: 99 })).status, 409)
  t.equal((await merge('key', { lead_id: 2 })).status, 200)
  t.equal(done.length, 1)
})

t.test('a key is some visible ASCII characters', async (t) => {
  const { done, merge } = await counting(t)
  for (const key of ['', 'a b', 'é', 'x'.repeat(256)])
    t.match(
      await merge(key, { lead_id: 2 }),
      {
        status: 400,
        body: {
          errors: [
            { field: 'Idempotency-Key', message: 'expected 1 to 255 visible ASCII characters' }
          ]
        }
      },
      key
    )
  t.equal((await merge('x'.repeat(255), { lead_id: 2 })).status, 200)
  t.equal(done.length, 1)
})

t.test('keys are kept for a day', async (t) => {
  const { done, merge, db } = await counting(t)
  await merge('key', { lead_id: 2 })
  await db
    .updateTable('idempotency')
    .set({ created_at: Date.now() - 86_400_001 })
    .execute()
  await merge('key', { lead_id: 3 })
  t.same(done, [{ lead_id: 2 }, { lead_id: 3 }])
  await db
    .updateTable('idempotency')
    .set({ created_at: Date.now() - 86_400_001 })
    .execute()
  await pruneAnswers(db)
  t.same(
    await db.selectFrom('idempotency').selectAll().execute(),
    [],
    'no longer, also if no other key comes'
  )
})

t.test('a write that fails leaves nothing behind, and tells nobody', async (t) => {
  let committed = 0
  const { ask, db } = await served(t, (handle) =>
    handle.write(
      'patchLead',
      async ({ trx }) => {
        await trx.insertInto('cursors').values({ account: 'x', journal_id: 'j', seq: 1 }).execute()
        throw new ProblemError('not-found')
      },
      { after: () => (committed += 1) }
    )
  )
  t.equal((await ask('/api/leads/1', patch({ note: 'a' }))).status, 404)
  t.same(await db.selectFrom('cursors').selectAll().execute(), [])
  t.equal(committed, 0)
})

t.test('what asks others does so before the store is held', async (t) => {
  const order: string[] = []
  const { ask } = await served(t, (handle) =>
    handle.write('deleteWebhook', async () => void order.push('write'), {
      before: async () => void order.push('before'),
      after: () => order.push('after')
    })
  )
  const { status, body, headers } = await ask('/api/webhooks/1', { method: 'DELETE' })
  t.match(
    [status, body, headers.get('etag')],
    [204, undefined, null],
    'nothing is answered with no ETag'
  )
  t.same(order, ['before', 'write', 'after'])
})

t.test('a raw operation has its input checked, and answers itself', async (t) => {
  const { ask } = await served(t, (handle) =>
    handle.raw(
      'getMedia',
      ({ params, query, res }) => void res.end(JSON.stringify({ params, query }))
    )
  )
  t.match(await ask('/api/messages/a%2Fb%40c/media?download=true'), {
    status: 200,
    body: { params: { id: 'a/b@c' }, query: { download: true } }
  })
  t.match(await ask('/api/messages/x/media?download=yes'), {
    status: 400,
    body: { errors: [{ field: 'download' }] }
  })
})

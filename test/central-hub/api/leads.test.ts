import t from 'tap'
import { Lead, LeadPage, MessagePage } from '../../../src/contract/lead.ts'
import { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { openSse } from '../../platform/sse-client.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

const other = { id: 'false_5215511111111@c.us_X', chat_id: '5215511111111@c.us', from: '5215511111111@c.us', phone: '+5215511111111' }

t.test('GET /api/leads lists, filters and pages', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1', { timestamp: 100, name: 'Ana' }), record('2', { ...other, timestamp: 200 }), reply('3', { timestamp: 300 }))
  const { status, body } = await ask<LeadPage>('/api/leads?limit=1')
  t.equal(status, 200)
  conforms(t, LeadPage, body, '/api/leads')
  t.match(body.leads, [{ phone: '+5215512345678' }])
  const next = await ask<LeadPage>(`/api/leads?limit=1&cursor=${body.next_cursor}`)
  t.match(next.body, { leads: [{ phone: '+5215511111111' }], next_cursor: null })
  t.match((await ask<LeadPage>('/api/leads?waiting=true')).body.leads, [{ phone: '+5215511111111' }])
  t.match((await ask<LeadPage>('/api/leads?q=ana&state=new,open')).body.leads, [{ name: 'Ana' }])
  t.same((await ask<LeadPage>('/api/leads?state=won')).body.leads, [])
})

t.test('GET /api/leads names each parameter that is not as expected', async (t) => {
  const { ask } = await serveApi(t)
  for (const [search, field, message] of [
    ['limit=0', 'limit', /from 1 to 200/], ['limit=201', 'limit', /from 1 to 200/], ['limit=ten', 'limit', /whole number/], ['limit=5&limit=6', 'limit', /once/],
    ['waiting=yes', 'waiting', /true or false/], ['state=maybe', 'state', /new, open, won, lost, ignored/], ['state=', 'state', /expected/],
    ['cursor=nonsense', 'cursor', /next_cursor/], ['colour=red', 'colour', /unknown/], [`q=${'x'.repeat(201)}`, 'q', /200/]
  ] as const) {
    const { status, headers, body } = await ask<Problem>(`/api/leads?${search}`)
    t.equal(status, 400, search)
    t.equal(headers.get('content-type'), 'application/problem+json')
    conforms(t, Problem, body, search)
    t.match(body, { type: 'urn:leadmaster:problem:invalid-parameters', errors: [{ field, message }] })
  }
})

t.test('GET /api/leads/:id', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1'))
  const { body } = await ask<Lead>('/api/leads/1')
  conforms(t, Lead, body, '/api/leads/1')
  t.match(await ask('/api/leads/2'), { status: 404, body: { detail: 'there is no lead 2' } })
  for (const id of ['0', '-1', '1.5', 'x', '1e3', '9'.repeat(30)]) t.match(await ask(`/api/leads/${id}`), { status: 400, body: { errors: [{ field: 'id' }] } }, id)
})

t.test('PATCH /api/leads/:id changes state and note, and tells live clients', async (t) => {
  const { ask, take, url } = await serveApi(t)
  await take(record('1'))
  const client = await openSse(`${url}/api/events`, bearer)
  await client.until(({ event }) => event === 'session')
  const { status, body } = await ask<Lead>('/api/leads/1', { method: 'PATCH', body: { state: 'open', note: 'likes blue' } })
  t.equal(status, 200)
  t.match(body, { id: 1, state: 'open', note: 'likes blue' })
  t.match(JSON.parse((await client.until(({ event }) => event === 'lead')).data), body)
  client.close()
  t.match((await ask<Lead>('/api/leads/1', { method: 'PATCH', body: { note: '' } })).body, { state: 'open', note: '' })
  t.match((await ask<Lead>('/api/leads/1')).body, { state: 'open', note: '' })
  t.equal((await ask('/api/leads/7', { method: 'PATCH', body: { note: '' } })).status, 404)
})

t.test('PATCH /api/leads/:id refuses what it does not know, and changes nothing', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1'))
  for (const [body, field] of [
    [{}, 'body'], [[], 'body'], [{ state: 'maybe' }, '/state'], [{ note: 5 }, '/note'], [{ note: 'x'.repeat(10_001) }, '/note'], [{ note: 'a', phone: '+1' }, '/phone'], [undefined, 'body']
  ] as const) {
    const answer = await ask<Problem>('/api/leads/1', { method: 'PATCH', body })
    t.match(answer, { status: 400, body: { type: 'urn:leadmaster:problem:invalid-parameters' } }, JSON.stringify(body))
    t.ok(answer.body.errors?.some((error) => error.field === field), JSON.stringify(answer.body.errors))
  }
  t.equal((await ask('/api/leads/1', { method: 'PATCH', body: { note: 'x' }, headers: { 'content-type': 'text/plain' } })).status, 400)
  t.match((await ask<Lead>('/api/leads/1')).body, { state: 'new', note: '' })
})

t.test('GET /api/leads/:id/messages is the conversation, both sides, newest first', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1', { timestamp: 1 }), reply('2', { timestamp: 2 }), record('3', { ...other, timestamp: 3 }))
  const { body } = await ask<MessagePage>('/api/leads/1/messages')
  conforms(t, MessagePage, body, '/api/leads/1/messages')
  t.match(body.messages.map(({ from_me }) => from_me), [true, false])
  const first = await ask<MessagePage>('/api/leads/1/messages?limit=1')
  t.match((await ask<MessagePage>(`/api/leads/1/messages?limit=1&cursor=${first.body.next_cursor}`)).body, { messages: [{ from_me: false }], next_cursor: null })
  t.equal((await ask('/api/leads/9/messages')).status, 404)
})

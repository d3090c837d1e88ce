import t, { type Test } from 'tap'
import { MessageImportResult } from '../../../src/contract/import.ts'
import type { Lead, Message } from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

const ana = '+5215512345678'

const lineOf = (id: string, facts: object = {}) => ({
  id: `false_5215512345678@c.us_${id}`,
  phone: ana,
  from_me: false,
  timestamp: 1_700_000_000,
  body: 'hola',
  ...facts
})
const ours = (id: string, facts: object = {}) =>
  lineOf(id, { id: `true_5215512345678@c.us_${id}`, from_me: true, ...facts })

const rig = async (t: Test) => {
  const upstream = await fakeSessionManager(t)
  return { ...(await serveApi(t, { sessionManager: upstream.url })), upstream }
}

const send = <T = MessageImportResult>(
  { ask }: Api,
  lines: readonly unknown[],
  query = '',
  type = 'application/x-ndjson'
): Promise<{ status: number; body: T }> =>
  ask<T>(`/api/messages/import${query}`, {
    method: 'POST',
    headers: { 'content-type': type },
    text: lines
      .map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
      .join('')
  })

const messagesOf = async ({ ask }: Api, id = 1): Promise<Message[]> =>
  (await ask<{ messages: Message[] }>(`/api/leads/${id}/messages`)).body.messages
const leadOf = async ({ ask }: Api, id = 1): Promise<Lead> =>
  (await ask<Lead>(`/api/leads/${id}`)).body

const made = (leads: number, messages: number) => ({
  leads: { created: leads },
  messages: { created: messages },
  rejected: 0,
  errors: []
})

t.test(
  'leads and messages are made; nobody waits or is unread, and no message event',
  async (t) => {
    const api = await rig(t)
    const { status, body } = await send(api, [
      { type: 'lead', phone: '+52 1 55 1234 5678', name: 'Ana García', note: 'two', tags: ['vip'] },
      { ...lineOf('1'), type: 'message' },
      ours('2', { timestamp: 1_700_000_100, body: 'claro' }),
      lineOf('3', { timestamp: 1_700_000_200, body: 'gracias' }),
      lineOf('4', {
        id: 'false_5215511111111@c.us_4',
        phone: '+5215511111111',
        name: 'Beto',
        timestamp: 1_700_000_300
      })
    ])
    t.equal(status, 200)
    conforms(t, MessageImportResult, body, 'the result')
    t.match(body, { ...made(2, 4), new_leads: ['+525512345678', '+5215511111111'] })
    t.match(await leadOf(api), {
      name: 'Ana García',
      note: 'two',
      tags: ['vip'],
      waiting_since: null,
      unanswered_count: 0,
      unread_count: 0,
      first_seen_at: new Date(1_700_000_000_000).toISOString(),
      last_message: { body: 'gracias' }
    })
    t.match(await leadOf(api, 2), { name: 'Beto', waiting_since: null, unread_count: 0 })
    t.match(
      (await messagesOf(api)).map(({ body, type, kind, seq }) => [body, type, kind, seq]),
      [
        ['gracias', 'chat', 'text', 0],
        ['claro', 'chat', 'text', 0],
        ['hola', 'chat', 'text', 0]
      ]
    )
    const events = await api.db.selectFrom('events').select('type').execute()
    t.notOk(events.some(({ type }) => type === 'message'))
  }
)

t.test('importing twice changes nothing, in one request and in two', async (t) => {
  const api = await rig(t)
  const lines = [
    { phone: ana, name: 'Ana', state: 'open', tags: ['b', 'a'] },
    lineOf('1', {
      reactions: [{ sender: '5215512345678@c.us', emoji: '👍' }],
      revoked_at: '2023-11-15T00:00:00.000Z',
      revoked_by: 'me'
    }),
    ours('2', { timestamp: 1_700_000_100 }),
    ours('2', { timestamp: 1_700_000_100 })
  ]
  t.match((await send(api, lines)).body, { ...made(1, 2), messages: { created: 2, unchanged: 1 } })
  const before = [await leadOf(api), await messagesOf(api)]
  t.match(before[1], [
    {},
    { reactions: [{ emoji: '👍' }], revoked_at: '2023-11-15T00:00:00.000Z', revoked_by: 'me' }
  ])

  t.match((await send(api, lines)).body, {
    leads: { created: 0, changed: 0, unchanged: 1 },
    messages: { created: 0, unchanged: 3 },
    new_leads: []
  })

  t.same([await leadOf(api), await messagesOf(api)], before)
})

t.test('what is captured wins, before and after the import', async (t) => {
  const api = await rig(t)
  await api.take(record('1', { body: 'captured', timestamp: 1_700_000_000 }))
  await send(api, [
    lineOf('1', { body: 'imported' }),
    lineOf('2', { body: 'imported', timestamp: 1_700_000_001, media: { state: 'stored' } })
  ])
  await api.take(record('2', { body: 'captured later', timestamp: 1_700_000_002 }))
  const [second, first] = await messagesOf(api)
  t.match(first, { body: 'captured' })
  t.match(second, {
    body: 'captured later',
    sent_at: new Date(1_700_000_002_000).toISOString(),
    source: 'live'
  })
  t.ok((second?.seq ?? 0) > 0)
})

t.test('a number in another spelling is of the same lead, and of the same erasure', async (t) => {
  const api = await rig(t)
  const { upstream } = api
  const mine = record('1')
  upstream.journal.append([{ key: '1', kind: 'message', message: mine.message }], 'live')
  await api.take(mine)
  const otherwise = lineOf('2', { phone: '+52 55 1234 5678', timestamp: 1_700_000_100 })

  t.match((await send(api, [otherwise])).body, made(0, 1))
  t.equal((await messagesOf(api)).length, 2)

  await api.ask('/api/leads/1', { method: 'DELETE' })
  const again = { ...otherwise, id: 'x', chat_id: undefined }
  t.match((await send(api, [{ phone: '55 1234 5678' }, again])).body.rejected, 2)
})

t.test('who waits goes on waiting since the same message', async (t) => {
  const api = await rig(t)
  await api.take(record('9', { timestamp: 1_700_000_500 }))
  const { waiting_since } = await leadOf(api)
  t.match(
    (await send(api, [lineOf('1'), lineOf('2', { timestamp: 1_700_000_400 })])).body,
    made(0, 2)
  )
  t.match(await leadOf(api), { waiting_since, unanswered_count: 1, unread_count: 1 })
  await api.take(reply('r', { timestamp: 1_700_000_600 }))
  await send(api, [lineOf('3', { timestamp: 1_700_000_700 })])
  t.match(await leadOf(api), { waiting_since: null, unread_count: 0 })
  await api.take(record('10', { timestamp: 1_700_000_800 }))
  t.match(await leadOf(api), { waiting_since: new Date(1_700_000_800_000).toISOString() })
})

t.test('what one hub exports another imports', async (t) => {
  const from = await rig(t)
  await from.take(
    record('1', { timestamp: 1_700_000_000, name: 'ana' }),
    reply('2', { timestamp: 1_700_000_100, body: 'claro' })
  )
  await from.ask('/api/leads/1', { method: 'PATCH', body: { state: 'won', assignee: 'Luisa' } })
  const file = async (path: string): Promise<string> =>
    (await (await fetch(from.url + path, { headers: bearer })).text()).trimEnd()
  const leads = await file('/api/leads.jsonl')
  const to = await rig(t)

  for (const lines of [
    [leads, await file('/api/messages.jsonl')],
    [JSON.stringify({ lead: JSON.parse(leads) as Lead, history: [] })]
  ])
    t.match((await send(to, lines)).body, { rejected: 0, errors: [] })

  t.match(await leadOf(to), { phone: ana, name: 'ana', state: 'won', assignee: 'Luisa' })
  const facts = ({ id, body, timestamp, from_me, chat_id }: Message) => [
    id,
    body,
    timestamp,
    from_me,
    chat_id
  ]
  t.same((await messagesOf(to)).map(facts), (await messagesOf(from)).map(facts))
})

t.test('a person who was erased does not come back; a new message of theirs does', async (t) => {
  const api = await rig(t)
  const { upstream } = api
  const mine = record('1', { timestamp: 1_700_000_000 })
  upstream.journal.append([{ key: '1', kind: 'message', message: mine.message }], 'live')
  await api.take(mine)
  t.equal((await api.ask('/api/leads/1', { method: 'DELETE' })).status, 200)

  const { body } = await send(api, [
    { phone: ana, name: 'Ana' },
    lineOf('1'),
    ours('2'),
    lineOf('3', { id: 'false_5215511111111@c.us_3', phone: '+5215511111111' })
  ])

  t.match(body, { ...made(1, 1), rejected: 3, errors: [{ line: 1 }, { line: 2 }, { line: 3 }] })
  t.match(body.errors[0]?.message, /deleted on request/)
  t.same(body.new_leads, ['+5215511111111'])
  t.equal((await api.ask<{ leads: Lead[] }>('/api/leads')).body.leads.length, 1)
  await upstream.close()
  t.match(await send(api, [lineOf('5')]), {
    status: 503,
    body: { type: 'urn:leadmaster:problem:session-manager-unreachable' }
  })
})

t.test('a trial writes nothing, and says what the import does', async (t) => {
  const api = await rig(t)
  await api.take(record('1', { timestamp: 1_700_000_000 }))
  const lines = [
    { phone: ana, note: 'new' },
    lineOf('1'),
    lineOf('2', { timestamp: 1_700_000_010 }),
    ...Array.from({ length: 600 }, (_, n) =>
      lineOf(`b${n}`, { id: `false_5215511111111@c.us_b${n}`, phone: '+5215511111111' })
    ),
    'no json'
  ]
  const before = [await leadOf(api), await messagesOf(api)]

  const trial = (await send(api, lines, '?dry_run=true')).body

  t.same([await leadOf(api), await messagesOf(api)], before)
  t.match(trial, {
    leads: { created: 1, changed: 1, unchanged: 0 },
    messages: { created: 601, unchanged: 1 },
    new_leads: ['+5215511111111'],
    rejected: 1
  })
  t.same((await send(api, lines)).body, trial)
})

t.test('what is wrong with a line is named, and keeps out that line alone', async (t) => {
  const api = await rig(t)
  const wrong: [unknown, string][] = [
    ['{"phone":', 'line'],
    [5, 'body'],
    [{ name: 'Ana' }, '/phone'],
    [{ phone: 'abc' }, '/phone'],
    [{ phone: ana, state: 'sold' }, '/state'],
    [lineOf('1', { timestamp: 'yesterday' }), '/timestamp'],
    [lineOf('1', { timestamp: 1_700_000_000_000 }), '/timestamp'],
    [lineOf('1', { body: undefined }), '/body'],
    [lineOf('1', { from_me: 'yes' }), '/from_me'],
    [lineOf('1', { phone: null, chat_id: '123@g.us' }), '/phone'],
    [lineOf('1', { chat_id: '123@g.us' }), '/phone'],
    [lineOf('1', { edited_at: 'noon' }), '/edited_at']
  ]
  const { body } = await send(api, [...wrong.map(([line]) => line), '', lineOf('good')])
  t.same(
    body.errors.map(({ line, field }) => [line, field]),
    wrong.map(([, field], index) => [index + 1, field])
  )
  t.match(body, { messages: { created: 1 }, rejected: wrong.length })
  t.notMatch(JSON.stringify(body.errors), /sold|yesterday|noon|123@/)
})

t.test('a request that is not as it must be is refused', async (t) => {
  const api = await rig(t)
  t.match(await send<Problem>(api, [], '', 'text/csv'), { status: 415 })
  t.match(await send<Problem>(api, [lineOf('1')], '?account=other'), {
    status: 400,
    body: { errors: [{ in: 'query', field: 'account', message: 'expected one of main' }] }
  })
  t.match(
    await send<Problem>(
      api,
      Array.from({ length: 5_001 }, () => '{}')
    ),
    {
      status: 413,
      body: { detail: /at most 5000 lines/ }
    }
  )
  t.match((await send(api, [])).body, made(0, 0))
})

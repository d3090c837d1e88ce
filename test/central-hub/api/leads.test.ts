import t from 'tap'
import {
  Lead,
  LeadChangePage,
  LeadPage,
  LeadPatch,
  MessagePage,
  type Stats
} from '../../../src/contract/lead.ts'
import { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

const other = {
  id: 'false_5215511111111@c.us_X',
  chat_id: '5215511111111@c.us',
  from: '5215511111111@c.us',
  phone: '+5215511111111'
}

t.test('GET /api/leads lists, filters and pages', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(
    record('1', { timestamp: 100, name: 'Ana' }),
    record('2', { ...other, timestamp: 200 }),
    reply('3', { timestamp: 300 })
  )
  const { status, body } = await ask<LeadPage>('/api/leads?limit=1')
  t.equal(status, 200)
  conforms(t, LeadPage, body, '/api/leads')
  t.match(body.leads, [{ phone: '+5215512345678' }])
  const next = await ask<LeadPage>(`/api/leads?limit=1&cursor=${body.next_cursor}`)
  t.match(next.body, { leads: [{ phone: '+5215511111111' }], next_cursor: null })
  t.match((await ask<LeadPage>('/api/leads?waiting=true')).body.leads, [
    { phone: '+5215511111111' }
  ])
  t.match((await ask<LeadPage>('/api/leads?q=ana&state=new,open')).body.leads, [{ name: 'Ana' }])
  t.same((await ask<LeadPage>('/api/leads?state=won')).body.leads, [])
})

t.test('GET /api/leads names each parameter that is not as expected', async (t) => {
  const { ask } = await serveApi(t)
  for (const [search, field, message] of [
    ['limit=0', 'limit', /from 1 to 200/],
    ['limit=201', 'limit', /from 1 to 200/],
    ['limit=ten', 'limit', /whole number/],
    ['limit=5&limit=6', 'limit', /once/],
    ['waiting=yes', 'waiting', /true or false/],
    ['state=maybe', 'state', /new, open, won, lost, ignored/],
    ['state=', 'state', /expected/],
    ['cursor=nonsense', 'cursor', /next_cursor/],
    ['colour=red', 'colour', /unknown/],
    [`q=${'x'.repeat(201)}`, 'q', /200/]
  ] as const) {
    const { status, headers, body } = await ask<Problem>(`/api/leads?${search}`)
    t.equal(status, 400, search)
    t.equal(headers.get('content-type'), 'application/problem+json')
    conforms(t, Problem, body, search)
    t.match(body, {
      type: 'urn:leadmaster:problem:invalid-parameters',
      errors: [{ field, message }]
    })
  }
})

t.test('GET /api/leads/:id', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1'))
  const { body } = await ask<Lead>('/api/leads/1')
  conforms(t, Lead, body, '/api/leads/1')
  t.match(await ask('/api/leads/2'), { status: 404, body: { detail: 'there is no lead 2' } })
  for (const id of ['0', '-1', '1.5', 'x', '1e3', '9'.repeat(30)])
    t.match(await ask(`/api/leads/${id}`), { status: 400, body: { errors: [{ field: 'id' }] } }, id)
})

t.test('PATCH /api/leads/:id changes state and note, and tells live clients', async (t) => {
  const { ask, take, url } = await serveApi(t)
  await take(record('1'))
  const client = await openSse(`${url}/api/events`, bearer)
  await client.until(({ event }) => event === 'session')
  const { status, body } = await ask<Lead>('/api/leads/1', {
    method: 'PATCH',
    body: { state: 'open', note: 'likes blue' }
  })
  t.equal(status, 200)
  t.match(body, { id: 1, state: 'open', note: 'likes blue' })
  t.match(JSON.parse((await client.until(({ event }) => event === 'lead')).data), body)
  client.close()
  t.match((await ask<Lead>('/api/leads/1', { method: 'PATCH', body: { note: '' } })).body, {
    state: 'open',
    note: ''
  })
  t.match((await ask<Lead>('/api/leads/1')).body, { state: 'open', note: '' })
  t.equal((await ask('/api/leads/7', { method: 'PATCH', body: { note: '' } })).status, 404)
})

t.test('PATCH /api/leads/:id refuses what it does not know, and changes nothing', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1'))
  for (const [body, field] of [
    [{}, 'body'],
    [[], 'body'],
    [{ state: 'maybe' }, '/state'],
    [{ note: 5 }, '/note'],
    [{ note: 'x'.repeat(10_001) }, '/note'],
    [{ note: 'a', phone: '+1' }, '/phone'],
    [undefined, 'body']
  ] as const) {
    const answer = await ask<Problem>('/api/leads/1', { method: 'PATCH', body })
    t.match(
      answer,
      { status: 400, body: { type: 'urn:leadmaster:problem:invalid-parameters' } },
      JSON.stringify(body)
    )
    t.ok(
      answer.body.errors?.some((error) => error.field === field),
      JSON.stringify(answer.body.errors)
    )
  }
  t.equal(
    (
      await ask('/api/leads/1', {
        method: 'PATCH',
        body: { note: 'x' },
        headers: { 'content-type': 'text/plain' }
      })
    ).status,
    415
  )
  t.match((await ask<Lead>('/api/leads/1')).body, { state: 'new', note: '' })
})

t.test('GET /api/leads/:id/messages is the conversation, both sides, newest first', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(
    record('1', { timestamp: 1 }),
    reply('2', { timestamp: 2 }),
    record('3', { ...other, timestamp: 3 })
  )
  const { body } = await ask<MessagePage>('/api/leads/1/messages')
  conforms(t, MessagePage, body, '/api/leads/1/messages')
  t.match(
    body.messages.map(({ from_me }) => from_me),
    [true, false]
  )
  const first = await ask<MessagePage>('/api/leads/1/messages?limit=1')
  t.match(
    (await ask<MessagePage>(`/api/leads/1/messages?limit=1&cursor=${first.body.next_cursor}`)).body,
    { messages: [{ from_me: false }], next_cursor: null }
  )
  t.equal((await ask('/api/leads/9/messages')).status, 404)
})

t.test(
  'PATCH /api/leads/:id: tags, assignee and name; each change is kept as history, what changes nothing is not',
  async (t) => {
    const { ask, take } = await serveApi(t)
    await take(record('1', { name: 'Ana' }))
    const patch = (body: object): Promise<{ body: Lead }> =>
      ask<Lead>('/api/leads/1', { method: 'PATCH', body })
    t.match(
      (await patch({ tags: ['vip', 'árbol', 'vip'], assignee: 'Luisa', name: 'Señora García' }))
        .body,
      { tags: ['árbol', 'vip'], assignee: 'Luisa', name: 'Señora García', whatsapp_name: 'Ana' }
    )
    const { body: before } = await ask<Lead>('/api/leads/1')
    t.same(
      (await patch({ tags: ['árbol', 'vip'], assignee: 'Luisa', name: 'Señora García' })).body,
      before
    )
    t.match((await patch({ name: null, assignee: null, tags: [] })).body, {
      tags: [],
      assignee: null,
      name: 'Ana'
    })
    const { body } = await ask<LeadChangePage>('/api/leads/1/history')
    conforms(t, LeadChangePage, body, '/api/leads/1/history')
    t.same(
      body.changes.map(({ field, from, to }) => [field, from, to]),
      [
        ['name', 'Señora García', 'Ana'],
        ['assignee', 'Luisa', null],
        ['tags', 'árbol,vip', ''],
        ['name', 'Ana', 'Señora García'],
        ['assignee', null, 'Luisa'],
        ['tags', '', 'árbol,vip']
      ]
    )
    const first = await ask<LeadChangePage>('/api/leads/1/history?limit=4')
    t.match(
      (await ask<LeadChangePage>(`/api/leads/1/history?limit=4&cursor=${first.body.next_cursor}`))
        .body,
      { changes: [{ field: 'assignee' }, { field: 'tags' }], next_cursor: null }
    )
    for (const tags of [['a,b'], [' a'], ['']])
      t.match(
        await ask('/api/leads/1', { method: 'PATCH', body: { tags } }),
        { status: 400, body: { errors: [{ field: '/tags/0' }] } },
        JSON.stringify(tags)
      )
    t.equal((await ask('/api/leads/9/history')).status, 404)
  }
)

t.test('GET /api/leads by tag and assignee, and GET /api/tags lists those in use', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1', { timestamp: 100 }), record('2', { ...other, timestamp: 200 }))
  await ask('/api/leads/1', { method: 'PATCH', body: { tags: ['vip', 'blue'], assignee: 'Luisa' } })
  await ask('/api/leads/2', { method: 'PATCH', body: { tags: ['vip'] } })
  const found = async (search: string): Promise<number[]> =>
    (await ask<LeadPage>(`/api/leads?${search}`)).body.leads.map(({ id }) => id)
  t.same(await found('tag=vip'), [2, 1])
  t.same(await found('tag=blue'), [1])
  t.same(await found('tag=red'), [])
  t.same(await found('assignee=Luisa'), [1])
  t.same(await found('assignee='), [2], 'nobody takes care of it')
  t.same((await ask('/api/tags')).body, {
    tags: [
      { tag: 'blue', leads: 1 },
      { tag: 'vip', leads: 2 }
    ],
    assignees: [{ assignee: 'Luisa', leads: 1 }]
  })
  t.same((await ask('/api/tags?account=other')).body, { tags: [], assignees: [] })
})

t.test('GET /api/leads of several states keeps the order of the list, page by page', async (t) => {
  const { ask, take } = await serveApi(t)
  const person = (n: number) => ({
    id: `p${n}`,
    chat_id: `521551111111${n}@c.us`,
    from: `521551111111${n}@c.us`,
    phone: `+521551111111${n}`,
    timestamp: 100 * n
  })
  await take(...[1, 2, 3, 4].map((n) => record(`${n}`, person(n))))
  for (const [id, state] of [
    [1, 'won'],
    [2, 'open'],
    [3, 'lost'],
    [4, 'won']
  ] as const)
    await ask(`/api/leads/${id}`, { method: 'PATCH', body: { state } })
  // what waited when they were won or lost waits no more
  await take(
    ...[1, 2, 3, 4].map((n) =>
      record(`${n}`, { ...person(n), id: `q${n}`, timestamp: 1_000 + 100 * n })
    )
  )
  const found = async (search: string): Promise<number[]> =>
    (await ask<LeadPage>(`/api/leads?${search}`)).body.leads.map(({ id }) => id)
  t.same(await found('state=won,open'), [4, 2, 1])
  t.same(await found('state=won,open,won&waiting=true'), [2, 1, 4])
  const first = await ask<LeadPage>('/api/leads?state=won,open&limit=2')
  t.same(await found(`state=won,open&limit=2&cursor=${first.body.next_cursor}`), [1])
})

t.test('POST /api/leads/:id/read: nothing is unread until the next message', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1', { timestamp: 100 }), record('2', { timestamp: 200 }))
  t.match((await ask<Lead>('/api/leads/1')).body, { unanswered_count: 2, unread_count: 2 })
  const { status, body } = await ask<Lead>('/api/leads/1/read', { method: 'POST' })
  t.equal(status, 200)
  conforms(t, Lead, body, 'the lead')
  t.match(body, { unanswered_count: 2, unread_count: 0 })
  t.same(
    (await ask<Lead>('/api/leads/1/read', { method: 'POST' })).body,
    body,
    'once more changes nothing'
  )
  await take(record('3', { timestamp: 150 }, 'message', { source: 'backfill' }))
  t.match(
    (await ask<Lead>('/api/leads/1')).body,
    { unanswered_count: 3, unread_count: 1 },
    'one that was read back was not seen yet'
  )
  await take(reply('4', { timestamp: 300 }))
  t.match((await ask<Lead>('/api/leads/1')).body, { unanswered_count: 0, unread_count: 0 })
  t.equal((await ask('/api/leads/9/read', { method: 'POST' })).status, 404)
})

t.test(
  'DELETE /api/leads/:id/read marks as unread until it is read, also a lead that was answered',
  async (t) => {
    const { ask, take, url } = await serveApi(t)
    await take(record('1', { timestamp: 100 }), record('2', { timestamp: 101 }))
    await ask('/api/leads/1/read', { method: 'POST' })
    const client = await openSse(`${url}/api/events`, bearer)
    await client.until(({ event }) => event === 'session')

    const { status, body } = await ask<Lead>('/api/leads/1/read', { method: 'DELETE' })
    t.equal(status, 200)
    t.match(body, { marked_unread: true, unread_count: 2, unanswered_count: 2 })
    t.match(JSON.parse((await client.until(({ event }) => event === 'lead')).data), body)
    client.close()
    t.same(
      (await ask<Lead>('/api/leads/1/read', { method: 'DELETE' })).body,
      body,
      'once more changes nothing'
    )
    t.match((await ask<Lead>('/api/leads/1/read', { method: 'POST' })).body, {
      marked_unread: false,
      unread_count: 0
    })

    await take(reply('3', { timestamp: 102 }))
    t.match(
      (await ask<Lead>('/api/leads/1/read', { method: 'DELETE' })).body,
      { marked_unread: true, unread_count: 0 },
      'it was answered'
    )
    await take(record('4', { timestamp: 103 }))
    t.match(
      (await ask<Lead>('/api/leads/1')).body,
      { marked_unread: true, unread_count: 1 },
      'it stays marked when a message comes'
    )
    t.match((await ask<Lead>('/api/leads/1/read', { method: 'POST' })).body, {
      marked_unread: false,
      unread_count: 0
    })
    t.equal((await ask('/api/leads/9/read', { method: 'DELETE' })).status, 404)
  }
)

t.test('GET /api/leads/:id/messages?q= finds words in that conversation alone', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(
    record('1', { body: 'una camioneta', timestamp: 100 }),
    record('2', { body: 'nada', timestamp: 101 }),
    reply('3', { body: 'La CAMIONETA roja', timestamp: 102 }),
    record('4', { ...other, body: 'camioneta', timestamp: 103 })
  )
  const found = async (q: string): Promise<string[]> =>
    (await ask<MessagePage>(`/api/leads/1/messages?q=${q}`)).body.messages.map(({ body }) => body)
  t.same(await found('camion'), ['La CAMIONETA roja', 'una camioneta'])
  t.same(await found('camioneta%20roja'), ['La CAMIONETA roja'])
  t.same(await found('zzz'), [])
  t.equal((await found('%20')).length, 3, 'an empty search is none')
})

t.test(
  'POST /api/leads/:id/merge makes one lead of two; the other id leads to it, and live clients are told',
  async (t) => {
    const { ask, take, url } = await serveApi(t)
    const lid = '118999881199@lid'
    const { phone: _phone, ...byLid } = record('3', {
      id: 'false_lid_3',
      chat_id: lid,
      from: lid,
      lid,
      timestamp: 200
    }).message
    await take(record('1', { timestamp: 100, name: 'Ana' }), reply('2', { timestamp: 150 }))
    await take({ ...record('3'), message: byLid })
    await ask('/api/leads/1', { method: 'PATCH', body: { tags: ['blue'], note: 'one' } })
    await ask('/api/leads/2', {
      method: 'PATCH',
      body: { tags: ['vip'], note: 'two', assignee: 'Luisa', state: 'open' }
    })
    const client = await openSse(`${url}/api/events`, bearer)
    await client.until(({ event }) => event === 'session')
    const { status, body } = await ask<Lead>('/api/leads/1/merge', {
      method: 'POST',
      body: { lead_id: 2 }
    })
    t.equal(status, 200)
    conforms(t, Lead, body, 'the lead')
    t.match(body, {
      id: 1,
      phone: '+5215512345678',
      lid,
      tags: ['blue', 'vip'],
      note: 'one\ntwo',
      assignee: 'Luisa',
      state: 'open',
      unanswered_count: 1,
      last_message: { timestamp: 200 }
    })
    t.same(JSON.parse((await client.until(({ event }) => event === 'lead_removed')).data), {
      id: 2,
      merged_into: 1
    })
    t.same(JSON.parse((await client.until(({ event }) => event === 'lead')).data), {
      ...body,
      change: 'updated'
    })
    client.close()
    t.same((await ask<Lead>('/api/leads/2')).body, body)
    t.equal((await ask<MessagePage>('/api/leads/2/messages')).body.messages.length, 3)
    await take({ ...record('4'), message: { ...byLid, id: 'false_lid_4', timestamp: 300 } })
    t.equal((await ask<LeadPage>('/api/leads')).body.leads.length, 1)
  }
)

t.test(
  'POST /api/leads/:id/merge: two numbers of one person are one lead from then on',
  async (t) => {
    const { ask, take } = await serveApi(t)
    const second = (id: string, facts: object = {}) =>
      record(id, {
        ...other,
        id: `false_5215500000002@c.us_${id}`,
        chat_id: '5215500000002@c.us',
        from: '5215500000002@c.us',
        phone: '+5215500000002',
        lid: '22200222@lid',
        ...facts
      })
    await take(
      record('1', { lid: '11100111@lid', timestamp: 100, name: 'Ana' }),
      second('2', { timestamp: 200, body: 'from the office' })
    )
    t.equal((await ask<LeadPage>('/api/leads')).body.leads.length, 2)
    const { status, body } = await ask<Lead>('/api/leads/1/merge', {
      method: 'POST',
      body: { lead_id: 2 }
    })
    t.equal(status, 200)
    conforms(t, Lead, body, 'the lead')
    t.match(body, {
      id: 1,
      phone: '+5215512345678',
      lid: '11100111@lid',
      other_phones: ['+5215500000002'],
      unanswered_count: 2
    })

    await take(
      second('3', { timestamp: 300 }),
      record('4', { lid: '11100111@lid', timestamp: 400 }),
      {
        ...second('5', { timestamp: 500 }),
        message: {
          ...second('5', { timestamp: 500 }).message,
          chat_id: '22200222@lid',
          id: 'false_22200222@lid_5'
        }
      }
    )
    const { leads } = (await ask<LeadPage>('/api/leads')).body
    t.match(
      leads,
      [{ id: 1, unanswered_count: 5 }],
      'what comes from either number is of that lead'
    )
    t.equal(leads.length, 1)
    t.match(
      (await ask<LeadPage>('/api/leads?q=5500000002')).body.leads,
      [{ id: 1, matched: { field: 'phone', snippet: '+5215500000002' } }],
      'and it is found by either'
    )
    await take(second('6', { phone: '+5215500000009', timestamp: 600 }))
    t.match(
      (await ask<LeadPage>('/api/leads')).body.leads,
      [{ id: 1, other_phones: ['+5215500000009'] }],
      'the second number may change'
    )
  }
)

t.test('GET /api/leads?q= says what was found, and where', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(
    record('1', { name: 'José Núñez' }),
    record('2', {
      ...other,
      name: 'Ana',
      body: `${'mucho texto antes '.repeat(9)}¿Tiene FACTURACIÓN electrónica? ${'y después '.repeat(20)}`
    })
  )
  await ask('/api/leads/1', {
    method: 'PATCH',
    body: { note: 'prefiere\nque le llamen', tags: ['mayorista'], assignee: 'Lucía' }
  })
  const found = async (q: string): Promise<Lead['matched'][]> =>
    (await ask<LeadPage>(`/api/leads?q=${encodeURIComponent(q)}`)).body.leads.map(
      ({ matched }) => matched
    )
  const of = (field: string, snippet: string | RegExp, message_id: string | null = null) => [
    { field, snippet, message_id }
  ]
  t.match(await found('nunez'), of('name', 'José Núñez'))
  t.match(await found('5678, jose'), of('phone', '+5215512345678'))
  t.match(await found('llamen'), of('note', 'prefiere que le llamen'))
  t.match(await found('mayor'), of('tag', 'mayorista'))
  t.match(await found('lucia'), of('assignee', 'Lucía'))
  t.match(
    await found('facturacion'),
    of(
      'message',
      /^….{20,30}FACTURACIÓN electrónica\? y después .*…$/,
      record('2', other).message.id
    )
  )
  t.notOk(
    'matched' in ((await ask<LeadPage>('/api/leads')).body.leads[0] ?? {}),
    'without a search there is none'
  )
})

t.test('POST /api/leads/:id/merge refuses what cannot be one person', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(
    record('1'),
    record('2', other),
    record('3', { ...other, id: 'z' }, 'message', { account: 'sales' })
  )
  for (const [lead, detail] of [
    [1, /one lead already/],
    [3, /account main, lead 3 of sales/]
  ] as const) {
    t.match(await ask('/api/leads/1/merge', { method: 'POST', body: { lead_id: lead } }), {
      status: 409,
      body: { type: 'urn:leadmaster:problem:conflict', detail }
    })
  }
  t.equal((await ask('/api/leads/1/merge', { method: 'POST', body: { lead_id: 9 } })).status, 404)
  t.equal((await ask<LeadPage>('/api/leads')).body.leads.length, 3)
})

t.test(
  'POST /api/leads/:id/handled takes a lead off those who wait until its next message, and DELETE puts it back',
  async (t) => {
    const { ask, take } = await serveApi(t)
    await take(record('1', { timestamp: 100 }), record('2', { timestamp: 200 }))
    const waiting = async (): Promise<number> =>
      (await ask<LeadPage>('/api/leads?waiting=true')).body.leads.length

    const handled = await ask<Lead>('/api/leads/1/handled', { method: 'POST', body: {} })
    t.equal(handled.status, 200)
    conforms(t, Lead, handled.body, 'the lead')
    t.match(handled.body, {
      waiting_since: null,
      unanswered_count: 0,
      unread_count: 0,
      handled_at: /^20/
    })
    t.equal(await waiting(), 0)
    t.same(
      (await ask<Lead>('/api/leads/1/handled', { method: 'POST', body: {} })).body,
      handled.body,
      'once more changes nothing'
    )

    const back = await ask<Lead>('/api/leads/1/handled', { method: 'DELETE' })
    t.match(back.body, {
      waiting_since: new Date(100_000).toISOString(),
      unanswered_count: 2,
      handled_at: null
    })
    t.same(
      (await ask<Lead>('/api/leads/1/handled', { method: 'DELETE' })).body,
      back.body,
      'once more changes nothing'
    )

    await ask('/api/leads/1/handled', { method: 'POST', body: {} })
    await take(record('3', { timestamp: 300 }))
    t.match((await ask<Lead>('/api/leads/1')).body, {
      waiting_since: new Date(300_000).toISOString(),
      unanswered_count: 1,
      handled_at: null
    })
    t.equal(await waiting(), 1)
    const { body } = await ask<LeadChangePage>('/api/leads/1/history')
    conforms(t, LeadChangePage, body, 'the history')
    t.match(
      body.changes.map(({ field, from, to }) => [field, from === null, to === null]),
      [
        ['handled', true, false],
        ['handled', false, true],
        ['handled', true, false]
      ]
    )
  }
)

t.test(
  'POST /api/leads/:id/handled leaves waiting what is newer than the message it names',
  async (t) => {
    const { ask, take } = await serveApi(t)
    const seen = record('1', { timestamp: 100 })
    await take(seen, record('2', { timestamp: 200 }))
    const { body } = await ask<Lead>('/api/leads/1/handled', {
      method: 'POST',
      body: { until: seen.message.id }
    })
    t.match(body, {
      waiting_since: new Date(200_000).toISOString(),
      unanswered_count: 1,
      handled_at: null
    })
    for (const until of ['nothing', 5, '']) {
      t.match(
        await ask('/api/leads/1/handled', { method: 'POST', body: { until } }),
        { status: 400, body: { errors: [{ field: '/until' }] } },
        String(until)
      )
    }
    for (const method of ['POST', 'DELETE'])
      t.equal((await ask('/api/leads/9/handled', { method, body: {} })).status, 404)
  }
)

t.test(
  'PATCH remind_at takes a lead off those who wait until its time, and null puts it back',
  async (t) => {
    const { ask, take } = await serveApi(t)
    await take(record('1', { timestamp: 100 }), record('9', { ...other, timestamp: 200 }))
    const patch = (body: LeadPatch, id = 1) =>
      ask<Lead>(`/api/leads/${id}`, { method: 'PATCH', body })
    const idsOf = async (query: string): Promise<number[]> =>
      (await ask<LeadPage>(`/api/leads?${query}`)).body.leads.map(({ id }) => id)
    const inHours = (hours: number): string =>
      new Date(Date.now() + hours * 3_600_000).toISOString()

    const remind_at = inHours(5)
    const set = await patch({ remind_at })
    t.equal(set.status, 200)
    conforms(t, Lead, set.body, 'the lead')
    t.match(set.body, { remind_at, waiting_since: null, unanswered_count: 0, unread_count: 0 })
    t.same((await patch({ remind_at })).body, set.body, 'once more changes nothing')
    await patch({ remind_at: inHours(3) }, 2)
    t.same(await idsOf('waiting=true'), [])
    t.same(await idsOf('later=true'), [2, 1])
    t.same(await idsOf('later=false'), [])
    const first = await ask<LeadPage>('/api/leads?later=true&limit=1')
    t.same(await idsOf(`later=true&limit=1&cursor=${first.body.next_cursor}`), [1])
    t.match((await ask<Stats>('/api/stats')).body.waiting, { now: 0, later: 2 })

    const back = await patch({ remind_at: null })
    t.match(back.body, { remind_at: null, waiting_since: new Date(100_000).toISOString() })
    t.same(await idsOf('later=false'), [1])
    const { body } = await ask<LeadChangePage>('/api/leads/1/history')
    conforms(t, LeadChangePage, body, 'the history')
    t.match(body.changes, [
      { field: 'remind_at', from: remind_at, to: null },
      { field: 'remind_at', from: null, to: remind_at }
    ])
  }
)

t.test('PATCH remind_at takes only a time in the future, of a lead that may wait', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1', { timestamp: 100 }))
  const patch = (body: unknown) => ask('/api/leads/1', { method: 'PATCH', body })
  const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
  for (const remind_at of ['', 'tomorrow', 5, '2099-13-45T99:00:00Z', '2030-01-01', inDays(-1)])
    t.match(
      await patch({ remind_at }),
      { status: 400, body: { errors: [{ field: '/remind_at' }] } },
      String(remind_at)
    )
  const refused = { status: 400, body: { errors: [{ field: '/remind_at' }] } }
  t.match(await patch({ remind_at: inDays(3_000) }), refused)
  t.match(await patch({ state: 'ignored', remind_at: inDays(1) }), refused)
  t.match(await ask('/api/leads/1'), { body: { state: 'new', remind_at: null } })
  t.match(await patch({ state: 'lost', remind_at: inDays(1) }), { status: 200 })
})

t.test(
  'PATCH with If-Match is refused for what PATCH can change, and for nothing else',
  async (t) => {
    const { ask, take } = await serveApi(t)
    await take(
      record('1', { timestamp: 100, name: 'Ana' }),
      record('9', { ...other, timestamp: 100 })
    )
    const read = async (): Promise<string> => (await ask('/api/leads/1')).headers.get('etag') ?? ''
    const patch = async (body: object, etag: string): Promise<number> =>
      (await ask('/api/leads/1', { method: 'PATCH', body, headers: { 'if-match': etag } })).status

    const others: Record<string, () => Promise<unknown>> = {
      'an inbound message': () => take(record('2', { timestamp: 200 })),
      'an inbound message under another name of WhatsApp': () =>
        take(record('3', { timestamp: 300, name: 'Ana María' })),
      'our answer': () => take(reply('4', { timestamp: 400 })),
      'another lead': () => take(record('5', { ...other, timestamp: 500 })),
      'a mark as read': () => ask('/api/leads/1/read', { method: 'POST', body: {} }),
      'a mark as handled': () => ask('/api/leads/1/handled', { method: 'POST', body: {} })
    }
    for (const [what, happen] of Object.entries(others)) {
      const etag = await read()
      await happen()
      t.equal(await patch({ note: `after ${what}` }, etag), 200, what)
      t.equal(
        (await ask('/api/leads/1', { headers: { 'if-none-match': etag } })).status,
        200,
        `${what}: a read with If-None-Match sees it`
      )
      t.equal(await patch({ note: '' }, etag), 412, `${what}: the change before is one`)
    }

    const changes: Required<LeadPatch> = {
      state: 'open',
      note: 'call',
      tags: ['vip'],
      assignee: 'Luisa',
      name: 'Ana P.',
      remind_at: new Date(Date.now() + 3_600_000).toISOString()
    }
    t.same(Object.keys(changes).sort(), Object.keys(LeadPatch.properties).sort())
    for (const [field, value] of Object.entries(changes)) {
      const etag = await read()
      t.equal(
        (await ask('/api/leads/1', { method: 'PATCH', body: { [field]: value } })).status,
        200
      )
      t.equal(await patch({ note: 'mine' }, etag), 412, field)
    }
    const etag = await read()
    t.equal((await ask('/api/leads/1', { headers: { 'if-none-match': etag } })).status, 304)
    const written = await ask('/api/leads/1', {
      method: 'PATCH',
      body: { note: 'first' },
      headers: { 'if-match': etag }
    })
    t.equal(written.headers.get('etag'), await read(), 'the ETag of a write is that of a read')
    await ask('/api/leads/2/merge', { method: 'POST', body: { lead_id: 1 } })
    t.equal(
      await patch({ note: 'on the other lead' }, written.headers.get('etag') ?? ''),
      412,
      'it is another lead now'
    )
  }
)

t.test('POST /api/leads/:id/handled takes If-Match and Idempotency-Key', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1', { timestamp: 100 }))
  const etag = (await ask('/api/leads/1')).headers.get('etag') ?? ''
  await take(record('2', { timestamp: 200 }))
  const mark = (headers: Record<string, string>) =>
    ask<Lead>('/api/leads/1/handled', { method: 'POST', body: {}, headers })
  t.equal((await mark({ 'if-match': etag })).status, 412, 'a message came since')
  t.match((await ask<Lead>('/api/leads/1')).body, { unanswered_count: 2 })
  const current = (await ask('/api/leads/1')).headers.get('etag') ?? ''
  t.equal((await mark({ 'if-match': current, 'idempotency-key': 'k1' })).status, 200)
  await take(record('3', { timestamp: 300 }))
  const again = await mark({ 'if-match': current, 'idempotency-key': 'k1' })
  t.same([again.status, again.headers.get('idempotency-replayed')], [200, 'true'])
  t.match(
    (await ask<Lead>('/api/leads/1')).body,
    { unanswered_count: 1 },
    'the message that came between is not handled by it'
  )
})

t.test(
  'a lead that is won, lost or ignored: one answer in list, figures and webhooks, and back again',
  async (t) => {
    const { ask, take } = await serveApi(t)
    await take(record('1', { timestamp: 100 }))
    const state = (state: string) => ask<Lead>('/api/leads/1', { method: 'PATCH', body: { state } })
    const waits = async (): Promise<[number, number, string | null]> => {
      const [list, stats, lead] = [
        await ask<LeadPage>('/api/leads?waiting=true'),
        await ask<Stats>('/api/stats'),
        await ask<Lead>('/api/leads/1')
      ]
      t.equal(stats.body.waiting.longest_since, lead.body.waiting_since)
      return [list.body.leads.length, stats.body.waiting.now, lead.body.waiting_since]
    }
    const since = (seconds: number): string => new Date(seconds * 1_000).toISOString()

    for (const to of ['won', 'lost', 'ignored']) {
      t.match(
        (await state(to)).body,
        { waiting_since: null, unanswered_count: 0, unread_count: 0 },
        to
      )
      t.same(await waits(), [0, 0, null], to)
      await state('open')
      t.same(await waits(), [1, 1, since(100)], `no longer ${to}`)
    }
    await state('won')
    await take(record('2', { timestamp: 200 }))
    t.same(await waits(), [1, 1, since(200)], 'who writes after it was won waits')
    await state('ignored')
    await take(record('3', { timestamp: 300 }))
    t.same(await waits(), [0, 0, null], 'who is ignored never waits')
    await state('new')
    t.same(await waits(), [1, 1, since(100)])
  }
)

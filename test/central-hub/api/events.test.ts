import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { Lead, Message } from '../../../src/contract/lead.ts'
import { conforms } from '../../platform/conforms.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { propertyRuns } from '../../property-runs.ts'
import { changeLeads } from '../../../src/central-hub/store/database/transaction.ts'
import { addEvents, eventRange, pruneEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { expire, expiredMessages } from '../../../src/central-hub/store/write/expire.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

t.test('a client gets what happens from now on: message, lead, session', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { url, take, live } = await serveApi(t, { sessionManager: upstream.url })
  await take(record('before'))
  const client = await openSse(`${url}/api/events`, bearer)
  t.equal(client.res.headers['content-type'], 'text/event-stream; charset=utf-8')
  t.match(JSON.parse((await client.until(({ event }) => event === 'session')).data), {
    status: 'DISCONNECTED',
    account: 'main'
  })
  await take(record('now'))
  const message = await client.until(({ event }) => event === 'message')
  conforms(t, Message, JSON.parse(message.data), 'message')
  t.match(JSON.parse(message.data), { body: 'message now' })
  conforms(t, Lead, JSON.parse((await client.until(({ event }) => event === 'lead')).data), 'lead')
  live.notifySession({
    type: 'urn:leadmaster:problem:session-manager-unreachable',
    title: 'x',
    status: 503
  })
  await client.until(({ event, data }) => event === 'session' && data.includes('unreachable'))
  client.close()
})

t.test('a client that was away gets what it missed, by Last-Event-ID or after', async (t) => {
  const { url, take, storeId } = await serveApi(t)
  await take(record('a'))
  await take(record('b'))
  for (const open of [
    () => openSse(`${url}/api/events`, { ...bearer, 'last-event-id': `${storeId}-2` }),
    () => openSse(`${url}/api/events?after=${storeId}-2`, bearer)
  ]) {
    const client = await open()
    t.match(JSON.parse((await client.until(({ event }) => event === 'message')).data), {
      body: 'message b'
    })
    t.equal((await client.until(({ event }) => event === 'lead')).id, `${storeId}-4`)
    client.close()
  }
  const all = await openSse(`${url}/api/events?after=0`, bearer)
  t.equal(
    (await all.until(({ event }) => event === 'session')).id,
    `${storeId}-0`,
    'from where it starts'
  )
  t.equal(
    (await all.until(({ event }) => event === 'lead')).id,
    `${storeId}-1`,
    'the lead before its message'
  )
  all.close()
})

t.test(
  'a client that was away for longer than events are kept is told to read the lists again',
  async (t) => {
    const { url, db, take, storeId } = await serveApi(t)
    for (let round = 0; round < 11; round += 1)
      await addEvents(
        db,
        'lead',
        Array.from({ length: 10_000 }, () => 1)
      )
    await pruneEvents(db)
    for (const after of [`${storeId}-5`, `${storeId}-999999`, '00000000-110000']) {
      const client = await openSse(`${url}/api/events?after=${after}`, bearer)
      t.match(await client.until(({ event }) => event === 'reset'), { id: `${storeId}-110000` })
      client.close()
    }
    await take(record('a'))
    const client = await openSse(`${url}/api/events?after=${storeId}-110000`, bearer)
    await client.until(({ event }) => event === 'message')
    t.notOk(client.events.some(({ event }) => event === 'reset'))
    client.close()
  }
)

t.test('session-manager cannot be reached: the session event is that problem', async (t) => {
  const { url } = await serveApi(t)
  const client = await openSse(`${url}/api/events`, bearer)
  t.match(JSON.parse((await client.until(({ event }) => event === 'session')).data), {
    type: 'urn:leadmaster:problem:session-manager-unreachable',
    status: 503,
    detail: /SESSION_MANAGER_BASE_URL/
  })
  client.close()
})

t.test('clients that come back at once are one question to session-manager', async (t) => {
  const asked: string[] = []
  const held: ServerResponse[] = []
  const upstream = createServer((req, res) => {
    asked.push(req.url as string)
    held.push(res)
  }).listen(0, '127.0.0.1')
  t.teardown(() => void upstream.close())
  await once(upstream, 'listening')
  const { url } = await serveApi(t, {
    sessionManager: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  })
  // their heads have come: all of them have asked, and nobody was answered
  const clients = await Promise.all(
    Array.from({ length: 20 }, () => openSse(`${url}/api/events`, bearer))
  )
  while (held.length === 0) await once(upstream, 'request')
  for (const res of held) res.writeHead(500).end()
  for (const client of clients) await client.until(({ event }) => event === 'session')
  t.same(asked, ['/health'])
  for (const client of clients) client.close()
})

t.test('an after that can be no id is refused by name', async (t) => {
  const { ask } = await serveApi(t)
  for (const after of ['x', '', '5', '-1', 'undefined', 'x-', 'a b-1', `${'x'.repeat(41)}-1`]) {
    t.match(
      await ask(`/api/events?after=${encodeURIComponent(after)}`),
      { status: 400, body: { errors: [{ in: 'query', field: 'after' }] } },
      after
    )
  }
  t.match(await ask('/api/events?names=long'), {
    status: 400,
    body: { errors: [{ in: 'query', field: 'names' }] }
  })
})

t.test(
  'whatever Last-Event-ID says, the stream opens; an id that is not of this hub gets reset, and what follows resumes',
  async (t) => {
    const { url, take, storeId } = await serveApi(t)
    await take(record('a'))
    const latin = fc.string({
      unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 60
    })
    const known = [
      '-1',
      '5',
      '1e3',
      'zzzz-99',
      '00000000-1',
      `${storeId}-`,
      `${storeId}-3`,
      `${storeId}-9e9`,
      `${storeId}-1, ${storeId}-1`,
      `${storeId}-99999999999999999999`
    ]
    const ids = fc.oneof(
      fc.constantFrom(...known),
      latin.filter((text) => text !== '0' && !/[\x7f-\xa0]/.test(text))
    )

    await fc.assert(
      fc.asyncProperty(ids, fc.boolean(), async (id, isFull) => {
        const client = await openSse(
          `${url}/api/events?after=${storeId}-1${isFull ? '&names=full' : ''}`,
          { ...bearer, 'last-event-id': id }
        )
        if (client.res.statusCode !== 200) throw new Error(`${client.res.statusCode}`)
        const reset = await client.until(({ event }) => event === 'reset')
        client.close()
        if (reset.id !== `${storeId}-2`) throw new Error(`resumes from ${reset.id}`)
      }),
      propertyRuns(t, 60)
    )

    const client = await openSse(`${url}/api/events`, { ...bearer, 'last-event-id': 'zzzz-99' })
    await client.until(({ event }) => event === 'reset')
    await take(record('b'))
    t.match(JSON.parse((await client.until(({ event }) => event === 'message')).data), {
      body: 'message b'
    })
    client.close()
  }
)

t.test('what is new is told from what changed, also to a client that comes back', async (t) => {
  const { url, take, ask, storeId } = await serveApi(t)
  await take(record('a'))
  await ask('/api/leads/1', { method: 'PATCH', body: { note: 'x' } })
  const edit = record('a', { body: 'b', edited: { at: '2026-11-24T12:00:05.000Z' } }, 'edit')
  await take(edit)
  await take(record('b'))
  const expected = [
    'lead created',
    'message created',
    'lead updated',
    'message updated',
    'lead updated',
    'message created',
    'lead updated'
  ]

  const listen = async (query: string): Promise<{ event: string; data: { change?: string } }[]> => {
    const client = await openSse(`${url}/api/events?after=0${query}`, bearer)
    await client.until(({ id }) => id === `${storeId}-${expected.length}`)
    client.close()
    return client.events
      .map(({ event = '', data }) => ({ event, data: JSON.parse(data) as { change?: string } }))
      .filter(({ event }) => !event.startsWith('session'))
  }

  const short = await listen('')
  t.same(
    short.map(({ event, data }) => `${event} ${data.change}`),
    expected
  )
  for (const { event, data } of short)
    conforms(t, event === 'lead' ? Lead : Message, data, `${event}, with a member more`)
  t.same(
    (await listen('&names=full')).map(({ event }) => event),
    expected.map((each) => each.replace(' ', '.'))
  )
  t.match(
    (await listen('&names=full')).map(({ data }) => data),
    short.map(({ data }) => data),
    'the data is the same'
  )
})

t.test('with full names a session and a lead that is removed have theirs', async (t) => {
  const { url, live, take, ask } = await serveApi(t)
  await take(record('a'), record('b', { chat_id: '34600123456@c.us', phone: '+34600123456' }))
  const client = await openSse(`${url}/api/events?names=full`, bearer)
  await client.until(({ event }) => event === 'session.changed')
  live.notifySession({ type: 'urn:leadmaster:problem:conflict', title: 'x', status: 409 })
  await client.until(({ event, data }) => event === 'session.changed' && data.includes('conflict'))
  await ask('/api/leads/1/merge', { method: 'POST', body: { lead_id: 2 } })
  t.match(JSON.parse((await client.until(({ event }) => event === 'lead.removed')).data), {
    id: 2,
    merged_into: 1
  })
  client.close()
})

t.test(
  'a client that is behind is not told to begin again because the oldest lead was deleted',
  async (t) => {
    const { url, db, take, storeId } = await serveApi(t)
    for (const name of ['a', 'b', 'c']) await take(record(name))
    await db.deleteFrom('events').where('id', '<', 5).execute()

    const client = await openSse(`${url}/api/events?after=${storeId}-1`, bearer)

    t.equal((await client.until(({ event }) => event === 'message')).id, `${storeId}-5`)
    t.notOk(client.events.some(({ event }) => event === 'reset'))
    client.close()
  }
)

t.test(
  'a client that is up to date is not told to begin again because the newest message was deleted',
  async (t) => {
    const { url, db, take, storeId } = await serveApi(t)
    // Of a group, so that no lead changes with the message.
    const group = { chat_id: '120363000000000000@g.us', is_group: true }
    await take(record('a', { ...group, timestamp: 1_000 }))
    const { last } = await eventRange(db)
    const old = await expiredMessages(db, 'main', 2_000, 10)
    await changeLeads(db, (trx) => expire(trx, old, 2_000))
    t.same(await db.selectFrom('messages').selectAll().execute(), [])

    const client = await openSse(`${url}/api/events?after=${storeId}-${last}`, bearer)
    await client.until(({ event }) => event === 'session')
    await take(record('b', { ...group, timestamp: 3_000 }))

    t.match(await client.until(({ event }) => event === 'message'), {
      id: `${storeId}-${last + 1}`
    })
    t.notOk(client.events.some(({ event }) => event === 'reset'))
    client.close()
  }
)

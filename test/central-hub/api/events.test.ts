import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Lead, Message } from '../../../src/contract/lead.ts'
import { conforms } from '../../platform/conforms.ts'
import { openSse } from '../../platform/sse-client.ts'
import { addEvents, pruneEvents } from '../../../src/central-hub/store/events.ts'
import { fakeSessionManager } from '../fake-session-manager.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

t.test('a client gets what happens from now on: message, lead, session', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { url, take, live } = await serveApi(t, { sessionManager: upstream.url })
  await take(record('before'))
  const client = await openSse(`${url}/api/events`, bearer)
  t.equal(client.res.headers['content-type'], 'text/event-stream; charset=utf-8')
  t.match(JSON.parse((await client.until(({ event }) => event === 'session')).data), { status: 'DISCONNECTED', account: 'main' })
  await take(record('now'))
  const message = await client.until(({ event }) => event === 'message')
  conforms(t, Message, JSON.parse(message.data), 'message')
  t.match(JSON.parse(message.data), { body: 'message now' })
  conforms(t, Lead, JSON.parse((await client.until(({ event }) => event === 'lead')).data), 'lead')
  live.session({ type: 'urn:leadmaster:problem:session-manager-unreachable', title: 'x', status: 503 })
  await client.until(({ event, data }) => event === 'session' && data.includes('unreachable'))
  client.close()
})

t.test('a client that was away gets what it missed, by Last-Event-ID or after', async (t) => {
  const { url, take, storeId } = await serveApi(t)
  await take(record('a'))
  await take(record('b'))
  for (const open of [() => openSse(`${url}/api/events`, { ...bearer, 'last-event-id': `${storeId}-2` }), () => openSse(`${url}/api/events?after=${storeId}-2`, bearer)]) {
    const client = await open()
    t.match(JSON.parse((await client.until(({ event }) => event === 'message')).data), { body: 'message b' })
    t.equal((await client.until(({ event }) => event === 'lead')).id, `${storeId}-4`)
    client.close()
  }
  const all = await openSse(`${url}/api/events?after=0`, bearer)
  t.equal((await all.until(({ event }) => event === 'session')).id, `${storeId}-0`, 'from where it starts')
  t.equal((await all.until(({ event }) => event === 'lead')).id, `${storeId}-1`, 'the lead before its message')
  all.close()
})

t.test('a client that was away for longer than events are kept is told to read the lists again', async (t) => {
  const { url, db, take, storeId } = await serveApi(t)
  for (let round = 0; round < 11; round += 1) await addEvents(db, 'lead', Array.from({ length: 10_000 }, () => 1))
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
})

t.test('session-manager cannot be reached: the session event is that problem', async (t) => {
  const { url } = await serveApi(t)
  const client = await openSse(`${url}/api/events`, bearer)
  t.match(JSON.parse((await client.until(({ event }) => event === 'session')).data), { type: 'urn:leadmaster:problem:session-manager-unreachable', status: 503, detail: /SESSION_MANAGER_BASE_URL/ })
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
  const { url } = await serveApi(t, { sessionManager: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` })
  // their heads have come: all of them have asked, and nobody was answered
  const clients = await Promise.all(Array.from({ length: 20 }, () => openSse(`${url}/api/events`, bearer)))
  while (held.length === 0) await once(upstream, 'request')
  for (const res of held) res.writeHead(500).end()
  for (const client of clients) await client.until(({ event }) => event === 'session')
  t.same(asked, ['/health'])
  for (const client of clients) client.close()
})

t.test('a position that is none is refused', async (t) => {
  const { ask } = await serveApi(t)
  t.match(await ask('/api/events?after=x'), { status: 400, body: { errors: [{ field: 'after' }] } })
  for (const id of ['-1', '5', '1e3', 'zzzzzzzz-1']) t.match(await ask('/api/events', { headers: { 'last-event-id': id } }), { status: 400 }, id)
})

t.test('a client that is behind is not told to begin again because the oldest lead was deleted', async (t) => {
  const { url, db, take, storeId } = await serveApi(t)
  for (const name of ['a', 'b', 'c']) await take(record(name))
  await db.deleteFrom('events').where('id', '<', 5).execute()

  const client = await openSse(`${url}/api/events?after=${storeId}-1`, bearer)

  t.equal((await client.until(({ event }) => event === 'message')).id, `${storeId}-5`)
  t.notOk(client.events.some(({ event }) => event === 'reset'))
  client.close()
})

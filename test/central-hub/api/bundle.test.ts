import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, request, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Lead, LeadChange, Message } from '../../../src/contract/lead.ts'
import type { Media } from '../../../src/contract/record.ts'
import { mediaPath, storeMedia } from '../../../src/session-manager/journal/media.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { conforms } from '../../platform/conforms.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const photo = Buffer.from('the bytes of a photo')
const stored = (bytes: Buffer, more: Partial<Media> = {}): Media => ({
  state: 'stored',
  mimetype: 'image/jpeg',
  size: bytes.length,
  sha256: sum(bytes),
  ...more
})
const withMedia = (id: string, media: Media, timestamp = 2_000) =>
  record(id, { type: 'image', has_media: true, media, timestamp })
const other = (id: string, facts = {}) =>
  record(id, {
    id: `false_5215511111111@c.us_${id}`,
    chat_id: '5215511111111@c.us',
    from: '5215511111111@c.us',
    phone: '+5215511111111',
    ...facts
  })

interface Missing {
  message_id: string
  sent_at: string
  file: string | null
  reason: string
}

/** What Python's zipfile takes out of a bundle, after it checked all sums. */
const unzip = (t: Test, bytes: Buffer) => {
  const directory = ownDirectory(t)
  const file = join(directory, 'bundle.zip')
  const to = join(directory, 'bundle')
  mkdirSync(to)
  writeFileSync(file, bytes)
  execFileSync('python3', ['-m', 'zipfile', '-t', file])
  execFileSync('python3', ['-m', 'zipfile', '-e', file, to])
  const read = (name: string): string => readFileSync(join(to, name), 'utf8')
  return {
    names: (readdirSync(to, { recursive: true }) as string[]).toSorted(),
    read,
    bytes: (name: string) => readFileSync(join(to, name)),
    lead: JSON.parse(read('lead.json')) as { lead: Lead; history: LeadChange[] },
    messages: read('messages.jsonl')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Message),
    missing: JSON.parse(read('missing.json')) as Missing[]
  }
}

const download = async ({ url }: Api, id: number | string) => {
  const answer = await fetch(`${url}/api/leads/${id}/bundle`, { headers: bearer })
  return { headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}

t.test('a bundle has the lead, all of 1,000 messages and nothing of others', async (t) => {
  const api = await serveApi(t)
  await api.take(
    ...Array.from({ length: 999 }, (_, n) =>
      // Captured in another order than written, many in the same second.
      record(`m${n}`, { timestamp: 1_000 + ((n * 7) % 500), body: `hola ${n} ñandú 😀` })
    ),
    reply('r', { timestamp: 9_000, body: 'buenas' }),
    other('x', { body: 'of somebody else' })
  )
  await api.ask('/api/leads/1', { method: 'PATCH', body: { state: 'open', note: 'one' } })
  await api.ask('/api/leads/1', { method: 'PATCH', body: { note: 'two' } })

  const { headers, bytes } = await download(api, 1)

  t.equal(headers.get('content-type'), 'application/zip')
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(
    headers.get('content-disposition'),
    /^attachment; filename="lead-1-\d{4}-\d\d-\d\d\.zip"$/
  )
  const bundle = unzip(t, bytes)
  t.same(bundle.names, ['README.txt', 'lead.json', 'messages.jsonl', 'missing.json'])
  t.same(bundle.missing, [])
  const shown = await api.ask<Lead>('/api/leads/1')
  t.same(bundle.lead.lead, shown.body)
  const { body } = await api.ask<{ changes: LeadChange[] }>('/api/leads/1/history')
  t.equal(body.changes.length, 3)
  t.same(bundle.lead.history, body.changes)
  t.equal(bundle.messages.length, 1_000)
  for (const message of bundle.messages.slice(0, 3)) conforms(t, Message, message, 'a line')
  const listed = await api.ask<{ messages: Message[] }>('/api/leads/1/messages?limit=200')
  t.same(bundle.messages.slice(-200), listed.body.messages.toReversed(), 'oldest first')
  t.equal(new Set(bundle.messages.map(({ id }) => id)).size, 1_000)
  t.notMatch(JSON.stringify([bundle.lead, bundle.messages]), /5215511111111|somebody else/)
  for (const word of ['This file has the data', 'Este archivo tiene', 'Este arquivo tem'])
    t.match(bundle.read('README.txt'), word)
  t.notOk(
    bundle
      .read('README.txt')
      .split('\n')
      .some((line) => line.length > 80)
  )
})

t.test('media files are in it; what is missing or damaged is named with the reason', async (t) => {
  const upstream = await fakeSessionManager(t)
  const [lost, damaged, note] = ['lost', 'damaged', 'a voice note'].map((text) => Buffer.from(text))
  for (const bytes of [photo, damaged, note])
    await storeMedia(upstream.mediaDirectory, bytes as Buffer)
  writeFileSync(mediaPath(upstream.mediaDirectory, sum(damaged as Buffer)), 'another')
  const api = await serveApi(t, { sessionManager: upstream.url })
  const messages = [
    withMedia('photo', stored(photo), 2_001),
    withMedia('lost', stored(lost as Buffer), 2_002),
    withMedia('damaged', stored(damaged as Buffer), 2_003),
    withMedia('pending', { state: 'pending' }, 2_004),
    withMedia('skipped', { state: 'skipped', reason: 'larger than MEDIA_MAX_SIZE' }, 2_005),
    record('odd', {
      id: '../../etc/passwd:1',
      has_media: true,
      media: stored(note as Buffer, { mimetype: 'x/y', filename: '../nota.OPUS' }),
      timestamp: 2_006
    })
  ]
  await api.take(...messages)

  const bundle = unzip(t, (await download(api, 1)).bytes)

  const [ofPhoto, ofLost, ofDamaged, ofPending, ofSkipped] = messages.map(
    ({ message }) => message.id
  )
  const digest = sum(Buffer.from('../../etc/passwd:1')).slice(0, 16)
  const odd = `media/______etc_passwd_1-${digest}.OPUS`
  t.same(
    bundle.names.filter((name) => name.startsWith('media/')),
    [`media/${ofDamaged}.jpg`, `media/${ofPhoto}.jpg`, odd].toSorted()
  )
  t.same(bundle.bytes(`media/${ofPhoto}.jpg`), photo)
  t.same(bundle.bytes(odd), note)
  t.match(bundle.missing, [
    {
      message_id: ofLost,
      sent_at: '1970-01-01T00:33:22.000Z',
      file: null,
      reason: 'session-manager does not have the file any more'
    },
    { message_id: ofDamaged, file: `media/${ofDamaged}.jpg`, reason: /damaged/ },
    { message_id: ofPending, file: null, reason: /still fetching/ },
    { message_id: ofSkipped, file: null, reason: /larger than MEDIA_MAX_SIZE/ }
  ])
})

t.test('a session-manager that does not answer is asked for three files only', async (t) => {
  let asked = 0
  const { api } = await played(t, (_req, res) => {
    asked += 1
    res.writeHead(500).end()
  })
  await api.take(
    ...Array.from({ length: 6 }, (_, n) => withMedia(`m${n}`, stored(Buffer.from(`${n}`))))
  )

  const bundle = unzip(t, (await download(api, 1)).bytes)

  t.equal(bundle.missing.length, 6)
  t.equal(new Set(bundle.missing.map(({ reason }) => reason)).size > 0, true)
  t.equal(asked, 3)
})

/** A session-manager of the test's own making. */
const played = async (t: Test, answer: RequestListener): Promise<{ api: Api }> => {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { api: await serveApi(t, { sessionManager: `http://127.0.0.1:${port}` }) }
}

t.test('a file that is cut off on its way: the part is kept and named', async (t) => {
  const { api } = await played(t, (_req, res) => {
    res.writeHead(200, { 'content-length': 1_000, etag: `"${sum(photo)}"` })
    res.write('the beginning')
    setTimeout(() => res.destroy(), 100)
  })
  const one = withMedia('A', stored(photo))
  await api.take(one)

  const bundle = unzip(t, (await download(api, 1)).bytes)

  const file = `media/${one.message.id}.jpg`
  t.equal(bundle.read(file), 'the beginning')
  t.match(bundle.missing, [{ message_id: one.message.id, file, reason: /only a part/ }])
})

t.test('a client that goes away ends the request for a file, and the next is served', async (t) => {
  const asked = Promise.withResolvers<ServerResponse>()
  let requests = 0
  const { api } = await played(t, (_req, res) => {
    requests += 1
    res.writeHead(200, { 'content-length': 1_000, etag: `"${sum(photo)}"` })
    res.write('the beginning')
    if (requests === 1) asked.resolve(res)
    else res.destroy()
  })
  await api.take(
    ...Array.from({ length: 20 }, (_, n) => withMedia(`m${n}`, stored(photo), 2_000 + n))
  )
  const { port } = api
  const path = '/api/leads/1/bundle'
  const req = request({ host: '127.0.0.1', port, path, headers: bearer, agent: false }).end()
  const [res] = (await once(req, 'response')) as [NodeJS.ReadableStream]
  res.on('error', () => undefined).resume()
  const closed = once(await asked.promise, 'close')

  req.destroy()
  await closed

  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal(requests, 1, 'no other file is asked for')
  t.equal(unzip(t, (await download(api, 1)).bytes).missing.length, 20)
  t.same(
    api.lines.lines.filter(
      ({ level }) => level !== 'debug' && level !== 'trace' && level !== 'info'
    ),
    []
  )
})

t.test('a lead that is not there, was erased or merged', async (t) => {
  const upstream = await fakeSessionManager(t)
  const api = await serveApi(t, { sessionManager: upstream.url })
  await api.take(record('1'), other('2'))
  t.match(await api.ask('/api/leads/99/bundle'), {
    status: 404,
    body: { type: 'urn:leadmaster:problem:not-found', detail: 'there is no lead 99' }
  })
  t.equal((await api.ask('/api/leads/1', { method: 'DELETE' })).status, 200)
  t.equal((await api.ask('/api/leads/1/bundle')).status, 404)
  t.match(await api.ask('/api/leads/x/bundle'), { status: 400, body: { errors: [{ in: 'path' }] } })

  await api.take(record('3', { timestamp: 3_000 }))
  await api.ask('/api/leads/2/merge', { method: 'POST', body: { lead_id: 3 } })

  const { headers, bytes } = await download(api, 3)
  t.match(headers.get('content-disposition'), /"lead-2-/)
  t.equal(unzip(t, bytes).messages.length, 2)
})

t.test('who exports is recorded, and nothing personal is logged', async (t) => {
  const api = await serveApi(t)
  await api.take(record('1', { body: 'a secret' }))

  await download(api, 1)

  t.match((await api.ask<{ entries: object[] }>('/api/audit')).body.entries[0], {
    operation: 'exportLead',
    subject: { kind: 'lead', id: '1' }
  })
  t.notMatch(JSON.stringify(api.lines.lines), /a secret|5512345678/)
})

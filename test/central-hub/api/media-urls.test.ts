import { createHash } from 'node:crypto'
import { mock } from 'node:test'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MediaUrls } from '../../../src/central-hub/api/media-urls.ts'
import type { MediaUrl } from '../../../src/contract/lead.ts'
import type { Media } from '../../../src/contract/record.ts'
import { storeMedia } from '../../../src/session-manager/journal/media.ts'
import { apiToken } from '../../end-to-end/daemon.ts'
import { propertyRuns } from '../../property-runs.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record, testStore } from '../store/open-store.ts'
import { isOnPostgres, ownPlace } from '../store/place.ts'
import { bearer, serveApi, type Api } from './rig.ts'

const photo = Buffer.from('the bytes of a photo')
const media: Media = {
  state: 'stored',
  mimetype: 'image/jpeg',
  size: photo.length,
  sha256: createHash('sha256').update(photo).digest('hex')
}

const rig = async (t: Test, options: { corsOrigins?: string[] } = {}) => {
  const upstream = await fakeSessionManager(t)
  await storeMedia(upstream.mediaDirectory, photo)
  const directory = await ownPlace(t)
  const api = await serveApi(t, { sessionManager: upstream.url, directory, ...options })
  const one = record('A', { type: 'image', has_media: true, media })
  await api.take(one)
  return { api, upstream, directory, id: one.message.id }
}

const urlOf = async (api: Api, id: string, query = ''): Promise<MediaUrl> =>
  (await api.ask<MediaUrl>(`/api/messages/${encodeURIComponent(id)}/media-url${query}`)).body

/** As an `<img>` of another origin asks: without the token. */
const show = (api: Api, url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(new URL(url, api.url), {
    headers: { origin: 'https://crm.example.com', 'sec-fetch-dest': 'image', ...headers }
  })

t.test(
  'a page of another origin shows media by its URL alone, in parts too, and nothing in it is executed',
  async (t) => {
    for (const corsOrigins of [[], ['https://other.example.com']]) {
      const { api, id } = await rig(t, { corsOrigins })
      const { url, expires_at } = await urlOf(api, id)
      t.ok(Math.abs(Date.parse(expires_at) - Date.now() - 600_000) < 60_000, 'ten minutes')
      t.notMatch(url, /5512345678|%40/, 'it tells no number')

      const whole = await show(api, url)
      t.same(Buffer.from(await whole.arrayBuffer()), photo)
      t.match(Object.fromEntries(whole.headers), {
        'content-type': 'image/jpeg',
        'content-disposition': /^inline;/,
        'cross-origin-resource-policy': 'cross-origin',
        'access-control-allow-origin': '*',
        'content-security-policy': "sandbox; default-src 'none'",
        'x-content-type-options': 'nosniff',
        'cache-control': /^private, max-age=(600|59\d)$/
      })
      const part = await show(api, url, { range: 'bytes=4-8' })
      t.match(
        [part.status, await part.text(), part.headers.get('content-range')],
        [206, 'bytes', `bytes 4-8/${photo.length}`]
      )
      t.equal((await show(api, url, { range: 'bytes=99-' })).status, 416)
      const file = await show(api, (await urlOf(api, id, '?download=true')).url)
      t.match(file.headers.get('content-disposition'), /^attachment;/)
    }
  }
)

t.test('a URL that was altered grants nothing, whatever was altered', async (t) => {
  const { api, id } = await rig(t)
  await api.take(record('B', { type: 'image', has_media: true, media }))
  const { url } = await urlOf(api, id)
  const [, ticket = ''] = /^\/api\/media\/(.+)$/.exec(url) ?? []
  const others = (
    await Promise.all(
      ['false_5215512345678@c.us_B', id].map((each) => urlOf(api, each, '?expires_in=60'))
    )
  ).map((each) => each.url.split('/').at(-1) ?? '')
  const characters = '0123456789.-_AZaz'
  const altered = fc.oneof(
    fc
      .tuple(fc.nat(ticket.length - 1), fc.constantFrom(...characters))
      .map(([at, character]) => ticket.slice(0, at) + character + ticket.slice(at + 1)),
    fc.nat(ticket.length - 1).map((at) => ticket.slice(0, at) + ticket.slice(at + 1)),
    fc.tuple(fc.constantFrom(...others), fc.nat(4)).map(([other, part]) =>
      ticket
        .split('.')
        .with(part, other.split('.')[part] ?? '')
        .join('.')
    ),
    fc.stringMatching(/^[\w.-]{3,120}$/)
  )

  await fc.assert(
    fc.asyncProperty(altered, async (given) => {
      if (given === ticket || others.includes(given)) return
      const answer = await show(api, `/api/media/${given}`)
      const text = await answer.text()
      if (answer.status !== 403 || text.includes('photo'))
        throw new Error(`${answer.status}: ${text}`)
    }),
    propertyRuns(t, 300)
  )
  t.equal((await show(api, url)).status, 200, 'the true one still does')
  for (const path of [
    '/api/media/',
    '/api/media',
    `/api/media/${ticket}/x`,
    `/api/media/../leads`,
    '/api/media/..%2fleads',
    `/api/media/${ticket}%2f..%2f..%2fleads`,
    `/api/media/${ticket}?x=1`
  ]) {
    t.ok([400, 401, 403, 404].includes((await fetch(api.url + path)).status), path)
  }
  t.equal((await fetch(`${api.url}/api/media/${ticket}`, { method: 'DELETE' })).status, 405)
})

t.test('a URL ends with its time', async (t) => {
  const { api, id } = await rig(t)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const { url, expires_at } = await urlOf(api, id, '?expires_in=30')
  mock.timers.setTime(Date.parse(expires_at) - 1)
  const last = await show(api, url)
  t.match([last.status, last.headers.get('cache-control')], [200, 'private, max-age=1'])
  mock.timers.setTime(Date.parse(expires_at))
  const late = await show(api, url)
  t.match(
    [late.status, await late.json(), late.headers.get('access-control-allow-origin')],
    [403, { type: 'urn:leadmaster:problem:forbidden', detail: /expired/ }, '*']
  )
  for (const seconds of ['9', '3601', '0', '-1', '1e9'])
    t.equal(
      (await api.ask(`/api/messages/${encodeURIComponent(id)}/media-url?expires_in=${seconds}`))
        .status,
      400,
      seconds
    )
})

t.test(
  'a URL ends with the token, and with the message, also when another one gets its place',
  async (t) => {
    const { api, upstream, directory, id } = await rig(t)
    const { url } = await urlOf(api, id)
    if (!isOnPostgres()) {
      const rotated = await serveApi(t, {
        sessionManager: upstream.url,
        directory,
        token: `${apiToken}-another`
      })
      t.equal((await show(rotated, url)).status, 403, 'another token')
      const same = await serveApi(t, { sessionManager: upstream.url, directory })
      t.equal((await show(same, url)).status, 200, 'the same after a restart')
    }
    t.equal((await api.ask('/api/leads/1', { method: 'DELETE' })).status, 200)
    const gone = await show(api, url)
    t.match([gone.status, await gone.json()], [404, { type: 'urn:leadmaster:problem:not-found' }])
    // PostgreSQL gives no number again.
    if (isOnPostgres()) return
    await api.take(
      record('C', {
        type: 'image',
        has_media: true,
        media,
        chat_id: '34600123456@c.us',
        phone: '+34600123456'
      })
    )
    await api.db
      .updateTable('messages')
      .set({ pk: Number(url.split('/').at(-1)?.split('.')[0]) } as never)
      .execute()
    t.equal((await show(api, url)).status, 404, 'the number of the message alone grants nothing')
  }
)

t.test('without the token there is no URL to be had, and none for what has no file', async (t) => {
  const { api, id } = await rig(t)
  await api.take(
    record('text'),
    record('waits', { type: 'image', has_media: true, media: { state: 'pending' } })
  )
  t.equal((await fetch(`${api.url}/api/messages/${encodeURIComponent(id)}/media-url`)).status, 401)
  const of = async (name: string): Promise<number> =>
    (
      await api.ask(
        `/api/messages/${encodeURIComponent(`false_5215512345678@c.us_${name}`)}/media-url`
      )
    ).status
  t.same([await of('text'), await of('waits'), await of('nobody')], [404, 409, 404])
})

t.test('no line of the log has a signature in it, also when something goes wrong', async (t) => {
  const { api, upstream, id } = await rig(t)
  const { url } = await urlOf(api, id)
  await (await show(api, url)).arrayBuffer()
  await (await show(api, `${url}x`)).arrayBuffer()
  await upstream.close()
  t.equal((await show(api, url)).status, 503)
  const lines = JSON.stringify(api.lines.lines)
  for (const part of url
    .split('/')
    .at(-1)
    ?.split('.')
    .filter((text) => text.length > 20) ?? [])
    t.notMatch(lines, part)
  t.match(bearer.authorization, apiToken)
})

t.test('what is signed with is drawn once, and is not the token', async (t) => {
  const { db } = await testStore(t)
  const grant = { message: '1.aaaaaaaaaaaaaaaaaaaaaa', expires: 1, download: false }
  const [first, second] = await Promise.all([
    new MediaUrls(db, 'x').sign(grant),
    new MediaUrls(db, 'x').sign(grant)
  ])
  t.equal(first, second)
  t.not(await new MediaUrls(db, 'y').sign(grant), first)
  await db.updateTable('store').set({ media_secret: '' }).execute()
  t.not(await new MediaUrls(db, 'x').sign(grant), first, 'another store, another key')
})

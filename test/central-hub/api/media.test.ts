import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import {
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse
} from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import type { Media } from '../../../src/contract/record.ts'
import { mediaPath, storeMedia } from '../../../src/session-manager/journal/media.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

const photo = Buffer.from('the bytes of a photo')
const sha256 = createHash('sha256').update(photo).digest('hex')
const stored: Media = { state: 'stored', mimetype: 'image/jpeg', size: photo.length, sha256 }

/** Takes a message with media; @returns the path of its file in the API */
const takeWith = async (api: Api, id: string, media: Media | undefined): Promise<string> => {
  const one = record(id, {
    type: 'image',
    has_media: true,
    ...(media === undefined ? {} : { media })
  })
  await api.take(one)
  return `/api/messages/${encodeURIComponent(one.message.id)}/media`
}

const rig = async (t: Test) => {
  const upstream = await fakeSessionManager(t)
  await storeMedia(upstream.mediaDirectory, photo)
  const api = await serveApi(t, { sessionManager: upstream.url })
  const path = await takeWith(api, 'A', stored)
  const get = (headers: Record<string, string> = {}, of = path): Promise<Response> =>
    fetch(api.url + of, { headers: { ...bearer, ...headers } })
  return { ...api, upstream, path, get }
}

t.test('the file, of the type it was captured with, and nothing in it is executed', async (t) => {
  const { get, path } = await rig(t)
  const answer = await get()
  t.equal(answer.status, 200)
  t.same(Buffer.from(await answer.arrayBuffer()), photo)
  t.match(Object.fromEntries(answer.headers), {
    'content-type': 'image/jpeg',
    'content-length': String(photo.length),
    'content-disposition': `inline; filename="whatsapp-${sha256.slice(0, 8)}.jpg"`,
    etag: `"${sha256}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=86400, immutable',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'",
    'cross-origin-resource-policy': 'same-site'
  })
  t.match(
    (await get({}, `${path}?download=true`)).headers.get('content-disposition'),
    /^attachment;/
  )
  t.equal((await get({}, `${path}?download=perhaps`)).status, 400)
})

t.test('ranges and validators are those of HTTP', async (t) => {
  const { get } = await rig(t)
  const part = await get({ range: 'bytes=4-8' })
  t.equal(part.status, 206)
  t.equal(await part.text(), 'bytes')
  t.match(Object.fromEntries(part.headers), {
    'content-range': `bytes 4-8/${photo.length}`,
    'content-length': '5',
    'content-type': 'image/jpeg'
  })
  t.equal((await get({ range: 'bytes=4-8', 'if-range': `"${sha256}"` })).status, 206)
  t.equal((await get({ range: 'bytes=4-8', 'if-range': '"another"' })).status, 200)
  const known = await get({ 'if-none-match': `"${sha256}"` })
  t.equal(known.status, 304)
  t.match(Object.fromEntries(known.headers), { etag: `"${sha256}"`, 'cache-control': /private/ })
  const beyond = await get({ range: 'bytes=999-' })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers.get('content-range'), `bytes */${photo.length}`)
  t.match(await beyond.json(), { type: 'urn:leadmaster:problem:range-not-satisfiable' })
})

t.test('why there is no file, in plain words', async (t) => {
  const api = await rig(t)
  const problem = async (
    path: string
  ): Promise<{ status: number; type: string; detail: string }> => {
    const { status, body } = await api.ask<{ type: string; detail: string }>(path)
    return { status, type: body.type.replace('urn:leadmaster:problem:', ''), detail: body.detail }
  }
  t.match(await problem('/api/messages/false_1%40c.us_NONE/media'), {
    status: 404,
    type: 'not-found',
    detail: 'there is no message with this id'
  })
  t.match(await problem(`${api.path}?account=other`), {
    status: 404,
    detail: 'there is no message with this id of account other'
  })
  t.match(await problem(await takeWith(api, 'text', undefined)), {
    status: 404,
    type: 'not-found',
    detail: 'this message has no media'
  })
  t.match(await problem(await takeWith(api, 'pending', { state: 'pending' })), {
    status: 409,
    type: 'media-not-ready'
  })
  t.match(
    await problem(
      await takeWith(api, 'skipped', { state: 'skipped', reason: 'larger than MEDIA_MAX_SIZE' })
    ),
    {
      status: 410,
      type: 'media-unavailable',
      detail: 'it was not fetched: larger than MEDIA_MAX_SIZE'
    }
  )
  t.match(
    await problem(
      await takeWith(api, 'failed', { state: 'failed', reason: 'WhatsApp does not deliver it' })
    ),
    { status: 410, detail: 'it was not delivered by WhatsApp: WhatsApp does not deliver it' }
  )
  await rm(mediaPath(api.upstream.mediaDirectory, sha256))
  t.match(await problem(api.path), {
    status: 410,
    type: 'media-unavailable',
    detail: 'session-manager does not have the file any more'
  })
  await api.upstream.close()
  t.match(await problem(api.path), {
    status: 503,
    type: 'session-manager-unreachable',
    detail: /nothing listens there/
  })
})

t.test(
  'a message that two accounts have: the one whose file is there, or the one asked for',
  async (t) => {
    const api = await rig(t)
    const { message } = record('both', { has_media: true, media: stored })
    const of = {
      ...record('both'),
      account: 'sales',
      message: { ...message, media: { state: 'failed' as const, reason: 'gone' } }
    }
    await createIngest({ db: api.db, onTaken: () => undefined }).take('sales', 'j', [of])
    await takeWith(api, 'both', stored)
    const path = `/api/messages/${encodeURIComponent(message.id)}/media`
    t.equal((await api.get({}, path)).status, 200)
    t.match(await api.ask(`${path}?account=sales`), { status: 410 })
  }
)

t.test('an account that is followed no more', async (t) => {
  const api = await rig(t)
  const one = record('S', { has_media: true, media: stored })
  await createIngest({ db: api.db, onTaken: () => undefined }).take('sales', 'j', [
    { ...one, account: 'sales' }
  ])
  t.match(await api.ask(`/api/messages/${encodeURIComponent(one.message.id)}/media`), {
    status: 503,
    body: {
      type: 'urn:leadmaster:problem:session-manager-unreachable',
      account: 'sales',
      detail: /name it in FURTHER_SESSION_MANAGERS/
    }
  })
})

/** A session-manager of the test's own making, for one file. */
const played = async (t: Test, answer: RequestListener): Promise<{ api: Api; path: string }> => {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const api = await serveApi(t, {
    sessionManager: `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  return { api, path: await takeWith(api, 'A', stored) }
}
const begin = (res: ServerResponse): boolean =>
  res
    .writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': 1_000,
      etag: `"${sha256}"`
    })
    .write('the beginning')
const open = async (
  api: Api,
  path: string
): Promise<{ req: ReturnType<typeof request>; res: IncomingMessage }> => {
  const req = request({
    host: '127.0.0.1',
    port: api.port,
    path,
    headers: bearer,
    agent: false
  }).end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return { req, res }
}

t.test(
  'session-manager dies in the middle: the connection is cut, a short file never passes for a whole one',
  async (t) => {
    let upstream: ServerResponse | undefined
    const { api, path } = await played(t, (_req, res) => void begin((upstream = res)))
    const { res } = await open(api, path)
    const ended = once(res, 'end').then(
      () => 'whole',
      (error: NodeJS.ErrnoException) => error.code
    )
    await once(res, 'data')
    upstream?.destroy()
    t.equal(await ended, 'ECONNRESET')
  }
)

t.test(
  'a client that goes away ends the request to session-manager, before its answer or in the middle of it',
  async (t) => {
    const asked = Promise.withResolvers<ServerResponse>()
    let answers = false
    const closed: Promise<unknown>[] = []
    const { api, path } = await played(t, (_req, res) => {
      closed.push(once(res, 'close'))
      if (answers) begin(res)
      else asked.resolve(res)
    })
    const early = request({
      host: '127.0.0.1',
      port: api.port,
      path,
      headers: bearer,
      agent: false
    })
      .on('error', () => undefined)
      .end()
    await asked.promise
    early.destroy()
    await closed[0]
    answers = true
    const { req, res } = await open(api, path)
    await once(res, 'data')
    req.destroy()
    res.on('error', () => undefined)
    await closed[1]
    t.equal(closed.length, 2)
  }
)

t.test('a slow reader: no more of a large file is read than what it takes', async (t) => {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const chunks = 1_600
  let written = 0
  const stalled = Promise.withResolvers<void>()
  const { api, path } = await played(t, async (_req, res) => {
    res.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': chunk.length * chunks,
      etag: `"${sha256}"`
    })
    for (; written < chunks; written += 1) {
      if (res.write(chunk)) continue
      const drained = once(res, 'drain')
      // once nothing was taken for a while, every buffer on the way is full
      const still = setTimeout(stalled.resolve, 300)
      await drained
      clearTimeout(still)
    }
    res.end()
  })
  const { res } = await open(api, path)
  res.pause()
  await stalled.promise
  t.ok(written < chunks / 2, `${written} of ${chunks} chunks were taken by then`)
  let bytes = 0
  for await (const part of res as AsyncIterable<Buffer>) bytes += part.length
  t.equal(bytes, chunk.length * chunks, 'and all of it arrives')
})

t.test('what answers there is no session-manager, or serves another file', async (t) => {
  for (const answer of [
    (_req, res) =>
      void res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>'),
    (_req, res) =>
      void res
        .writeHead(200, { 'content-type': 'application/octet-stream', etag: '"another"' })
        .end('x'),
    (_req, res) => void res.writeHead(404, { 'content-type': 'text/html' }).end('none'),
    (_req, res) => void res.writeHead(500).end()
  ] as RequestListener[]) {
    const { api, path } = await played(t, answer)
    t.match(await api.ask(path), {
      status: 502,
      body: { type: 'urn:leadmaster:problem:session-manager-invalid' }
    })
  }
})

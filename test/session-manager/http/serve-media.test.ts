import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { truncate } from 'node:fs/promises'
import { Agent, request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mediaPath, storeMedia } from '../../../src/session-manager/journal/media.ts'
import { addMediaRoute } from '../../../src/session-manager/http/serve-media.ts'
import { raw, serve } from '../../platform/http/http-server.ts'

const bytes = Buffer.from('0123456789')

const rig = async (t: Test) => {
  const directory = join(t.testdir({ 'secret.txt': 'a secret' }), 'media')
  const sha256 = await storeMedia(directory, bytes)
  const server = await serve(t, (http) => addMediaRoute({ http, directory }))
  const get = async (
    headers: Record<string, string> = {},
    path = `/media/${sha256}`
  ): Promise<{ status: number; headers: Headers; body: Buffer }> => {
    const answer = await fetch(server.url + path, { headers })
    return {
      status: answer.status,
      headers: answer.headers,
      body: Buffer.from(await answer.arrayBuffer())
    }
  }
  return { ...server, directory, sha256, etag: `"${sha256}"`, get }
}

t.test('the whole file, under its sum', async (t) => {
  const { get, etag } = await rig(t)
  const { status, headers, body } = await get()
  t.equal(status, 200)
  t.same(body, bytes)
  t.match(Object.fromEntries(headers), {
    'content-type': 'application/octet-stream',
    'content-length': '10',
    'accept-ranges': 'bytes',
    etag
  })
})

t.test('a range of it, unless If-Range names another file', async (t) => {
  const { get, etag } = await rig(t)
  for (const headers of [{ range: 'bytes=2-4' }, { range: 'bytes=2-4', 'if-range': etag }]) {
    const part = await get(headers)
    t.equal(part.status, 206)
    t.equal(String(part.body), '234')
    t.match(Object.fromEntries(part.headers), {
      'content-range': 'bytes 2-4/10',
      'content-length': '3',
      etag
    })
  }
  for (const other of ['"another"', `W/${etag}`, 'Wed, 21 Oct 2026 07:28:00 GMT'])
    t.equal((await get({ range: 'bytes=2-4', 'if-range': other })).status, 200, other)
  t.equal((await get({ range: 'bytes=0-1,4-5' })).status, 200, 'several ranges are the whole')
})

t.test('a range that is not there', async (t) => {
  const { get } = await rig(t)
  const { status, headers, body } = await get({ range: 'bytes=10-' })
  t.equal(status, 416)
  t.equal(headers.get('content-range'), 'bytes */10')
  t.match(JSON.parse(String(body)), {
    type: 'urn:leadmaster:problem:range-not-satisfiable',
    detail: 'the file has 10 bytes'
  })
})

t.test('known already: 304', async (t) => {
  const { get, etag } = await rig(t)
  for (const tags of [etag, `"x", W/${etag}`, '*']) {
    const { status, body, headers } = await get({ 'if-none-match': tags })
    t.equal(status, 304)
    t.equal(body.length, 0)
    t.equal(headers.get('etag'), etag)
  }
  t.equal((await get({ 'if-none-match': '"x"' })).status, 200)
})

t.test('an empty file', async (t) => {
  const { get, directory } = await rig(t)
  const sha256 = await storeMedia(directory, Buffer.alloc(0))
  t.match(await get({}, `/media/${sha256}`), { status: 200, body: Buffer.alloc(0) })
  t.equal((await get({ range: 'bytes=0-' }, `/media/${sha256}`)).status, 416)
})

t.test('nothing but a sum leads to a file', async (t) => {
  const { port, sha256 } = await rig(t)
  t.equal(
    (await raw(port, { path: `/media/${createHash('sha256').update('other').digest('hex')}` }))
      .status,
    404
  )
  for (const path of [
    'secret.txt',
    '..%2Fsecret.txt',
    '%2e%2e%2fsecret.txt',
    sha256.toUpperCase(),
    `${sha256}.partial`,
    sha256.slice(1),
    `${sha256}%00`,
    `${sha256}%0a`
  ]) {
    t.match(
      await raw(port, { path: `/media/${path}` }),
      { status: 400, body: /64 hexadecimal digits/ },
      path
    )
  }
  t.equal((await raw(port, { path: '/media/../secret.txt' })).status, 404)
})

t.test(
  'a file that turns out short cuts the connection: a short answer does not pass for a whole one',
  async (t) => {
    const { port, directory, logged } = await rig(t)
    const sha256 = await storeMedia(directory, Buffer.alloc(32 * 1024 ** 2, 'x'))
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const req = request({ port, host: '127.0.0.1', path: `/media/${sha256}`, agent }).end()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    await once(res, 'readable')
    // most of it is still to be read
    await truncate(mediaPath(directory, sha256), 1024 ** 2)
    const ended = once(res, 'end').then(
      () => 'whole',
      () => 'cut'
    )
    res.resume()
    t.equal(await ended, 'cut')
    await logged.count('request_failed', 1)
  }
)

t.test('a client that goes away is no fault', async (t) => {
  const { port, directory, logged, get, url } = await rig(t)
  const sha256 = await storeMedia(directory, Buffer.alloc(32 * 1024 ** 2, 'x'))
  const leaving = request({ port, host: '127.0.0.1', path: `/media/${sha256}`, agent: false }).end()
  const [res] = (await once(leaving, 'response')) as [IncomingMessage]
  const left = once(res, 'error')
  leaving.destroy()
  await left
  t.equal((await get()).status, 200)
  t.equal(
    Buffer.from(await (await fetch(`${url}/media/${sha256}`)).arrayBuffer()).length,
    32 * 1024 ** 2
  )
  t.same(logged.of('request_failed'), [])
})

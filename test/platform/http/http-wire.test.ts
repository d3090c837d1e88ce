import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import t from 'tap'
import { createHttp, sendJson } from '../../../src/platform/http/http.ts'
import { createMetrics } from '../../../src/platform/metrics.ts'
import { raw, serve } from './http-server.ts'
import { logLines } from '../log-lines.ts'

/** What goes over the wire beside the body. */

const origin = 'https://crm.example'

t.test(
  'every answer carries its id, CORS, the rate limit and the security headers, whatever it says',
  async (t) => {
    const { url } = await serve(
      t,
      (http) => {
        http.route('GET', '/fine', (_req, res) => sendJson(res, {}))
        http.route('GET', '/broken', () => Promise.reject(new Error('broken')))
        http.route(
          'GET',
          '/text',
          (_req, res) => void res.writeHead(200, { 'content-type': 'text/plain' }).end('text')
        )
        http.route('GET', '/bare', (_req, res) => void res.end('bare'))
      },
      { corsOrigins: [origin], rateLimit: 100 }
    )
    const left: number[] = []
    for (const [path, status] of [
      ['/fine', 200],
      ['/text', 200],
      ['/bare', 200],
      ['/nowhere', 404],
      ['/broken', 500]
    ] as const) {
      const { status: answered, headers } = await fetch(url + path, {
        headers: { origin, 'x-request-id': `id-of-${path.slice(1)}` }
      })
      t.equal(answered, status, path)
      t.equal(headers.get('x-request-id'), `id-of-${path.slice(1)}`, path)
      t.equal(headers.get('access-control-allow-origin'), origin, path)
      t.match(headers.get('vary'), /origin/i, path)
      t.match(headers.get('ratelimit-policy'), /^"100-in-1min"; q=100; w=60/, path)
      left.push(Number(/r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]))
      t.equal(headers.get('x-content-type-options'), 'nosniff', path)
      t.equal(
        headers.get('content-security-policy'),
        "default-src 'none';frame-ancestors 'none'",
        path
      )
    }
    t.same(left, [99, 98, 97, 96, 95])
    const stranger = await fetch(`${url}/fine`, { headers: { origin: 'https://other.example' } })
    t.not(stranger.headers.get('access-control-allow-origin'), 'https://other.example')
  }
)

t.test(
  'a request over the limit is told so, with all headers that a page needs to read it',
  async (t) => {
    const { url } = await serve(
      t,
      (http) => http.route('GET', '/', (_req, res) => sendJson(res, {})),
      { corsOrigins: [origin], rateLimit: 1 }
    )
    await fetch(url)
    const { status, headers } = await fetch(url, { headers: { origin } })
    t.equal(status, 429)
    t.equal(headers.get('access-control-allow-origin'), origin)
    t.match(headers.get('retry-after'), /^\d+$/)
    t.match(headers.get('x-request-id'), /./)
  }
)

t.test('a server answers to the address it listens on, of either family', async (t) => {
  for (const [host, name] of [
    ['127.0.0.2', '127.0.0.2'],
    ['::ffff:127.0.0.3', '[::ffff:127.0.0.3]']
  ] as const) {
    const { log } = logLines()
    const http = createHttp({ log, metrics: createMetrics(), authorize: () => undefined })
    http.route('GET', '/', (_req, res) => sendJson(res, {}))
    t.teardown(() => http.close(1_000))
    const { port } = await http.listen(host, 0)
    const statusOf = async (header: string): Promise<number | undefined> => {
      const req = request({ host, port, agent: false, headers: { host: header } }).end()
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      res.resume()
      await once(res, 'end')
      return res.statusCode
    }
    t.equal(await statusOf(`${name}:${port}`), 200, host)
    t.equal(await statusOf(name), 200, host)
    t.equal(await statusOf(`127.0.0.9:${port}`), 421, `${host}, by another name`)
    t.equal(
      await statusOf(`[${name}]:${port}`),
      421,
      `${host}, in brackets that do not belong there`
    )
  }
})

t.test(
  'a slow JSON answer is logged as a warning, by its route; a fast one and a stream are not',
  async (t) => {
    // Slower than the second from which on it is logged.
    const slowly = () => new Promise((resolve) => setTimeout(resolve, 1_100))
    const { url, logged } = await serve(t, (http) => {
      http.route('GET', '/slow/:id', async (_req, res) => {
        await slowly()
        sendJson(res, {})
      })
      http.route('GET', '/file', async (_req, res) => {
        await slowly()
        res.writeHead(200, { 'content-type': 'text/csv' }).end('id\n')
      })
      http.route('GET', '/fast', (_req, res) => sendJson(res, {}))
    })
    await Promise.all(
      ['/slow/5215512345678', '/file', '/fast'].map(async (path) =>
        (await fetch(url + path)).text()
      )
    )
    await logged.count('request', 3)
    const warned = logged.of('request').filter(({ level }) => level === 'warn')
    t.match(warned, [{ route: '/slow/:id', status: 200, method: 'GET', msg: 'slow request' }])
    t.equal(warned.length, 1)
    t.ok(Number(warned[0]?.['ms']) >= 1_000)
  }
)

t.test('without debug lines only slow answers are logged', async (t) => {
  const logged = logLines('info')
  const { url } = await serve(
    t,
    (http) => http.route('GET', '/', (_req, res) => sendJson(res, {})),
    { log: logged.log }
  )
  await (await fetch(url)).text()
  t.same(logged.of('request'), [])
})

t.test('without other origins to allow, an answer carries the rest', async (t) => {
  const { url, port } = await serve(
    t,
    (http) => http.route('GET', '/', (_req, res) => sendJson(res, {})),
    { rateLimit: 100 }
  )
  const { headers } = await fetch(url, { headers: { 'x-request-id': 'mine' } })
  t.equal(headers.get('x-request-id'), 'mine')
  t.match(headers.get('ratelimit'), /r=99/)
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  const misdirected = await raw(port, { headers: { host: 'evil.example', 'x-request-id': 'mine' } })
  t.match(
    misdirected,
    { status: 421, headers: { 'x-request-id': 'mine', 'x-content-type-options': 'nosniff' } },
    'one that goes no further, too'
  )
})

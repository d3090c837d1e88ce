import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { bearerCheck } from '../../../src/platform/http/auth.ts'
import { sendJson, type Http, type HttpOptions } from '../../../src/platform/http/http.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { raw, serve, type TestServer } from './http-server.ts'

/** Bytes as no honest client sends them, by a socket, to the real server. */

const token = 'correct-horse-battery-staple-0123456789'
const started = async (
  t: Test,
  addRoutes: (http: Http) => void = () => undefined,
  options: Partial<HttpOptions> = {}
): Promise<TestServer & { asked: string[] }> => {
  const asked: string[] = []
  const server = await serve(
    t,
    (http) => {
      http.route(
        'GET',
        '/secret',
        (req, res) => (asked.push(req.path), sendJson(res, { secret: true }))
      )
      http.route(
        'POST',
        '/',
        (req, res) => (
          asked.push('POST /'), sendJson(res, (req as { body?: unknown }).body ?? null)
        )
      )
      addRoutes(http)
    },
    options
  )
  return { ...server, asked }
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

/**
 * Sends these bytes and takes what comes until the connection is closed, by the server or, once
 * `enough` is there, by us.
 */
const sent = async (port: number, bytes: string | Buffer, enough?: RegExp): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (part: Buffer) => {
    answer += part.toString('latin1')
    if (enough?.test(answer)) socket.end()
  })
  // a server that has seen enough may reset the connection while we still write
  socket.on('error', () => undefined)
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  await closed(socket)
  return answer
}
const statuses = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
const post = (headers: string, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`
/** What somebody would like to be taken for a request of its own. */
const smuggled = 'GET /secret HTTP/1.1\r\nHost: localhost\r\n\r\n'

t.test(
  'where the end of a body could be taken for another place, the request is refused and the connection closed',
  async (t) => {
    const { port, asked } = await started(t)
    const shapes: Record<string, string> = {
      'Content-Length and Transfer-Encoding': post(
        'Content-Length: 5\r\nTransfer-Encoding: chunked',
        `0\r\n\r\n${smuggled}`
      ),
      'the other way round': post(
        'Transfer-Encoding: chunked\r\nContent-Length: 5',
        `0\r\n\r\n${smuggled}`
      ),
      'two lengths': post('Content-Length: 2\r\nContent-Length: 50', `{}${smuggled}`),
      'twice the same length': post('Content-Length: 2\r\nContent-Length: 2', `{}${smuggled}`),
      'a list of lengths': post('Content-Length: 2, 2', `{}${smuggled}`),
      'a length with a sign': post('Content-Length: +2', `{}${smuggled}`),
      'a negative length': post('Content-Length: -2', `{}${smuggled}`),
      'a hexadecimal length': post('Content-Length: 0x2', `{}${smuggled}`),
      'a length beyond all numbers': post('Content-Length: 99999999999999999999', `{}${smuggled}`),
      'another coding': post('Transfer-Encoding: xchunked', `0\r\n\r\n${smuggled}`),
      'a coding after chunked': post(
        'Transfer-Encoding: chunked, identity',
        `0\r\n\r\n${smuggled}`
      ),
      'a coding before chunked': post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
      'two codings': post(
        'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
        `0\r\n\r\n${smuggled}`
      ),
      'a space before the colon': post('Transfer-Encoding : chunked', `0\r\n\r\n${smuggled}`),
      'a vertical tab': post('Transfer-Encoding: \x0bchunked', `0\r\n\r\n${smuggled}`),
      'chunked by HTTP/1.0': post('Transfer-Encoding: chunked', `0\r\n\r\n${smuggled}`).replace(
        'HTTP/1.1',
        'HTTP/1.0'
      ),
      'lines without CR': post('Content-Length: 2', `{}${smuggled}`).replaceAll('\r', ''),
      'a header line without CR': post('X: a\nContent-Length: 50', smuggled),
      'a bare CR': post('X: a\rContent-Length: 50', smuggled),
      'a folded header': post('X: a\r\n Content-Length: 50', smuggled),
      'a NUL in a header': post('X: a\0b\r\nContent-Length: 2', `{}${smuggled}`),
      'a header without a name': post(': x\r\nContent-Length: 2', `{}${smuggled}`),
      'a line break in a chunk’s extension': post(
        'Transfer-Encoding: chunked',
        `2;a=\nb\r\n{}\r\n0\r\n\r\n${smuggled}`
      ),
      'a negative chunk': post('Transfer-Encoding: chunked', `-2\r\n{}\r\n0\r\n\r\n${smuggled}`),
      'a chunk beyond all numbers': post(
        'Transfer-Encoding: chunked',
        `fffffffffffffffff2\r\n{}\r\n0\r\n\r\n${smuggled}`
      ),
      'a chunk longer than it says': post(
        'Transfer-Encoding: chunked',
        `2\r\n{}X\r\n0\r\n\r\n${smuggled}`
      ),
      'no Host': post('Content-Length: 2', '{}').replace('Host: localhost\r\n', ''),
      'another version': post('Content-Length: 2', `{}${smuggled}`).replace('HTTP/1.1', 'HTTP/1.2'),
      'the preface of HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`,
      'another protocol': `EHLO localhost\r\n${smuggled}`
    }
    for (const [shape, bytes] of Object.entries(shapes)) {
      const before = asked.length
      t.same(statuses(await sent(port, bytes)), [400], shape)
      t.same(asked.slice(before), [], `${shape}: no route was asked, least of all the smuggled one`)
    }
  }
)

t.test('a body that another request follows ends where it says', async (t) => {
  const { port } = await started(t)
  for (const bytes of [
    post('Content-Length: 2', `{}${smuggled}`),
    post('Transfer-Encoding: chunked', `2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n${smuggled}`),
    post('transfer-encoding: CHUNKED', `2\r\n{}\r\n0\r\n\r\n${smuggled}`)
  ]) {
    t.same(statuses(await sent(port, bytes, /secret/)), [200, 200])
  }
  // refused before its body was read: what is left of that is no request
  const shut = await started(t, undefined, {
    authorize: () => {
      throw new ProblemError('unauthorized')
    }
  })
  t.same(
    statuses(
      await sent(
        shut.port,
        post(`Content-Length: ${smuggled.length}\r\nConnection: close`, smuggled)
      )
    ),
    [401]
  )
})

t.test('a header that comes twice is neither of the two', async (t) => {
  const isToken = bearerCheck(token)
  const { port } = await started(t, undefined, {
    authorize: (req) => {
      if (!isToken(req)) throw new ProblemError('unauthorized')
    }
  })
  const get = (...lines: string[]): string =>
    `GET /secret HTTP/1.1\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`
  const auth = `Authorization: Bearer ${token}`
  t.same(statuses(await sent(port, get('Host: localhost', auth))), [200])
  for (const twice of [
    ['Host: localhost', 'Host: evil.example', auth],
    ['Host: evil.example', 'Host: localhost', auth],
    ['Host: localhost', 'Host: localhost', auth]
  ])
    t.same(statuses(await sent(port, get(...twice))), [421], twice.join())
  for (const twice of [
    [auth, 'Authorization: Bearer x'],
    ['Authorization: Bearer x', auth],
    [auth, auth]
  ])
    t.same(statuses(await sent(port, get('Host: localhost', ...twice))), [401], twice.join())
})

t.test('another target than a path leads nowhere', async (t) => {
  const { port, asked } = await started(t)
  for (const target of [
    'http://evil.example/secret',
    'http://localhost/secret',
    '//localhost/secret',
    '*',
    'secret',
    '/./secret',
    '/x/../secret',
    '/%73ecret',
    '/secret%00',
    '/secret%2f',
    '/secret;x',
    '\\secret',
    '/secret\\'
  ]) {
    const status = statuses(
      await sent(port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    )
    t.ok(status.length === 1 && (status[0] === 404 || status[0] === 400), `${target}: ${status}`)
  }
  t.same(
    statuses(await sent(port, 'GET /secret\r\n\r\n')),
    [421],
    'without a version there is no Host'
  )
  t.same(
    statuses(await sent(port, 'CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n')),
    [],
    'it is no proxy'
  )
  t.same(
    statuses(
      await sent(port, 'TRACE /secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    ),
    [405],
    'it echoes nothing'
  )
  t.same(asked, [])
})

t.test(
  'headers that are too large or too many are refused, and cost no more than their bound',
  async (t) => {
    const { port, asked } = await started(t)
    const get = (line: string, headers = ''): string =>
      `GET ${line} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
    for (const bytes of [
      get('/secret', `X: ${'x'.repeat(17_000)}\r\n`),
      get(`/${'x'.repeat(17_000)}`),
      get('/secret', 'a: b\r\n'.repeat(4_000)),
      get('/secret', `Cookie: ${'a=b; '.repeat(4_000)}\r\n`),
      `GET /secret HTTP/1.1\r\nHost: ${'x'.repeat(1_000_000)}`
    ]) {
      t.same(statuses(await sent(port, bytes)), [431])
    }
    t.same(asked, [])
  }
)

t.test(
  'a body that is too large is refused, whatever it says and however small it was made',
  async (t) => {
    const { port, asked } = await started(t)
    const bomb = gzipSync(Buffer.from(`{"a":"${'x'.repeat(50_000_000)}"}`), { level: 9 })
    t.ok(bomb.length < 60_000, `50 MB in ${bomb.length} bytes`)
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const before = process.memoryUsage().arrayBuffers
    t.equal((await raw(port, { method: 'POST', headers, body: bomb })).status, 413)
    t.ok(process.memoryUsage().arrayBuffers - before < 20_000_000, 'it was not unpacked')
    t.equal(
      (await raw(port, { method: 'POST', headers, body: gzipSync(gzipSync('{}')) })).status,
      400,
      'packed twice is unpacked once'
    )
    t.equal(
      (await raw(port, { method: 'POST', headers, body: Buffer.from('not gzip') })).status,
      400
    )
    t.equal(
      (
        await raw(port, {
          method: 'POST',
          headers: { ...headers, 'content-encoding': 'nonsense' },
          body: '{}'
        })
      ).status,
      415
    )
    t.same(
      statuses(
        await sent(port, post('Content-Length: 9999999999\r\nConnection: close'), /\r\n\r\n/)
      ),
      [413],
      'at once, before it comes'
    )
    t.same(
      statuses(
        await sent(
          port,
          post(
            'Transfer-Encoding: chunked\r\nConnection: close',
            `20000\r\n${' '.repeat(0x20000)}\r\n0\r\n\r\n`
          ),
          /\r\n\r\n/
        )
      ),
      [413]
    )
    t.same(asked, [])
  }
)

t.test(
  'slow clients are waited for no longer than the bound, and keep nobody else waiting',
  async (t) => {
    const flowing = Promise.withResolvers<void>()
    const cut = Promise.withResolvers<void>()
    const { url, port } = await started(
      t,
      (http) =>
        http.route('GET', '/endless', (_req, res) => {
          res.writeHead(200, { 'content-type': 'application/octet-stream' })
          res.on('close', cut.resolve)
          const more = (): void => {
            while (!res.destroyed)
              if (!res.write(Buffer.alloc(65_536)))
                return (flowing.resolve(), void res.once('drain', more))
          }
          more()
        }),
      { timeouts: { headersMs: 200, requestMs: 400, idleMs: 600, checkMs: 50 } }
    )
    /** A byte now and then, for as long as it is let. */
    const dripping = async (head: string): Promise<string> => {
      const socket: Socket = connect(port, '127.0.0.1')
      let answer = ''
      socket
        .on('data', (part: Buffer) => (answer += part.toString('latin1')))
        .on('error', () => undefined)
      socket.write(head)
      const drip = setInterval(() => socket.write('x'), 20)
      await closed(socket)
      clearInterval(drip)
      return answer
    }
    const slow = Promise.all([
      dripping(''),
      dripping('GET /secret HTTP/1.1\r\nHost: localhost\r\nX: '),
      dripping(post('Content-Length: 60000')),
      sent(port, ''),
      sent(port, 'GET /secret HTTP/1.1\r\n')
    ])
    const unread = connect(port, '127.0.0.1').on('error', () => undefined)
    unread.pause().write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await flowing.promise
    t.equal((await fetch(`${url}/secret`)).status, 200, 'meanwhile others are answered')
    for (const answer of await slow)
      t.ok(['', '400', '408'].includes(String(statuses(answer))), answer)
    await cut.promise
    t.pass('who reads nothing of an answer is cut off, too')
    unread.destroy()
  }
)

t.test('what comes with a body changes no object of ours', async (t) => {
  const { port } = await started(t)
  for (const body of [
    '{"__proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"a":{"__proto__":{"polluted":1}}}',
    '[{"__proto__":{"polluted":1}}]'
  ]) {
    const { status, body: answer } = await raw(port, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body
    })
    t.same([status, answer], [200, body], 'it is a member like others')
  }
  t.equal(
    (
      await raw(port, {
        path: '/secret?__proto__[polluted]=1&constructor.prototype.polluted=1',
        headers: { cookie: '__proto__=polluted' }
      })
    ).status,
    200
  )
  t.notOk('polluted' in {})
  t.notOk('polluted' in Object)
})

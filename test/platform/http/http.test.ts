import { once } from 'node:events'
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { Problem } from '../../../src/contract/problem.ts'
import { sendJson } from '../../../src/platform/http/http.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { conforms } from '../conforms.ts'
import { raw, serve } from './http-server.ts'
import { openSse } from './sse-client.ts'

t.test('a route answers JSON that no cache keeps', async (t) => {
  const { url } = await serve(t, (http) =>
    http.route('GET', '/things/:id', (req, res) => sendJson(res, { id: req.params['id'] }))
  )
  const answer = await fetch(`${url}/things/7`)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.same(await answer.json(), { id: '7' })
})

t.test('X-Request-Id is the one given, if usable, else one of ours', async (t) => {
  const { url, port } = await serve(t, (http) =>
    http.route('GET', '/', (req, res) => sendJson(res, { id: req.requestId }))
  )
  const ours = await fetch(url)
  t.match(ours.headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
  t.same(await ours.json(), { id: ours.headers.get('x-request-id') })
  const theirs = await fetch(url, { headers: { 'x-request-id': 'trace:42.a-b_c' } })
  t.equal(theirs.headers.get('x-request-id'), 'trace:42.a-b_c')
  for (const bad of ['a b', 'x'.repeat(129), '<script>', '']) {
    const { headers } = await raw(port, { headers: { 'x-request-id': bad } })
    t.match(headers['x-request-id'], /^[0-9a-f-]{36}$/, `not ${JSON.stringify(bad)}`)
  }
})

t.test(
  'a body that is nested too deeply is refused, before anything walks through it',
  async (t) => {
    const { url } = await serve(t, (http) =>
      http.route('POST', '/', (req, res) =>
        sendJson(res, { length: JSON.stringify(req.body).length })
      )
    )
    const post = (levels: number): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `${'['.repeat(levels)}${']'.repeat(levels)}`
      })
    t.equal((await post(64)).status, 200)
    for (const levels of [65, 30_000]) {
      const answer = await post(levels)
      t.equal(answer.status, 400)
      t.match(await answer.json(), {
        type: 'urn:leadmaster:problem:bad-request',
        detail: 'the body may be nested 64 levels deep'
      })
    }
  }
)

t.test('every answer carries security headers, errors too', async (t) => {
  const { url } = await serve(t, (http) => http.route('GET', '/', (_req, res) => sendJson(res, {})))
  for (const path of ['/', '/nowhere']) {
    const { headers } = await fetch(url + path)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('content-security-policy'), "default-src 'none';frame-ancestors 'none'")
    t.equal(headers.get('x-frame-options'), 'SAMEORIGIN')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.equal(headers.get('strict-transport-security'), null, 'the proxy in front decides on TLS')
    t.equal(headers.get('x-powered-by'), null)
  }
})

t.test(
  'a route is permitted on its own, after the caller was found out by a promise',
  async (t) => {
    const asked: string[] = []
    const { url } = await serve(
      t,
      (http) => {
        http.route('GET', '/open/:id', (_req, res) => sendJson(res, {}))
        http.route('GET', '/closed/:id', (_req, res) => sendJson(res, {}))
      },
      {
        authorize: async ({ headers }) => {
          await new Promise((resolve) => setImmediate(resolve))
          if (headers.authorization === undefined) throw new ProblemError('unauthorized')
        },
        permit: (route) => {
          asked.push(route)
          return () => {
            if (route.includes('closed')) throw new ProblemError('forbidden')
          }
        }
      }
    )
    const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(url + path, { headers })).status
    const known = { authorization: 'Bearer x' }

    t.same(asked, ['GET /open/:id', 'GET /closed/:id'])
    t.equal(await statusOf('/open/1'), 401)
    t.equal(await statusOf('/open/1', known), 200)
    t.equal(await statusOf('/closed/1', known), 403)
    t.equal(await statusOf('/closed/1/x', known), 404)
  }
)

t.test('a route that may not be served is not added', async (t) => {
  const { http } = await serve(t, () => undefined, {
    permit: (route) => {
      throw new Error(`${route} is unknown`)
    }
  })

  t.throws(() => http.route('GET', '/a', () => undefined), /GET \/a is unknown/)
  t.same(http.routes(), [])
})

t.test(
  'an answer is ended from outside: a stream with its reason, any other is cut off',
  async (t) => {
    const answers: ServerResponse[] = []
    const { http, url } = await serve(t, (http) => {
      http.route('GET', '/stream', (req, res) => {
        answers.push(res)
        http.stream(req, res)
      })
      http.route('GET', '/file', (_req, res) => {
        answers.push(res)
        res.writeHead(200, { 'content-length': 100 }).write('a')
      })
    })
    const stream = await openSse(`${url}/stream`)
    const file = await fetch(`${url}/file`)

    for (const res of answers) http.end(res, 'revoked')
    await stream.ended
    t.match(stream.events, [{ event: 'end', data: '{"reason":"revoked"}' }])
    await t.rejects(file.text())
  }
)

t.test('what is not there is 404, and what takes other methods 405 with Allow', async (t) => {
  const { url, port } = await serve(t, (http) => {
    http.route('GET', '/a/:id', (_req, res) => sendJson(res, {}))
    http.route('PATCH', '/a/:id', (_req, res) => sendJson(res, {}))
    http.route('GET', '/a.png', (_req, res) => sendJson(res, {}))
  })
  const missing = await fetch(`${url}/nowhere`)
  t.equal(missing.status, 404)
  t.equal(missing.headers.get('content-type'), 'application/problem+json')
  const problem: unknown = await missing.json()
  conforms(t, Problem, problem, 'a problem document')
  t.match(problem, {
    type: 'urn:leadmaster:problem:not-found',
    detail: 'there is no route /nowhere'
  })
  t.equal((await fetch(`${url}/aXpng`)).status, 404, 'a dot in a route is a dot')
  t.equal((await fetch(`${url}/a/1/2`)).status, 404)

  const wrong = await fetch(`${url}/a/1`, { method: 'DELETE' })
  t.equal(wrong.status, 405)
  t.equal(wrong.headers.get('allow'), 'GET, PATCH')
  t.match(await wrong.json(), {
    type: 'urn:leadmaster:problem:method-not-allowed',
    detail: '/a/1 takes GET, PATCH'
  })
  t.equal((await raw(port, { method: 'OPTIONS', path: '/a/1' })).status, 405)
  t.equal(
    (await raw(port, { path: '/a/%E0%A4%A' })).status,
    200,
    'a broken escape in a parameter does no harm'
  )
})

t.test('a JSON body is read; a broken or too large one is refused', async (t) => {
  const { url } = await serve(t, (http) =>
    http.route('POST', '/', (req, res) => sendJson(res, (req as { body?: unknown }).body ?? null))
  )
  const post = (body: string, type = 'application/json'): Promise<Response> =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': type } })
  t.same(await (await post('{"a":1}')).json(), { a: 1 })
  for (const [body, status, type] of [
    ['{"a":', 400, 'bad-request'],
    ['"just a string"', 400, 'bad-request'],
    [JSON.stringify({ a: 'x'.repeat(64 * 1024) }), 413, 'payload-too-large']
  ] as const) {
    const answer = await post(body)
    t.equal(answer.status, status)
    const problem: unknown = await answer.json()
    conforms(t, Problem, problem, type)
    t.match(problem, { type: `urn:leadmaster:problem:${type}` })
    t.notMatch(
      JSON.stringify(problem),
      /Unexpected|SyntaxError|node_modules/,
      'nothing of the parser shows'
    )
  }
  const charset = await post('{}', 'application/json; charset=klingon')
  t.equal(charset.status, 415)
})

t.test('a Host that is not ours is 421, against DNS rebinding', async (t) => {
  const { port } = await serve(
    t,
    (http) => http.route('GET', '/', (_req, res) => sendJson(res, {})),
    { allowedHosts: ['hub.example.com'] }
  )
  for (const host of [
    '127.0.0.1',
    `127.0.0.1:${port}`,
    'localhost:1',
    'LOCALHOST',
    '[::1]:3001',
    '[::1]',
    'hub.example.com',
    'hub.example.com:443'
  ]) {
    t.equal((await raw(port, { headers: { host } })).status, 200, host)
  }
  for (const host of [
    'evil.example.com',
    'localhost.evil.example.com',
    'evil.example.com:3001',
    '127.0.0.1.evil.example.com',
    '127.0.0.2',
    'x@localhost'
  ]) {
    const { status, body } = await raw(port, { headers: { host } })
    t.equal(status, 421, host)
    t.match(JSON.parse(body), { type: 'urn:leadmaster:problem:misdirected-request' })
    t.notMatch(body, host)
  }
})

t.test('what may not go on is told why, before its body is read', async (t) => {
  const { url } = await serve(
    t,
    (http) => http.route('POST', '/', (_req, res) => sendJson(res, {})),
    {
      authorize: () => {
        throw new ProblemError('unauthorized', 'send a token')
      }
    }
  )
  const answer = await fetch(url, {
    method: 'POST',
    body: '{broken',
    headers: { 'content-type': 'application/json' }
  })
  t.equal(answer.status, 401)
  t.equal(answer.headers.get('www-authenticate'), 'Bearer')
  t.match(await answer.json(), { detail: 'send a token' })
})

t.test(
  'an error of a route is 500 that tells nothing, and is logged under the request id',
  async (t) => {
    const { url, logged } = await serve(t, (http) => {
      http.route('GET', '/async', async () => {
        await Promise.resolve()
        throw new Error('secret detail')
      })
      http.route('GET', '/sync', () => {
        throw new TypeError('secret detail')
      })
      http.route('GET', '/text', () => Promise.reject('secret detail'))
    })
    for (const path of ['/async', '/sync', '/text']) {
      const answer = await fetch(url + path)
      const text = await answer.text()
      t.equal(answer.status, 500, path)
      conforms(t, Problem, JSON.parse(text), 'a problem document')
      t.notMatch(text, 'secret detail')
      t.match(logged.of('request_failed').at(-1), {
        level: 'error',
        request_id: answer.headers.get('x-request-id')
      })
    }
    t.match(logged.of('request_failed')[0], { err: { message: 'secret detail' } })
  }
)

t.test(
  'an error after the answer has begun cuts the connection: a part is never taken for the whole',
  async (t) => {
    const { url } = await serve(t, (http) =>
      http.route('GET', '/', (_req, res) => {
        res.writeHead(200, { 'content-length': 100 })
        res.write('a part')
        throw new Error('then it failed')
      })
    )
    await t.rejects(fetch(url).then((answer) => answer.text()))
  }
)

t.test('requests are measured by route, not by path, and logged without their query', async (t) => {
  const { url, metrics, logged } = await serve(t, (http) =>
    http.route('GET', '/leads/:id', (_req, res) => sendJson(res, {}))
  )
  await fetch(`${url}/leads/1?q=5215512345678`)
  await fetch(`${url}/nowhere`)
  const text = await metrics.text()
  t.match(
    text,
    'http_request_duration_seconds_count{method="GET",route="/leads/:id",status="200"} 1'
  )
  t.match(text, 'http_request_duration_seconds_count{method="GET",route="none",status="404"} 1')
  t.equal(logged.of('request').length, 2)
  t.match(logged.of('request')[0], {
    level: 'debug',
    method: 'GET',
    route: '/leads/:id',
    status: 200
  })
  t.notMatch(JSON.stringify(logged.lines), '5215512345678')
})

t.test('listening on a taken port is refused with its reason', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { http } = await serve(t, () => undefined)
  const { createHttp } = await import('../../../src/platform/http/http.ts')
  const { createMetrics } = await import('../../../src/platform/metrics.ts')
  const { logLines } = await import('../log-lines.ts')
  const second = createHttp({
    log: logLines().log,
    metrics: createMetrics(),
    authorize: () => undefined
  })
  await t.rejects(second.listen('127.0.0.1', (other.address() as AddressInfo).port), {
    code: 'EADDRINUSE'
  })
  t.ok(http)
  await second.close(100)
})

t.test('a graceful close', async (t) => {
  t.test(
    'lets the request under way finish, on a kept-alive connection too, and takes no new one',
    async (t) => {
      const entered = Promise.withResolvers<void>()
      const finish = Promise.withResolvers<void>()
      const { http, port } = await serve(t, (it) =>
        it.route('GET', '/slow', async (_req, res) => {
          entered.resolve()
          await finish.promise
          sendJson(res, { done: true })
        })
      )
      const agent = new Agent({ keepAlive: true })
      t.teardown(() => agent.destroy())
      const req = request({ port, host: '127.0.0.1', path: '/slow', agent }).end()
      await entered.promise
      const started = performance.now()
      const closed = http.close(20_000)
      await t.rejects(raw(port, { path: '/slow' }), { code: 'ECONNREFUSED' })
      finish.resolve()
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      t.equal(res.statusCode, 200)
      t.match(await new Response(res as unknown as ReadableStream).text(), /done/)
      await closed
      t.ok(performance.now() - started < 10_000, 'it does not wait for the bound')
    }
  )

  t.test('tells the clients of event streams, and ends them', async (t) => {
    const { http, url } = await serve(t, (it) =>
      it.route('GET', '/stream', (req, res) => void it.stream(req, res).send([{ data: 1 }]))
    )
    const client = await openSse(`${url}/stream`)
    await client.until(({ data }) => data === '1')
    await http.close(20_000)
    await client.ended
    t.match(client.events.at(-1), { event: 'end', data: '{"reason":"the server is stopping"}' })
  })

  t.test('cuts what is not over within the bound', async (t) => {
    const entered = Promise.withResolvers<void>()
    const { http, url } = await serve(t, (it) =>
      it.route('GET', '/never', () => (entered.resolve(), new Promise(() => undefined)))
    )
    const answer = fetch(`${url}/never`)
    const cut = t.rejects(answer)
    await entered.promise
    await http.close(50)
    await cut
  })
})

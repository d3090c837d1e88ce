import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createUpstream, type Upstream } from '../../../src/central-hub/follow/upstream.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { freePort, token } from '../../end-to-end/daemon.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from './fake-session-manager.ts'

const envFile = '/etc/leadmaster/central-hub.env'
const upstreamAt = (baseUrl: string, secret = token): Upstream =>
  createUpstream({ baseUrl, token: secret, envFile })

/** Another program at that URL. */
const stranger = async (t: Test, answer: RequestListener): Promise<string> => {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const problemOf = async (run: Promise<unknown>): Promise<{ type: string; detail: string }> => {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason
  )
  if (!(error instanceof ProblemError)) throw new Error(`no problem, but ${String(error)}`)
  return error.problem as { type: string; detail: string }
}

const asks: ((upstream: Upstream) => Promise<unknown>)[] = [
  (upstream) => upstream.verify(),
  (upstream) => upstream.pass({ method: 'GET', path: '/status' }),
  (upstream) => upstream.open(0, new AbortController().signal),
  (upstream) => upstream.erase({ chat_ids: ['5215512345678@c.us'] })
]

/** One line that says what is wrong, where, and which variable in which file to change. */
const names = (
  t: Test,
  detail: string,
  baseUrl: string,
  variable = 'SESSION_MANAGER_BASE_URL'
): void => {
  t.ok(detail.includes(baseUrl), detail)
  t.match(detail, new RegExp(`${variable} in ${envFile}`))
  t.notMatch(detail, /\n/)
  t.notMatch(detail, token)
}

t.test('a session-manager tells its account and how the session is', async (t) => {
  const { url } = await fakeSessionManager(t)
  t.match(await upstreamAt(url).verify(), {
    account: 'main',
    version: '1.2.3',
    status: { status: 'DISCONNECTED', journal: { last_seq: 0 } }
  })
})

t.test('nothing there', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`
  for (const ask of asks) {
    const { type, detail } = await problemOf(ask(upstreamAt(url)))
    t.equal(type, 'urn:leadmaster:problem:session-manager-unreachable')
    t.match(detail, /nothing listens there \(ECONNREFUSED\); start leadmaster-session-manager or/)
    names(t, detail, url)
  }
})

t.test('a name that does not resolve', async (t) => {
  const { type, detail } = await problemOf(
    upstreamAt('http://session-manager.invalid:3001').verify()
  )
  t.equal(type, 'urn:leadmaster:problem:session-manager-unreachable')
  t.match(detail, /its name cannot be resolved/)
  names(t, detail, 'http://session-manager.invalid:3001')
})

t.test('a program that hangs up, and one that takes the connection and says nothing', async (t) => {
  for (const onConnection of ['destroy', 'ignore'] as const) {
    const sockets = new Set<import('node:net').Socket>()
    const server = createTcpServer((socket) =>
      onConnection === 'destroy' ? socket.destroy() : sockets.add(socket)
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { type, detail } = await problemOf(upstreamAt(url).verify())
    t.equal(type, 'urn:leadmaster:problem:session-manager-unreachable')
    t.match(
      detail,
      onConnection === 'destroy'
        ? /the connection failed/
        : /it does not answer in time \(TimeoutError\); journalctl -u leadmaster-session-manager tells/
    )
    names(t, detail, url)
  }
})

t.test('another HTTP server is told apart, whatever it answers', async (t) => {
  const health = {
    status: 'ok',
    service: 'central-hub',
    timestamp: 'now',
    version: '1',
    pid: 1,
    uptime_s: 1
  }
  const answers: [what: string, answer: RequestListener, expected: RegExp][] = [
    [
      'a web page',
      (_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>'),
      /GET \/health gives HTTP 200, text\/html/
    ],
    [
      'not found',
      (_req, res) => res.writeHead(404).end(),
      /GET \/health gives HTTP 404, no Content-Type/
    ],
    [
      'a redirect',
      (_req, res) => res.writeHead(302, { location: 'https://example.com/' }).end(),
      /GET \/health gives HTTP 302/
    ],
    [
      'a central-hub',
      (_req, res) => res.end(JSON.stringify(health)),
      /it says it is "central-hub"/
    ],
    ['JSON of its own', (_req, res) => res.end('{"ok":true}'), /GET \/health gives HTTP 200/],
    ['JSON that is no object', (_req, res) => res.end('null'), /GET \/health gives HTTP 200/],
    [
      'a session-manager of an old kind',
      (_req, res) => res.end(JSON.stringify({ ...health, service: 'session-manager' })),
      /GET \/health tells no account/
    ],
    ['no end', (_req, res) => void res.write(Buffer.alloc(5 * 1024 ** 2)), /longer than/]
  ]
  for (const [what, answer, expected] of answers) {
    t.test(what, async (t) => {
      const url = await stranger(t, answer)
      const { type, detail } = await problemOf(upstreamAt(url).verify())
      t.equal(type, 'urn:leadmaster:problem:session-manager-invalid')
      t.match(detail, expected)
      names(t, detail, url)
    })
  }
  t.test('asked for a route, without having been verified', async (t) => {
    const url = await stranger(t, (_req, res) =>
      res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>')
    )
    names(
      t,
      (await problemOf(upstreamAt(url).pass({ method: 'GET', path: '/status?x=1' }))).detail,
      url
    )
    names(t, (await problemOf(upstreamAt(url).open(0, new AbortController().signal))).detail, url)
  })
})

t.test('a token that is not the same', async (t) => {
  const { url } = await fakeSessionManager(t)
  const upstream = upstreamAt(url, 'another-token-0123456789-0123456789')
  for (const ask of asks) {
    const { type, detail } = await problemOf(ask(upstream))
    t.equal(type, 'urn:leadmaster:problem:session-manager-invalid')
    t.match(detail, /refuses our token/)
    names(t, detail, url, 'SESSION_MANAGER_TOKEN')
  }
})

t.test('an answer is passed on as it comes, whatever its status', async (t) => {
  const { url } = await fakeSessionManager(t)
  const upstream = upstreamAt(url)
  const json = await upstream.pass({ method: 'GET', path: '/qr' })
  t.match(json, { status: 200, contentType: /^application\/json/ })
  t.same(JSON.parse(json.body.toString()), { status: 'NO_QR' })
  t.match(await upstream.pass({ method: 'GET', path: '/qr.png' }), {
    status: 404,
    contentType: 'application/problem+json'
  })
  t.match(await upstream.pass({ method: 'POST', path: '/disconnect?logout=perhaps' }), {
    status: 400
  })
})

t.test(
  'erasing: what is named goes, in as many requests as it needs, and the counts are of all of them',
  async (t) => {
    const { url, journal } = await fakeSessionManager(t)
    const upstream = upstreamAt(url)
    journal.append(
      [
        newRecord('A'),
        newRecord('B', { chat_id: 'b', from: 'b', phone: '+5215500000001' }),
        ...Array.from({ length: 1_001 }, (_, n) =>
          newRecord(`G${n}`, { chat_id: 'group', from: 'g', phone: '+5215500000002' })
        )
      ],
      'live'
    )
    t.match(
      await upstream.erase({ chat_ids: [newRecord('A').message.chat_id], requestId: 'abc-1' }),
      {
        records: 1,
        media_files: 0
      }
    )
    t.match(
      await upstream.erase({
        chat_ids: [],
        message_ids: Array.from({ length: 1_001 }, (_, n) => newRecord(`G${n}`).message.id)
      }),
      { records: 1_001, media_files: 0 }
    )
    t.match(
      await upstream.erase({
        chat_ids: Array.from({ length: 150 }, (_, n) => (n === 149 ? 'b' : `x${n}`))
      }),
      { records: 1, media_files: 0 }
    )
    t.match(
      await upstream.erase({
        chat_ids: [],
        message_ids: Array.from({ length: 500 }, (_, n) => `${n}`.padStart(300, 'x'))
      }),
      { records: 0, media_files: 0 },
      'the longest ids that are allowed'
    )
    t.same(await upstream.erase({ chat_ids: [] }), { records: 0, media_files: 0 })
    t.ok(journal.read(0, 2_000).every(({ kind }) => kind === 'erased'))
  }
)

t.test(
  'what cannot be erased, and why, is said: by an older release, and by one whose disk is full',
  async (t) => {
    for (const [status, detail, expected] of [
      [
        404,
        'there is no route /erase',
        /POST \/erase gives HTTP 404, .*: there is no route \/erase; upgrade it to the release of central-hub/
      ],
      [409, 'bytes of them are left', /POST \/erase gives HTTP 409, .*: bytes of them are left$/]
    ] as const) {
      const url = await stranger(t, (_req, res) =>
        res
          .writeHead(status, { 'content-type': 'application/problem+json' })
          .end(JSON.stringify({ detail }))
      )
      const problem = await problemOf(upstreamAt(url).erase({ chat_ids: ['x'] }))
      t.equal(problem.type, 'urn:leadmaster:problem:session-manager-invalid')
      t.match(problem.detail, expected)
    }
  }
)

t.test('a further account is found where it is named, and nowhere else', async (t) => {
  const { url } = await fakeSessionManager(t, { account: 'sales' })
  const at = (more: { account?: string; others?: string[] }): Upstream =>
    createUpstream({ baseUrl: url, token, envFile, ...more })
  t.match(await at({ account: 'sales' }).verify(), { account: 'sales' })
  t.match(await at({ others: ['support'] }).verify(), { account: 'sales' })
  const wrong = await problemOf(at({ account: 'support' }).verify())
  t.match(wrong, {
    type: 'urn:leadmaster:problem:session-manager-invalid',
    account: 'support',
    detail: /is of account "sales", not "support"/
  })
  names(t, wrong.detail, url, 'FURTHER_SESSION_MANAGERS')
  const twice = await problemOf(at({ others: ['sales'] }).verify())
  t.match(twice.detail, /is of account "sales", which FURTHER_SESSION_MANAGERS names too/)
  names(t, twice.detail, url)
})

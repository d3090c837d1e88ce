import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { SsrfGuard, type SsrfGuardOptions } from '../../../src/central-hub/webhooks/guard.ts'
import { createPost, type Outcome, type Post } from '../../../src/central-hub/webhooks/post.ts'
import { receiver } from './receiver.ts'

const post = (
  t: Test,
  options: Partial<SsrfGuardOptions> & { timeoutMs?: number } = {}
): Post & { to(url: string): Promise<Outcome> } => {
  const { timeoutMs = 30_000, ...rest } = options
  const guard = new SsrfGuard({
    allowed: ['127.0.0.0/8'],
    envFile: '/etc/leadmaster/central-hub.env',
    ...rest
  })
  const made = createPost({ guard, userAgent: 'LeadMaster/test', timeoutMs })
  t.teardown(() => made.close())
  return {
    send: (request, signal) => made.send(request, signal),
    close: () => made.close(),
    to: (url) =>
      made.send(
        { url, headers: { 'webhook-id': 'msg_1' }, body: '{"type":"webhook.ping"}' },
        new AbortController().signal
      )
  }
}

/** A server of raw TCP. */
const tcp = async (t: Test, onSocket: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    onSocket(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

t.test('the body is posted as it is; any 2xx is success', async (t) => {
  const crm = await receiver(t)
  const { to } = post(t)
  for (const status of [200, 201, 202, 204]) {
    crm.answer(() => status)
    t.same(await to(crm.url), { status })
  }
  t.match(crm.received[0], {
    path: '/hook?key=secret',
    text: '{"type":"webhook.ping"}',
    headers: {
      'content-type': 'application/json',
      'content-length': '23',
      'user-agent': 'LeadMaster/test',
      'webhook-id': 'msg_1'
    }
  })
})

t.test('one connection serves one post after another', async (t) => {
  const crm = await receiver(t)
  crm.answer(() => ({ status: 200, body: 'ok' }))
  const { to } = post(t)
  for (let n = 0; n < 5; n += 1) {
    await to(crm.url)
    // the answer's status is known before the connection is free again
    await new Promise(setImmediate)
  }
  t.ok(crm.connections() < 5, `${crm.connections()} connections`)
})

t.test('any other status is failure, by its number; Retry-After comes along', async (t) => {
  const crm = await receiver(t)
  const { to } = post(t)
  crm.answer(() => 500)
  t.same(await to(crm.url), { status: 500, error: 'HTTP 500' })
  crm.answer(() => ({ status: 429, headers: { 'retry-after': '120' } }))
  t.same(await to(crm.url), { status: 429, error: 'HTTP 429', retryAfterMs: 120_000 })
  crm.answer(() => ({
    status: 503,
    headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }
  }))
  const { retryAfterMs = 0 } = await to(crm.url)
  t.ok(retryAfterMs > 3_000_000 && retryAfterMs <= 3_600_000, 'a date is a wait until then')
  crm.answer(() => ({ status: 503, headers: { 'retry-after': 'soon' } }))
  t.same(await to(crm.url), { status: 503, error: 'HTTP 503' })
})

t.test('redirects are not followed, wherever they lead', async (t) => {
  const inside = await receiver(t)
  const crm = await receiver(t)
  const { to } = post(t)
  for (const status of [301, 302, 303, 307, 308]) {
    for (const location of [inside.url, 'http://169.254.169.254/latest/meta-data/', '/elsewhere']) {
      crm.answer(() => ({ status, headers: { location } }))
      t.match(await to(crm.url), { status, error: /redirects are not followed/ })
    }
  }
  t.equal(inside.received.length, 0)
  t.equal(crm.received.length, 15)
})

t.test(
  'an address that is not allowed is not connected to, whether it stands in the URL or behind a name',
  async (t) => {
    const inside = await receiver(t)
    t.match(await post(t, { allowed: [] }).to(inside.url), {
      status: null,
      error: /^the address 127\.0\.0\.1 is not public: .*WEBHOOK_PRIVATE_ADDRESSES/
    })
    const named = post(t, { allowed: [], resolve: async () => ['127.0.0.1'] })
    t.match(await named.to(`http://crm.example.com:${inside.port}/`), {
      status: null,
      error: /^crm\.example\.com has the address 127\.0\.0\.1, which is not public/
    })
    t.equal(inside.connections(), 0)
  }
)

t.test(
  'a name that changes between two posts is looked at again with each connection',
  async (t) => {
    const crm = await receiver(t)
    crm.answer(() => ({ status: 204, headers: { connection: 'close' } }))
    let address = '127.0.0.2'
    const { to } = post(t, { allowed: ['127.0.0.2/32'], resolve: async () => [address] })
    // 127.0.0.2 is loopback as well, but this server listens on 127.0.0.1 alone
    t.match(await to(`http://crm.example.com:${crm.port}/`), {
      status: null,
      error: /ECONNREFUSED/
    })
    address = '127.0.0.1'
    t.match(await to(`http://crm.example.com:${crm.port}/`), {
      status: null,
      error: /127\.0\.0\.1, which is not public/
    })
    t.equal(crm.connections(), 0)
  }
)

t.test('what goes wrong below HTTP is told in words', async (t) => {
  const crm = await receiver(t)
  const { to } = post(t, { timeoutMs: 300 })
  crm.answer(() => 'cut')
  t.match(await to(crm.url), { status: null, error: /cut off before an answer/ })
  crm.answer(() => 'hang')
  t.same(await to(crm.url), { status: null, error: 'no answer within 0.3 s' })
  t.match(await to(await tcp(t, (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))), {
    status: null,
    error: /HPE_/
  })
  t.match(
    await to(await tcp(t, () => undefined)),
    { status: null, error: /no answer within/ },
    'accepts and reads nothing'
  )
  await crm.close()
  t.match(await to(crm.url), { status: null, error: /nothing listens there \(ECONNREFUSED\)/ })
  t.match(
    await post(t, {
      resolve: async () => Promise.reject(Object.assign(new Error(), { code: 'EAI_AGAIN' }))
    }).to('http://crm.example.com/'),
    { status: null, error: /cannot be looked up \(EAI_AGAIN\)/ }
  )
})

t.test('a name whose look-up hangs is given up like everything else', async (t) => {
  const held = setInterval(() => undefined, 1_000)
  t.teardown(() => clearInterval(held))
  t.match(
    await post(t, { timeoutMs: 100, resolve: () => new Promise(() => undefined) }).to(
      'http://crm.example.com/'
    ),
    { status: null, error: /no answer within/ }
  )
})

t.test('of an endless answer little is read, and its status counts', async (t) => {
  let closed: Promise<unknown> | undefined
  let sent = 0
  const url = await tcp(t, (socket) => {
    closed = new Promise((resolve) => socket.once('close', resolve))
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      const more = (): void => {
        while (!socket.destroyed) {
          sent += 1_000
          if (!socket.write(`3e8\r\n${'x'.repeat(1_000)}\r\n`))
            return void socket.once('drain', more)
        }
      }
      more()
    })
  })
  t.same(await post(t).to(url), { status: 200 })
  await closed
  t.ok(sent < 32 * 1024 ** 2, `cut off after ${sent} bytes, most of them in the system's buffers`)
})

t.test('a kept connection that the other side has closed meanwhile is no failure', async (t) => {
  let requests = 0
  const url = await tcp(t, (socket) => {
    let ofThis = 0
    socket.on('data', () => {
      requests += 1
      ofThis += 1
      // answers once on each connection, and resets it when it is used again
      if (ofThis === 1) socket.write('HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n')
      else socket.resetAndDestroy()
    })
  })
  const { to } = post(t)
  t.same(await to(url), { status: 204 })
  await new Promise(setImmediate)
  t.same(await to(url), { status: 204 })
  t.ok(requests >= 2)
})

t.test('a signal ends a post that is under way', async (t) => {
  const crm = await receiver(t)
  crm.answer(() => 'hang')
  const stop = new AbortController()
  const sent = post(t).send({ url: crm.url, headers: {}, body: '{}' }, stop.signal)
  await crm.until(({ received }) => received.length === 1)
  stop.abort()
  t.match(await sent, { status: null, error: /.+/ })
})

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { RequestConnections } from '../../../src/central-hub/follow/upstream-http.ts'

const serve = async (
  t: Test,
  answer: RequestListener
): Promise<{ origin: string; sockets: Socket[] }> => {
  const server = createServer(answer).listen(0, '127.0.0.1')
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

const get = { method: 'GET', path: '/status', headers: {}, timeoutMs: 20_000 } as const

t.test('an answer comes whole, and the connection stays for the next request', async (t) => {
  const { origin, sockets } = await serve(t, (req, res) => {
    res.writeHead(202, { 'content-type': 'text/plain' })
    res.write(`${req.method} ${req.url} `)
    setImmediate(() => res.end(`${req.headers['x-given']} ${req.headers['content-type']} `))
  })
  const connections = new RequestConnections(origin, 1_000)
  const answer = await connections.ask({ ...get, headers: { 'x-given': 'a' } })
  t.match(answer, { status: 202, contentType: 'text/plain' })
  t.equal(answer.body.toString(), 'GET /status a undefined ')
  t.equal(
    (
      await connections.ask({
        method: 'POST',
        path: '/connect',
        headers: { 'x-given': 'b' },
        body: '{}',
        timeoutMs: 20_000
      })
    ).body.toString(),
    'POST /connect b application/json '
  )
  t.equal(sockets.length, 1)
})

t.test('an answer that is late, too long, or ends before its end', async (t) => {
  const { origin } = await serve(t, (req, res) => {
    if (req.url === '/late') return void res.write('some of it')
    res.writeHead(200, { 'content-length': 2_000 })
    res.write(
      'x'.repeat(req.url === '/long' ? 1_500 : 500),
      () => req.url === '/cut' && res.destroy()
    )
  })
  const connections = new RequestConnections(origin, 1_000)
  await t.rejects(connections.ask({ ...get, path: '/late', timeoutMs: 50 }), {
    name: 'TimeoutError'
  })
  await t.rejects(connections.ask({ ...get, path: '/long' }), { message: 'longer than 1000 bytes' })
  await t.rejects(connections.ask({ ...get, path: '/cut' }), { code: 'ECONNRESET' })
})

t.test(
  'a kept connection that the other side closes as it is used: a read is asked again, once; what changes something is not',
  async (t) => {
    let hangUp = false
    const { origin, sockets } = await serve(t, (req, res) =>
      hangUp ? void req.socket.destroy() : void res.end('ok')
    )
    const connections = new RequestConnections(origin, 1_000)
    await connections.ask(get)
    hangUp = true
    await t.rejects(connections.ask(get), { code: 'ECONNRESET' })
    t.equal(sockets.length, 2, 'the second one was opened for asking again')
    hangUp = false
    await connections.ask(get)
    hangUp = true
    await t.rejects(connections.ask({ ...get, method: 'POST' }), { code: 'ECONNRESET' })
    t.equal(sockets.length, 3)
  }
)

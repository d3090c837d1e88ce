import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import {
  encode,
  resumePoint,
  type Dropped,
  type ServerSentEvent,
  type Stream,
  Streams,
  type StreamsOptions
} from '../../../src/platform/http/sse.ts'
import { openSse } from './sse-client.ts'

/** A server whose every request becomes a stream; gives its URL and the streams as they open. */
const streams = async (
  t: Test,
  options?: StreamsOptions
): Promise<{ port: number; url: string; all: Streams; opened: () => Promise<Stream> }> => {
  const news = new EventEmitter()
  const all = new Streams(options)
  const server = createServer((req, res) => news.emit('stream', all.open(req, res)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    all,
    opened: async () => (await once(news, 'stream'))[0] as Stream
  }
}

const big: ServerSentEvent = { data: 'x'.repeat(100_000) }

t.test('events are framed as the standard has it, their data one line of JSON', async (t) => {
  const { url, opened } = await streams(t)
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  t.equal(client.res.headers['content-type'], 'text/event-stream; charset=utf-8')
  t.equal(client.res.headers['cache-control'], 'no-store')
  t.ok(
    await stream.send([
      { id: 7, event: 'record', data: { text: 'two\nlines\r\nand ünïcode \u2028' } },
      { data: null }
    ])
  )
  await client.until(({ data }) => data === 'null')
  t.match(client.events[0], { id: '7', event: 'record' })
  t.same(JSON.parse(client.events[0]?.data as string), { text: 'two\nlines\r\nand ünïcode \u2028' })
  t.equal(client.events.length, 2)
  t.ok(await stream.send([]), 'nothing to send is no reason to stop')
})

t.test('a quiet stream has heartbeats', async (t) => {
  const { url, opened } = await streams(t, { heartbeatMs: 5 })
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  while (client.comments.length < 3) await once(client.res, 'data')
  t.match(client.comments[2], /heartbeat/)
  t.ok(stream.open)
})

t.test('the end is told with its reason', async (t) => {
  const { url, opened } = await streams(t)
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  stream.end('the server is stopping')
  stream.end('twice does no harm')
  await client.ended
  t.same(
    client.events.map(({ event, data }) => ({ event, data })),
    [{ event: 'end', data: '{"reason":"the server is stopping"}' }]
  )
  t.equal(stream.open, false)
  t.equal(await stream.send([{ data: 1 }]), false)
})

t.test(
  'a client that goes is noticed; what waits for the end runs once, or at once when it is over',
  async (t) => {
    const { url, opened } = await streams(t)
    const [stream, client] = await Promise.all([opened(), openSse(url)])
    let ran = 0
    const closed = new Promise<void>((resolve) => stream.onClose(resolve))
    stream.onClose(() => (ran += 1))
    client.close()
    await closed
    t.equal(stream.open, false)
    t.equal(ran, 1)
    stream.onClose(() => (ran += 1))
    t.equal(ran, 2)
  }
)

t.test('all streams have the heartbeat, and the end, of one', async (t) => {
  const { url, all, opened } = await streams(t, { heartbeatMs: 5 })
  const clients = []
  for (let count = 0; count < 3; count += 1)
    clients.push((await Promise.all([openSse(url), opened()]))[0])
  for (const client of clients) while (client.comments.length < 2) await once(client.res, 'data')
  all.end('enough')
  await Promise.all(clients.map(({ ended }) => ended))
  for (const { events } of clients)
    t.match(events.at(-1), { event: 'end', data: '{"reason":"enough"}' })
})

t.test(
  'heartbeats go on for the next client after the last one has left, as often as it happens',
  async (t) => {
    const { url, opened } = await streams(t, { heartbeatMs: 5 })
    for (let round = 0; round < 3; round += 1) {
      const [stream, client] = await Promise.all([opened(), openSse(url)])
      while (client.comments.length < 2)
        await once(client.res, 'data', { signal: AbortSignal.timeout(5_000) })
      const left = new Promise<void>((resolve) => stream.onClose(resolve))
      client.close()
      await left
    }
  }
)

t.test('while there is no client, no heartbeat is waited for', async (t) => {
  const running = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const { url, opened } = await streams(t, { heartbeatMs: 600_000 })
  const before = running()
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  const left = new Promise<void>((resolve) => stream.onClose(resolve))
  client.close()
  await left
  t.ok(running() <= before, 'its timer is cleared')
})

t.test('a client that is dropped is cut off, and notices', async (t) => {
  for (const options of [{ stallMs: 50 }, { maxQueuedBytes: 300_000 }]) {
    const { port, opened } = await streams(t, options)
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const stream = await opened()
    while (stream.open)
      await Promise.race([stream.send([big]), new Promise((resolve) => setImmediate(resolve))])
    // Only now it reads what the kernel still holds, and then the end.
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(5_000) })
    socket.resume()
    await closed
    t.pass(`dropped by ${JSON.stringify(options)}`)
  }
})

/** A client that asks and never reads. */
const deaf = (t: Test, port: number): void => {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
}

t.test(
  'a client that takes nothing is dropped after a while, and memory stays bounded',
  async (t) => {
    const closed: { reason: Dropped; queuedBytes: number }[] = []
    const { port, opened } = await streams(t, {
      stallMs: 100,
      onClosed: (_req, dropped) => dropped && closed.push(dropped)
    })
    deaf(t, port)
    const stream = await opened()
    let sent = 0
    while (await stream.send([big])) sent += 1
    t.equal(stream.open, false)
    t.ok(sent < 1_000, `${sent} events went into the buffers of the kernel`)
    t.match(closed, [{ reason: 'stalled' }])
    t.ok(
      (closed[0]?.queuedBytes as number) < 200_000,
      `${closed[0]?.queuedBytes} bytes of what was waited for are queued`
    )
  }
)

t.test('what does not wait for a client is bounded too', async (t) => {
  const closed: { reason: Dropped; queuedBytes: number }[] = []
  const { port, opened } = await streams(t, {
    maxQueuedBytes: 300_000,
    onClosed: (_req, dropped) => dropped && closed.push(dropped)
  })
  deaf(t, port)
  const stream = await opened()
  const sends: Promise<boolean>[] = []
  while (stream.open) {
    sends.push(stream.send([big]))
    // the kernel takes its part only in between
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.match(closed, [{ reason: 'overfull' }])
  t.ok((closed[0]?.queuedBytes as number) < 600_000)
  t.equal((await Promise.all(sends)).at(-1), false, 'all who wait are told')
})

t.test('a client that goes, or that the server ends, was not dropped', async (t) => {
  let [openedCount, closedCount] = [0, 0]
  const { url, opened } = await streams(t, {
    onOpened: () => (openedCount += 1),
    onClosed: (_req, dropped) => {
      t.equal(dropped, undefined)
      closedCount += 1
    }
  })
  const [first, gone] = await Promise.all([opened(), openSse(url)])
  t.equal(openedCount, 1)
  const left = new Promise<void>((resolve) => first.onClose(resolve))
  gone.close()
  await left
  const [second, ended] = await Promise.all([opened(), openSse(url)])
  second.end('enough')
  await ended.ended
  t.same([openedCount, closedCount], [2, 2])
})

t.test('events encoded once go to several streams as they are', async (t) => {
  const { url, opened } = await streams(t)
  const bytes = encode([{ id: 1, event: 'record', data: 'ü' }])
  for (let count = 0; count < 2; count += 1) {
    const [stream, client] = await Promise.all([opened(), openSse(url)])
    t.ok(await stream.write(bytes))
    t.match(await client.until(({ id }) => id === '1'), { event: 'record', data: '"ü"' })
  }
})

t.test('a slow client is waited for, not dropped', async (t) => {
  const { url, opened } = await streams(t, { stallMs: 20_000 })
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  client.res.pause()
  const long = 'x'.repeat(1_000_000)
  let all = true
  const sending = (async () => {
    for (let id = 1; id <= 20; id += 1) all &&= await stream.send([{ id, data: long }])
  })()
  setTimeout(() => client.res.resume(), 50)
  await sending
  await client.until(({ id }) => id === '20')
  t.ok(all)
  t.same(
    client.events.map(({ id }) => Number(id)),
    Array.from({ length: 20 }, (_, index) => index + 1)
  )
})

t.test('a client resumes from its Last-Event-ID before its ?after=', async (t) => {
  const req = (last?: string): IncomingMessage =>
    ({ headers: { 'last-event-id': last } }) as unknown as IncomingMessage
  t.equal(resumePoint(req('12'), '3'), '12')
  t.equal(resumePoint(req(), '3'), '3')
  t.equal(resumePoint(req(''), '3'), '3')
  t.equal(resumePoint(req(), undefined), undefined)
})

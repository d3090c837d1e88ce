import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { follow, openStream, resumePoint, type ServerSentEvent, type Stream } from '../../src/platform/sse.ts'
import { openSse } from './sse-client.ts'

/** A server whose every request becomes a stream; gives its URL and the streams as they open. */
const streams = async (t: Test, options?: Parameters<typeof openStream>[2]): Promise<{ port: number; url: string; opened: () => Promise<Stream> }> => {
  const news = new EventEmitter()
  const server = createServer((req, res) => news.emit('stream', openStream(req, res, options)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}`, opened: async () => (await once(news, 'stream'))[0] as Stream }
}

t.test('events are framed as the standard has it, their data one line of JSON', async (t) => {
  const { url, opened } = await streams(t)
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  t.equal(client.res.headers['content-type'], 'text/event-stream; charset=utf-8')
  t.equal(client.res.headers['cache-control'], 'no-store')
  t.ok(await stream.send([{ id: 7, event: 'record', data: { text: 'two\nlines\r\nand ünïcode \u2028' } }, { data: null }]))
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
  t.same(client.events.map(({ event, data }) => ({ event, data })), [{ event: 'end', data: '{"reason":"the server is stopping"}' }])
  t.equal(stream.open, false)
  t.equal(await stream.send([{ data: 1 }]), false)
})

t.test('a client that goes is noticed; what waits for the end runs once, or at once when it is over', async (t) => {
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
})

t.test('a client that takes nothing is dropped after a while, and memory stays bounded', async (t) => {
  const { port, opened } = await streams(t, { stallMs: 100 })
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const stream = await opened()
  const big: ServerSentEvent = { data: 'x'.repeat(100_000) }
  let sent = 0
  while (await stream.send([big])) sent += 1
  t.equal(stream.open, false)
  t.ok(sent < 1_000, `${sent} events went into the buffers of the kernel`)
})

t.test('a slow client is waited for, not dropped', async (t) => {
  const { url, opened } = await streams(t, { stallMs: 20_000 })
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  client.res.pause()
  const big = 'x'.repeat(1_000_000)
  let all = true
  const sending = (async () => {
    for (let id = 1; id <= 20; id += 1) all &&= await stream.send([{ id, data: big }])
  })()
  setTimeout(() => client.res.resume(), 50)
  await sending
  await client.until(({ id }) => id === '20')
  t.ok(all)
  t.same(client.events.map(({ id }) => Number(id)), Array.from({ length: 20 }, (_, index) => index + 1))
})

t.test('a client resumes from its Last-Event-ID before its ?after=', async (t) => {
  const req = (last?: string): IncomingMessage => ({ headers: { 'last-event-id': last } }) as unknown as IncomingMessage
  t.equal(resumePoint(req('12'), '3'), '12')
  t.equal(resumePoint(req(), '3'), '3')
  t.equal(resumePoint(req(''), '3'), '3')
  t.equal(resumePoint(req(), undefined), undefined)
})

/** A stored sequence 1, 2, 3 … that grows. */
const sequence = () => {
  const wakers = new Set<() => void>()
  let last = 0
  return {
    last: () => last,
    wakers,
    add: (count: number): void => {
      last += count
      for (const wake of wakers) wake()
    },
    options: (after: number, page: number, pause: () => Promise<void> = async () => undefined) => ({
      after,
      read: async (position: number) => {
        await pause()
        const upTo = Math.min(last, position + page)
        return Array.from({ length: upTo - position }, (_, index) => position + index + 1)
      },
      position: (item: number) => item,
      toEvent: (item: number): ServerSentEvent => ({ id: item, data: item }),
      subscribe: (wake: () => void) => {
        wakers.add(wake)
        return () => wakers.delete(wake)
      }
    })
  }
}

t.test('follow sends what is stored after the cursor, then what is added, and ends with the client', async (t) => {
  const store = sequence()
  store.add(5)
  const { url, opened } = await streams(t)
  const [stream, client] = await Promise.all([opened(), openSse(url)])
  const following = follow(stream, store.options(2, 2))
  await client.until(({ id }) => id === '5')
  store.add(2)
  await client.until(({ id }) => id === '7')
  t.same(client.events.map(({ id }) => Number(id)), [3, 4, 5, 6, 7])
  t.equal(store.wakers.size, 1)
  client.close()
  await following
  t.equal(store.wakers.size, 0, 'its subscription is over')
})

t.test('follow neither skips nor repeats, however appends and reads interleave', async (t) => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.record({ add: fc.integer({ min: 1, max: 7 }) }), fc.record({ turns: fc.integer({ min: 1, max: 4 }) })), { maxLength: 40 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      async (deeds, before, page, pauses) => {
        const store = sequence()
        store.add(before)
        let step = 0
        const pause = async (): Promise<void> => (pauses[step++ % pauses.length] ? turn() : undefined)
        const got: number[] = []
        const closers: (() => void)[] = []
        const stream = {
          open: true,
          send: async (events: readonly ServerSentEvent[]) => {
            await pause()
            got.push(...events.map(({ data }) => data as number))
            return true
          },
          end: () => undefined,
          onClose: (run: () => void) => closers.push(run)
        }
        const following = follow(stream as unknown as Stream, store.options(0, page, pause))
        for (const deed of deeds) {
          if ('add' in deed) store.add(deed.add)
          else for (let count = 0; count < deed.turns; count += 1) await turn()
        }
        for (let turns = 0; got.length < store.last() && turns < 1_000; turns += 1) await turn()
        stream.open = false
        for (const run of closers) run()
        await following
        const expected = Array.from({ length: store.last() }, (_, index) => index + 1)
        if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(`got ${got.join()} of ${store.last()}`)
      }
    ),
    { numRuns: 150 }
  )
  t.pass('held for 150 sequences')
})

t.test('follow stops when a client is dropped in the middle of a page', async (t) => {
  const store = sequence()
  store.add(10)
  let sends = 0
  const gone = { open: true, send: async () => (sends += 1) < 2, end: () => undefined, onClose: () => undefined }
  await follow(gone as unknown as Stream, store.options(0, 2))
  t.equal(sends, 2)
})


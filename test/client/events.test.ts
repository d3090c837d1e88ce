import t from 'tap'
import type { Response } from 'polka'
import { createClient, type Connection, type HubEvent } from '../../src/client/index.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import { serveApi } from '../central-hub/api/rig.ts'
import { record } from '../central-hub/store/open-store.ts'
import { addEvents, pruneEvents } from '../../src/central-hub/store/outbox/events.ts'
import { apiToken, centralHubEnv, freePort, startDaemon } from '../end-to-end/daemon.ts'
import { serve } from '../platform/http/http-server.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { rejection } from './rejection.ts'

const bodies = (events: readonly HubEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'message' ? (event.data.body ?? '') : []))

/** Takes events until one fits. */
const until = async (
  events: AsyncGenerator<HubEvent, void, undefined>,
  fits: (event: HubEvent) => boolean
): Promise<HubEvent[]> => {
  const taken: HubEvent[] = []
  for (;;) {
    const { value } = await events.next()
    if (value === undefined) throw new Error(`the events ended after ${taken.length}`)
    taken.push(value)
    if (fits(value)) return taken
  }
}

t.test('what happens, as it happens, each typed', async (t) => {
  const { url, take } = await serveApi(t)
  const events = createClient({ baseUrl: url, token: apiToken }).events()
  t.match(await until(events, ({ type }) => type === 'session'), [
    { type: 'session', data: { status: 503 } }
  ])
  await take(record('1'))
  const [lead, message] = await until(events, ({ type }) => type === 'message')
  t.match(lead, { type: 'lead', data: { id: 1, state: 'new', change: 'created' }, id: /-1$/ })
  t.match(message, { type: 'message', data: { body: 'message 1', change: 'created' }, id: /-2$/ })
  await events.return()
})

t.test(
  'the hub is killed and started again: it goes on, without a gap and nothing twice',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const port = await freePort()
    const env = centralHubEnv({ port, stateDir: ownDirectory(t), sessionManager: upstream.url })
    let hub = startDaemon('central-hub', env)
    t.teardown(() => hub.end('SIGKILL'))
    await hub.seen('following')
    const connections: Connection['state'][] = []
    const events = createClient({ baseUrl: hub.url, token: apiToken }).events({
      minDelayMs: 50,
      onConnection: ({ state }) => connections.push(state)
    })
    await until(events, ({ type }) => type === 'session')
    const seen: HubEvent[] = []
    for (let round = 0; round < 3; round += 1) {
      upstream.journal.append([newRecord(`${round}-live`)], 'live')
      seen.push(
        ...(await until(
          events,
          (event) => event.type === 'lead' && bodies(seen).length >= round * 2
        ))
      )
      await hub.end('SIGKILL')
      upstream.journal.append([newRecord(`${round}-missed`)], 'live')
      hub = startDaemon('central-hub', env)
      seen.push(
        ...(await until(
          events,
          (event) => event.type === 'message' && event.data.body === `message ${round}-missed`
        ))
      )
    }
    t.same(
      bodies(seen),
      [0, 1, 2].flatMap((round) => [`message ${round}-live`, `message ${round}-missed`])
    )
    t.notOk(seen.some(({ type }) => type === 'reset'))
    t.ok(connections.filter((state) => state === 'waiting').length >= 3, 'a page can tell')
    t.equal(connections.at(-1), 'open')
    await events.return()
  }
)

t.test('one that was away for too long is told to read the lists again', async (t) => {
  const { url, db, take, storeId } = await serveApi(t)
  for (let round = 0; round < 11; round += 1)
    await addEvents(
      db,
      'lead',
      Array.from({ length: 10_000 }, () => 1)
    )
  await pruneEvents(db)
  const events = createClient({ baseUrl: url, token: apiToken }).events({ after: `${storeId}-5` })
  t.match(await events.next(), { value: { type: 'reset', id: `${storeId}-110000` } })
  await take(record('a'))
  t.match(bodies(await until(events, ({ type }) => type === 'message')), ['message a'])
  await events.return()
})

t.test('what trying again does not mend ends it; the signal ends it without a word', async (t) => {
  const { url } = await serveApi(t)
  t.match(await rejection(createClient({ baseUrl: url, token: 'wrong' }).events().next()), {
    type: 'unauthorized'
  })
  const lost = createClient({ baseUrl: url, token: apiToken }).events({ after: 'nonsense' })
  t.match(
    await lost.next(),
    { value: { type: 'reset' } },
    'an id that cannot be read is no reason to end'
  )
  await lost.return()
  const controller = new AbortController()
  const events = createClient({ baseUrl: url, token: apiToken }).events({
    signal: controller.signal
  })
  await events.next()
  const next = events.next()
  controller.abort()
  t.same(await next, { value: undefined, done: true })
  t.same(await createClient({ baseUrl: url }).events({ signal: AbortSignal.abort() }).next(), {
    value: undefined,
    done: true
  })
  const nobody = createClient({ baseUrl: 'http://127.0.0.1:9' })
  const waits = new AbortController()
  const ended = nobody
    .events({
      signal: waits.signal,
      onConnection: ({ state }) => state === 'waiting' && waits.abort()
    })
    .next()
  t.same(await ended, { value: undefined, done: true }, 'while it waits, too')
})

/**
 * A hub whose n-th stream is answered by the n-th of these, the last one from then on; and the
 * Last-Event-IDs it was asked with.
 */
const played = async (
  t: Parameters<typeof serve>[0],
  ...answers: ((res: Response) => void)[]
): Promise<{ url: string; asked: (string | undefined)[] }> => {
  const asked: (string | undefined)[] = []
  const { url } = await serve(t, (http) =>
    http.route('GET', '/api/events', (req, res) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]
      asked.push(req.headers['last-event-id'] as string | undefined)
      answer?.(res)
    })
  )
  return { url, asked }
}
const stream =
  (text: string, end = true) =>
  (res: Response): void => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(text)
    if (end) res.end()
  }
const status =
  (code: number, headers: Record<string, string> = {}) =>
  (res: Response): void =>
    void res.writeHead(code, headers).end()
const reset = (id: string): string => `id: ${id}\nevent: reset\ndata: {"reason":"x"}\n\n`

t.test('a connection without a sign of life is given up, and followed by another', async (t) => {
  const { url, asked } = await played(t, stream(reset('a-1'), false), stream(reset('a-2'), false))
  const errors: unknown[] = []
  const events = createClient({ baseUrl: url }).events({
    stallMs: 1_000,
    minDelayMs: 1,
    onConnection: (now) => now.state === 'waiting' && errors.push(now.error)
  })
  t.match(await until(events, ({ id }) => id === 'a-2'), [{ id: 'a-1' }, { id: 'a-2' }])
  t.match(errors.slice(0, 1), [{ type: 'unreachable', message: 'nothing came for 1000 ms' }])
  t.same(asked.slice(0, 2), [undefined, 'a-1'])
  await events.return()
})

t.test('whoever takes its time with an event is not a dead connection', async (t) => {
  const { url, asked } = await played(t, stream(`${reset('a-1')}${reset('a-2')}`, false))
  const events = createClient({ baseUrl: url }).events({ stallMs: 1_000, minDelayMs: 1 })
  await events.next()
  await new Promise((resolve) => setTimeout(resolve, 1_500)) // what the caller does meanwhile
  t.match(await events.next(), { value: { id: 'a-2' } })
  t.equal(asked.length, 1)
  await events.return()
})

t.test('each attempt waits for longer, up to a bound, and as long as the hub says', async (t) => {
  const { url, asked } = await played(
    t,
    stream('retry: 8\n\n'),
    ...Array.from({ length: 6 }, () => status(503)),
    status(429, { 'retry-after': '0' }),
    stream(`${reset('a-1')}event: unknown\ndata: {}\n\n${reset('a-2')}`)
  )
  const waits: number[] = []
  const events = createClient({ baseUrl: url }).events({
    minDelayMs: 1_000_000,
    maxDelayMs: 40,
    onConnection: (now) => now.state === 'waiting' && waits.push(now.ms)
  })
  t.match(
    await until(events, ({ id }) => id === 'a-2'),
    [{ id: 'a-1' }, { id: 'a-2' }],
    'what it does not know it leaves out'
  )
  t.equal(asked.length, 9)
  const longest = [8, 16, 32, 40, 40, 40, 40, 40]
  t.equal(waits.length, longest.length)
  for (const [attempt, ms] of waits.entries())
    t.ok(
      ms >= (longest[attempt] ?? 0) / 2 && ms <= (longest[attempt] ?? 0),
      `attempt ${attempt + 1}: ${ms} ms`
    )
  await events.return()

  const busy = await played(t, status(429, { 'retry-after': '1' }), stream(reset('a-1')))
  const patient: number[] = []
  const late = createClient({ baseUrl: busy.url }).events({
    minDelayMs: 1,
    onConnection: (now) => now.state === 'waiting' && patient.push(now.ms)
  })
  await late.next()
  t.same(patient, [1_000], 'Retry-After')
  await late.return()
})

t.test(
  'a hub that says to come back at once is waited for longer each time all the same',
  async (t) => {
    const { url } = await played(
      t,
      stream('retry: 0\n\n'),
      ...Array.from({ length: 4 }, () => status(503)),
      stream(reset('a-1'))
    )
    const waits: number[] = []
    const events = createClient({ baseUrl: url }).events({
      onConnection: (now) => now.state === 'waiting' && waits.push(now.ms)
    })
    await events.next()
    for (const [attempt, ms] of waits.entries())
      t.ok(ms >= 2 ** attempt / 2 && ms <= 2 ** attempt, `attempt ${attempt + 1}: ${ms} ms`)
    t.equal(waits.length, 5)
    await events.return()
  }
)

t.test('an id that cannot be sent back is none to resume from', async (t) => {
  const { url, asked } = await played(
    t,
    stream(`retry: 1\n\n${reset('a-1')}${reset('a-€')}${reset('a-\x7f')}`),
    stream(reset('a-2'))
  )
  const events = createClient({ baseUrl: url }).events()
  t.match(await until(events, ({ id }) => id === 'a-2'), [
    { id: 'a-1' },
    { id: 'a-1' },
    { id: 'a-1' },
    { id: 'a-2' }
  ])
  t.same(asked, [undefined, 'a-1'])
  await events.return()
})

t.test('a piece may end anywhere, in the middle of a letter too', async (t) => {
  const bytes = Buffer.from('id: a-1\nevent: reset\ndata: {"reason":"¿sí? 🌶"}\n\n')
  const { url } = await played(t, (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const next = (at: number): void =>
      void (at < bytes.length
        ? res.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1))
        : undefined)
    next(0)
  })
  const events = createClient({ baseUrl: url }).events()
  t.match(await events.next(), { value: { data: { reason: '¿sí? 🌶' } } })
  await events.return()
})

import { EventEmitter, once } from 'node:events'
import { jetstream } from '@nats-io/jetstream'
import t, { type Test } from 'tap'
import {
  followStream,
  type StreamFollower,
  type StreamFollowerOptions
} from '../../../../src/central-hub/cluster/jetstream/follow-stream.ts'
import {
  readCursor,
  writeCursor,
  type Cursor
} from '../../../../src/central-hub/store/write/cursors.ts'
import { listMessages } from '../../../../src/central-hub/store/read/messages.ts'
import type { InboundRecord, JournalRecord } from '../../../../src/contract/record.ts'
import { recordStream } from '../../../../src/contract/stream.ts'
import { connectionTo, natsServer, type NatsServer } from '../../../nats/nats-server.ts'
import { makeStream, publisher } from '../../../nats/records.ts'
import { logLines, type LogLines } from '../../../platform/log-lines.ts'
import { record, testStore, type TestStore } from '../../store/open-store.ts'

/** Against a real nats-server and a real store. */

interface Hub {
  follower: StreamFollower
  lines: LogLines
  /** Resolves once the cursor of an account, now or later, is there. */
  taken(seq: number, account?: string, journalId?: string): Promise<void>
  until(fits: () => boolean): Promise<void>
}

const hub = async (
  t: Test,
  server: NatsServer,
  store: TestStore,
  more: Partial<StreamFollowerOptions> = {}
): Promise<Hub> => {
  const news = new EventEmitter().setMaxListeners(0)
  const lines = logLines()
  const follower = followStream({
    config: {
      NATS_URL: [server.url],
      NATS_CREDENTIALS: '',
      NATS_CA: '',
      NATS_REPLICAS: 1,
      NATS_RETENTION: 86_400_000
    },
    storeId: 'one',
    ingest: store.ingest,
    cursor: (account) => readCursor(store.db, account),
    onChange: () => news.emit('change'),
    log: lines.log,
    lookMs: 100,
    ackWaitMs: 1_000,
    maxDelayMs: 200,
    turnMs: 1_000,
    ...more
  })
  t.teardown(() => follower.stop())
  const until = async (fits: () => boolean | Promise<boolean>): Promise<void> => {
    const signal = AbortSignal.timeout(25_000)
    while (!(await fits())) {
      await once(news, 'change', { signal }).catch(() => {
        throw new Error(
          `it stays at ${JSON.stringify([follower.state(), follower.account('main')])}`
        )
      })
    }
  }
  const stands = async (account: string, fits: (cursor: Cursor) => boolean): Promise<boolean> => {
    const cursor = await readCursor(store.db, account)
    return cursor !== undefined && fits(cursor)
  }
  return {
    follower,
    lines,
    until,
    taken: (seq, account = 'main', journalId) =>
      until(() =>
        stands(
          account,
          (cursor) => cursor.seq === seq && (journalId ?? cursor.journalId) === cursor.journalId
        )
      )
  }
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)
const of = (seq: number, account = 'main'): InboundRecord =>
  record(`${account}-${seq}`, {}, 'message', { seq, account })
const bodies = async ({ db }: TestStore): Promise<string[]> =>
  (await listMessages(db, {}, 1_000)).items.map(({ body }) => body).sort()
const bodiesOf = (...records: JournalRecord[]): string[] =>
  records.map((one) => (one.kind === 'erased' ? '' : one.message.body)).sort()

/** A store that remembers in which order the records of each account were taken. */
const watched = async (t: Test): Promise<{ store: TestStore; seqs: Map<string, number[]> }> => {
  const store = await testStore(t)
  const seqs = new Map<string, number[]>()
  const take: TestStore['ingest']['take'] = async (account, journalId, records, stands) => {
    await store.ingest.take(account, journalId, records, stands)
    seqs.set(account, [...(seqs.get(account) ?? []), ...records.map(({ seq }) => seq)])
  }
  return { store: { ...store, ingest: { take } }, seqs }
}

t.test('what is in the stream is taken, of every account, then what is added', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  const publish = await publisher(t, server)
  for (const seq of numbers(1, 3)) await publish('A', of(seq))
  const store = await testStore(t)
  const { follower, taken, until } = await hub(t, server, store)
  await taken(3)
  await publish('A', of(4))
  await publish('B', of(1, 'sales'))
  await taken(4)
  await taken(1, 'sales')
  t.same(await bodies(store), bodiesOf(...numbers(1, 4).map((seq) => of(seq)), of(1, 'sales')))
  t.match(await readCursor(store.db, 'sales'), { journalId: 'B', seq: 1 })
  await until(() => follower.account('sales')?.following === true)
  t.match(follower.account('main'), { following: true, seq: 4, lastSeq: 4 })
  t.same(follower.state(), { found: true, accounts: 2 })
  t.equal(follower.account('support'), undefined)
})

t.test('the stream is made by a hub, too, if it is there first', async (t) => {
  const server = await natsServer(t)
  const { taken, until, follower } = await hub(t, server, await testStore(t))
  await until(() => follower.state().found)
  const publish = await publisher(t, server)
  await publish('A', of(1))
  await taken(1)
})

t.test('records that come out of order, and twice, are taken in order, and once', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  const publish = await publisher(t, server)
  for (const seq of [1, 3, 4, 2, 3, 1, 6, 5]) await publish('A', of(seq))
  const { store, seqs } = await watched(t)
  const { taken } = await hub(t, server, store)
  await taken(6)
  t.same(seqs.get('main'), numbers(1, 6))
})

t.test(
  'two hubs share 4,000 records of four accounts: each once, and each account in its order',
  async (t) => {
    const server = await natsServer(t)
    await makeStream(t, server)
    const publish = await publisher(t, server)
    const accounts = ['a', 'b', 'c', 'd']
    const { store, seqs } = await watched(t)
    const hubs = [await hub(t, server, store), await hub(t, server, store)]
    await Promise.all(
      accounts.map((account) =>
        Promise.all(numbers(1, 1_000).map((seq) => publish('J', of(seq, account))))
      )
    )
    for (const account of accounts)
      await Promise.race(hubs.map(({ taken }) => taken(1_000, account)))
    for (const account of accounts) t.same(seqs.get(account), numbers(1, 1_000))
  }
)

t.test('a hub that dies with what it was given: another one takes it', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  const publish = await publisher(t, server)
  const store = await testStore(t)
  const first = await hub(t, server, store)
  for (const seq of numbers(1, 5)) await publish('A', of(seq))
  await first.taken(5)
  await first.follower.stop()
  for (const seq of numbers(6, 20)) await publish('A', of(seq))
  const dying = await connectionTo(t, server)
  const consumer = await jetstream(dying).consumers.get(recordStream, 'hub-main-one')
  let given = 0
  for await (const _ of await consumer.fetch({ max_messages: 10, expires: 1_000 })) given += 1
  t.equal(given, 10)
  await dying.close()
  const second = await hub(t, server, store)
  await second.taken(20)
  t.equal((await bodies(store)).length, 20)
})

t.test('a hub that stops gives back what it has not taken; another one goes on', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  const publish = await publisher(t, server)
  const store = await testStore(t)
  const first = await hub(t, server, store, { ackWaitMs: 60_000 })
  const second = await hub(t, server, store, { ackWaitMs: 60_000 })
  await publish('A', of(1))
  await Promise.race([first.taken(1), second.taken(1)])
  for (const seq of [3, 4, 5]) await publish('A', of(seq))
  await Promise.race(
    [first, second].map(({ until, follower }) =>
      until(() => follower.account('main')?.following === true)
    )
  )
  const [one, other] =
    first.follower.account('main')?.following === true ? [first, second] : [second, first]
  await one.follower.stop()
  await publish('A', of(2))
  await other.taken(5)
})

t.test(
  'with NATS down nothing comes, and the hub says why; once it is back the rest is taken',
  async (t) => {
    const server = await natsServer(t)
    await makeStream(t, server)
    await (await publisher(t, server))('A', of(1))
    const store = await testStore(t)
    const { follower, taken, until } = await hub(t, server, store)
    await taken(1)
    await server.end()
    await until(() => follower.state().fault !== undefined)
    t.match(follower.state().fault, /cannot be reached/)
    t.match(follower.account('main'), { following: false, fault: /cannot be reached/ })
    await server.start()
    await (await publisher(t, server))('A', of(2))
    await taken(2)
    t.equal(follower.state().fault, undefined)
  }
)

t.test('a journal in the place of another is taken after it, from its start', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  const publish = await publisher(t, server)
  for (const seq of numbers(1, 3)) await publish('A', of(seq))
  await publish('B', of(1), 'A:3')
  await publish('B', of(2))
  const store = await testStore(t)
  const { taken, lines } = await hub(t, server, store)
  await taken(2, 'main', 'B')
  t.same(
    await bodies(store),
    bodiesOf(...numbers(1, 3).map((seq) => of(seq))),
    'what is known already is left as it is'
  )
  t.match(lines.of('journal_replaced'), [{ level: 'warn', cursor: 3 }])
})

t.test(
  'a journal that goes on after one of another host is taken from there on, and so is a store that stands in what came between',
  async (t) => {
    const server = await natsServer(t)
    await makeStream(t, server)
    const publish = await publisher(t, server)
    for (const seq of numbers(1, 3)) await publish('A', of(seq))
    await publish('B', of(1), 'A:3')
    const store = await testStore(t)
    const first = await hub(t, server, store)
    await first.taken(1, 'main', 'B')
    await first.follower.stop()
    await publish('B', of(2))
    await publish('A again', of(4), 'B:2')
    await publish('A again', of(5))
    await publish('B again', of(3), 'A again:5')
    const { taken, lines } = await hub(t, server, store)
    await taken(3, 'main', 'B again')
    t.same(await bodies(store), bodiesOf(...numbers(1, 5).map((seq) => of(seq))))
    t.match(lines.of('journal_resumed'), [
      { level: 'info', seq: 4 },
      { level: 'info', seq: 3 }
    ])
    t.same(lines.of('stream_reread'), [])
  }
)

t.test(
  'a store that was restored to an earlier state has the stream read from its start',
  async (t) => {
    const server = await natsServer(t)
    await makeStream(t, server)
    const publish = await publisher(t, server)
    for (const seq of numbers(1, 6)) await publish('A', of(seq))
    const old = await testStore(t)
    const before = await hub(t, server, old)
    await before.taken(6)
    await before.follower.stop()
    const restored = await testStore(t)
    await restored.ingest.take('main', 'A', [of(1), of(2)])
    const after = await hub(t, server, restored)
    await publish('A', of(7))
    await after.taken(7)
    t.same(await bodies(restored), bodiesOf(...numbers(1, 7).map((seq) => of(seq))))
    t.match(after.lines.of('stream_reread'), [{ level: 'warn', cursor: 2 }])
  }
)

t.test('what the stream has no more is read from the journal', async (t) => {
  const server = await natsServer(t)
  const manager = await makeStream(t, server)
  const publish = await publisher(t, server)
  for (const seq of numbers(1, 8)) await publish('A', of(seq))
  await manager.streams.purge(recordStream, { seq: 7 })
  const store = await testStore(t)
  await store.ingest.take('main', 'A', [of(1), of(2)])
  const asked: unknown[] = []
  const { taken } = await hub(t, server, store, {
    readJournal: async (account, journalId, after, limit) => {
      asked.push([account, journalId, after, limit])
      return numbers(after + 1, after + Math.min(2, limit)).map((seq) => of(seq))
    }
  })
  await taken(8)
  t.same(asked, [
    ['main', 'A', 2, 4],
    ['main', 'A', 4, 2]
  ])
  t.same(await bodies(store), bodiesOf(...numbers(1, 8).map((seq) => of(seq))))
})

t.test('a new store begins with what the stream has, and says so', async (t) => {
  const server = await natsServer(t)
  const manager = await makeStream(t, server)
  const publish = await publisher(t, server)
  for (const seq of numbers(1, 5)) await publish('A', of(seq))
  await manager.streams.purge(recordStream, { seq: 4 })
  const store = await testStore(t)
  const { taken, lines } = await hub(t, server, store)
  await taken(5)
  t.match(lines.of('begun_late'), [{ level: 'warn', seq: 4 }])
  t.same(await bodies(store), bodiesOf(of(4), of(5)))
})

t.test(
  'a journal that was replaced, whose end is in the stream no more, ends where it was taken to',
  async (t) => {
    const server = await natsServer(t)
    const manager = await makeStream(t, server)
    const publish = await publisher(t, server)
    for (const seq of numbers(1, 3)) await publish('A', of(seq))
    await publish('B', of(1), 'A:3')
    await publish('B', of(2))
    await manager.streams.purge(recordStream, { seq: 4 })
    const store = await testStore(t)
    await writeCursor(store.db, { account: 'main', journalId: 'A', seq: 1 })
    const { taken, lines } = await hub(t, server, store)
    await taken(2, 'main', 'B')
    t.match(lines.of('begun_late'), [{ level: 'warn', cursor: 1, seq: 1 }])
  }
)

t.test('a gap that nobody can mend is a fault, not a loss', async (t) => {
  const server = await natsServer(t)
  const manager = await makeStream(t, server)
  const publish = await publisher(t, server)
  for (const seq of numbers(1, 5)) await publish('A', of(seq))
  await manager.streams.purge(recordStream, { seq: 4 })
  const store = await testStore(t)
  await writeCursor(store.db, { account: 'main', journalId: 'A', seq: 1 })
  const { until, follower } = await hub(t, server, store)
  await until(() =>
    /those after 1 are not in the stream any more: name its session-manager in FURTHER_SESSION_MANAGERS/.test(
      follower.account('main')?.fault ?? ''
    )
  )
  t.match(await readCursor(store.db, 'main'), { seq: 1 })
})

t.test('a record of a newer release stops it, after those before it, and says so', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  const publish = await publisher(t, server)
  await publish('A', of(1))
  await publish('A', { ...of(2), kind: 'hologram' as 'message' })
  const store = await testStore(t)
  const { until, follower } = await hub(t, server, store)
  await until(() =>
    /not as this release knows records.*upgrade central-hub/.test(
      follower.account('main')?.fault ?? ''
    )
  )
  t.match(await readCursor(store.db, 'main'), { seq: 1 })
})

t.test('what the store cannot take is tried again until it can', async (t) => {
  const server = await natsServer(t)
  await makeStream(t, server)
  await (await publisher(t, server))('A', of(1))
  const store = await testStore(t)
  let full = 2
  const take: TestStore['ingest']['take'] = async (...batch) => {
    if ((full -= 1) >= 0) throw new Error('database or disk is full')
    await store.ingest.take(...batch)
  }
  const { taken, lines, follower } = await hub(t, server, { ...store, ingest: { take } })
  await taken(1)
  t.match(lines.of('stream_fault')[0], { level: 'warn', msg: /database or disk is full/ })
  t.equal(follower.account('main')?.fault, undefined)
})

import fc from 'fast-check'
import t from 'tap'
import { createEventFeed, follow, type Source } from '../../../src/platform/http/event-feed.ts'
import type { Stream } from '../../../src/platform/http/sse.ts'
import { propertyRuns } from '../../property-runs.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Waits for what must come to be in some turns of the event loop. */
const until = async (fits: () => boolean): Promise<void> => {
  for (let turns = 0; !fits(); turns += 1) {
    if (turns > 10_000) throw new Error('it never came to be')
    await turn()
  }
}

/** A stored sequence 1, 2, 3 … that grows. */
const sequence = (page: number, pause: () => Promise<void> = async () => undefined) => {
  const wakers = new Set<() => void>()
  const reads: number[] = []
  let last = 0
  const source: Source<number> = {
    read: async (after) => {
      reads.push(after)
      await pause()
      const upTo = Math.min(last, after + page)
      return Array.from({ length: Math.max(0, upTo - after) }, (_, index) => after + index + 1)
    },
    position: (item) => item,
    toEvent: (item) => ({ id: item, data: item }),
    subscribe: (wake) => {
      wakers.add(wake)
      return () => wakers.delete(wake)
    }
  }
  return {
    source,
    reads,
    wakers,
    last: () => last,
    add: (count: number): void => {
      last += count
      for (const wake of wakers) wake()
    }
  }
}

/** A stream that keeps what it is given, as a client of any pace. */
const client = (pause: () => Promise<void> = async () => undefined) => {
  const closers: (() => void)[] = []
  const chunks: Uint8Array[] = []
  let open = true
  const stream: Stream = {
    get open() {
      return open
    },
    write: async (bytes) => {
      await pause()
      if (open) chunks.push(bytes)
      return open
    },
    send: () => Promise.reject(new Error('a feed encodes by itself')),
    end: () => undefined,
    onClose: (run) => void (open ? closers.push(run) : run())
  }
  const ids = (): number[] =>
    [
      ...Buffer.concat(chunks)
        .toString()
        .matchAll(/^id: (\d+)$/gm)
    ].map(([, id]) => Number(id))
  const close = (): void => {
    open = false
    for (const run of closers) run()
  }
  return { stream, chunks, ids, close }
}
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

t.test(
  'what is stored after the position comes first, then what is added, until the client goes',
  async (t) => {
    const store = sequence(2)
    store.add(5)
    const { stream, ids, close } = client()
    const following = follow(stream, { after: 2, ...store.source })
    await until(() => ids().at(-1) === 5)
    store.add(2)
    await until(() => ids().at(-1) === 7)
    t.same(ids(), range(3, 7))
    t.equal(store.wakers.size, 1)
    close()
    await following
    t.equal(store.wakers.size, 0, 'its subscription is over')
  }
)

t.test('clients at the head share one read of what was added, and its bytes', async (t) => {
  const store = sequence(10)
  const feed = createEventFeed(store.source)
  const clients = Array.from({ length: 50 }, () => client())
  const all = Promise.all(clients.map(({ stream }) => feed.follow(stream, 0)))
  await until(() => store.reads.length === 1)
  await turn()
  store.add(3)
  await until(() => clients.every(({ ids }) => ids().length === 3))
  await turn()
  t.same(store.reads, [0, 0, 3], 'nothing yet; what was added; nothing more')
  t.equal(new Set(clients.map(({ chunks }) => chunks[0])).size, 1)
  t.equal(store.wakers.size, 1, 'one subscription for all')
  for (const { close } of clients) close()
  await all
  t.equal(store.wakers.size, 0)
})

t.test(
  'a client that does not take its piece holds up no other, and goes on where it was',
  async (t) => {
    const store = sequence(10)
    const feed = createEventFeed(store.source)
    let release: () => void = () => undefined
    const stuck = client(() => new Promise<void>((resolve) => (release = resolve)))
    const quick = client()
    const all = Promise.all([stuck, quick].map(({ stream }) => feed.follow(stream, 0)))
    for (let round = 1; round <= 30; round += 1) {
      store.add(1)
      await until(() => quick.ids().length === round)
    }
    t.same(stuck.ids(), [])
    while (stuck.ids().length < 30) {
      release()
      await turn()
    }
    t.same(stuck.ids(), range(1, 30))
    for (const { close } of [stuck, quick]) close()
    release()
    await all
  }
)

t.test('a page is written in pieces, each waited for', async (t) => {
  const store = sequence(10)
  store.add(10)
  const { stream, chunks, ids, close } = client()
  const following = follow(stream, {
    after: 0,
    ...store.source,
    toEvent: (id) => (id === 4 ? undefined : { id, data: 'x'.repeat(30_000) })
  })
  await until(() => ids().at(-1) === 10)
  t.same(
    ids(),
    range(1, 10).filter((id) => id !== 4)
  )
  t.same(
    chunks.map(({ length }) => Math.round(length / 30_000)),
    [3, 3, 3],
    'three times somewhat more than 64 KiB'
  )
  close()
  await following
})

t.test('what is added while nobody follows is there for who comes back', async () => {
  const store = sequence(2)
  const feed = createEventFeed(store.source)
  const first = client()
  const following = feed.follow(first.stream, 0)
  await until(() => store.reads.length === 1)
  await turn()
  first.close()
  await following
  store.add(1)
  const second = client()
  const again = feed.follow(second.stream, 0)
  await until(() => second.ids().length === 1)
  second.close()
  await again
})

t.test('what is not sent is passed over all the same', async (t) => {
  const store = sequence(2)
  const { stream, ids, close } = client()
  const following = follow(stream, {
    after: 0,
    ...store.source,
    toEvent: (id) => (id < 5 ? undefined : { id, data: id })
  })
  store.add(5)
  await until(() => ids().length > 0)
  t.same(ids(), [5])
  close()
  await following
})

t.test('those who are behind are read for one in a turn of the event loop', async (t) => {
  const store = sequence(1)
  store.add(200)
  const feed = createEventFeed(store.source)
  const clients = range(0, 9).map(() => client())
  const all = Promise.all(clients.map(({ stream }, index) => feed.follow(stream, index * 20)))
  for (let turns = 1; turns <= 50; turns += 1) {
    await turn()
    t.ok(store.reads.length <= turns + 1, `${store.reads.length} reads after ${turns} turns`)
  }
  for (const { close } of clients) close()
  await all
})

t.test('a read that fails ends who waited for it, and is not kept for the next', async (t) => {
  const store = sequence(10)
  store.add(1)
  let fail = true
  const feed = createEventFeed({
    ...store.source,
    read: async (after) =>
      fail ? Promise.reject(new Error('the disk is gone')) : store.source.read(after)
  })
  const [first, second] = [client(), client()]
  await t.rejects(feed.follow(first.stream, 0), /the disk is gone/)
  fail = false
  const following = feed.follow(second.stream, 0)
  await until(() => second.ids().length === 1)
  for (const { close } of [first, second]) close()
  await following
})

t.test('a client that is dropped in the middle of a page is followed no more', async (t) => {
  const store = sequence(2)
  store.add(10)
  let writes = 0
  const gone = { ...client().stream, open: true, write: async () => (writes += 1) < 2 }
  await follow(gone, { after: 0, ...store.source })
  t.equal(writes, 2)
})

t.test(
  'nobody misses or gets anything twice, however appends, joins, reads and paces interleave',
  async (t) => {
    const deed = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 7 }) }),
      fc.record({ join: fc.nat(), slow: fc.boolean() }),
      fc.record({ leave: fc.nat() }),
      fc.record({ turns: fc.integer({ min: 1, max: 4 }) })
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(deed, { maxLength: 40 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        async (deeds, before, page, pauses) => {
          let step = 0
          const pause = async (): Promise<void> =>
            pauses[step++ % pauses.length] ? turn() : undefined
          const store = sequence(page, pause)
          store.add(before)
          const feed = createEventFeed(store.source)
          const clients: {
            from: number
            left: boolean
            ids: () => number[]
            close: () => void
            following: Promise<void>
          }[] = []
          for (const each of deeds) {
            if ('add' in each) store.add(each.add)
            else if ('join' in each) {
              const from = each.join % (store.last() + 1)
              const made = client(each.slow ? async () => (await turn(), turn()) : pause)
              clients.push({
                from,
                left: false,
                ids: made.ids,
                close: made.close,
                following: feed.follow(made.stream, from)
              })
            } else if ('leave' in each) {
              const leaving = clients[each.leave % Math.max(1, clients.length)]
              leaving?.close()
              if (leaving) leaving.left = true
            } else for (let count = 0; count < each.turns; count += 1) await turn()
          }
          await until(() =>
            clients.every(({ from, left, ids }) => left || ids().length >= store.last() - from)
          )
          for (const { close } of clients) close()
          await Promise.all(clients.map(({ following }) => following))
          for (const { from, left, ids } of clients) {
            const got = ids()
            const expected = range(from + 1, left ? from + got.length : store.last())
            if (got.join() !== expected.join())
              throw new Error(`from ${from} to ${store.last()}: got ${got.join()}`)
          }
        }
      ),
      propertyRuns(t, 200)
    )
    t.pass('held for 200 sequences')
  }
)

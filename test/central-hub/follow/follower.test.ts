import { EventEmitter, once } from 'node:events'
import t, { type Test } from 'tap'
import { createFollower, type Follower } from '../../../src/central-hub/follow/follower.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { readCursor } from '../../../src/central-hub/store/write/cursors.ts'
import { createUpstream } from '../../../src/central-hub/follow/upstream.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import type { Status } from '../../../src/contract/session.ts'
import { freePort, token } from '../../end-to-end/daemon.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from './fake-session-manager.ts'
import { testStore, type TestStore } from '../store/open-store.ts'

interface Rig extends TestStore {
  follower: Follower
  sessions: (Status | Problem)[]
  lines: ReturnType<typeof logLines>
  /** Resolves once the state, now or later, fits. */
  until(
    fits: (state: ReturnType<Follower['state']>) => boolean
  ): Promise<ReturnType<Follower['state']>>
  bodies(): Promise<string[]>
}

const follow = async (
  t: Test,
  baseUrl: string,
  options: { store?: TestStore; take?: TestStore['ingest']['take']; checkIntervalMs?: number } = {}
): Promise<Rig> => {
  const store = options.store ?? (await testStore(t))
  const news = new EventEmitter().setMaxListeners(0)
  const sessions: (Status | Problem)[] = []
  const lines = logLines()
  const follower = createFollower({
    upstream: createUpstream({ baseUrl, token, envFile: '/etc/leadmaster/central-hub.env' }),
    ingest: { take: options.take ?? store.ingest.take },
    cursor: (account) => readCursor(store.db, account),
    onSession: (session) => sessions.push(session),
    onChange: () => news.emit('change'),
    checkIntervalMs: options.checkIntervalMs ?? 60_000,
    maxDelayMs: 300,
    log: lines.log
  })
  t.teardown(() => follower.stop())
  return {
    ...store,
    follower,
    sessions,
    lines,
    until: async (fits) => {
      const signal = AbortSignal.timeout(15_000)
      while (!fits(follower.state())) {
        await once(news, 'change', { signal }).catch(() => {
          throw new Error(`it stays at ${JSON.stringify(follower.state())}`)
        })
      }
      return follower.state()
    },
    bodies: async () =>
      (await listMessages(store.db, {}, 1_000)).items.map(({ body }) => body).sort()
  }
}

t.test(
  'what is in the journal is taken, then what is added, and nothing twice after a restart of the hub',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    upstream.journal.append([newRecord('A'), newRecord('B')], 'live')
    const rig = await follow(t, upstream.url)
    await rig.until(({ seq }) => seq === 2)
    upstream.journal.append([newRecord('C')], 'live')
    t.match(await rig.until(({ seq }) => seq === 3), {
      verified: true,
      following: true,
      account: 'main',
      lastSeq: 3
    })
    await rig.follower.stop()
    upstream.journal.append([newRecord('D')], 'live')
    const again = await follow(t, upstream.url, { store: rig })
    await again.until(({ seq }) => seq === 4)
    t.same(await again.bodies(), ['message A', 'message B', 'message C', 'message D'])
    t.equal((await readCursor(rig.db, 'main'))?.seq, 4)
  }
)

t.test(
  'a journal read from its start: what was erased in it moves the cursor on, and nothing else',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    upstream.journal.append(
      [
        newRecord('A'),
        newRecord('B', { chat_id: '5215500000000@c.us', phone: '+5215500000000' }),
        newRecord('C')
      ],
      'live'
    )
    upstream.journal.erase({ chatIds: [newRecord('A').message.chat_id], messageIds: [] })
    const rig = await follow(t, upstream.url)
    await rig.until(({ seq }) => seq === 3)
    t.same(await rig.bodies(), ['message B'])
    t.equal((await readCursor(rig.db, 'main'))?.seq, 3)
  }
)

t.test('5,000 records come in batches, in order', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.journal.append(
    Array.from({ length: 5_000 }, (_, index) => newRecord(`${index}`)),
    'live'
  )
  const seqs: number[] = []
  let batches = 0
  const rig = await follow(t, upstream.url, {
    take: async (_account, _journal, records) => {
      batches += 1
      seqs.push(...records.map(({ seq }) => seq))
    }
  })
  await rig.until(({ seq }) => seq === 5_000)
  t.same(
    seqs,
    Array.from({ length: 5_000 }, (_, index) => index + 1)
  )
  t.ok(batches < 1_000, `${batches} batches`)
})

t.test(
  'session-manager goes away and comes back: the fault is named, then mended, and the rest is taken',
  async (t) => {
    const directory = ownDirectory(t)
    const first = await fakeSessionManager(t, { directory: directory })
    first.journal.append([newRecord('A')], 'live')
    const rig = await follow(t, first.url)
    await rig.until(({ seq }) => seq === 1)
    await first.close()
    const state = await rig.until(({ fault }) => /nothing listens/.test(fault ?? ''))
    t.match(state, { verified: false, following: false })
    t.match(rig.sessions.at(-1), { type: 'urn:leadmaster:problem:session-manager-unreachable' })
    const second = await fakeSessionManager(t, { directory: directory, port: first.port })
    second.journal.append([newRecord('B')], 'live')
    t.notOk((await rig.until(({ seq }) => seq === 2)).fault)
    t.same(await rig.bodies(), ['message A', 'message B'])
    t.ok(rig.lines.of('upstream_mended').length > 0)
  }
)

t.test('every attempt is logged with its wait, which grows up to its bound', async (t) => {
  const rig = await follow(t, `http://127.0.0.1:${await freePort()}`)
  await rig.lines.count('upstream_fault', 6)
  const lines = rig.lines.of('upstream_fault')
  t.same(
    lines.slice(0, 6).map(({ attempt }) => attempt),
    [1, 2, 3, 4, 5, 6]
  )
  t.equal(lines[0]?.level, 'error', 'the first is news')
  t.equal(lines[1]?.level, 'warn')
  for (const { retry_ms } of lines) t.ok((retry_ms as number) <= 300 && (retry_ms as number) >= 125)
})

t.test(
  'a journal in the place of another is read from its start, and what is known stays single',
  async (t) => {
    const first = await fakeSessionManager(t)
    first.journal.append([newRecord('A'), newRecord('B'), newRecord('C')], 'live')
    const rig = await follow(t, first.url)
    await rig.until(({ seq }) => seq === 3)
    await first.close()
    const second = await fakeSessionManager(t, { port: first.port })
    second.journal.append([newRecord('C'), newRecord('D')], 'backfill')
    await rig.until(({ seq }) => seq === 2)
    t.same(await rig.bodies(), ['message A', 'message B', 'message C', 'message D'])
    t.match(rig.lines.of('journal_replaced'), [{ level: 'warn', cursor: 3, last_seq: 2 }])
  }
)

t.test('the session is told as session-manager tells it', async (t) => {
  const upstream = await fakeSessionManager(t)
  const rig = await follow(t, upstream.url)
  await rig.until(({ following }) => following)
  upstream.set({ status: 'READY', running: true })
  upstream.journal.append([newRecord('A')], 'live')
  await rig.until(({ seq }) => seq === 1)
  t.ok(rig.sessions.some((session) => session.status === 'READY'))
})

t.test('what cannot be taken is tried again until it can', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.journal.append([newRecord('A')], 'live')
  const store = await testStore(t)
  let full = 2
  const rig = await follow(t, upstream.url, {
    store,
    take: async (...batch) => {
      if ((full -= 1) >= 0) throw new Error('database or disk is full')
      await store.ingest.take(...batch)
    }
  })
  await rig.until(({ fault }) => /database or disk is full/.test(fault ?? ''))
  await rig.until(({ seq }) => seq === 1)
  t.same(await rig.bodies(), ['message A'])
})

t.test('a record of a newer release stops it, after those before it, and says so', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.journal.append([newRecord('A')], 'live')
  upstream.journal.append([{ ...newRecord('B'), kind: 'hologram' as 'message' }], 'live')
  const rig = await follow(t, upstream.url)
  const { seq } = await rig.until(({ fault }) =>
    /record 2 is not as this release knows records.*upgrade central-hub/.test(fault ?? '')
  )
  t.equal(seq, 1)
  t.same(await rig.bodies(), ['message A'])
})

t.test(
  'records are taken in their turn alone: one that comes twice does not fill a gap',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { journal } = upstream
    journal.append([newRecord('A'), newRecord('B'), newRecord('C')], 'live')
    const read = journal.read.bind(journal)
    journal.read = (...of) =>
      read(...of).flatMap((record) =>
        record.seq === 2 ? [] : record.seq === 3 ? [record, record] : [record]
      )
    const rig = await follow(t, upstream.url)
    const { seq } = await rig.until(({ fault }) =>
      /the journal has a gap after record 0/.test(fault ?? '')
    )
    t.equal(seq, 0)
    t.same(await rig.bodies(), [])
    journal.read = read
    await rig.until(({ seq }) => seq === 3)
    t.same(await rig.bodies(), ['message A', 'message B', 'message C'])
  }
)

t.test('while it follows it verifies again and again who is there', async (t) => {
  const upstream = await fakeSessionManager(t)
  const rig = await follow(t, upstream.url, { checkIntervalMs: 50 })
  await rig.until(({ following }) => following)
  // another account took the place; the stream that is open does not tell
  await upstream.close()
  await rig.until(({ following }) => !following)
  await fakeSessionManager(t, { port: upstream.port, account: 'sales' })
  await rig.until(({ following, account }) => following && account === 'sales')
})

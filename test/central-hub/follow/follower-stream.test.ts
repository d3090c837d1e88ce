import { EventEmitter, once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  createFollower,
  type Follower,
  type FollowerOptions
} from '../../../src/central-hub/follow/follower.ts'
import { ReadTooEarly, type Cursor } from '../../../src/central-hub/store/write/cursors.ts'
import type { Identity, Upstream } from '../../../src/central-hub/follow/upstream.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import type { Status } from '../../../src/contract/session.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { logLines } from '../../platform/log-lines.ts'
import { message } from '../../session-manager/journal/new-records.ts'
import { propertyRuns } from '../../property-runs.ts'

/**
 * The follower beside a session-manager that does, byte by byte, what a test says, on a clock that
 * the test turns.
 */

const statusOf = (id: string, lastSeq: number): Status => ({
  status: 'READY',
  since: '2026-11-24T12:00:00.000Z',
  account: 'main',
  linked: true,
  failures: 0,
  outbound_blocked: 0,
  journal: { id, last_seq: lastSeq },
  media: { pending: 0 },
  backfill: { running: false }
})

const recordOf = (seq: number, body = `message ${seq}`): InboundRecord => ({
  seq,
  kind: 'message',
  captured_at: '2026-11-24T12:00:00.000Z',
  source: 'live',
  account: 'main',
  message: message(`${seq}`, { body })
})

const event = (name: string, data: unknown): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const recordEvent = (seq: number, body?: string): string => event('record', recordOf(seq, body))

/** One stream that the follower has opened. */
interface Opened {
  after: number
  signal: AbortSignal
  write(bytes: string | Uint8Array): void
  end(): void
}

interface Taken {
  account: string
  journalId: string
  seqs: number[]
  bodies: string[]
  stands: Cursor | null | undefined
}

interface Played {
  follower: Follower
  /** What `verify` gives; a test replaces it. */
  verify: () => Promise<Identity>
  /** How often it was asked. */
  verified: number
  streams: Opened[]
  taken: Taken[]
  sessions: (Status | Problem)[]
  changes: () => number
  lines: ReturnType<typeof logLines>
  /** Resolves once the follower has opened that many streams; with the last one. */
  opened(count: number): Promise<Opened>
  until(
    fits: (state: ReturnType<Follower['state']>) => boolean
  ): Promise<ReturnType<Follower['state']>>
  /** Lets all that is due happen, then time pass, then what is due by then happen. */
  passes(ms: number): Promise<void>
  /**
   * Waits for the next fault and for the attempt after it, which may not come before its time;
   * gives the fault's log line.
   */
  retries(): Promise<Record<string, unknown>>
}

const start = 1_700_000_000_000

interface Options extends Partial<FollowerOptions> {
  journal?: { id: string; last_seq: number }
  /** Opens no stream: waits until the signal ends it. */
  hangs?: boolean
}

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 10; turns += 1) await turn()
}

const play = (t: Test, options: Options = {}): Played => {
  mock.timers.reset()
  // Mocked timers keep no process alive.
  const alive = setInterval(() => undefined, 1_000)
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: start })
  // The clock that only goes on, too, which they leave as it is.
  const clock = mock.method(performance, 'now', () => Date.now() - start)
  // The same for what is imported from node:timers/promises.
  syncBuiltinESMExports()
  const { id, last_seq } = options.journal ?? { id: 'j', last_seq: 9 }
  const news = new EventEmitter().setMaxListeners(0)
  const lines = logLines()
  const sessions: (Status | Problem)[] = []
  let changes = 0

  const open = async (after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
    if (options.hangs)
      await new Promise((_, fail) =>
        signal.addEventListener('abort', () => fail(signal.reason as Error))
      )
    return new ReadableStream({
      start: (controller) => {
        const abort = (): void => controller.error(signal.reason)
        signal.addEventListener('abort', abort)
        it.streams.push({
          after,
          signal,
          write: (bytes) =>
            controller.enqueue(typeof bytes === 'string' ? Buffer.from(bytes) : bytes),
          end: () => {
            signal.removeEventListener('abort', abort)
            controller.close()
          }
        })
        news.emit('change')
      }
    })
  }

  const until: Played['until'] = async (fits) => {
    const signal = AbortSignal.timeout(6_000)
    while (!fits(it.follower.state())) {
      await once(news, 'change', { signal }).catch(() => {
        throw new Error(`the follower stays at ${JSON.stringify(it.follower.state())}`)
      })
    }
    return it.follower.state()
  }

  const passes = async (ms: number): Promise<void> => {
    await settle()
    mock.timers.tick(ms)
    await settle()
  }

  let faults = 0
  const retries: Played['retries'] = async () => {
    faults += 1
    await lines.count('upstream_fault', faults)
    const line = lines.of('upstream_fault')[faults - 1] as Record<string, unknown>
    const before = it.verified
    await passes((line['retry_ms'] as number) - 1)
    if (it.verified !== before) throw new Error('it does not wait as long as it says')
    await passes(1)
    if (it.verified === before) throw new Error('it waits longer than it says')
    return line
  }

  const it: Played = {
    verify: async () => ({ account: 'main', version: '1.2.3', status: statusOf(id, last_seq) }),
    verified: 0,
    streams: [],
    taken: [],
    sessions,
    lines,
    changes: () => changes,
    opened: async (count) => {
      const signal = AbortSignal.timeout(6_000)
      while (it.streams.length < count) await once(news, 'change', { signal })
      return it.streams[count - 1] as Opened
    },
    until,
    passes,
    retries,
    follower: undefined as unknown as Follower
  }
  const upstream = {
    baseUrl: 'http://127.0.0.1:3001',
    verify: () => {
      it.verified += 1
      news.emit('change')
      return it.verify()
    },
    open
  } as unknown as Upstream
  it.follower = createFollower({
    upstream,
    ingest: {
      take: async (account, journalId, records, stands) => {
        const bodies = records.map((record) =>
          record.kind === 'erased' ? '' : (record.message.body ?? '')
        )
        it.taken.push({ account, journalId, seqs: records.map(({ seq }) => seq), bodies, stands })
      }
    },
    cursor: async () => undefined,
    onSession: (session) => void sessions.push(session),
    onChange: () => {
      changes += 1
      news.emit('change')
    },
    checkIntervalMs: 60_000,
    maxDelayMs: 50,
    log: lines.log,
    ...options
  })
  t.teardown(async () => {
    await it.follower.stop()
    clock.mock.restore()
    mock.timers.reset()
    syncBuiltinESMExports()
    clearInterval(alive)
  })
  return it
}

/** The follower's own records, in order. */
const seqsOf = ({ taken }: Played): number[] => taken.flatMap(({ seqs }) => seqs)

const cursorOf =
  (journalId: string, seq: number): FollowerOptions['cursor'] =>
  async (account) => ({ account, journalId, seq })

t.test(
  'follower goes on after its cursor in the same journal, and reads any other one from its start',
  async (t) => {
    const ids = fc.constantFrom('j', 'k')
    const seqs = fc.integer({ min: 0, max: 4 })
    await fc.assert(
      fc.asyncProperty(
        ids,
        seqs,
        fc.option(fc.record({ id: ids, seq: seqs }), { nil: undefined }),
        async (id, lastSeq, cursor) => {
          const it = play(t, {
            journal: { id, last_seq: lastSeq },
            cursor: async (account) => cursor && { account, journalId: cursor.id, seq: cursor.seq }
          })
          const goesOn = cursor !== undefined && cursor.id === id && cursor.seq <= lastSeq
          const { after, write } = await it.opened(1)
          t.equal(after, goesOn ? cursor.seq : 0)
          t.match(it.follower.state(), { verified: true, account: 'main', seq: after, lastSeq })
          const replaced =
            cursor === undefined || goesOn
              ? []
              : [{ level: 'warn', account: 'main', cursor: cursor.seq, last_seq: lastSeq }]
          t.match(it.lines.of('journal_replaced'), replaced)

          write(recordEvent(after + 1))

          await it.until(({ seq }) => seq === after + 1)
          t.match(it.taken, [{ account: 'main', journalId: id, seqs: [after + 1] }])
          t.same(
            it.taken[0]?.stands,
            cursor === undefined ? null : { account: 'main', journalId: cursor.id, seq: cursor.seq }
          )
          await it.follower.stop()
        }
      ),
      { ...propertyRuns(t, 60), endOnFailure: true }
    )
  }
)

t.test('before session-manager has answered nothing is known of it', async (t) => {
  const it = play(t)
  t.same(it.follower.state(), { verified: false, following: false, seq: 0, lastSeq: 0 })
  await it.opened(1)
})

t.test(
  'follower tells the store where its cursor is: first as the store said, then after the last record',
  async (t) => {
    const it = play(t, { cursor: cursorOf('j', 3) })
    const stream = await it.opened(1)

    stream.write(recordEvent(4) + recordEvent(5))
    await it.until(({ seq }) => seq === 5)
    stream.write(recordEvent(6))
    await it.until(({ seq }) => seq === 6)

    t.same(
      it.taken.map(({ seqs }) => seqs),
      [[4, 5], [6]]
    )
    t.match(
      it.taken.map(({ stands }) => stands),
      [
        { account: 'main', journalId: 'j', seq: 3 },
        { account: 'main', journalId: 'j', seq: 5 }
      ]
    )
    t.equal(it.follower.state().lastSeq, 9, 'the journal is longer than what came')
    stream.write(recordEvent(7) + recordEvent(8) + recordEvent(9) + recordEvent(10))
    await it.until(({ lastSeq }) => lastSeq === 10)
  }
)

t.test('a stream that comes byte by byte gives the same records', async (t) => {
  const it = play(t)
  const stream = await it.opened(1)
  for (const byte of Buffer.from(recordEvent(1, 'Mañana ☕') + recordEvent(2, '¿Sí? 🙂')))
    stream.write(Uint8Array.of(byte))
  await it.until(({ seq }) => seq === 2)
  t.same(
    it.taken.flatMap(({ bodies }) => bodies),
    ['Mañana ☕', '¿Sí? 🙂']
  )
})

t.test(
  'a stream that is cut anywhere, in the middle of a letter too, gives the same records',
  async (t) => {
    const text =
      recordEvent(1, 'Mañana a las 10 ☕') +
      event('status', statusOf('j', 2)) +
      ': beat\n\n' +
      recordEvent(2, '¿Sí? 🙂')
    const bytes = Buffer.from(text)
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 40 }),
        async (cuts) => {
          const it = play(t)
          const stream = await it.opened(1)
          const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
          for (const [index, from] of places.slice(0, -1).entries()) {
            stream.write(bytes.subarray(from, places[index + 1]))
            if (index % 3 === 0) await turn()
          }

          await it.until(({ seq }) => seq === 2)
          t.same(
            it.taken.flatMap(({ bodies }) => bodies),
            ['Mañana a las 10 ☕', '¿Sí? 🙂']
          )
          t.same(
            it.sessions.map((session) => 'journal' in session && session.journal.last_seq),
            [9, 2]
          )
          await it.follower.stop()
        }
      ),
      { ...propertyRuns(t, 40), endOnFailure: true }
    )
  }
)

t.test(
  'a record that came before is not taken again, and one after a gap is refused',
  async (t) => {
    const it = play(t)
    const first = await it.opened(1)

    first.write(recordEvent(1) + recordEvent(2))
    await it.until(({ seq }) => seq === 2)
    first.write(recordEvent(2))
    first.write(recordEvent(1) + recordEvent(2) + recordEvent(3))
    await it.until(({ seq }) => seq === 3)
    t.same(seqsOf(it), [1, 2, 3])

    first.write(recordEvent(5))
    const { fault } = await it.until((state) => state.fault !== undefined)
    t.equal(
      fault,
      'following session-manager at http://127.0.0.1:3001 failed: the journal has a gap after record 3'
    )
    t.same(seqsOf(it), [1, 2, 3])

    await it.retries()
    const second = await it.opened(2)
    second.write(recordEvent(1) + recordEvent(2) + recordEvent(4))
    t.match(
      await it.until((state) => state.fault !== undefined),
      { fault: /the journal has a gap after record 0$/ },
      'also when the first one fits'
    )
    t.same(seqsOf(it), [1, 2, 3])
  }
)

t.test(
  'records that were erased at session-manager after they were read are read once more, without a wait',
  async (t) => {
    let isEarly = true
    const stored: (Cursor | null | undefined)[] = []
    const it = play(t, {
      cursor: async (account) => ({ account, journalId: 'j', seq: 3, epoch: 7 }),
      ingest: {
        take: async (account, _journal, _records, stands) => {
          if (isEarly) throw new ReadTooEarly(account)
          stored.push(stands)
        }
      }
    })
    const first = await it.opened(1)
    first.write(recordEvent(4))
    const second = await it.opened(2)
    t.equal(second.after, 3)
    t.ok(first.signal.aborted)
    t.match(it.lines.of('stream_reopened'), [{ level: 'info', account: 'main', after: 3 }])
    t.same(it.lines.of('upstream_fault'), [], 'it is no fault')
    t.notOk(it.follower.state().fault)

    isEarly = false
    second.write(recordEvent(4))
    await it.until(({ seq }) => seq === 4)
    second.write(recordEvent(5))
    await it.until(({ seq }) => seq === 5)
    t.same(
      stored,
      [
        { account: 'main', journalId: 'j', seq: 3, epoch: 7 },
        { account: 'main', journalId: 'j', seq: 4, epoch: 7 }
      ],
      'the epoch goes on with the cursor'
    )
  }
)

t.test(
  'a stream of which nothing comes for 40 s is given up, and another one is opened',
  async (t) => {
    const it = play(t)
    const first = await it.opened(1)
    await it.passes(39_999)
    t.match(it.follower.state(), { following: true, seq: 0 })
    await it.passes(1)
    t.match(it.follower.state(), {
      following: false,
      fault: 'following session-manager at http://127.0.0.1:3001 failed: no byte came for 40 s'
    })
    t.ok(first.signal.aborted, 'its connection is closed')

    await it.retries()
    const second = await it.opened(2)
    second.write(recordEvent(1))
    await it.until(({ seq, fault }) => seq === 1 && fault === undefined)
    await it.passes(39_999)
    t.match(it.follower.state(), { following: true })
    await it.passes(1)
    t.match(
      it.follower.state(),
      { following: false, fault: /no byte came for 40 s$/ },
      'also when something came before'
    )
    t.ok(second.signal.aborted)
  }
)

t.test('heartbeats keep a stream, however long no record comes', async (t) => {
  const it = play(t)
  const { write, signal } = await it.opened(1)
  for (let beats = 0; beats < 20; beats += 1) {
    await it.passes(39_000)
    write(': beat\n\n')
  }
  t.notOk(signal.aborted)
  t.equal(it.streams.length, 1)
  t.match(it.follower.state(), { following: true })
})

t.test('a stream that does not open is given up, too', async (t) => {
  const it = play(t, { hangs: true })
  await it.passes(40_000)
  t.match(it.follower.state(), { following: false, fault: /no byte came for 40 s$/ })
})

t.test('a stream that is slow to be stored is not silent', async (t) => {
  let store = (): void => undefined
  const it = play(t, { ingest: { take: () => new Promise((stored) => (store = stored)) } })
  const { write, signal } = await it.opened(1)
  write(recordEvent(1))
  await it.passes(50_000)
  t.notOk(signal.aborted)

  store()
  await it.until(({ seq }) => seq === 1)
  t.notOk(signal.aborted)
})

t.test(
  'who answers is verified at intervals while a stream is open, and one that answers wrongly is left',
  async (t) => {
    const it = play(t, { checkIntervalMs: 30_000 })
    const { signal, write } = await it.opened(1)
    for (const count of [1, 2, 3]) {
      write(': beat\n\n')
      await it.passes(29_999)
      t.equal(it.verified, count)
      await it.passes(1)
      t.equal(it.verified, count + 1)
    }
    t.match(
      it.follower.state(),
      { verified: true, following: true },
      'the stream goes on as long as the right one answers'
    )

    it.verify = async () => {
      throw new ProblemError('session-manager-invalid', 'this is another account')
    }
    write(': beat\n\n')
    await it.passes(30_000)

    t.match(it.follower.state(), {
      verified: false,
      following: false,
      fault: 'this is another account'
    })
    t.ok(signal.aborted, 'its connection is closed')
    t.match(it.sessions.at(-1), {
      type: 'urn:leadmaster:problem:session-manager-invalid',
      detail: 'this is another account'
    })
  }
)

t.test('after a stop nothing is asked of session-manager', async (t) => {
  const it = play(t, { checkIntervalMs: 10_000 })
  const { signal } = await it.opened(1)

  const stopped = it.follower.stop()
  await it.passes(100_000)
  await stopped

  t.ok(signal.aborted)
  t.equal(it.verified, 1)
  t.equal(it.streams.length, 1)
  t.same(it.lines.of('upstream_fault'), [], 'a stop is no fault')
})

t.test('the verification of a stream ends with the stream', async (t) => {
  const it = play(t, { checkIntervalMs: 60, maxDelayMs: 100_000 })
  const stream = await it.opened(1)
  stream.end()
  const { fault, following, verified } = await it.until((state) => state.fault !== undefined)
  t.match(fault, /failed: session-manager ended the stream$/)
  t.same([following, verified], [false, true], 'it is still the right one')
  await it.passes(100)
  t.equal(it.verified, 1)
})

t.test('a stop ends a wait of any length', async (t) => {
  const it = play(t, { maxDelayMs: 100_000 })
  const stream = await it.opened(1)
  stream.end()
  await it.until((state) => state.fault !== undefined)
  await it.follower.stop()
  t.equal(it.verified, 1)
})

t.test(
  'session-manager says why it ends a stream: what came before is taken, what comes after is not',
  async (t) => {
    const it = play(t)
    const { write } = await it.opened(1)
    write(recordEvent(1) + event('end', { reason: 'it is stopping' }) + recordEvent(2))
    const { fault, seq } = await it.until((state) => state.fault !== undefined)
    t.match(fault, /failed: session-manager ended the stream: it is stopping$/)
    t.equal(seq, 1)
    t.same(seqsOf(it), [1])
  }
)

t.test('an event that this release does not know is passed over', async (t) => {
  const it = play(t)
  const { write } = await it.opened(1)
  write(event('weather', { sun: true }) + 'event: record\ndata: {"seq":1}\n\n' + recordEvent(1))
  const { fault } = await it.until((state) => state.fault !== undefined)
  t.match(
    fault,
    /record \? is not as this release knows records \(\/\S* \S.*\): upgrade central-hub/,
    'and a record that it does not know is not'
  )
  t.same(seqsOf(it), [])
})

t.test('an event that is no JSON ends the stream with the reason', async (t) => {
  const it = play(t)
  const { write } = await it.opened(1)
  write(`${recordEvent(1)}event: record\nid: 2\ndata: {"seq"\n\n`)
  const { fault } = await it.until((state) => state.fault !== undefined)
  t.match(fault, /JSON/)
  t.same(seqsOf(it), [1])
})

t.test(
  'the waits are kept, grow with each failure in a row, and begin small after a stream that went well',
  async (t) => {
    const it = play(t, { maxDelayMs: 3_000 })
    it.verify = async () => {
      throw new Error('down')
    }
    ;(await it.opened(1)).end()
    for (const [index, longest] of [250, 500, 1_000, 2_000, 3_000, 3_000].entries()) {
      const { attempt, retry_ms } = await it.retries()
      t.equal(attempt, index + 1)
      t.ok(
        (retry_ms as number) >= longest / 2 && (retry_ms as number) <= longest,
        `${retry_ms as number} of ${longest}`
      )
    }

    it.verify = async () => ({ account: 'main', version: '1.2.3', status: statusOf('j', 9) })
    await it.retries()
    const second = await it.opened(2)
    second.write(recordEvent(1))
    await it.until(({ seq }) => seq === 1)
    second.end()
    t.equal((await it.retries())['attempt'], 1, 'a record was taken: a new row of failures')

    ;(await it.opened(3)).end()
    t.equal((await it.retries())['attempt'], 2, 'a stream that ends immediately was no good one')

    const fourth = await it.opened(4)
    await it.passes(1_000)
    fourth.end()
    t.equal((await it.retries())['attempt'], 3, 'nor was one that lasted a second')

    const fifth = await it.opened(5)
    await it.passes(1_001)
    fifth.end()
    t.equal((await it.retries())['attempt'], 1, 'one that lasted longer was')
  }
)

t.test('however many failures there are in a row, the wait is bounded', async (t) => {
  const random = Math.random
  Math.random = () => 1
  t.teardown(() => (Math.random = random))
  const it = play(t, { maxDelayMs: 60_000 })
  it.verify = async () => {
    throw new Error('down')
  }
  ;(await it.opened(1)).end()
  const waits: unknown[] = []
  for (let attempt = 1; attempt <= 30; attempt += 1) waits.push((await it.retries())['retry_ms'])
  t.same(waits.slice(0, 9), [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000])
  t.ok(waits.slice(8).every((wait) => wait === 60_000))
})

t.test(
  'a fault is news once: an error if session-manager is to blame, a warning otherwise',
  async (t) => {
    const it = play(t)
    const answers: (() => Error)[] = [
      () => new ProblemError('session-manager-unreachable', 'nothing listens'),
      () => new ProblemError('session-manager-unreachable', 'nothing listens'),
      () => new ProblemError('session-manager-invalid', 'another account'),
      () => new ProblemError('store-unavailable', 'the disk is full'),
      () => new Error('odd')
    ]
    let next = 0
    const stream = await it.opened(1)
    const heard = it.sessions.length
    t.same(
      it.lines
        .of('following')
        .map(({ level, account, after, last_seq, base_url }) => [
          level,
          account,
          after,
          last_seq,
          base_url
        ]),
      [['info', 'main', 0, 9, 'http://127.0.0.1:3001']]
    )
    t.same(it.lines.of('upstream_mended'), [], 'there was no fault')
    it.verify = async () => {
      const answer = answers[next]
      next += 1
      if (answer !== undefined) throw answer()
      return { account: 'main', version: '1.2.3', status: statusOf('j', 9) }
    }
    stream.end()
    for (let faults = 0; faults < 6; faults += 1) await it.retries()
    await it.opened(2)
    await settle()

    t.match(
      it.lines
        .of('upstream_fault')
        .map(({ level, problem, err }) => [level, problem, err !== undefined]),
      [
        ['warn', undefined, true],
        ['error', 'urn:leadmaster:problem:session-manager-unreachable', false],
        ['warn', 'urn:leadmaster:problem:session-manager-unreachable', false],
        ['error', 'urn:leadmaster:problem:session-manager-invalid', false],
        ['warn', undefined, true],
        ['warn', undefined, true]
      ]
    )
    t.same(
      it.sessions
        .slice(heard)
        .map((session) => ('type' in session ? session.type : session.status)),
      [
        'urn:leadmaster:problem:session-manager-unreachable',
        'urn:leadmaster:problem:session-manager-unreachable',
        'urn:leadmaster:problem:session-manager-invalid',
        'READY'
      ],
      'the store and the stream are no fault of the session'
    )
    t.match(it.lines.of('upstream_mended'), [{ level: 'info', base_url: 'http://127.0.0.1:3001' }])
    t.notOk('fault' in it.follower.state())
    t.ok(it.changes() >= 8, 'each change is told')
  }
)

t.test('session-manager may leave and come back: the cursor is asked for each time', async (t) => {
  const asked: string[] = []
  const it = play(t, {
    cursor: async (account) => {
      asked.push(account)
      return { account, journalId: 'j', seq: asked.length + 1 }
    }
  })
  const first = await it.opened(1)
  first.end()
  await it.retries()
  const second = await it.opened(2)
  t.same([first.after, second.after], [2, 3])
  t.same(asked, ['main', 'main'])
})

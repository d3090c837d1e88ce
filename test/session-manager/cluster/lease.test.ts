import fc from 'fast-check'
import t from 'tap'
import {
  newLease,
  stepLease,
  wakeAt,
  type Lease,
  type LeaseEffect,
  type LeaseEvent
} from '../../../src/session-manager/cluster/lease.ts'
import { propertyRuns } from '../../property-runs.ts'

/**
 * Who runs an account, as a state machine: first by example, then with hosts that are slow, cut off
 * and put to sleep.
 */

const ttl = 30_000

/** Applies events, each with its time. */
const played = (
  events: readonly [number, LeaseEvent][]
): { lease: Lease; effects: LeaseEffect[] } => {
  let lease = newLease('me', ttl, 0)
  let effects: LeaseEffect[] = []
  for (const [now, event] of events) ({ lease, effects } = stepLease(lease, event, now))
  return { lease, effects }
}
const taken: [number, LeaseEvent][] = [
  [0, { type: 'tick' }],
  [100, { type: 'acknowledged', request: 1, revision: 7 }]
]

t.test('it is taken by a put, and counted from when that was sent', async (t) => {
  t.same(played(taken.slice(0, 1)).effects, [{ do: 'put', request: 1, revision: undefined }])
  const { lease, effects } = played(taken)
  t.same(effects, [{ do: 'extend', killAt: 25_000 }])
  t.match(lease, { held: { revision: 7, sentAt: 0 }, dueAt: 10_000 })
})

t.test('it is renewed at a third, by the revision it has', async (t) => {
  t.same(played([...taken, [9_999, { type: 'tick' }]]).effects, [])
  t.same(played([...taken, [10_000, { type: 'tick' }]]).effects, [
    { do: 'put', request: 2, revision: 7 }
  ])
  t.same(
    played([
      ...taken,
      [10_000, { type: 'tick' }],
      [10_050, { type: 'acknowledged', request: 2, revision: 8 }]
    ]).effects,
    [{ do: 'extend', killAt: 35_000 }]
  )
})

t.test('without an answer it is tried again, and given up at two thirds', async (t) => {
  const silent: [number, LeaseEvent][] = [
    ...taken,
    [10_000, { type: 'tick' }],
    [15_000, { type: 'failed', request: 2 }]
  ]
  t.equal(wakeAt(played(silent).lease), 16_500)
  t.same(played([...silent, [16_500, { type: 'tick' }]]).effects, [
    { do: 'put', request: 3, revision: 7 }
  ])
  const given = played([...silent, [20_000, { type: 'tick' }]])
  t.same(
    given.effects[0],
    { do: 'revoke', now: false },
    'its browser has the time to five sixths to close'
  )
  t.equal(given.lease.held, undefined)
})

t.test('one that wakes from sleep gives it up before anything else', async (t) => {
  for (const event of [
    { type: 'acknowledged', request: 2, revision: 8 },
    { type: 'tick' },
    { type: 'failed', request: 2 }
  ] as const) {
    t.same(
      played([...taken, [10_000, { type: 'tick' }], [100_000, event]]).effects[0],
      { do: 'revoke', now: true },
      event.type
    )
  }
})

t.test(
  'another one has it: what it does is watched, and it is tried when that one has been silent for the TTL',
  async (t) => {
    const waiting: [number, LeaseEvent][] = [
      [0, { type: 'tick' }],
      [100, { type: 'refused', request: 1, holder: { owner: 'other', revision: 5 } }]
    ]
    t.equal(wakeAt(played(waiting).lease), 30_100)
    t.equal(
      wakeAt(played([...waiting, [9_000, { type: 'seen', owner: 'other', revision: 6 }]]).lease),
      39_000,
      'renewed'
    )
    t.same(
      played([...waiting, [9_000, { type: 'seen', revision: 6 }]]).effects,
      [{ do: 'put', request: 2, revision: undefined }],
      'given up: at once'
    )
    t.equal(
      wakeAt(
        played([
          ...waiting,
          [30_100, { type: 'tick' }],
          [30_200, { type: 'refused', request: 2, holder: { owner: 'other', revision: 5 } }]
        ]).lease
      ),
      31_700,
      'not gone yet: soon again'
    )
  }
)

t.test(
  'an answer that was lost: it is its own already, and becomes so by the next put',
  async (t) => {
    const lost: [number, LeaseEvent][] = [
      [0, { type: 'tick' }],
      [5_000, { type: 'failed', request: 1 }],
      [6_500, { type: 'tick' }]
    ]
    t.same(
      played([
        ...lost,
        [6_600, { type: 'refused', request: 2, holder: { owner: 'me', revision: 3 } }]
      ]).effects,
      [{ do: 'put', request: 3, revision: 3 }]
    )
    t.same(
      played([
        [0, { type: 'tick' }],
        [100, { type: 'seen', owner: 'me', revision: 3 }]
      ]).effects,
      [],
      'seen is not acknowledged'
    )
    t.same(
      played([
        [0, { type: 'tick' }],
        [21_000, { type: 'acknowledged', request: 1, revision: 3 }]
      ]).effects,
      [{ do: 'put', request: 2, revision: 3 }],
      'and neither is what comes too late'
    )
  }
)

t.test('it is taken away: by another one, or by hand', async (t) => {
  t.same(played([...taken, [5_000, { type: 'seen', owner: 'other', revision: 8 }]]).effects, [
    { do: 'revoke', now: true }
  ])
  t.same(played([...taken, [5_000, { type: 'seen', revision: 8 }]]).effects, [
    { do: 'revoke', now: true },
    { do: 'put', request: 2, revision: undefined }
  ])
  t.same(
    played([...taken, [5_000, { type: 'seen', owner: 'other', revision: 6 }]]).effects,
    [],
    'what was before it came is past'
  )
  t.same(
    played([...taken, [10_000, { type: 'tick' }], [10_100, { type: 'refused', request: 2 }]])
      .effects,
    [{ do: 'revoke', now: true }]
  )
})

/** What may go wrong with a request, and with a host. */
interface Weather {
  /** For each request in turn: the way there and back in ms, and what is lost of it. */
  ways: { there: number; back: number; lost: 'nothing' | 'request' | 'answer' }[]
  /** Each host sleeps from then for so long. */
  sleeps: { host: number; at: number; ms: number }[]
  /** Each host's clock goes by so much too fast or too slow. */
  drift: number[]
}

interface Opened {
  host: number
  from: number
  to: number
}

/** Hosts and a server over one virtual time. @returns when each had its browser open */
const world = ({ ways, sleeps, drift }: Weather, endMs: number): Opened[] => {
  const hosts = drift.length
  const queue: { at: number; order: number; run: (at: number) => void }[] = []
  let order = 0
  const later = (at: number, run: (at: number) => void): void =>
    void queue.push({ at, order: order++, run })
  const server: { key?: { owner: string; revision: number; at: number }; revision: number } = {
    revision: 0
  }
  const key = (at: number) =>
    server.key !== undefined && at < server.key.at + ttl ? server.key : undefined
  const opened: Opened[] = []
  const leases = drift.map((_, host) => newLease(`host ${host}`, ttl, 0))
  const browsers: (Opened | undefined)[] = []
  let requests = 0

  /** A host that sleeps hears of it when it wakes. */
  const awake = (host: number, at: number): number =>
    sleeps.reduce(
      (time, nap) =>
        nap.host === host && time >= nap.at && time < nap.at + nap.ms ? nap.at + nap.ms : time,
      at
    )
  const clock = (host: number, at: number): number => at * (1 + (drift[host] ?? 0))
  const trueTime = (host: number, at: number): number => at / (1 + (drift[host] ?? 0))

  const hear = (host: number, at: number, event: LeaseEvent): void => {
    const woken = awake(host, at)
    if (woken > at) return later(woken, (time) => hear(host, time, event))
    const { lease, effects } = stepLease(leases[host] as Lease, event, clock(host, at))
    leases[host] = lease
    for (const effect of effects) {
      if (effect.do === 'put') send(host, at, effect)
      else if (effect.do === 'extend') {
        // the guard kills by that time whatever becomes of the process, so a browser that is up
        // stays until then
        const until = trueTime(host, effect.killAt)
        const browser = browsers[host]
        if (browser !== undefined && at < browser.to) browser.to = Math.max(browser.to, until)
        else opened.push((browsers[host] = { host, from: at, to: until }))
      } else if (effect.now && browsers[host] !== undefined)
        (browsers[host] as Opened).to = Math.min((browsers[host] as Opened).to, at)
    }
    const wake = trueTime(host, wakeAt(lease))
    if (Number.isFinite(wake))
      later(Math.max(at + 1, wake), (time) => hear(host, time, { type: 'tick' }))
  }

  const send = (
    host: number,
    at: number,
    { request, revision }: { request: number; revision?: number | undefined }
  ): void => {
    const way = ways[requests++ % ways.length] ?? { there: 1, back: 1, lost: 'nothing' }
    const answer = (time: number, event: LeaseEvent): void =>
      later(time, (then) => hear(host, then, event))
    answer(at + ttl / 6, { type: 'failed', request })
    if (way.lost === 'request') return
    later(at + way.there, (time) => {
      const there = key(time)
      const fits = (there?.revision ?? undefined) === revision
      if (fits) {
        server.revision += 1
        server.key = { owner: `host ${host}`, revision: server.revision, at: time }
        const { revision: made } = server.key
        drift.forEach((_, watcher) =>
          later(time + 5, (then) =>
            hear(watcher, then, { type: 'seen', owner: `host ${host}`, revision: made })
          )
        )
      }
      if (way.lost === 'answer') return
      answer(
        time + way.back,
        fits
          ? { type: 'acknowledged', request, revision: server.revision }
          : { type: 'refused', request, holder: there }
      )
    })
  }

  for (let host = 0; host < hosts; host += 1) later(host, (at) => hear(host, at, { type: 'tick' }))
  for (;;) {
    queue.sort((a, b) => a.at - b.at || a.order - b.order)
    const next = queue.shift()
    if (next === undefined || next.at > endMs) return opened
    next.run(next.at)
  }
}

const weather: fc.Arbitrary<Weather> = fc.record({
  ways: fc.array(
    fc.record({
      there: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60_000 })),
      back: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60_000 })),
      lost: fc.oneof(
        { weight: 5, arbitrary: fc.constant('nothing' as const) },
        { weight: 1, arbitrary: fc.constant('request' as const) },
        { weight: 1, arbitrary: fc.constant('answer' as const) }
      )
    }),
    { minLength: 1, maxLength: 30 }
  ),
  sleeps: fc.array(
    fc.record({
      host: fc.integer({ min: 0, max: 2 }),
      at: fc.integer({ min: 0, max: 200_000 }),
      ms: fc.integer({ min: 1, max: 90_000 })
    }),
    { maxLength: 6 }
  ),
  drift: fc.array(fc.double({ min: -0.01, max: 0.01, noNaN: true }), { minLength: 2, maxLength: 3 })
})

t.test('never two at a time, whatever is slow, lost or asleep', async (t) => {
  let most = 0
  fc.assert(
    fc.property(weather, (given) => {
      const opened = world(given, 300_000).sort((a, b) => a.from - b.from)
      most = Math.max(most, new Set(opened.map(({ host }) => host)).size)
      for (const [index, one] of opened.entries()) {
        for (const other of opened.slice(index + 1)) {
          if (other.host !== one.host && other.from < one.to)
            throw new Error(
              `host ${one.host} from ${one.from} to ${one.to}, and host ${other.host} from ${other.from}`
            )
        }
      }
    }),
    propertyRuns(t, 400)
  )
  t.ok(most >= 2, 'it did change hands')
})

t.test(
  'while nothing is lost, one has it all the time, and another soon after that one is gone',
  async (t) => {
    const fair = { ways: [{ there: 3, back: 3, lost: 'nothing' as const }], drift: [0, 0] }
    t.match(world({ ...fair, sleeps: [] }, 300_000), [{ host: 0, from: 6 }])
    const [first, second] = world(
      { ...fair, sleeps: [{ host: 0, at: 100_000, ms: 10_000_000 }] },
      300_000
    )
    t.ok(first !== undefined && first.to < 125_100, 'killed')
    t.ok(
      second !== undefined &&
        second.host === 1 &&
        second.from > (first?.to ?? 0) &&
        second.from < 100_000 + ttl * 1.1
    )
  }
)

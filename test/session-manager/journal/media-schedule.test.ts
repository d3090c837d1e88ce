import { mock } from 'node:test'
import t from 'tap'
import type { MediaResult } from '../../../src/session-manager/journal/media-fetcher.ts'
import { MediaTrouble } from '../../../src/session-manager/journal/media-trouble.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { withMedia } from './new-records.ts'
import { clockOf, day, fetched, hour, minute, noNetwork, rig, second } from './media-rig.ts'

/** When media are tried again, to the second, and what the operator is told of it. */

const own = new MediaTrouble('the phone is uploading the media again', false)
const doubled = (count: number, from: number, most: number): number[] =>
  Array.from({ length: count }, (_, n) => Math.min(most, from * 2 ** n))

t.test(
  'a file that fails rests from 5 s to 6 h, doubled each time; half of that with the other end of the jitter',
  async (t) => {
    for (const [random, share] of [
      [1, 1],
      [0, 0.5]
    ] as const) {
      t.test(`random ${random}`, async (t) => {
        clockOf(t)
        const { journal, fetcher, logged, passes, tries } = rig(
          t,
          async () => Promise.reject(own),
          { random: () => random }
        )
        journal.append([withMedia('A')], 'live')
        fetcher.wake()
        await passes(10 * second, second)
        await passes(2 * day, 5 * minute)
        const lines = logged.of('media_failed')
        const waits = doubled(lines.length, 5 * second, 6 * hour).map((ms) => ms * share)
        t.same(
          lines.map(({ retry_ms }) => retry_ms),
          waits
        )
        t.same(
          lines.map(({ attempt }) => attempt),
          waits.map((_, n) => n + 1)
        )
        t.match(lines[0], { level: 'warn', reason: own.message })
        t.ok(waits.length > 13)
        t.same(logged.of('media_stopped'), [])
        const gaps = tries.slice(1).map(({ at }, n) => at - (tries[n]?.at ?? 0))
        for (const [n, gap] of gaps.entries())
          t.ok(
            gap >= (waits[n] ?? 0) && gap <= (waits[n] ?? 0) + 5 * minute,
            `${gap} ms for ${waits[n]}`
          )
      })
    }
  }
)

t.test(
  'while nothing can be fetched one file is tried after 5 s, then ever later, up to 15 min; that is said once',
  async (t) => {
    clockOf(t)
    const { journal, fetcher, logged, passes, tries, state } = rig(t, async () =>
      Promise.reject(noNetwork)
    )
    journal.append(
      ['A', 'B', 'C'].map((id) => withMedia(id)),
      'live'
    )
    fetcher.wake()
    await passes(2 * hour)
    const gaps = tries.slice(1).map(({ at }, n) => at - (tries[n]?.at ?? 0))
    t.same(gaps, doubled(gaps.length, 5 * second, 15 * minute))
    t.match(logged.of('media_outage'), [
      { level: 'warn', reason: 'HttpNetworkError', retry_ms: 5 * second }
    ])
    t.equal(logged.of('media_outage').length, 1)

    state.source = async (id) => fetched(id)
    await passes(15 * minute)
    t.same(
      logged.of('media_outage_over').map(({ level, failures }) => [level, failures]),
      [['info', tries.length - 3]]
    )
    t.equal(journal.pendingMediaCount(), 0)
  }
)

t.test('in an outage the first ten failures count for no file, all later ones do', async (t) => {
  clockOf(t)
  const { journal, fetcher, passes, tries, logged } = rig(t, async () => Promise.reject(noNetwork))
  journal.append([withMedia('A')], 'live')
  fetcher.wake()
  const counted = async (count: number): Promise<number> => {
    for (let n = 0; n < 1_000 && tries.length < count; n += 1) await passes(5 * second)
    return journal.pendingMedia(1)[0]?.attempts ?? -1
  }
  t.same([await counted(9), await counted(10), await counted(11), await counted(12)], [0, 0, 1, 2])
  t.same(
    logged.of('media_failed').map(({ attempt }) => attempt),
    [1, 2]
  )
})

t.test('a file that fails as all do, while others are fetched, counts for itself', async (t) => {
  clockOf(t)
  const { journal, fetcher, passes } = rig(t, async (id) =>
    id.endsWith('_X') ? Promise.reject(noNetwork) : fetched(id)
  )
  journal.append([withMedia('X')], 'live')
  fetcher.wake()
  await passes(second, second)
  fetcher.resume()
  await passes(second, second)
  t.match(journal.pendingMedia(1), [{ attempts: 0 }], 'nothing was fetched between the two')
  journal.append([withMedia('1')], 'live')
  fetcher.resume()
  await passes(second, second)
  t.match(journal.pendingMedia(9), [{ attempts: 1, message: { id: withMedia('X').message.id } }])
})

t.test(
  'an outage is over with the first file that is fetched, gone, or fails by itself',
  async (t) => {
    const ends: [string, () => Promise<MediaResult>][] = [
      ['fetched', async () => fetched('A')],
      ['gone', async () => ({ outcome: 'gone', reason: 'WhatsApp has no such media' })],
      ['fails by itself', async () => Promise.reject(own)]
    ]
    for (const [name, source] of ends) {
      t.test(name, async (t) => {
        clockOf(t)
        const { journal, fetcher, passes, logged, state } = rig(t, async () =>
          Promise.reject(noNetwork)
        )
        journal.append([withMedia('A')], 'live')
        fetcher.wake()
        await passes(second, second)
        t.equal(fetcher.outage(), 'HttpNetworkError')
        state.source = source
        await passes(10 * second, second)
        t.equal(fetcher.outage(), undefined)
        t.match(logged.of('media_outage_over'), [{ failures: 1 }])
      })
    }
  }
)

t.test(
  'READY tries at once what an outage put off, and does nothing else when there is none',
  async (t) => {
    clockOf(t)
    const { journal, fetcher, passes, tries } = rig(t, async () => Promise.reject(noNetwork))
    journal.append([withMedia('A')], 'live')
    fetcher.wake()
    await passes(4 * minute)
    const before = tries.length
    fetcher.wake()
    await passes(second, second)
    t.equal(tries.length, before, 'a message that arrives does not')
    fetcher.resume()
    await passes(second, second)
    t.equal(tries.length, before + 1)

    const calm = rig(t, async (id) => fetched(id))
    calm.fetcher.resume()
    await calm.passes(second, second)
    t.equal(calm.fetcher.outage(), undefined)
    t.same(calm.logged.lines, [])
  }
)

t.test(
  'a clock that is set back while nothing can be fetched puts the next try off by no more than 15 min',
  async (t) => {
    clockOf(t)
    const { journal, fetcher, passes, tries } = rig(t, async () => Promise.reject(noNetwork))
    journal.append([withMedia('A')], 'live')
    mock.timers.setTime(Date.now() + 40 * day)
    fetcher.wake()
    await passes(second, second)
    t.equal(tries.length, 1)
    mock.timers.setTime(Date.now() - 40 * day)
    fetcher.wake()
    await passes(second, second)
    t.equal(tries.length, 2)
    mock.timers.setTime(Date.now() - 2 * second)
    fetcher.wake()
    await passes(second, second)
    t.equal(tries.length, 2, 'a small correction changes nothing')
  }
)

t.test(
  'what fails is given up after two weeks of eight attempts at least, and that is said',
  async (t) => {
    const cases = [
      { giveUpMs: minute, attempts: 8 },
      { giveUpMs: 12 * 6 * hour, attempts: undefined }
    ]
    for (const { giveUpMs, attempts } of cases) {
      t.test(`${giveUpMs} ms`, async (t) => {
        clockOf(t)
        const { journal, fetcher, passes, tries, logged, outcomes } = rig(
          t,
          async () => Promise.reject(own),
          { giveUpMs }
        )
        journal.append([withMedia('A')], 'live')
        fetcher.wake()
        for (let n = 0; n < 5_000 && outcomes().length === 0; n += 1) await passes(minute, minute)
        const lasted = (tries.at(-1)?.at ?? 0) - (tries[0]?.at ?? 0)
        if (attempts !== undefined) t.equal(tries.length, attempts)
        t.ok(lasted >= giveUpMs, `${lasted} ms`)
        t.ok(tries.length >= giveUpMs / (6 * hour))
        t.ok(lasted < giveUpMs + 6 * hour + minute)
        t.match(outcomes(), [{ state: 'failed', reason: own.message }])
        t.match(logged.of('media_given_up'), [{ level: 'warn', reason: own.message }])
      })
    }
  }
)

t.test('an error of the journal is said, and fetching goes on a second later', async (t) => {
  clockOf(t)
  const made = rig(t, async (id) => fetched(id), { retryMs: 1 })
  made.journal.append([withMedia('A')], 'live')
  const { trustNoLaterThan } = made.journal
  made.journal.trustNoLaterThan = () => {
    throw new Error('database is locked')
  }
  made.fetcher.wake()
  await made.passes(10, 1)
  t.match(made.logged.of('media_stopped'), [
    { level: 'error', err: { message: 'database is locked' } }
  ])
  made.journal.trustNoLaterThan = trustNoLaterThan
  await made.passes(980, 1)
  t.same(made.outcomes(), [])
  await made.passes(20, 1)
  t.match(made.outcomes(), [{ state: 'stored' }])
  t.equal(made.logged.of('media_stopped').length, 1)
})

t.test('a stop ends it after the file that is being fetched', async (t) => {
  const asked = Promise.withResolvers<void>()
  const delivered = Promise.withResolvers<MediaResult>()
  const { journal, fetcher, tries, outcomes, rests } = rig(
    t,
    async () => (asked.resolve(), delivered.promise)
  )
  journal.append([withMedia('A'), withMedia('B')], 'live')
  fetcher.wake()
  await asked.promise
  fetcher.stop()
  delivered.resolve(fetched('A'))
  await rests()
  t.equal(tries.length, 1)
  t.equal(outcomes().length, 1)
  fetcher.wake()
  t.notOk(fetcher.isBusy)
})

t.test('there is one timer at most: none when nothing waits, nor after a stop', async (t) => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const failing = rig(t, async () => Promise.reject(own))
  failing.journal.append([withMedia('A'), withMedia('B')], 'live')
  for (let n = 0; n < 3; n += 1) {
    failing.fetcher.wake()
    await failing.rests()
  }
  t.equal(timers(), before + 1)
  failing.fetcher.stop()
  t.equal(timers(), before)

  const calm = rig(t, async (id) => fetched(id), { root: ownDirectory(t) })
  calm.journal.append([withMedia('A')], 'live')
  calm.fetcher.wake()
  await calm.rests()
  t.equal(calm.outcomes().length, 1)
  t.equal(timers(), before)

  const closed = rig(t, async (id) => fetched(id), { root: ownDirectory(t) })
  closed.journal.trustNoLaterThan = () => {
    throw new Error('database is not open')
  }
  closed.fetcher.wake()
  closed.fetcher.stop()
  await closed.rests()
  t.equal(timers(), before, 'an error after the stop')
})

t.test('while nothing can be fetched nothing is looked at between two tries', async (t) => {
  clockOf(t)
  let [looks, tries] = [0, 0]
  const source = () => {
    looks += 1
    return async () => {
      tries += 1
      throw noNetwork
    }
  }
  const { journal, fetcher, passes } = rig(t, async () => Promise.reject(noNetwork), { source })
  journal.append([withMedia('A'), withMedia('B')], 'live')
  fetcher.wake()
  await passes(10 * minute, second)
  t.ok(tries > 5)
  t.ok(looks <= 2 * tries + 2, `${looks} looks for ${tries} tries`)
})

t.test('what is erased while it is fetched, and fails, is done with', async (t) => {
  clockOf(t)
  const asked = Promise.withResolvers<void>()
  const { promise, reject } = Promise.withResolvers<MediaResult>()
  const { journal, fetcher, tries, logged, passes, rests } = rig(
    t,
    async () => (asked.resolve(), promise)
  )
  journal.append([withMedia('A')], 'live')
  fetcher.wake()
  await asked.promise
  journal.erase({ chatIds: [], messageIds: [withMedia('A').message.id] })
  reject(own)
  await rests()
  await passes(minute)
  t.equal(tries.length, 1)
  t.same(logged.lines, [])
})

t.test(
  'types that MEDIA_TYPES leaves out are not kept, by the type that is delivered or else the one announced',
  async (t) => {
    const cases = [
      { announced: 'image/jpeg', delivered: undefined, kept: true },
      { announced: 'video/mp4', delivered: undefined, kept: false },
      { announced: 'image/jpeg', delivered: 'video/mp4', kept: false },
      { announced: 'video/mp4', delivered: 'image/png', kept: true }
    ]
    for (const { announced, delivered, kept } of cases) {
      t.test(`${announced}, ${delivered}`, async (t) => {
        const source = async (id: string): Promise<MediaResult> =>
          delivered === undefined
            ? fetched(id)
            : ({ ...fetched(id), mimetype: delivered } as MediaResult)
        const { journal, fetcher, outcomes, rests } = rig(t, source, {
          limits: { maxBytes: 1_000, types: ['image/*'] }
        })
        journal.append([withMedia('A', { mimetype: announced })], 'live')
        fetcher.wake()
        await rests()
        const size = 'the bytes of false_5215512345678@c.us_A'.length
        if (kept) t.match(outcomes(), [{ state: 'stored', size, mimetype: delivered ?? announced }])
        else
          t.same(outcomes(), [
            {
              state: 'skipped',
              size,
              mimetype: announced,
              reason: 'of a type that MEDIA_TYPES leaves out'
            }
          ])
      })
    }
  }
)

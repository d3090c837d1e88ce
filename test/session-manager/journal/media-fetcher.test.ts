import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { mock } from 'node:test'
import t from 'tap'
import { openJournal, type NewRecord } from '../../../src/session-manager/journal/journal.ts'
import type { MediaSource } from '../../../src/session-manager/journal/media-fetcher.ts'
import { MediaTrouble } from '../../../src/session-manager/journal/media-trouble.ts'
import { withMedia } from './new-records.ts'
import { clockOf, day, fetched, hour, minute, noNetwork, rig, second, start } from './media-rig.ts'

/** Media over hours and days. */

t.test(
  'a two-hour outage of the media servers, and a restart in it: all media are there afterwards',
  async (t) => {
    clockOf(t)
    const outage: MediaSource = async () => Promise.reject(noNetwork)
    const first = rig(t, outage)
    const images = Array.from({ length: 40 }, (_, n) => withMedia(String(n)))
    first.journal.append(images.slice(0, 20), 'live')
    first.fetcher.wake()
    await first.passes(hour)
    t.match(first.logged.of('media_outage'), [{ level: 'warn', reason: 'HttpNetworkError' }])
    t.equal(first.logged.of('media_outage').length, 1)
    t.equal(first.fetcher.outage(), 'HttpNetworkError')
    t.ok(first.tries.length < 20, `${first.tries.length} tries in an hour`)
    t.ok(new Set(first.tries.map(({ id }) => id)).size > 5, 'another file each time')
    first.close()

    const next = rig(t, outage, { root: first.root })
    next.journal.append(images.slice(20), 'live')
    for (let n = 0; n < 60; n += 1) {
      // Each message that arrives wakes the fetcher.
      next.fetcher.wake()
      await next.passes(minute)
    }
    t.ok(next.tries.length < 20, `${next.tries.length} tries in the hour after the restart`)
    t.same(next.outcomes(), [])
    next.state.source = async (id) => fetched(id)
    await next.passes(16 * minute)

    t.equal(next.outcomes().length, 40)
    t.ok(next.outcomes().every(({ state }) => state === 'stored'))
    t.equal(next.fetcher.outage(), undefined)
    t.equal(next.logged.of('media_outage_over').length, 1)
  }
)

t.test('READY after an outage tries again at once', async (t) => {
  clockOf(t)
  const { journal, fetcher, state, passes, outcomes } = rig(t, async () =>
    Promise.reject(noNetwork)
  )
  journal.append([withMedia('A'), withMedia('B')], 'live')
  fetcher.wake()
  await passes(hour)
  state.source = async (id) => fetched(id)
  fetcher.resume()
  await passes(second, second)
  t.equal(outcomes().length, 2)
})

t.test(
  'no room on the disk is trouble of all, and ends with the first file that can be written',
  async (t) => {
    clockOf(t)
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const { journal, fetcher, state, passes, outcomes } = rig(t, async () => ({
      outcome: 'fetched',
      size: 3,
      pieces: (async function* () {
        throw full
      })()
    }))
    journal.append([withMedia('A')], 'live')
    fetcher.wake()
    await passes(2 * minute)
    t.equal(fetcher.outage(), 'the disk takes no media (ENOSPC)')
    t.match(journal.pendingMedia(9), [{ attempts: 0 }])
    state.source = async (id) => fetched(id)
    await passes(4 * minute)
    t.match(outcomes(), [{ state: 'stored' }])
  }
)

t.test(
  'a file that alone fails is tried ever later, holds up no other, and is given up after two weeks',
  async (t) => {
    clockOf(t)
    const { journal, fetcher, tries, passes, outcomes, logged } = rig(t, async (id) => {
      if (id.endsWith('_X')) throw new MediaTrouble('the phone is uploading the media again', false)
      return fetched(id)
    })
    journal.append([withMedia('X')], 'live')
    fetcher.wake()
    for (let n = 0; n < 10; n += 1) {
      journal.append([withMedia(String(n))], 'live')
      fetcher.wake()
      await passes(hour, minute)
    }
    t.equal(outcomes().length, 10)
    const ownTries = (): number[] => tries.filter(({ id }) => id.endsWith('_X')).map(({ at }) => at)
    t.ok(ownTries().length < 15, `${ownTries().length} tries in ten hours`)
    await passes(15 * day, 20 * minute)
    const gaps = ownTries().map((at, n, all) => at - (all[n - 1] ?? 0))
    t.same(
      gaps.slice(0, 12),
      gaps.slice(0, 12).sort((a, b) => a - b),
      'ever later'
    )
    t.ok(Math.max(...gaps) <= 6 * hour + 20 * minute, 'six hours at most')
    t.match(outcomes().at(-1), {
      state: 'failed',
      reason: 'the phone is uploading the media again'
    })
    t.match(logged.of('media_given_up'), [{ level: 'warn' }])
    t.equal(journal.pendingMediaCount(), 0)
  }
)

t.test(
  'a file that says there is no network, while others are fetched, is its own trouble',
  async (t) => {
    clockOf(t)
    const { journal, fetcher, tries, passes, outcomes } = rig(t, async (id) => {
      if (id.endsWith('_X')) throw noNetwork
      return fetched(id)
    })
    journal.append([withMedia('X')], 'live')
    fetcher.wake()
    for (let n = 0; n < 100; n += 1) {
      journal.append([withMedia(String(n))], 'live')
      fetcher.wake()
      await passes(30 * second)
    }
    t.equal(outcomes().length, 100)
    const own = tries.filter(({ id }) => id.endsWith('_X')).length
    t.ok(own < 20, `${own} tries in 50 minutes`)
    t.ok((journal.pendingMedia(1)[0]?.attempts ?? 0) >= 5)
  }
)

t.test('the only file there is, without a network for weeks, is given up in the end', async (t) => {
  clockOf(t)
  const { journal, fetcher, passes, outcomes, tries } = rig(t, async () =>
    Promise.reject(noNetwork)
  )
  journal.append([withMedia('A')], 'live')
  fetcher.wake()
  await passes(13 * day, 5 * minute)
  t.same(outcomes(), [])
  await passes(2 * day, 5 * minute)
  t.match(outcomes(), [{ state: 'failed', reason: 'HttpNetworkError' }])
  t.ok(tries.length < 120, `${tries.length} tries`)
})

t.test(
  'media that were given up by an earlier release are tried once more, and a success follows the failure',
  async (t) => {
    clockOf(t)
    const root = t.testdir()
    const file = join(root, 'journal.db')
    const old = openJournal(file, 'main')
    const outcome = (id: string, state: 'failed' | 'stored'): NewRecord => {
      const { message } = withMedia(id, { state, reason: 'net::ERR_NAME_NOT_RESOLVED' })
      return { kind: 'media', key: `media:${message.id}`, message }
    }
    old.append(
      [
        withMedia('A'),
        withMedia('B'),
        withMedia('C'),
        outcome('A', 'failed'),
        outcome('B', 'stored'),
        outcome('C', 'failed')
      ],
      'live'
    )
    old.erase({ chatIds: [], messageIds: [withMedia('C').message.id] })
    old.close()
    // This is the table as an earlier release left it.
    const db = new DatabaseSync(file)
    db.exec(`DROP TABLE pending_media; CREATE TABLE pending_media (
    message_id TEXT PRIMARY KEY, seq INTEGER NOT NULL REFERENCES records (seq), attempts INTEGER NOT NULL DEFAULT 0) STRICT`)
    db.close()

    const { journal, fetcher, tries, passes, outcomes, close } = rig(t, async (id) => fetched(id), {
      root
    })
    t.equal(journal.pendingMediaCount(), 1)
    fetcher.wake()
    await passes(second)
    t.same(
      tries.map(({ id }) => id),
      [withMedia('A').message.id]
    )
    t.match(
      outcomes().map(({ state }) => state),
      ['failed', 'stored', 'stored']
    )
    close()
    const again = openJournal(file, 'main')
    t.equal(again.pendingMediaCount(), 0, 'once')
    again.close()
  }
)

t.test(
  'a clock that was ahead for years neither puts media off for as long nor makes them old',
  async (t) => {
    clockOf(t)
    const { journal, state, fetcher, passes, outcomes } = rig(t, async () => {
      throw new MediaTrouble('the phone has not uploaded the media again', false)
    })
    journal.append([withMedia('1')], 'live')
    fetcher.wake()
    await passes(30 * minute)
    mock.timers.setTime(start + 3 * 365 * day)
    fetcher.wake()
    await passes(10 * minute)
    t.same(outcomes(), [], 'they were tried for no three years')

    mock.timers.setTime(start + hour)
    state.source = async (id) => fetched(id)
    fetcher.wake()
    await passes(minute)

    t.match(outcomes(), [{ state: 'stored' }])
  }
)

import t from 'tap'
import { trends } from './flat.ts'
import { createLedger, judge, leaver } from './ledger.ts'
import { paced, paceOf, writtenBy } from './day.ts'
import type { Sample } from './sampler.ts'
import type { Use } from '../lab/processes.ts'

/** A verdict that could not find a leak or a loss would be none. */

const use = (mb: number, fds = 20): Use => ({
  processes: 1,
  rss_mb: mb,
  pss_mb: mb,
  fds,
  threads: 11
})

/** A day of samples in which the hub's memory and files are as given, for the hour. */
const day = (
  mb: (hour: number, index: number) => number,
  fds: (hour: number) => number = () => 20
): Sample[] =>
  Array.from({ length: 480 }, (_, index) => {
    const hour = index / 20
    const daemon = { heap_mb: 30, series: 100, open: {} }
    return {
      s: index,
      hour,
      written: 0,
      recorded: 0,
      told: 0,
      hub: { ...use(mb(hour, index), fds(hour)), ...daemon },
      session_manager: { ...use(80), ...daemon },
      chromium: use(300),
      by_type: {},
      tree: use(480),
      zombies: 0,
      strays: 0,
      mb: { journal: 1, journal_wal: 1, hub: 1, hub_wal: 1, media: 1, profile: 1 },
      files: { media: 1, profile: 1 },
      rig_mb: 100,
      load: 1
    }
  })
const steep = (samples: Sample[]): string[] =>
  trends(samples)
    .filter(({ flat }) => !flat)
    .map(({ name }) => name)

t.test('what is flat passes, whatever single samples and the first hours do', async (t) => {
  t.same(steep(day(() => 90)), [])
  t.same(steep(day((_, index) => 90 + (index % 7) * 5)), [], 'a saw of collections')
  t.same(steep(day((_, index) => (index % 50 === 0 ? 500 : 90))), [], 'a spike now and then')
  t.same(steep(day((hour) => 60 + 60 * Math.min(1, hour / 6))), [], 'it warms up, and stays there')
  t.same(steep(day((hour) => (hour > 10 && hour < 19 ? 90 : 200))), [], 'it needs less at night')
})

t.test('what leaks fails, by as much as it leaks', async (t) => {
  t.same(
    steep(day((hour, index) => 90 + 3 * hour + (index % 7) * 5)),
    ['hub, resident'],
    '3 MB an hour under a saw'
  )
  t.same(
    steep(day((hour) => (hour < 14 ? 90 : 90 + 5 * (hour - 14)))),
    ['hub, resident'],
    'it begins in the afternoon'
  )
  t.same(
    steep(
      day(
        () => 90,
        (hour) => 20 + Math.floor(hour)
      )
    ),
    ['hub, open files'],
    'a file an hour'
  )
  const [hub] = trends(day((hour) => 90 + 3 * hour))
  t.match(hub, { start: 91.73, most: 161.85, per_day: 72, bound: 40, flat: false })
})

t.test(
  'what is lost, twice, strange or comes back is counted; what was retired is not lost',
  async (t) => {
    const ledger = createLedger()
    const gone = `${leaver}000001`
    for (const [id, chat, at] of [
      ['a', '1', 100],
      ['b', '1', 200],
      ['c', '1', 300],
      ['d', gone, 300],
      ['e', '1', 300]
    ] as const)
      ledger.write(id, 'text', chat, at)
    for (const id of ['a', 'b', 'b', 'd', 'x']) ledger.recorded(id)
    for (const id of ['a', 'b', 'd', 'e']) ledger.told(id)
    t.equal(ledger.arrived(gone), true)
    ledger.erase(gone)
    t.match(judge(ledger, ['b', 'b', 'd', 'y'], 150), {
      written: 5,
      lost_in_journal: 2,
      twice_in_journal: 1,
      lost_in_events: 1,
      lost_in_hub: 2,
      twice_in_hub: 1,
      strange: 2,
      erased: 1,
      came_back: 1,
      retired: 1
    })
    t.same(ledger.counts(), { written: 5, recorded: 3, told: 4 })
  }
)

t.test('a day from noon to noon, in minutes', async (t) => {
  const now = Date.UTC(2026, 10, 25, 22)
  const pace = paceOf(60, now)
  t.equal(new Date(pace.from).toISOString(), '2026-11-24T12:00:00.000Z')
  t.equal(paced(pace, now), pace.from)
  t.equal(paced(pace, now + 29_000), pace.from + 29_000, 'at real speed')
  t.equal(paced(pace, now + 30_000), pace.from + 30_000 * 24, 'and then a leap')
  t.equal(paced(pace, now + 3_600_000), pace.from + 86_400_000)
  t.equal(
    new Date(paceOf(60, Date.UTC(2026, 10, 25, 9)).from).toISOString(),
    '2026-11-23T12:00:00.000Z',
    'never ahead of the browser'
  )
  t.equal(writtenBy(0), 0)
  t.equal(writtenBy(1), 1)
  const hours = Array.from({ length: 241 }, (_, index) => writtenBy(index / 240))
  t.same(
    hours,
    hours.toSorted((a, b) => a - b),
    'nothing is unwritten'
  )
})

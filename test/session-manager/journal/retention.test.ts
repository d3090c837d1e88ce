import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { mediaPath } from '../../../src/session-manager/journal/media.ts'
import { Retention } from '../../../src/session-manager/journal/retention.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord, withMedia } from './new-records.ts'

const day = 86_400_000
const start = Date.UTC(2026, 0, 10, 12)
const sha256 = 'a'.repeat(64)

/**
 * A journal with a record of each of the last ten days, at noon; the oldest with media. The first
 * tries may fail.
 */
const rig = async (t: Test, keepMs: number, failures = 0, upTo?: () => number) => {
  const root = t.testdir()
  const directory = join(root, 'media')
  let now = start - 9 * day
  const journal = openJournal(join(root, 'journal.db'), 'main', () => now)
  for (let n = 1; n <= 10; n += 1, now += day)
    journal.append([n === 1 ? withMedia('1', { sha256 }) : newRecord(String(n))], 'live')
  await mkdir(dirname(mediaPath(directory, sha256)), { recursive: true })
  await writeFile(mediaPath(directory, sha256), 'a photo')
  journal.setMark('certain_until', start)
  const logged = logLines()
  let failed = 0
  const mediaToDelete = journal.mediaToDelete.bind(journal)
  journal.mediaToDelete = () => {
    if (failed === failures) return mediaToDelete()
    failed += 1
    throw new Error('disk I/O error')
  }
  const retention = new Retention({
    journal,
    directory,
    keepMs,
    everyMs: 1,
    log: logged.log,
    now: () => start,
    ...(upTo ? { upTo } : {})
  })
  t.teardown(() => {
    retention.stop()
    journal.close()
  })
  return { journal, directory, logged }
}

t.test(
  'what is older is erased with its media, to the day, without anyone asking, and once',
  async (t) => {
    const { journal, directory, logged } = await rig(t, 3 * day)
    await logged.count('retention', 1)
    t.match(logged.of('retention'), [{ records: 6, files: 1, before: '2026-01-07T00:00:00.000Z' }])
    t.same(
      journal.read(0, 20).map(({ kind }) => kind),
      [...Array<string>(6).fill('erased'), ...Array<string>(4).fill('message')]
    )
    t.same(await readdir(dirname(mediaPath(directory, sha256))), [])
  }
)

t.test(
  'however much it is, everything else has its turn meanwhile; what a stop cuts short goes another time',
  async (t) => {
    const journal = openJournal(join(t.testdir(), 'journal.db'), 'main', () => start - 9 * day)
    journal.append(
      Array.from({ length: 5_000 }, (_, n) => newRecord(String(n))),
      'live'
    )
    journal.setMark('certain_until', start)
    const options = {
      journal,
      directory: join(t.testdir(), 'media'),
      keepMs: day,
      everyMs: 1,
      now: () => start
    }
    const kept = (): number =>
      journal.read(0, 5_000).filter(({ kind }) => kind === 'message').length

    const cut = logLines()
    const first = new Retention({ ...options, log: cut.log })
    const seen = new Set<number>()
    while (kept() > 2_000) {
      await new Promise((resolve) => setImmediate(resolve))
      seen.add(kept())
    }
    first.stop()
    t.ok(seen.size > 3, `looked at after ${[...seen].join(', ')} were left`)
    t.ok(
      [...seen].every((left, n, all) => n === 0 || (all[n - 1] as number) - left <= 100),
      'no more than a hundred at once'
    )
    for (let turns = 0; turns < 50; turns += 1)
      await new Promise((resolve) => setImmediate(resolve))
    t.ok(kept() > 1_000, 'no more goes after the stop')
    t.same(cut.lines, [], 'and that is no fault')

    const left = kept()
    const logged = logLines()
    const second = new Retention({ ...options, log: logged.log })
    await logged.count('retention', 1)
    second.stop()
    t.match(logged.of('retention'), [{ records: left }])
    t.equal(kept(), 0)
    journal.close()
  }
)

t.test('what fails is said, and tried again', async (t) => {
  const { directory, logged } = await rig(t, 3 * day, 2)
  await logged.count('retention', 1)
  t.match(logged.of('retention'), [{ files: 1 }])
  t.equal(logged.of('erasing_failed').length, 2)
  t.same(await readdir(dirname(mediaPath(directory, sha256))), [])
})

t.test(
  'by default everything is kept; an erasure that was cut short is finished all the same',
  async (t) => {
    const { journal, logged } = await rig(t, 0)
    journal.erase({ chatIds: [], messageIds: [withMedia('1').message.id] })
    await logged.count('retention', 1)
    t.match(logged.of('retention'), [{ records: 0, files: 1 }])
    t.equal(journal.read(0, 20).filter(({ kind }) => kind === 'message').length, 9)
  }
)

t.test('what is not forwarded yet is kept, however old, and goes once it is', async (t) => {
  let forwarded = 2
  const { journal, logged } = await rig(t, 3 * day, 0, () => forwarded)
  await logged.count('retention', 1)
  t.match(logged.of('retention'), [{ records: 2 }])
  forwarded = 10
  await logged.count('retention', 2)
  t.equal(logged.of('retention')[1]?.['records'], 4)
  t.same(
    journal.read(0, 20).map(({ kind }) => kind),
    [...Array<string>(6).fill('erased'), ...Array<string>(4).fill('message')]
  )
})

t.test('a clock that is wrong, for a day or for years, makes nothing old', async (t) => {
  const year = 365 * day
  const keepMs = 30 * day
  const cases = [
    { name: 'right', clocks: [0, 0, 0], later: 0, left: 3 },
    { name: 'two years ahead when it is looked', clocks: [0, 0, 0], later: 2 * year, left: 3 },
    { name: 'a day ahead when it is looked', clocks: [0, 0, 0], later: day, left: 3 },
    {
      name: 'two years ahead as the last one is captured, and still when it is looked',
      clocks: [0, 0, 2 * year],
      later: 2 * year,
      left: 3
    },
    {
      name: 'in 1970 as the first ones are captured',
      clocks: [-start, -start, 0],
      later: 0,
      left: 3
    },
    {
      name: 'in 1970 as they are captured and when it is looked',
      clocks: [-start, -start, -start],
      later: -start,
      left: 3
    }
  ]
  for (const { name, clocks, later, left } of cases) {
    const root = t.testdir({})
    let now = start
    const journal = openJournal(join(root, `${clocks.join()}${later}.db`), 'main', () => now)
    for (const [n, wrong] of clocks.entries()) {
      now = start + wrong
      journal.append([newRecord(String(n), { timestamp: start / 1_000 })], 'live')
    }
    const logged = logLines()
    let looks = 0
    journal.mediaToDelete = () => {
      looks += 1
      return []
    }
    const retention = new Retention({
      journal,
      directory: root,
      keepMs,
      everyMs: 1,
      log: logged.log,
      now: () => start + later
    })
    while (looks < 2) await new Promise((resolve) => setTimeout(resolve, 2))
    retention.stop()
    t.equal(journal.read(0, 10).filter(({ kind }) => kind === 'message').length, left, name)
    journal.close()
  }
})

t.test(
  'what was captured while the clock was ahead goes when its message is old; an idle journal goes with the time that passes',
  async (t) => {
    const root = t.testdir()
    const keepMs = 30 * day
    let now = start + 730 * day
    const journal = openJournal(join(root, 'journal.db'), 'main', () => now)
    t.teardown(() => journal.close())
    journal.append([newRecord('ahead', { timestamp: start / 1_000 })], 'live')
    now = start
    journal.append([newRecord('right', { timestamp: start / 1_000 })], 'live')
    let passed = 0
    now = start + 40 * day
    const logged = logLines()
    const retention = new Retention({
      journal,
      directory: root,
      keepMs,
      everyMs: 1,
      log: logged.log,
      now: () => now,
      steady: () => passed
    })
    t.teardown(() => retention.stop())
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.same(logged.of('retention'), [], 'nothing says yet that it is that late')
    passed = 40 * day
    await logged.count('retention', 1)
    t.match(logged.of('retention'), [{ records: 2 }])
  }
)

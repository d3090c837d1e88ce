import { randomUUID } from 'node:crypto'
import t from 'tap'
import { candidates } from '../../../../src/session-manager/cluster/profile-backup/restore.ts'
import { nameOf } from '../../../../src/session-manager/cluster/profile-backup/store.ts'

/**
 * Which backup is restored; that it is, and what becomes of the session, is in
 * test/end-to-end/profile-backup.test.ts.
 */

const [mine, theirs] = [randomUUID(), randomUUID()]
const names = (...made: [number, string][]): string[] =>
  made.map(([at, journal]) => nameOf(at, journal))
const chosen = (of: string[], here: number | undefined, voidBefore = 0): number[] =>
  candidates(of, mine, here, voidBefore).map(({ takenAt }) => takenAt)

t.test(
  'with no linked device here, every backup may serve, whosever it is: the newest first',
  async (t) => {
    t.same(
      chosen(names([1_000, mine], [3_000, theirs], [2_000, mine]), undefined),
      [3_000, 2_000, 1_000]
    )
    t.same(chosen([], undefined), [])
  }
)

t.test('with one here, only what another host made since', async (t) => {
  t.same(chosen(names([1_000, mine], [3_000, theirs]), 2_000), [3_000])
  t.same(chosen(names([1_000, theirs]), 2_000), [], 'this host has gone on since')
  t.same(
    chosen(names([2_500, theirs], [3_000, mine]), 2_000),
    [],
    'the newest is of this host itself'
  )
})

t.test('what is of a device that is linked no more is left alone', async (t) => {
  t.same(chosen(names([1_000, mine], [3_000, theirs]), undefined, 1_000), [3_000])
  t.same(chosen(names([1_000, mine], [3_000, theirs]), undefined, 3_000), [])
})

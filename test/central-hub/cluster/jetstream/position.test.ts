import t from 'tap'
import {
  positionOf,
  reorder,
  type Streamed
} from '../../../../src/central-hub/cluster/jetstream/position.ts'
import type { Cursor } from '../../../../src/central-hub/store/write/cursors.ts'

const at = (journalId: string, seq: number): Cursor => ({ account: 'main', journalId, seq })
const one = (journalId: string, seq: number, after?: string): Streamed => ({
  journalId,
  record: { seq, kind: 'erased', erased_at: '2026-11-25T00:00:00.000Z', account: 'main' },
  ...(after === undefined ? {} : { after })
})
const seqs = (items: readonly Streamed[]): string[] =>
  items.map(({ journalId, record: { seq } }) => `${journalId}${seq}`)

t.test('in the journal that the cursor is of, the next one is next', async (t) => {
  t.equal(positionOf(at('A', 4), one('A', 3)), 'taken')
  t.equal(positionOf(at('A', 4), one('A', 4)), 'taken')
  t.equal(positionOf(at('A', 4), one('A', 5)), 'next')
  t.equal(positionOf(at('A', 4), one('A', 6)), 'later')
})

t.test(
  'a store that knows nothing of the account begins with the first record of the first journal',
  async (t) => {
    t.equal(positionOf(undefined, one('A', 1)), 'next')
    t.equal(positionOf(undefined, one('A', 2)), 'later')
    t.equal(positionOf(undefined, one('B', 1, 'A:7')), 'later')
  }
)

t.test(
  'a new journal comes once the one before it was taken up to where the stream has it',
  async (t) => {
    t.equal(positionOf(at('A', 7), one('B', 1, 'A:7')), 'next')
    t.equal(
      positionOf(at('A', 9), one('B', 1, 'A:7')),
      'next',
      'more of it was taken on another way'
    )
    t.equal(
      positionOf(at('A', 7), one('B', 40, 'A:7')),
      'next',
      'what comes before it in that journal was taken earlier'
    )
    t.equal(positionOf(at('A', 7), one('B', 41)), 'unclear')
    t.equal(positionOf(at('A', 6), one('B', 1, 'A:7')), 'unclear')
    t.equal(positionOf(at('A', 6), one('B', 1, 'A:7'), 'B'), 'later')
  }
)

t.test('of an older journal it was taken; which is older the stream tells', async (t) => {
  t.equal(positionOf(at('B', 2), one('A', 7)), 'unclear')
  t.equal(positionOf(at('B', 2), one('A', 7), 'B'), 'taken')
  t.equal(positionOf(at('B', 2), one('A', 1), 'B'), 'taken')
  t.equal(positionOf(at('B', 2), one('C', 3), 'C'), 'later')
})

t.test('the first journal of a stream replaces one that was followed without it', async (t) => {
  t.equal(positionOf(at('A', 70), one('B', 1)), 'unclear')
  t.equal(positionOf(at('A', 70), one('B', 1), 'B'), 'next')
})

t.test('what is held is sorted out: taken, the run that comes next, and the rest', async (t) => {
  const { taken, next, later, unclear } = reorder(at('A', 2), [
    one('A', 2),
    one('A', 4),
    one('A', 5),
    one('A', 3),
    one('A', 7)
  ])
  t.same([seqs(taken), seqs(next), seqs(later)], [['A2'], ['A3', 'A4', 'A5'], ['A7']])
  t.notOk(unclear)
})

t.test('a run ends where another journal begins', async (t) => {
  const { next, later } = reorder(at('A', 2), [one('A', 3), one('B', 1, 'A:3'), one('B', 2)], 'B')
  t.same([seqs(next), seqs(later)], [['A3'], ['B1', 'B2']])
})

import type { JournalRecord } from '../../../contract/record.ts'
import type { Cursor } from '../../store/write/cursors.ts'

/** A record as the stream has it. */
export interface Streamed {
  journalId: string
  /** Of the first one after those of another journal: the last of that, `JOURNAL:SEQ`. */
  after?: string
  record: JournalRecord
}

/**
 * Where a record stands: its effects are in the store already, it comes next, or others come before
 * it. `unclear`: it is of another journal than the cursor, and only the stream can tell whether of
 * an older or a newer one.
 */
export type Standing = 'taken' | 'next' | 'later' | 'unclear'

const followsOn = (cursor: Cursor, after: string): boolean => {
  const at = after.lastIndexOf(':')
  return after.slice(0, at) === cursor.journalId && Number(after.slice(at + 1)) <= cursor.seq
}

/** Whether two cursors stand in the same place, or both nowhere. */
export const isSame = (a: Cursor | null | undefined, b: Cursor | null | undefined): boolean =>
  a?.journalId === b?.journalId && a?.seq === b?.seq

/**
 * @param newest the journal that the stream's last record of the account is of, when that had to be
 * asked
 */
export const standing = (
  cursor: Cursor | undefined,
  { journalId, after, record: { seq } }: Streamed,
  newest?: string
): Standing => {
  if (cursor?.journalId === journalId) {
    if (seq <= cursor.seq) return 'taken'
    return seq === cursor.seq + 1 ? 'next' : 'later'
  }
  if (cursor === undefined) return seq === 1 && after === undefined ? 'next' : 'later'
  if (after !== undefined && followsOn(cursor, after)) return 'next'
  if (newest === undefined) return 'unclear'
  if (newest === cursor.journalId) return 'taken'
  return seq === 1 && after === undefined ? 'next' : 'later'
}

/**
 * By journal, as they follow each other in the stream; a record that was published again after
 * others stands behind them there.
 */
const inOrder = <T extends Streamed>(held: readonly T[]): T[] => {
  const journals = [...new Set(held.map(({ journalId }) => journalId))]
  return held.toSorted(
    (a, b) =>
      journals.indexOf(a.journalId) - journals.indexOf(b.journalId) || a.record.seq - b.record.seq
  )
}

/**
 * Sorts what is held: what was taken, the run of one journal that comes next, and what is still to
 * be held.
 */
export const sortOut = <T extends Streamed>(
  cursor: Cursor | undefined,
  held: readonly T[],
  newest?: string
): { taken: T[]; next: T[]; later: T[]; unclear: boolean } => {
  const sorted = { taken: [] as T[], next: [] as T[], later: [] as T[], unclear: false }
  let stands = cursor
  for (const one of inOrder(held)) {
    const at = standing(stands, one, newest)
    const [first] = sorted.next
    if (at === 'taken') sorted.taken.push(one)
    else if (at === 'next' && (first === undefined || first.journalId === one.journalId)) {
      sorted.next.push(one)
      stands = { account: one.record.account, journalId: one.journalId, seq: one.record.seq }
    } else sorted.later.push(one)
    if (at === 'unclear') sorted.unclear = true
  }
  return sorted
}

import type { JournalRecord } from '../../../contract/record.ts'
import type { Cursor } from '../../store/write/cursors.ts'

/** A record as the stream has it. */
export interface Streamed {
  journalId: string
  /** Set on the first record after those of another journal: its last record, `JOURNAL:SEQ`. */
  after?: string
  record: JournalRecord
}

/**
 * Where a record is in relation to the cursor. `taken`: its effects are in the store. `next`: it
 * comes next. `later`: others come before it. `unclear`: it is of another journal than the cursor,
 * and only the stream can tell whether that is an older or a newer one.
 */
type Position = 'taken' | 'next' | 'later' | 'unclear'

const followsOn = (cursor: Cursor, after: string): boolean => {
  const colon = after.lastIndexOf(':')
  return after.slice(0, colon) === cursor.journalId && Number(after.slice(colon + 1)) <= cursor.seq
}

/** Whether two cursors are at the same record, or both are missing. */
export const isSame = (a: Cursor | null | undefined, b: Cursor | null | undefined): boolean =>
  a?.journalId === b?.journalId && a?.seq === b?.seq

/** @param newest the journal of the account's last record in the stream, when it had to be asked */
export const positionOf = (
  cursor: Cursor | undefined,
  { journalId, after, record: { seq } }: Streamed,
  newest?: string
): Position => {
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
 * Sorts by journal, in the order of the stream, and by seq. A record that was published again comes
 * behind later ones in the stream.
 */
const inOrder = <T extends Streamed>(items: readonly T[]): T[] => {
  const journals = [...new Set(items.map(({ journalId }) => journalId))]
  return items.toSorted(
    (a, b) =>
      journals.indexOf(a.journalId) - journals.indexOf(b.journalId) || a.record.seq - b.record.seq
  )
}

/** Divides the buffer: what was taken, the run of one journal that comes next, and the rest. */
export const reorder = <T extends Streamed>(
  start: Cursor | undefined,
  buffer: readonly T[],
  newest?: string
): { taken: T[]; next: T[]; later: T[]; unclear: boolean } => {
  const sorted = { taken: [] as T[], next: [] as T[], later: [] as T[], unclear: false }
  let cursor = start
  for (const item of inOrder(buffer)) {
    const { journalId, record } = item
    const position = positionOf(cursor, item, newest)
    const [first] = sorted.next
    if (position === 'taken') sorted.taken.push(item)
    else if (position === 'next' && (first === undefined || first.journalId === journalId)) {
      sorted.next.push(item)
      cursor = { account: record.account, journalId, seq: record.seq }
    } else sorted.later.push(item)
    if (position === 'unclear') sorted.unclear = true
  }
  return sorted
}

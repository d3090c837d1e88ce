import type { JournalRecord } from '../../../contract/record.ts'
import { PlainError } from '../../../platform/harmless.ts'
import type { Log } from '../../../platform/log.ts'
import { ProblemError } from '../../../platform/http/problem.ts'
import type { Ingest } from '../../follow/ingest.ts'
import { epochOf, ReadTooEarly, type Cursor } from '../../store/write/cursors.ts'
import { isSame, type Streamed } from './standing.ts'

export interface GapOptions {
  account: string
  /** Has the stream delivered from its start again. */
  rewind: () => Promise<unknown>
  /**
   * Reads from session-manager's journal what the stream has no more; undefined when it has another
   * one, or is not known.
   */
  readJournal?: (
    journalId: string,
    after: number,
    limit: number
  ) => Promise<readonly JournalRecord[] | undefined>
  ingest: Ingest
  cursor: () => Promise<Cursor | undefined>
  log: Log
}

/** Records of a journal that are read at once. */
const maxAtOnce = 256
/**
 * Up to this count, what is missing is read from the journal first: it was erased on request, there
 * as in the stream.
 */
const smallGap = 1_000
/** Where records were erased so many more are read: others of the same person may follow. */
const readOn = 2_000

/** A journal that cannot be read now has nothing: the stream may still have what is missing. */
const orNone = (error: unknown): number => {
  if (error instanceof ProblemError) return 0
  throw error
}

/**
 * Mends a gap between the cursor and what the stream delivers. A small one is read from
 * session-manager's journal. Else the stream is read from its start, as for a store that was
 * restored, and what it has no more from the journal. A store that knows nothing yet of the
 * account, or of this journal, begins with what there is.
 * @returns what mends the gap before a record that was asked for in an epoch; it resolves with
 * whether the stream is delivered from its start, and throws when nobody has what is missing
 */
export const createGapMender = ({
  account,
  rewind,
  readJournal,
  ingest,
  cursor,
  log
}: GapOptions): ((first: Streamed, epoch: number) => Promise<boolean>) => {
  /** Where the cursor stood when the stream was delivered from its start. */
  let rewound: Cursor | null | undefined

  /**
   * Takes records of the journal from the cursor on; where some were erased, also those after.
   * @returns how many
   */
  const takeFromJournal = async (
    journalId: string,
    stands: Cursor | undefined,
    count: number
  ): Promise<number> => {
    const begin = stands?.journalId === journalId ? stands.seq : 0
    let at: Cursor | null = stands ?? null
    let after = begin
    for (let end = begin + count; after < end; ) {
      const records: readonly JournalRecord[] =
        (await readJournal?.(journalId, after, Math.min(maxAtOnce, end - after))) ?? []
      const last = records.at(-1)
      if (last === undefined) break
      await ingest.take(account, journalId, records, at)
      after = last.seq
      at = { account, journalId, seq: after, epoch: epochOf(stands) }
      if (records.some(({ kind }) => kind === 'erased')) end = begin + count + readOn
    }
    if (after > begin)
      log.info(
        { event: 'read_from_journal', account, after: begin, records: after - begin },
        'records that the stream has no more were read from session-manager'
      )
    return after - begin
  }

  return async ({ journalId, record }, epoch) => {
    const stands = await cursor()
    // The record may be one that was erased since.
    if (epochOf(stands) !== epoch) throw new ReadTooEarly(account)
    const after = stands?.journalId === journalId ? stands.seq : 0
    const count = record.seq - 1 - after
    const isSmall = stands?.journalId === journalId && count > 0 && count <= smallGap
    if (isSmall && (await takeFromJournal(journalId, stands, count).catch(orNone)) > 0) return false
    if (rewound === undefined || !isSame(rewound, stands)) {
      rewound = stands ?? null
      log.warn(
        { event: 'stream_reread', account, cursor: stands?.seq },
        `records of account ${account} are missing before ${record.seq}: the stream is read from its start`
      )
      await rewind()
      return true
    }
    if (count > 0 && (await takeFromJournal(journalId, stands, Math.min(count, maxAtOnce))) > 0) {
      // What it was read for goes on at the cursor.
    } else if (stands === undefined || count === 0) {
      log.warn(
        { event: 'begun_late', account, cursor: stands?.seq, seq: record.seq },
        `what came before record ${record.seq} of account ${account} is neither in the stream nor in its journal: the store goes on from there`
      )
      await ingest.take(account, journalId, [record], stands ?? null)
    } else
      throw new PlainError(
        `those after ${stands.seq} are not in the stream any more: name its session-manager in FURTHER_SESSION_MANAGERS, from whose journal they are then read`
      )
    rewound = (await cursor()) ?? null
    return false
  }
}

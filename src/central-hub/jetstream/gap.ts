import type { JournalRecord } from '../../contract/record.ts'
import type { Log } from '../../platform/log.ts'
import type { Ingest } from '../ingest.ts'
import type { Cursor } from '../store/cursors.ts'
import { isSame, type Streamed } from './standing.ts'

export interface GapOptions {
  account: string
  /** Has the stream delivered from its start again. */
  rewind: () => Promise<unknown>
  /** Reads from session-manager's journal what the stream has no more; undefined when it has another one, or is not known. */
  readJournal?: (journalId: string, after: number, limit: number) => Promise<readonly JournalRecord[] | undefined>
  ingest: Ingest
  cursor: () => Promise<Cursor | undefined>
  log: Log
}

/** Records of a journal that are read at once. */
const mostAtOnce = 256

/**
 * Mends a gap between the cursor and what the stream delivers. First the stream is read from its start, as for a store
 * that was restored; what it has no more is read from the journal. A store that knows nothing yet of the account, or of
 * this journal, begins with what there is.
 * @returns what mends the gap before a record; it resolves with whether the stream is delivered from its start, and throws
 * when nobody has what is missing
 */
export const createGapMender = ({ account, rewind, readJournal, ingest, cursor, log }: GapOptions): ((first: Streamed) => Promise<boolean>) => {
  /** Where the cursor stood when the stream was delivered from its start. */
  let rewound: Cursor | null | undefined

  return async ({ journalId, record }) => {
    const stands = await cursor()
    if (rewound === undefined || !isSame(rewound, stands)) {
      rewound = stands ?? null
      log.warn({ event: 'stream_reread', account, cursor: stands?.seq }, `records of account ${account} are missing before ${record.seq}: the stream is read from its start`)
      await rewind()
      return true
    }
    const after = stands?.journalId === journalId ? stands.seq : 0
    const count = record.seq - 1 - after
    const missing = (count > 0 && (await readJournal?.(journalId, after, Math.min(mostAtOnce, count)))) || []
    if (missing.length > 0) {
      log.info({ event: 'read_from_journal', account, after, records: missing.length }, 'records that the stream has no more were read from session-manager')
      await ingest.take(account, journalId, missing, stands ?? null)
    } else if (stands === undefined || count === 0) {
      log.warn({ event: 'begun_late', account, cursor: stands?.seq, seq: record.seq }, `what came before record ${record.seq} of account ${account} is neither in the stream nor in its journal: the store goes on from there`)
      await ingest.take(account, journalId, [record], stands ?? null)
    } else throw new Error(`those after ${stands.seq} are not in the stream any more: name its session-manager in FURTHER_SESSION_MANAGERS, from whose journal they are then read`)
    rewound = (await cursor()) ?? null
    return false
  }
}

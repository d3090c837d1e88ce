import type { JournalRecord } from '../../../contract/record.ts'
import { PlainError } from '../../../platform/harmless.ts'
import type { Log } from '../../../platform/log.ts'
import { ProblemError } from '../../../platform/http/problem.ts'
import type { Ingest } from '../../follow/ingest.ts'
import { epochOf, ReadTooEarly, type Cursor } from '../../store/write/cursors.ts'
import { isSame, type Streamed } from './position.ts'

export interface GapOptions {
  account: string
  /** Has the stream delivered from its start again. */
  rewind: () => Promise<unknown>
  /**
   * Reads from session-manager's journal what the stream no longer has. It gives undefined when
   * session-manager has another journal, or is not known.
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

/** The most records of a journal that are read together. */
const maxRecords = 256
/**
 * Up to this many missing records are read from the journal first: they were erased on request,
 * there and in the stream.
 */
const smallGap = 1_000
/** The further records that are read after an erased one: others of the same person may follow. */
const readOn = 2_000

/** A journal that cannot be read gives nothing now. The stream may still have what is missing. */
const noneIfUnreachable = (error: unknown): number => {
  if (error instanceof ProblemError) return 0
  throw error
}

/**
 * Fills a gap between the cursor and what the stream delivers. A small gap is read from
 * session-manager's journal. For a large one the stream is read from its start, as for a store that
 * was restored, and what the stream no longer has is read from the journal. A store that knows
 * nothing yet of the account or of this journal begins with what there is.
 */
export class GapFiller {
  readonly #options: GapOptions
  /** The cursor at the time when the stream was delivered from its start. */
  #rewound: Cursor | null | undefined

  constructor(options: GapOptions) {
    this.#options = options
  }

  /**
   * @param first the first record after the gap
   * @param epoch of the cursor when the record was asked for
   * @returns whether the stream is delivered from its start
   * @throws when the records are in no place any more
   */
  async fill({ journalId, record }: Streamed, epoch: number): Promise<'rewound' | 'filled'> {
    const { account } = this.#options
    const cursor = await this.#options.cursor()
    // The record may have been erased since.
    if (epochOf(cursor) !== epoch) throw new ReadTooEarly(account)
    const after = cursor?.journalId === journalId ? cursor.seq : 0
    const missing = record.seq - 1 - after
    const isSmall = cursor?.journalId === journalId && missing > 0 && missing <= smallGap
    if (isSmall) {
      const taken = await this.#takeFromJournal(journalId, cursor, missing).catch(noneIfUnreachable)
      if (taken > 0) return 'filled'
    }
    if (this.#rewound === undefined || !isSame(this.#rewound, cursor)) {
      await this.#rewind(cursor, record)
      return 'rewound'
    }
    await this.#fillFromJournal(journalId, cursor, record, missing)
    this.#rewound = (await this.#options.cursor()) ?? null
    return 'filled'
  }

  async #rewind(cursor: Cursor | undefined, { seq }: JournalRecord): Promise<void> {
    const { account, rewind, log } = this.#options
    this.#rewound = cursor ?? null
    log.warn(
      { event: 'stream_reread', account, cursor: cursor?.seq },
      `records of account ${account} are missing before ${seq}: the stream is read from its start`
    )
    await rewind()
  }

  /** Fills the gap without the stream, which does not have the missing records. */
  async #fillFromJournal(
    journalId: string,
    cursor: Cursor | undefined,
    record: JournalRecord,
    missing: number
  ): Promise<void> {
    const { account, ingest, log } = this.#options
    // After the records of the journal, the stream goes on at the cursor.
    if (missing > 0) {
      const count = Math.min(missing, maxRecords)
      if ((await this.#takeFromJournal(journalId, cursor, count)) > 0) return
    }
    if (cursor !== undefined && missing !== 0)
      throw new PlainError(
        `those after ${cursor.seq} are not in the stream any more: name its session-manager in ` +
          'FURTHER_SESSION_MANAGERS, from whose journal they are then read'
      )
    log.warn(
      { event: 'begun_late', account, cursor: cursor?.seq, seq: record.seq },
      `what came before record ${record.seq} of account ${account} is neither in the stream ` +
        'nor in its journal: the store goes on from there'
    )
    await ingest.take(account, journalId, [record], cursor ?? null)
  }

  /**
   * Takes records of the journal after the cursor, and further ones where some were erased.
   * @returns how many
   */
  async #takeFromJournal(
    journalId: string,
    cursor: Cursor | undefined,
    count: number
  ): Promise<number> {
    const { account, readJournal, ingest, log } = this.#options
    const begin = cursor?.journalId === journalId ? cursor.seq : 0
    let current: Cursor | null = cursor ?? null
    let after = begin
    for (let end = begin + count; after < end; ) {
      const records: readonly JournalRecord[] =
        (await readJournal?.(journalId, after, Math.min(maxRecords, end - after))) ?? []
      const last = records.at(-1)
      if (last === undefined) break
      await ingest.take(account, journalId, records, current)
      after = last.seq
      current = { account, journalId, seq: after, epoch: epochOf(cursor) }
      if (records.some(({ kind }) => kind === 'erased')) end = begin + count + readOn
    }
    if (after > begin)
      log.info(
        { event: 'read_from_journal', account, after: begin, records: after - begin },
        'records that the stream has no more were read from session-manager'
      )
    return after - begin
  }
}

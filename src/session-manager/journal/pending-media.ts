import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'

/** Media that WhatsApp still has to deliver. */
export interface PendingMedia {
  message: CapturedMessage
  /** Failed attempts because of these media, not because of a trouble of all media. */
  attempts: number
}

/** The failed attempts to fetch media. */
export interface MediaFailures {
  attempts: number
  /** When the first attempt failed, ms. */
  since: number
}

/**
 * The key of the record with the outcome of fetching. A later success has another key, so that it
 * can follow a failure.
 */
export const mediaKey = (messageId: string, state: 'stored' | 'skipped' | 'failed'): string =>
  `media:${messageId}:${state}`

const schema = `
  CREATE TABLE IF NOT EXISTS pending_media (
    message_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL REFERENCES records (seq),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER
  ) STRICT;
`

/**
 * Tries media once more that an earlier release gave up after 77 s of any trouble. The outcomes of
 * that release have the key `media:ID`. The message must still be there.
 */
const retryOnce = `
  INSERT INTO pending_media (message_id, seq)
  SELECT outcome.message_id, message.seq FROM records AS outcome
  JOIN records AS message
  ON message.account = outcome.account AND message.key = 'message:' || outcome.message_id
  WHERE outcome.account = ? AND outcome.key >= 'media:' AND outcome.key < 'media;'
  AND outcome.key = 'media:' || outcome.message_id
  AND outcome.record ->> '$.message.media.state' = 'failed'
  ON CONFLICT DO NOTHING`

/** Brings the table of an earlier release up to date. */
const upgrade = (db: DatabaseSync, account: string): void => {
  const columns = db
    .prepare('PRAGMA table_info(pending_media)')
    .all()
    .map((row) => String(row['name']))
  if (columns.includes('next_at')) return
  db.exec('BEGIN IMMEDIATE')
  try {
    db.exec('ALTER TABLE pending_media ADD COLUMN next_at INTEGER NOT NULL DEFAULT 0')
    db.exec('ALTER TABLE pending_media ADD COLUMN failing_since INTEGER')
    db.exec('UPDATE pending_media SET attempts = 0')
    db.prepare(retryOnce).run(account)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/**
 * The media still to be fetched. They are part of the journal, so that a restart loses none and
 * does not fetch them all at the same time.
 */
export class PendingMediaTable {
  readonly #now: () => number
  readonly #add: StatementSync
  readonly #delete: StatementSync
  readonly #due: StatementSync
  readonly #count: StatementSync
  readonly #next: StatementSync
  readonly #postpone: StatementSync
  readonly #dueNow: StatementSync
  readonly #failingNow: StatementSync

  /** @param db the journal's database, which has its records */
  constructor(db: DatabaseSync, account: string, now: () => number) {
    db.exec(schema)
    upgrade(db, account)
    this.#now = now
    this.#add = db.prepare(
      'INSERT INTO pending_media (message_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING'
    )
    this.#delete = db.prepare('DELETE FROM pending_media WHERE message_id = ?')
    this.#due = db.prepare(`
      SELECT record, attempts FROM pending_media JOIN records USING (seq) WHERE next_at <= ?
      ORDER BY attempts, next_at, pending_media.seq LIMIT ?`)
    this.#count = db.prepare('SELECT count(*) AS pending FROM pending_media')
    this.#next = db.prepare('SELECT min(next_at) AS at FROM pending_media')
    this.#postpone = db.prepare(`
      UPDATE pending_media
      SET attempts = attempts + ?, next_at = ?, failing_since = coalesce(failing_since, ?)
      WHERE message_id = ? RETURNING attempts, failing_since`)
    this.#dueNow = db.prepare('UPDATE pending_media SET next_at = 0 WHERE next_at > ?')
    this.#failingNow = db.prepare(
      'UPDATE pending_media SET failing_since = ? WHERE failing_since > ?'
    )
  }

  /** Inside the transaction that writes the record `seq` of this message. */
  add(messageId: string, seq: number): void {
    this.#add.run(messageId, seq)
  }

  delete(messageId: string): void {
    this.#delete.run(messageId)
  }

  /**
   * Media to fetch that are due by a time (ms; default: all). Those with the fewest attempts come
   * first, and among these the ones that were tried the longest ago.
   */
  due(limit: number, dueBy = Number.MAX_SAFE_INTEGER): PendingMedia[] {
    return this.#due.all(dueBy, limit).map((row) => ({
      message: (JSON.parse(String(row['record'])) as InboundRecord).message,
      attempts: Number(row['attempts'])
    }))
  }

  count(): number {
    return Number(this.#count.get()?.['pending'])
  }

  /** When the next media are due, ms; undefined without pending media. */
  nextAt(): number | undefined {
    const at = this.#next.get()?.['at']
    return at == null ? undefined : Number(at)
  }

  /**
   * Puts media off until a time, ms.
   * @param counts whether the attempt counts as one of their own
   * @returns undefined when they wait no more
   */
  postpone(messageId: string, until: number, counts: boolean): MediaFailures | undefined {
    const row = this.#postpone.get(
      Number(counts),
      Math.round(until),
      Math.round(this.#now()),
      messageId
    )
    return row === undefined
      ? undefined
      : { attempts: Number(row['attempts']), since: Number(row['failing_since']) }
  }

  /**
   * Makes media that are put off for longer than `maxMs` due now, and moves first failures after
   * now to now. Such times were noted while the clock was ahead.
   */
  trustNoLaterThan(now: number, maxMs: number): void {
    this.#dueNow.run(Math.round(now + maxMs))
    this.#failingNow.run(Math.round(now), Math.round(now))
  }
}

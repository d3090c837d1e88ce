import type { DatabaseSync } from 'node:sqlite'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'

/** Media that WhatsApp still has to deliver. */
export interface PendingMedia {
  message: CapturedMessage
  /** Failed attempts that are due to these media, not to a trouble of all. */
  attempts: number
}

/** What is known of media that failed. */
interface MediaFailures {
  attempts: number
  /** When the first attempt failed, ms. */
  since: number
}

/**
 * The media still to be fetched: part of the journal, so that a restart forgets none and hammers
 * nobody.
 */
export interface PendingMediaTable {
  /**
   * Media to fetch that are due by then (ms; default: all), fewest attempts first, of these the one
   * that was tried the longest ago.
   */
  pendingMedia(limit: number, dueBy?: number): PendingMedia[]
  pendingMediaCount(): number
  /** When the first of them are due, ms; undefined when there are none. */
  nextMediaAt(): number | undefined
  /**
   * Has whatever is put off for longer than `maxMs` from now be due now, and what failed first
   * after now fail first now: these times were kept while the clock was ahead.
   */
  trustNoLaterThan(now: number, maxMs: number): void
  /**
   * Puts media off until a time, ms. @param counts whether the attempt counts as one of their own
   * @returns undefined when they wait no more
   */
  postponeMedia(messageId: string, until: number, counts: boolean): MediaFailures | undefined
}

/**
 * How the outcome of fetching is known by its key. A later success is a record of its own, so it
 * follows a failure.
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
 * Media that an earlier release gave up after 77 s of whatever trouble are tried once more. Its
 * outcomes have the key `media:ID`. The message must still be there.
 */
const retryOnce = `
  INSERT INTO pending_media (message_id, seq)
  SELECT outcome.message_id, message.seq FROM records AS outcome
  JOIN records AS message ON message.account = outcome.account AND message.key = 'message:' || outcome.message_id
  WHERE outcome.account = ? AND outcome.key >= 'media:' AND outcome.key < 'media;'
  AND outcome.key = 'media:' || outcome.message_id AND outcome.record ->> '$.message.media.state' = 'failed'
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

interface Prepared extends PendingMediaTable {
  /** Inside the transaction that writes the record `seq` of this message. */
  add(messageId: string, seq: number): void
  drop(messageId: string): void
}

/** @param db the journal's database, which has its records */
export const preparePendingMedia = (
  db: DatabaseSync,
  account: string,
  now: () => number
): Prepared => {
  db.exec(schema)
  upgrade(db, account)
  const add = db.prepare(
    'INSERT INTO pending_media (message_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING'
  )
  const drop = db.prepare('DELETE FROM pending_media WHERE message_id = ?')
  const due = db.prepare(
    'SELECT record, attempts FROM pending_media JOIN records USING (seq) WHERE next_at <= ? ORDER BY attempts, next_at, pending_media.seq LIMIT ?'
  )
  const count = db.prepare('SELECT count(*) AS pending FROM pending_media')
  const next = db.prepare('SELECT min(next_at) AS at FROM pending_media')
  const postpone = db.prepare(`
    UPDATE pending_media SET attempts = attempts + ?, next_at = ?, failing_since = coalesce(failing_since, ?)
    WHERE message_id = ? RETURNING attempts, failing_since`)
  const dueNow = db.prepare('UPDATE pending_media SET next_at = 0 WHERE next_at > ?')
  const failingNow = db.prepare(
    'UPDATE pending_media SET failing_since = ? WHERE failing_since > ?'
  )
  return {
    trustNoLaterThan: (at, maxMs) => {
      dueNow.run(Math.round(at + maxMs))
      failingNow.run(Math.round(at), Math.round(at))
    },
    add: (messageId, seq) => void add.run(messageId, seq),
    drop: (messageId) => void drop.run(messageId),
    pendingMedia: (limit, dueBy = Number.MAX_SAFE_INTEGER) =>
      due.all(dueBy, limit).map((row) => ({
        message: (JSON.parse(String(row['record'])) as InboundRecord).message,
        attempts: Number(row['attempts'])
      })),
    pendingMediaCount: () => Number(count.get()?.['pending']),
    nextMediaAt: () => {
      const at = next.get()?.['at']
      return at == null ? undefined : Number(at)
    },
    postponeMedia: (messageId, until, counts) => {
      const row = postpone.get(Number(counts), Math.round(until), Math.round(now()), messageId)
      return row === undefined
        ? undefined
        : { attempts: Number(row['attempts']), since: Number(row['failing_since']) }
    }
  }
}

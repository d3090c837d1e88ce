import { chmodSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '../../platform/sqlite.ts'
import { Refused } from './refused.ts'

/** Copies and reads the databases of both services while they are written to. */

/** A service locks its database while it checkpoints the WAL or rewrites the file, ms. */
const busyMs = 60_000

const withDatabase = <T>(file: string, readOnly: boolean, act: (db: DatabaseSync) => T): T => {
  const db = openDatabase(file, { readOnly, timeout: busyMs })
  try {
    return act(db)
  } finally {
    db.close()
  }
}

/**
 * Copies a database as it is at one moment, while another process goes on writing. VACUUM INTO is
 * one read transaction, and in WAL mode no writer waits for it,
 * https://sqlite.org/lang_vacuum.html#vacuuminto. A copy page by page would start over after each
 * write. Deleted rows are not copied.
 */
export const copyDatabase = (from: string, to: string): void => {
  withDatabase(from, true, (db) => db.prepare('VACUUM INTO ?').run(to))
  chmodSync(to, 0o600)
  const [first] = withDatabase(to, true, (db) => db.prepare('PRAGMA quick_check(1)').all())
  if (first?.['quick_check'] !== 'ok')
    throw new Refused(`${from} is damaged: ${String(first?.['quick_check'])}`)
}

const numberOf = (db: DatabaseSync, sql: string): number =>
  Number(db.prepare(sql).get()?.['number'])

export interface HubCursor {
  account: string
  journalId: string
  seq: number
}

/** Counts what a copy of the hub's store holds. */
export const lookIntoHub = (
  file: string
): { messages: number; leads: number; cursors: HubCursor[] } =>
  withDatabase(file, true, (db) => ({
    messages: numberOf(db, 'SELECT count(*) AS number FROM messages'),
    leads: numberOf(db, 'SELECT count(*) AS number FROM leads'),
    cursors: db
      .prepare('SELECT account, journal_id, seq FROM cursors')
      .all()
      .map((row) => ({
        account: String(row['account']),
        journalId: String(row['journal_id']),
        seq: Number(row['seq'])
      }))
  }))

const storedMedia = `
  SELECT DISTINCT record ->> '$.message.media.sha256' AS sha256 FROM records
  WHERE record ->> '$.message.media.state' = 'stored' AND sha256 IS NOT NULL ORDER BY sha256`

/** Counts what a copy of a journal holds. `media`: SHA-256 of the files that records refer to. */
export const lookIntoJournal = (
  file: string
): { id: string; records: number; lastSeq: number; media: string[] } =>
  withDatabase(file, true, (db) => ({
    id: String(db.prepare('SELECT id FROM identity').get()?.['id']),
    records: numberOf(db, 'SELECT count(*) AS number FROM records'),
    lastSeq: numberOf(db, 'SELECT coalesce(max(seq), 0) AS number FROM records'),
    media: db
      .prepare(storedMedia)
      .all()
      .flatMap((row) =>
        /^[0-9a-f]{64}$/.test(String(row['sha256'])) ? [String(row['sha256'])] : []
      )
  }))

/**
 * Gives a restored journal another id, because its next records differ from those of the original.
 * @returns both ids
 */
export const renameJournal = (file: string, id: string): { before: string; after: string } =>
  withDatabase(file, false, (db) => {
    const before = String(db.prepare('SELECT id FROM identity').get()?.['id'])
    db.prepare('UPDATE identity SET id = ?').run(id)
    return { before, after: id }
  })

/** Points the cursors of a restored hub to the journal that was restored with it. */
export const moveCursors = (
  file: string,
  { before, after }: { before: string; after: string }
): void =>
  withDatabase(
    file,
    false,
    (db) =>
      void db.prepare('UPDATE cursors SET journal_id = ? WHERE journal_id = ?').run(after, before)
  )

/** SQLITE_BUSY, https://sqlite.org/rescode.html */
const busy = 5
/** SQLITE_CORRUPT and SQLITE_NOTADB: a damaged database may be replaced. */
const damaged = [11, 26]

/** Whether another process has a database open. An exclusive lock is refused then. */
export const isOpen = (file: string): boolean => {
  const db = openDatabase(file, { timeout: 0 })
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT')
    return false
  } catch (error) {
    const code =
      error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
    if (code === busy) return true
    if (code !== undefined && damaged.includes(code)) return false
    throw error
  } finally {
    db.close()
  }
}

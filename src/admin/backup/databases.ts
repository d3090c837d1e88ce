import { chmodSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '../../platform/sqlite.ts'
import { Refused } from './refused.ts'

/** The databases of both services: copied while they are written to, and looked into. */

/** A service holds a lock for as long as it folds its log or rewrites its file, ms. */
const busyMs = 60_000

const within = <T>(file: string, readOnly: boolean, act: (db: DatabaseSync) => T): T => {
  const db = openDatabase(file, { readOnly, timeout: busyMs })
  try {
    return act(db)
  } finally {
    db.close()
  }
}

/**
 * A copy of a database as it is at one moment, while another process goes on writing: one read
 * transaction, which in WAL mode keeps no writer waiting,
 * https://sqlite.org/lang_vacuum.html#vacuuminto. A copy page by page would begin anew with each
 * write. What was deleted is not in it.
 */
export const copyDatabase = (from: string, to: string): void => {
  within(from, true, (db) => db.prepare('VACUUM INTO ?').run(to))
  chmodSync(to, 0o600)
  const [first] = within(to, true, (db) => db.prepare('PRAGMA quick_check(1)').all())
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

/** What is in a copy of the hub's store. */
export const lookIntoHub = (
  file: string
): { messages: number; leads: number; cursors: HubCursor[] } =>
  within(file, true, (db) => ({
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

/** What is in a copy of a journal; `media`: the sums of the files that its records refer to. */
export const lookIntoJournal = (
  file: string
): { id: string; records: number; lastSeq: number; media: string[] } =>
  within(file, true, (db) => ({
    id: String(db.prepare('SELECT id FROM identity').get()?.['id']),
    records: numberOf(db, 'SELECT count(*) AS number FROM records'),
    lastSeq: numberOf(db, 'SELECT coalesce(max(seq), 0) AS number FROM records'),
    media: db
      .prepare(
        "SELECT DISTINCT record ->> '$.message.media.sha256' AS sha256 FROM records WHERE " +
          "record ->> '$.message.media.state' = 'stored' AND sha256 IS NOT NULL ORDER BY sha256"
      )
      .all()
      .flatMap((row) =>
        /^[0-9a-f]{64}$/.test(String(row['sha256'])) ? [String(row['sha256'])] : []
      )
  }))

/**
 * Gives a restored journal another id, for it goes on otherwise than the one it is a copy of.
 * @returns both
 */
export const renameJournal = (file: string, id: string): { before: string; after: string } =>
  within(file, false, (db) => {
    const before = String(db.prepare('SELECT id FROM identity').get()?.['id'])
    db.prepare('UPDATE identity SET id = ?').run(id)
    return { before, after: id }
  })

/** The cursors of a restored hub go on in the journal that was restored with it. */
export const moveCursors = (
  file: string,
  { before, after }: { before: string; after: string }
): void =>
  within(
    file,
    false,
    (db) =>
      void db.prepare('UPDATE cursors SET journal_id = ? WHERE journal_id = ?').run(after, before)
  )

const busy = 5
/** CORRUPT and NOTADB: what is to be replaced may be so for that very reason. */
const damaged = [11, 26]

/** Whether another process has a database open: only who is alone may hold it exclusively. */
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

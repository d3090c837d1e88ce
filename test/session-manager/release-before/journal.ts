import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { InboundRecord } from '../../../src/contract/record.ts'

/**
 * A journal as release 0.1.0 wrote it at bad7b8b, before raw models were kept. records.json is what
 * its mapper made of test/whatsapp-web/fixtures.
 */

interface OldRecord {
  key: string
  record: Omit<InboundRecord, 'seq'>
}

export const oldRecords = JSON.parse(
  readFileSync(join(import.meta.dirname, 'records.json'), 'utf8')
) as readonly OldRecord[]

const schema = `
  CREATE TABLE records (seq INTEGER PRIMARY KEY, account TEXT NOT NULL, key TEXT NOT NULL, message_id TEXT NOT NULL, record TEXT NOT NULL, UNIQUE (account, key)) STRICT;
  CREATE TABLE identity (id TEXT NOT NULL) STRICT;
  CREATE TABLE marks (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  CREATE TABLE pending_media (message_id TEXT PRIMARY KEY, seq INTEGER NOT NULL REFERENCES records (seq), attempts INTEGER NOT NULL DEFAULT 0) STRICT;
`

/** Makes the journal's file in a directory. */
export const writeOldJournal = (directory: string): void => {
  const db = new DatabaseSync(join(directory, 'journal.db'))
  db.exec(schema)
  db.prepare('INSERT INTO identity VALUES (?)').run(randomUUID())
  const insert = db.prepare(
    'INSERT INTO records (account, key, message_id, record) VALUES (?, ?, ?, ?)'
  )
  for (const { key, record } of oldRecords)
    insert.run(record.account, key, record.message.id, JSON.stringify(record))
  db.close()
}

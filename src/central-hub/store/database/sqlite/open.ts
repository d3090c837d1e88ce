import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { fileBytes, type Rewriting } from '../../../../platform/sqlite.ts'
import { singleInstance } from '../cluster.ts'
import type { Opened } from '../store.ts'
import type { Database, Db } from '../schema.ts'
import { sqliteDialect } from './dialect.ts'

const isMade = async (db: Db): Promise<boolean> => {
  const { rows } =
    await sql`select name from sqlite_master where name = 'kysely_migration'`.execute(db)
  return rows.length > 0
}

const foldLog = async (db: Db): Promise<boolean> => {
  const { rows } = await sql<{ busy: number }>`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db)
  return rows[0]?.busy === 0
}

const rewrite = async (db: Db): Promise<void> => {
  // the search of messages only marks what is deleted, for the other way costs a millisecond a
  // message
  await sql`INSERT INTO message_text (message_text) VALUES ('optimize')`.execute(db)
  // pages keep copies of what moved within them, and the log what was written before: only a new
  // file has neither
  await sql`VACUUM`.execute(db)
  if (!(await foldLog(db)))
    throw new Error(
      'the store is being read by another program: what was deleted is still in its write-ahead log'
    )
}

const scrub = async (db: Db, rewriting: Rewriting): Promise<void> => {
  const { rows } = await sql.raw<{ bytes: number }>(fileBytes).execute(db)
  const over = rewriting(rows[0]?.bytes ?? 0)
  await rewrite(db).finally(over)
}

/** Opens the file of a store in a directory, made if need be. @throws when it cannot be opened */
export const openSqliteStore = async (directory: string, rewriting: Rewriting): Promise<Opened> => {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const db: Db = new Kysely<Database>({ dialect: sqliteDialect(join(directory, 'hub.db')) })
  return {
    db,
    place: `in ${directory}`,
    cluster: singleInstance,
    isMade: () => isMade(db),
    atSchema: (run) => run(),
    scrub: () => scrub(db, rewriting),
    close: async () => {
      await foldLog(db)
      await db.destroy()
    }
  }
}

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { migrations, worksFrom } from './migrations.ts'
import type { Database, Db } from './schema.ts'
import { sqliteDialect } from './sqlite/dialect.ts'
import { writeUncounted } from './waiting.ts'

/** The hub's store. */
export interface Store {
  db: Db
  /** Drawn when the store was made: a client's position in its events belongs to it. */
  id: string
  /** Steps of the schema that a newer release has made; this one works with them all the same. */
  newerSteps: string[]
  /**
   * After a deletion on request, outside of a transaction: rewrites the file, so that no byte of what was deleted is left
   * in it. It takes some seconds for a million messages, and nothing else is read or written meanwhile. Does nothing when
   * none is due. @throws when the disk is full or another program reads the store: it stays due
   */
  scrub(): Promise<void>
  /** Folds the write-ahead log into the file, and closes it. */
  close(): Promise<void>
}

const latest = Object.keys(migrations).sort().at(-1) as string

/** Steps that were made and that this release does not know. */
const unknownSteps = async (db: Db): Promise<string[]> => {
  const tables = await sql<{ name: string }>`select name from sqlite_master where name = 'kysely_migration'`.execute(db)
  if (tables.rows.length === 0) return []
  const made = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return made.rows.map(({ name }) => name).filter((name) => !(name in migrations))
}

const bringUpToDate = async (db: Db): Promise<string[]> => {
  const newer = await unknownSteps(db)
  if (newer.length > 0) {
    const reach = await db.selectFrom('store').select('works_from').executeTakeFirstOrThrow()
    if (latest < reach.works_from) throw new Error(`a newer release has changed it (${newer.join(', ')}): install that one, or restore a backup`)
    return newer
  }
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } }).migrateToLatest()
  if (error !== undefined) throw error
  await db.updateTable('store').set({ works_from: worksFrom }).execute()
  await writeUncounted(db)
  return []
}

const scrub = async (db: Db): Promise<void> => {
  const { scrub_due } = await db.selectFrom('store').select('scrub_due').executeTakeFirstOrThrow()
  if (scrub_due === 0) return
  // the search of messages only marks what is deleted, for the other way costs a millisecond a message
  await sql`INSERT INTO message_text (message_text) VALUES ('optimize')`.execute(db)
  // pages keep copies of what moved within them, and the log what was written before: only a new file has neither
  await sql`VACUUM`.execute(db)
  const { rows } = await sql<{ busy: number }>`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db)
  if (rows[0]?.busy !== 0) throw new Error('the store is being read by another program: what was deleted is still in its write-ahead log')
  await db.updateTable('store').set({ scrub_due: 0 }).execute()
}

/**
 * Opens the store in a directory, made if need be, and brings its schema up to date.
 * @throws when it cannot be opened, or was changed by a release too new for this one
 */
export const openStore = async (directory: string): Promise<Store> => {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory, 'hub.db')) })
  try {
    const newerSteps = await bringUpToDate(db)
    const { id } = await db.selectFrom('store').select('id').executeTakeFirstOrThrow()
    return {
      db, id, newerSteps,
      scrub: () => scrub(db),
      close: async () => {
        await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db)
        await db.destroy()
      }
    }
  } catch (error) {
    await db.destroy()
    throw new Error(`the store in ${directory} cannot be brought up to date: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

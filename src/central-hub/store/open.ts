import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { migrations } from './migrations.ts'
import type { Database, Db } from './schema.ts'
import { sqliteDialect } from './sqlite.ts'

/** The hub's store. */
export interface Store {
  db: Db
  /** Folds the write-ahead log into the file, and closes it. */
  close(): Promise<void>
}

/**
 * Opens the store in a directory, made if need be, and brings its schema up to date.
 * @throws when it cannot be opened, or was made by a newer release
 */
export const openStore = async (directory: string): Promise<Store> => {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const db = new Kysely<Database>({ dialect: sqliteDialect(join(directory, 'hub.db')) })
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    await db.destroy()
    throw new Error(`the store in ${directory} cannot be brought up to date: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  return {
    db,
    close: async () => {
      await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db)
      await db.destroy()
    }
  }
}

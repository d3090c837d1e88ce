import { Migrator } from 'kysely/migration'
import { PlainError, reasonOf } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import type { Rewriting } from '../../platform/sqlite.ts'
import { catchUp } from './write/catch-up.ts'
import { migrations, unfinished, worksFrom } from './database/migrations/migrations.ts'
import type { Opened, Store } from './database/store.ts'
import { openSqliteStore } from './database/sqlite/open.ts'
import { writeUncounted } from './write/waiting.ts'

export type { Store } from './database/store.ts'

interface StoreOptions {
  log?: Log
  rewriting?: Rewriting
  /**
   * Called before each part of bringing the schema up to date, which for a large store takes long.
   */
  onProgress?: () => void
}

const latest = Object.keys(migrations).sort().at(-1) as string

/** Steps that were made and that this release does not know. */
const unknownSteps = async ({ db, isMade }: Opened): Promise<string[]> => {
  if (!(await isMade())) return []
  const made = await db
    .withTables<{ kysely_migration: { name: string } }>()
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name')
    .execute()
  return made.map(({ name }) => name).filter((name) => !(name in migrations))
}

const bringUpToDate = async (opened: Opened, onProgress: () => void): Promise<string[]> => {
  const { db } = opened
  const newer = await unknownSteps(opened)
  if (newer.includes(unfinished))
    throw new PlainError(
      'scripts/migrate has not finished here: run it again, ' +
        'or take DATABASE_URL out to go on with the SQLite file'
    )
  if (newer.length > 0) {
    const reach = await db.selectFrom('store').select('works_from').executeTakeFirstOrThrow()
    if (latest < reach.works_from)
      throw new PlainError(
        `a newer release has changed it (${newer.join(', ')}): ` +
          'install that one, or restore a backup'
      )
    return newer
  }
  onProgress()
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) }
  }).migrateToLatest()
  if (error !== undefined) throw error
  await db.updateTable('store').set({ works_from: worksFrom }).execute()
  await writeUncounted(db, onProgress)
  await catchUp(db, onProgress)
  return []
}

/**
 * Scrubs once. A deletion that was committed while the file was rewritten has set another value, so
 * its scrub stays due.
 */
const scrubIfDue = async ({ db, scrub }: Opened): Promise<void> => {
  const { scrub_due } = await db.selectFrom('store').select('scrub_due').executeTakeFirstOrThrow()
  if (scrub_due === 0) return
  await scrub()
  await db.updateTable('store').set({ scrub_due: 0 }).where('scrub_due', '=', scrub_due).execute()
}

/** The package for PostgreSQL is loaded only where a hub has a PostgreSQL store. */
const open = async (
  place: string,
  { log, rewriting = () => () => undefined }: StoreOptions
): Promise<Opened> =>
  /^postgres(ql)?:/.test(place)
    ? (await import('./database/postgres/open.ts')).openPostgresStore(place, log)
    : openSqliteStore(place, rewriting)

/**
 * Opens the store in a directory, which it makes if it is missing, or in the database of a URL, and
 * brings its schema up to date.
 * @throws when it cannot be opened, or was changed by a release too new for this one
 */
export const openStore = async (place: string, options: StoreOptions = {}): Promise<Store> => {
  const opened = await open(place, options)
  const { db, cluster, close } = opened
  try {
    const newerSteps = await opened.atSchema(() =>
      bringUpToDate(opened, options.onProgress ?? (() => undefined))
    )
    const { id } = await db.selectFrom('store').select('id').executeTakeFirstOrThrow()
    return {
      db,
      id,
      cluster,
      close,
      newerSteps,
      place: opened.place,
      scrub: () => scrubIfDue(opened)
    }
  } catch (error) {
    await close()
    throw new PlainError(
      `the store ${opened.place} cannot be brought up to date: ${reasonOf(error)}`,
      { cause: error }
    )
  }
}

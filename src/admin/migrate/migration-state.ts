import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import { Migrator } from 'kysely/migration'
import type pg from 'pg'
import { migrations, unfinished } from '../../central-hub/store/database/migrations/migrations.ts'
import { withQueries } from '../../central-hub/store/database/dialect-queries.ts'
import { lockKeys } from '../../central-hub/store/database/postgres/names.ts'
import { postgresQueries } from '../../central-hub/store/database/postgres/queries.ts'
import { checkHubs } from './connect.ts'
import { searches, type Source } from './source.ts'
import { Refused } from './refused.ts'

/**
 * How far a migration has come. The destination itself stores it: each transaction of the migration
 * writes it. Until everything is copied and compared, the destination is marked as one of a future
 * release, so that no hub of any release starts on it.
 */

const progress = `
  CREATE TABLE sqlite_migration (
    store_id TEXT NOT NULL,
    state TEXT NOT NULL,
    begun_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    finished_at TIMESTAMPTZ);
  CREATE TABLE sqlite_migration_tables (
    name TEXT PRIMARY KEY,
    copied BIGINT NOT NULL DEFAULT 0,
    last_key TEXT)`

/** `finished`: everything is copied, and hubs may have run on the destination since. */
export type MigrationState = 'begun' | 'resumed' | 'begun anew' | 'finished'

const rowsOf = async <T extends pg.QueryResultRow>(
  client: pg.Client,
  sql: string,
  values: unknown[] = []
): Promise<T[]> => (await client.query<T>(sql, values)).rows

const tablesIn = async (client: pg.Client): Promise<string[]> => {
  const rows = await rowsOf<{ name: string }>(
    client,
    `SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace
      AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname`
  )
  return rows.map(({ name }) => name)
}

const stepsIn = async (client: pg.Client): Promise<string[]> =>
  (await rowsOf<{ name: string }>(client, 'SELECT name FROM kysely_migration ORDER BY name'))
    .map(({ name }) => name)
    .filter((name) => name !== unfinished)

const sameSteps = async (client: pg.Client): Promise<boolean> =>
  (await stepsIn(client)).join() === Object.keys(migrations).sort().join()

const inTransaction = async (client: pg.Client, run: () => Promise<void>): Promise<void> => {
  await client.query('BEGIN')
  try {
    await run()
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined) // the first error is thrown
    throw error
  }
}

/** Makes the store's schema by this connection, in one transaction with `before` and `after`. */
const makeSchema = async (
  client: pg.Client,
  before: () => Promise<void>,
  after: () => Promise<void>
): Promise<void> => {
  const pooled: PostgresPoolClient = {
    query: client.query.bind(client) as PostgresPoolClient['query'],
    release: () => undefined
  }
  const db = new Kysely<unknown>({
    dialect: withQueries(
      new PostgresDialect({
        pool: { connect: async () => pooled, end: async () => undefined, options: {} }
      }),
      postgresQueries
    )
  })
  await db.transaction().execute(async (trx) => {
    await before()
    const { error } = await new Migrator({
      db: trx,
      provider: { getMigrations: async () => ({ ...migrations }) }
    }).migrateToLatest()
    if (error !== undefined) throw error
    await after()
  })
}

/**
 * Disables the triggers. The copied rows already hold what triggers compute, and copy.ts fills the
 * search indexes.
 */
const disableTriggers = async (client: pg.Client): Promise<void> => {
  const triggers = await rowsOf<{ table: string; trigger: string }>(
    client,
    `SELECT relname AS table, tgname AS trigger FROM pg_trigger
      JOIN pg_class ON pg_class.oid = tgrelid
      WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal`
  )
  for (const { table, trigger } of triggers)
    await client.query(`ALTER TABLE "${table}" DISABLE TRIGGER "${trigger}"`)
}

const tablesOf = (source: Source): string[] => [
  ...source.tables.map(({ name }) => name),
  ...searches
]
const list = (tables: readonly string[]): string => tables.map((name) => `"${name}"`).join(', ')

/** @throws {Refused} when the database holds more than the empty tables that a hub has made */
const checkEmpty = async (client: pg.Client, source: Source, place: string): Promise<void> => {
  const tables = await tablesIn(client)
  const ours = tablesOf(source).filter((name) => tables.includes(name))
  const full: string[] = []
  for (const name of ours) {
    const [row] = await rowsOf<{ full: boolean }>(
      client,
      `SELECT EXISTS (SELECT FROM "${name}") AS full`
    )
    if (row?.full === true) full.push(name)
  }
  const advice =
    'migrate to a database that is new and empty (dropdb and createdb, once nothing in this ' +
    'one is needed)'
  if (full.length > 0)
    throw new Refused(
      `${place} is not empty: there are rows in ${full.join(', ')} that this migration did ` +
        `not bring. Perhaps a hub was started on it before: ${advice}`
    )
  if (ours.length > 0 && !tables.includes('kysely_migration'))
    throw new Refused(
      `in ${place} there are tables of another program (${ours.join(', ')}): ${advice}`
    )
  const newer = tables.includes('kysely_migration')
    ? (await stepsIn(client)).filter((name) => !(name in migrations))
    : []
  if (newer.length > 0)
    throw new Refused(
      `${place} was made by a newer release (${newer.join(', ')}): migrate with that one`
    )
}

/** The columns of `store` without `works_from`, which marks the database. */
export const storeColumns = ({ store }: Source): string[] =>
  Object.keys(store)
    .filter((name) => name !== 'works_from')
    .sort()

const writeStore = async (client: pg.Client, source: Source): Promise<void> => {
  const columns = storeColumns(source)
  await client.query(
    `UPDATE store SET ${columns.map((name, at) => `"${name}" = $${at + 1}`).join(', ')}`,
    columns.map((name) => source.store[name])
  )
}

const markUnfinished = async (client: pg.Client, source: Source): Promise<void> => {
  await client.query(progress)
  await client.query('INSERT INTO sqlite_migration (store_id, state) VALUES ($1, $2)', [
    source.id,
    source.state
  ])
  await client.query('INSERT INTO sqlite_migration_tables (name) SELECT unnest($1::text[])', [
    source.tables.map(({ name }) => name)
  ])
  await client.query('INSERT INTO kysely_migration (name, timestamp) VALUES ($1, $2)', [
    unfinished,
    new Date().toISOString()
  ])
  await client.query('UPDATE store SET works_from = $1', [unfinished])
  await writeStore(client, source)
  await disableTriggers(client)
}

const startOver = (client: pg.Client, source: Source): Promise<void> =>
  inTransaction(client, async () => {
    await client.query(`TRUNCATE ${list(tablesOf(source))} RESTART IDENTITY`)
    await client.query('UPDATE sqlite_migration SET store_id = $1, state = $2, begun_at = now()', [
      source.id,
      source.state
    ])
    await client.query('UPDATE sqlite_migration_tables SET copied = 0, last_key = NULL')
    await writeStore(client, source)
  })

/**
 * Prepares the database for copying.
 * @param discard deletes what an unfinished migration has copied
 * @throws {Refused} when the database holds what is not of this migration
 */
export const begin = async (
  client: pg.Client,
  source: Source,
  place: string,
  discard: boolean
): Promise<MigrationState> => {
  const isBegun = (await tablesIn(client)).includes('sqlite_migration')
  if (!isBegun) {
    const check = async (): Promise<void> => {
      // A hub that starts now waits for this lock, and then finds the mark. A hub that started
      // before is connected.
      await client.query('SELECT pg_advisory_xact_lock($1, $2)', [lockKeys.space, lockKeys.schema])
      await checkHubs(client, place)
      await checkEmpty(client, source, place)
    }
    await makeSchema(client, check, () => markUnfinished(client, source))
    return 'begun'
  }
  const [last] = await rowsOf<{ store_id: string; state: string; finished_at: Date | null }>(
    client,
    'SELECT store_id, state, finished_at FROM sqlite_migration'
  )
  if (last === undefined) throw new Error('sqlite_migration has no row')
  if (last.finished_at !== null) {
    if (last.state === source.state) return 'finished'
    const from =
      last.store_id === source.id ? 'this file, which has been written to since' : 'another store'
    throw new Refused(
      `${place} was migrated to before, by ${last.finished_at.toISOString()}, from ${from}: ` +
        'to migrate once more, use a database that is new and empty (dropdb and createdb; what ' +
        'hubs wrote to this one since is lost with it)'
    )
  }
  if (!(await sameSteps(client)))
    throw new Refused(
      `the migration to ${place} was begun by another release: go on with that one, or make ` +
        'the database anew (dropdb and createdb)'
    )
  if (discard || last.state !== source.state) {
    if (!discard && last.store_id !== source.id)
      throw new Refused(
        `a migration of another store to ${place} is not finished: finish that one, or throw ` +
          'away what it copied by --anew'
      )
    await startOver(client, source)
    return 'begun anew'
  }
  return 'resumed'
}

/**
 * Ends a migration whose tables are equal. New ids follow the highest one that was used, and hubs
 * may start.
 */
export const finish = async (client: pg.Client, source: Source): Promise<void> => {
  // Without this the first queries are planned for empty tables.
  await client.query(`VACUUM (ANALYZE) ${list(tablesOf(source))}`)
  await inTransaction(client, async () => {
    const identities = await rowsOf<{ table: string; column: string }>(
      client,
      `SELECT table_name AS table, column_name AS column FROM information_schema.columns
        WHERE table_schema = current_schema() AND is_identity = 'YES'`
    )
    for (const { table, column } of identities) {
      const highest = source.highestId(table, column)
      if (highest > 0)
        await client.query('SELECT setval(pg_get_serial_sequence(quote_ident($1), $2), $3)', [
          table,
          column,
          highest
        ])
    }
    for (const name of tablesOf(source))
      await client.query(`ALTER TABLE "${name}" ENABLE TRIGGER USER`)
    await client.query('DELETE FROM kysely_migration WHERE name = $1', [unfinished])
    await client.query('UPDATE store SET works_from = $1', [source.store['works_from']])
    await client.query('UPDATE sqlite_migration SET finished_at = now()')
    // A last key may be a phone number, which no erase request would delete.
    await client.query('DROP TABLE sqlite_migration_tables')
  })
}

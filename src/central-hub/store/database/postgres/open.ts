import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, sql } from 'kysely'
import { PlainError } from '../../../../platform/harmless.ts'
import type { Log } from '../../../../platform/log.ts'
import { ProblemError } from '../../../../platform/http/problem.ts'
import type { Opened } from '../store.ts'
import type { Database, Db } from '../schema.ts'
import { placeOf, refusalOf } from './client.ts'
import { postgresDialect } from './dialect.ts'
import { PostgresCluster } from './cluster.ts'
import { lockKeys } from './names.ts'

/**
 * How long the start waits for a database that does not answer yet, such as after a power cut, ms.
 * Then it fails, and systemd starts the service again.
 */
const waitForMs = 30_000
const everyMs = 500

const reach = async (db: Db, url: string, log: Log | undefined): Promise<void> => {
  for (const until = performance.now() + waitForMs; ; ) {
    try {
      await sql`select 1`.execute(db)
      return
    } catch (error) {
      const refusal = refusalOf(url, error)
      if (refusal !== undefined) throw new PlainError(refusal, { cause: error })
      if (!(error instanceof ProblemError) || performance.now() > until) throw error
      log?.warn(
        { event: 'store_awaited', err: error },
        `waiting for the database at ${placeOf(url)}`
      )
      await delay(everyMs)
    }
  }
}

const isMade = async (db: Db): Promise<boolean> => {
  const { rows } = await sql<{
    made: boolean
  }>`select to_regclass('kysely_migration') is not null as made`.execute(db)
  return rows[0]?.made === true
}

/** Lets one hub at a time change the schema. The others wait, and find it done. */
const atSchema = <T>(db: Db, run: () => Promise<T>): Promise<T> =>
  db.connection().execute(async (held) => {
    const key = sql`${sql.lit(lockKeys.space)}, ${sql.lit(lockKeys.schema)}`
    await sql`select pg_advisory_lock(${key})`.execute(held)
    try {
      return await run()
    } finally {
      await sql`select pg_advisory_unlock(${key})`.execute(held)
    }
  })

/** Tables that hold what people wrote. */
const personal = [
  'messages',
  'message_text',
  'leads',
  'lead_text',
  'lead_changes',
  'lead_tags',
  'former_phones',
  'merged_identities',
  'names',
  'reactions',
  'votes',
  'outbox',
  'idempotency'
] as const

/**
 * Opens a PostgreSQL database.
 * @param url DATABASE_URL
 * @throws {ProblemError} store-unavailable when it does not answer for half a minute, {Error} in
 * plain words when it refuses us
 */
export const openPostgresStore = async (url: string, log?: Log): Promise<Opened> => {
  const place = placeOf(url)
  const onLost = (error: Error): void => {
    log?.warn(
      { event: 'store_connection_lost', err: error },
      `a connection to the database at ${place} was lost; another one is made when it is needed`
    )
  }
  const db: Db = new Kysely<Database>({ dialect: postgresDialect(url, onLost) })
  await reach(db, url, log).catch(async (error: unknown) => {
    await db.destroy()
    throw error
  })
  const cluster = new PostgresCluster({ url, db, log })
  return {
    db,
    cluster,
    place: `at ${place}`,
    isMade: () => isMade(db),
    atSchema: (run) => atSchema(db, run),
    // Frees the rows and their search index. What was deleted stays in PostgreSQL's own log and
    // backups until they are dropped.
    scrub: async () =>
      void (await sql`VACUUM ${sql.join(personal.map((table) => sql.table(table)))}`.execute(db)),
    close: async () => {
      await cluster.close()
      await db.destroy()
    }
  }
}

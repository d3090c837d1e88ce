import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { dialectOf } from '../dialect-queries.ts'

/**
 * A step of the schema, by the statements it takes on each database; those of PostgreSQL are read
 * only there.
 */
export const step = (
  sqlite: readonly string[],
  postgres: () => Promise<readonly string[]>
): Migration => ({
  up: async (db: Kysely<unknown>) => {
    const statements = dialectOf(db).database === 'postgres' ? await postgres() : sqlite
    for (const statement of statements) await sql.raw(statement).execute(db)
  }
})

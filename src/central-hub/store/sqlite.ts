import type { StatementSync } from 'node:sqlite'
import { SqliteDialect, type SqliteDatabase } from 'kysely'
import { openSqlite } from '../../platform/sqlite.ts'

/** node:sqlite as Kysely's SQLite dialect takes a database. */

type Value = null | number | bigint | string | Uint8Array

/** Statements kept prepared; the queries of this hub are far fewer, but a list of filters has many shapes. */
const mostStatements = 200

/** @param file its directory must exist and be writable */
export const sqliteDialect = (file: string): SqliteDialect => {
  const db = openSqlite(file)
  const statements = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const kept = statements.get(sql)
    if (kept) return kept
    const [oldest] = statements.keys()
    if (statements.size >= mostStatements && oldest !== undefined) statements.delete(oldest)
    const made = db.prepare(sql)
    statements.set(sql, made)
    return made
  }
  const database: SqliteDatabase = {
    close: () => db.close(),
    prepare: (sql) => {
      const statement = prepared(sql)
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...(parameters as Value[])),
        run: (parameters) => statement.run(...(parameters as Value[])),
        iterate: (parameters) => statement.iterate(...(parameters as Value[]))
      }
    }
  }
  return new SqliteDialect({ database })
}

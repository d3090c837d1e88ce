import { SqliteDialect, type Dialect, type SqliteStatement } from 'kysely'
import { openSqlite } from '../../../../platform/sqlite.ts'
import { withQueries } from '../dialect-queries.ts'
import { sqliteQueries } from './queries.ts'
import { makeWords } from './words.ts'

/** node:sqlite as Kysely's SQLite dialect takes a database. */

type Value = null | number | bigint | string | Uint8Array

/**
 * Statements kept prepared; the queries of this hub are far fewer, but a list of filters has many
 * shapes.
 */
const maxStatements = 200

/** @param file its directory must exist and be writable */
export const sqliteDialect = (file: string): Dialect => {
  const db = openSqlite(file)
  db.exec(makeWords)
  const statements = new Map<string, SqliteStatement>()
  const prepare = (sql: string): SqliteStatement => {
    const statement = db.prepare(sql)
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...(parameters as Value[])),
      run: (parameters) => statement.run(...(parameters as Value[])),
      iterate: (parameters) => statement.iterate(...(parameters as Value[]))
    }
  }
  const prepared = (sql: string): SqliteStatement => {
    const kept = statements.get(sql)
    if (kept) return kept
    const [oldest] = statements.keys()
    if (statements.size >= maxStatements && oldest !== undefined) statements.delete(oldest)
    const made = prepare(sql)
    statements.set(sql, made)
    return made
  }
  return withQueries(
    new SqliteDialect({ database: { close: () => db.close(), prepare: prepared } }),
    sqliteQueries
  )
}

import type pg from 'pg'
import { replaceUnstorable } from '../../platform/replace-unstorable.ts'
import { keyOf, names, type Row, type Source, type Table, type Value } from './source.ts'

/**
 * Copies the rows that are missing in PostgreSQL, some at a time. One statement writes rows and the
 * progress, so that a migration can continue after any interruption.
 */

/** How many leads get their search index by one statement. */
const leadsPerBatch = 500

interface Copying {
  source: Source
  client: pg.Client
  /** Called with the number of rows that were copied. */
  onCopied(table: Table, rows: number): void
  /** Stops copying between two statements. */
  signal: AbortSignal
}

interface Progress {
  copied: number
  lastKey: Value[] | undefined
}

/** How many rows of each table are copied, and up to which key. */
export const readProgress = async (client: pg.Client): Promise<Map<string, Progress>> => {
  const { rows } = await client.query<{ name: string; copied: number; last_key: string | null }>(
    'SELECT name, copied, last_key FROM sqlite_migration_tables'
  )
  return new Map(
    rows.map(({ name, copied, last_key }) => [
      name,
      { copied, lastKey: last_key === null ? undefined : (JSON.parse(last_key) as Value[]) }
    ])
  )
}

/** The types of a table's columns in PostgreSQL. */
const typesOf = async (
  client: pg.Client,
  { name, columns, allColumns }: Table
): Promise<string[]> => {
  const { rows } = await client.query<{ name: string; type: string }>(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
      WHERE table_schema = current_schema() AND table_name = $1`,
    [name]
  )
  const types = new Map(rows.map((row) => [row.name, row.type]))
  const differing = [
    ...allColumns.filter((column) => !types.has(column)),
    ...[...types.keys()].filter((column) => !allColumns.includes(column))
  ]
  if (differing.length > 0)
    throw new Error(
      `the table ${name} has other columns in SQLite than in PostgreSQL: ${differing.join(', ')}`
    )
  return columns.map((column) => types.get(column) as string)
}

/**
 * Statements that fill the search index of messages with the rows of a table. A trigger takes
 * several times as long.
 */
const searching: Readonly<Record<string, string>> = {
  messages: `, searchable AS (
    INSERT INTO message_text SELECT pk, message_words(body || chr(10) || terms)
      FROM copied WHERE body <> '' OR terms <> '')`
}

const inserting = ({ name, columns }: Table, types: readonly string[]): string => {
  const arrays = types.map((type, at) => `$${at + 1}::${type}[]`)
  const [key, table] = [types.length + 1, types.length + 2]
  return `WITH copied AS (
      INSERT INTO "${name}" (${names(columns)})
        SELECT * FROM unnest(${arrays.join(', ')}) RETURNING *)${searching[name] ?? ''}
    UPDATE sqlite_migration_tables
      SET copied = copied + (SELECT count(*) FROM copied), last_key = $${key}
      WHERE name = $${table}`
}

const copyTable = async (
  { source, client, onCopied, signal }: Copying,
  table: Table,
  from: Value[] | undefined
): Promise<void> => {
  const text = inserting(table, await typesOf(client, table))
  const write = async (rows: readonly Row[], key: readonly Value[]): Promise<void> => {
    // SQLite stores NUL in a text, PostgreSQL refuses it.
    const values = table.columns.map((_, at) =>
      rows.map((row) => replaceUnstorable(row[at] as Value))
    )
    await client.query({
      name: table.name,
      text,
      values: [...values, JSON.stringify(key), table.name]
    })
  }
  let after = from
  for (let rows = source.rows(table, table.columns, after); rows.length > 0; ) {
    signal.throwIfAborted()
    after = keyOf(table, table.columns, rows.at(-1) as Row)
    // The next rows are read while these are written.
    const [, next] = await Promise.all([
      write(rows, after),
      (async () => source.rows(table, table.columns, after))()
    ])
    onCopied(table, rows.length)
    rows = next
  }
}

/**
 * Fills the search index of leads in the order of their ids. A lead is found by its tags and merged
 * numbers too, so all tables are copied before.
 */
const searchLeads = async ({ client, signal }: Copying): Promise<void> => {
  const text = `WITH batch AS MATERIALIZED (
      SELECT id FROM leads WHERE id > $1 ORDER BY id LIMIT ${leadsPerBatch}),
    written AS MATERIALIZED (SELECT id, lead_text_rewrite(id) FROM batch)
    SELECT max(id) AS last FROM written`
  const indexed = await client.query<{ last: number }>(
    'SELECT coalesce(max(rowid), 0) AS last FROM lead_text'
  )
  let last: number | null = indexed.rows[0]?.last ?? null
  while (last !== null) {
    signal.throwIfAborted()
    const written: pg.QueryResult<{ last: number | null }> = await client.query(text, [last])
    last = written.rows[0]?.last ?? null
  }
}

export const copyTables = async (copying: Copying): Promise<void> => {
  const progress = await readProgress(copying.client)
  for (const table of copying.source.tables) {
    const done = progress.get(table.name)
    if (done === undefined) throw new Error(`sqlite_migration_tables does not know ${table.name}`)
    await copyTable(copying, table, done.lastKey)
  }
  await searchLeads(copying)
}

import { createHash } from 'node:crypto'
import type pg from 'pg'
import { replaceUnstorable } from '../../platform/replace-unstorable.ts'
import {
  following,
  keyOf,
  names,
  searches,
  type Row,
  type Source,
  type Table,
  type Value
} from './source.ts'
import { storeColumns } from './migration-state.ts'

/**
 * Compares both databases. Each is read by itself, in the order of the keys. The checksum of a
 * table is the SHA-256 of its rows. A row is a line with a JSON array: its columns in the order of
 * their names, numbers as text.
 */

export interface Compared {
  name: string
  sqlite: Counted
  postgres: Counted
  equal: boolean
}

interface Counted {
  rows: number
  /** In hexadecimal. A search index has no checksum, because each database builds its own. */
  sha256: string | undefined
}

/** A value as it was copied: PostgreSQL cannot store NUL. */
const textOf = (value: Value): string | null =>
  value === null ? null : String(replaceUnstorable(value))

const lineOf = (row: readonly Value[]): string => `${JSON.stringify(row.map(textOf))}\n`

/** Columns as text, because a number may be rounded. */
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

/** Counts and hashes a table of one database, some rows at a time. */
class TableDigest {
  readonly #read: (after: Value[] | undefined) => Row[] | Promise<Row[]>
  readonly #keyOfRow: (row: Row) => Value[]
  readonly #hash = createHash('sha256')
  #rows = 0
  #after: Value[] | undefined
  #isDone = false

  constructor(
    read: (after: Value[] | undefined) => Row[] | Promise<Row[]>,
    keyOfRow: (row: Row) => Value[]
  ) {
    this.#read = read
    this.#keyOfRow = keyOfRow
  }

  /** @returns how many rows it read; 0 when there are no more */
  async step(): Promise<number> {
    if (this.#isDone) return 0
    const next = await this.#read(this.#after)
    const last = next.at(-1)
    if (last === undefined) this.#isDone = true
    else {
      this.#hash.update(next.map(lineOf).join(''))
      this.#rows += next.length
      this.#after = this.#keyOfRow(last)
    }
    return next.length
  }

  result(): Counted {
    return { rows: this.#rows, sha256: this.#hash.digest('hex') }
  }
}

const compared = (name: string, sqlite: Counted, postgres: Counted): Compared => ({
  name,
  sqlite,
  postgres,
  equal: sqlite.rows === postgres.rows && sqlite.sha256 === postgres.sha256
})

const compareTable = async (
  { source, client, onCompared, signal }: Comparing,
  table: Table
): Promise<Compared> => {
  const { allColumns: columns } = table
  const key = (row: Row): Value[] => keyOf(table, columns, row)
  const first = following(table, columns, undefined)
  const next = following(
    table,
    columns,
    table.key.map((_, at) => `$${at + 1}`)
  )
  const query = async (after: Value[] | undefined): Promise<Row[]> =>
    (
      await client.query<Value[]>({
        text: after === undefined ? first : next,
        values: after ?? [],
        rowMode: 'array',
        types: asText
      })
    ).rows
  const sqlite = new TableDigest((after) => source.rows(table, columns, after), key)
  const postgres = new TableDigest(query, key)
  for (let [inPostgres, inSqlite] = [1, 1]; inPostgres + inSqlite > 0; ) {
    signal.throwIfAborted()
    // PostgreSQL is asked first: it works while the file is read.
    ;[inPostgres, inSqlite] = await Promise.all([postgres.step(), sqlite.step()])
    onCompared(table, inSqlite)
  }
  return compared(table.name, sqlite.result(), postgres.result())
}

const compareStore = async (client: pg.Client, source: Source): Promise<Compared> => {
  const columns = storeColumns(source)
  const count = (rows: Row[]): Counted => ({
    rows: rows.length,
    sha256: createHash('sha256').update(rows.map(lineOf).join('')).digest('hex')
  })
  const { rows } = await client.query<Value[]>({
    text: `SELECT ${names(columns)} FROM store`,
    rowMode: 'array',
    types: asText
  })
  return compared('store', count([columns.map((name) => source.store[name] as Value)]), count(rows))
}

interface Comparing {
  source: Source
  client: pg.Client
  /** Called with the number of rows that were read from the file. */
  onCompared(table: Table, rows: number): void
  signal: AbortSignal
}

export const compareTables = async (comparing: Comparing): Promise<Compared[]> => {
  const { source, client } = comparing
  const results: Compared[] = []
  for (const table of source.tables) results.push(await compareTable(comparing, table))
  results.push(await compareStore(client, source))
  for (const name of searches) {
    const { rows } = await client.query<{ texts: number }>(
      `SELECT count(*) AS texts FROM "${name}"`
    )
    results.push(
      compared(
        name,
        { rows: source.searched(name), sha256: undefined },
        { rows: rows[0]?.texts ?? 0, sha256: undefined }
      )
    )
  }
  return results.sort((a, b) => (a.name < b.name ? -1 : 1))
}

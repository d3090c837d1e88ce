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
import { storeColumns } from './standing.ts'

/**
 * Whether both databases hold the same. Each is read by itself, in the order of the keys; the
 * checksum of a table is the SHA-256 of its rows, each an array of JSON with the columns in the
 * order of their names, numbers as text, and a newline.
 */

export interface Compared {
  name: string
  sqlite: Counted
  postgres: Counted
  equal: boolean
}

export interface Counted {
  rows: number
  /** In hexadecimal; of a search there is none, for each database has its own. */
  sha256: string | undefined
}

/** As they were copied: PostgreSQL cannot have NUL. */
const lineOf = (row: readonly Value[]): string =>
  `${JSON.stringify(row.map((value) => (value === null ? null : String(replaceUnstorable(value)))))}\n`

/** As they are written, and not as numbers, which may be rounded. */
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

/** Reads one side to its end, a step at a time. */
const counting = (
  read: (after: Value[] | undefined) => Row[] | Promise<Row[]>,
  keyOfRow: (row: Row) => Value[]
) => {
  const hash = createHash('sha256')
  let rows = 0
  let after: Value[] | undefined
  let ended = false
  return {
    /** How many rows it read; 0 once there are no more. */
    step: async (): Promise<number> => {
      if (ended) return 0
      const next = await read(after)
      const last = next.at(-1)
      if (last === undefined) ended = true
      else {
        hash.update(next.map(lineOf).join(''))
        rows += next.length
        after = keyOfRow(last)
      }
      return next.length
    },
    result: (): Counted => ({ rows, sha256: hash.digest('hex') })
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
  const sqlite = counting((after) => source.rows(table, columns, after), key)
  const postgres = counting(query, key)
  for (let [there, here] = [1, 1]; there + here > 0; ) {
    signal.throwIfAborted()
    // PostgreSQL is asked first: it has the time in which the file is read
    ;[there, here] = await Promise.all([postgres.step(), sqlite.step()])
    onCompared(table, here)
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
  /** So many rows of a table were read in the file. */
  onCompared(table: Table, rows: number): void
  signal: AbortSignal
}

export const compareTables = async (comparing: Comparing): Promise<Compared[]> => {
  const { source, client } = comparing
  const found: Compared[] = []
  for (const table of source.tables) found.push(await compareTable(comparing, table))
  found.push(await compareStore(client, source))
  for (const name of searches) {
    const { rows } = await client.query<{ texts: number }>(
      `SELECT count(*) AS texts FROM "${name}"`
    )
    found.push(
      compared(
        name,
        { rows: source.searched(name), sha256: undefined },
        { rows: rows[0]?.texts ?? 0, sha256: undefined }
      )
    )
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

import { existsSync, statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { openDatabase } from '../../platform/sqlite.ts'
import { migrations } from '../../central-hub/store/database/migrations/migrations.ts'
import { Refused } from './refused.ts'

/**
 * The store's file that is migrated: nobody else has it open meanwhile, and nothing in it is
 * changed.
 */
export interface Source {
  file: string
  /** `store.id`. */
  id: string
  /** Another one once anything was written to the file. */
  state: string
  /**
   * Those it refers to are before each one; `store`, which has one row and no key, is not among
   * them.
   */
  tables: Table[]
  /** The one row of `store`. */
  store: Readonly<Record<string, Value>>
  /** The highest id that a table ever had. */
  highestId(table: string, column: string): number
  /** The next rows by the key, at most so many and not much more than some MB. */
  rows(table: Table, columns: readonly string[], after: readonly Value[] | undefined): Row[]
  /** How many texts are in a search. */
  searched(search: Search): number
  close(): void
}

/** Whole numbers and text are all there is. */
export type Value = number | string | null
export type Row = Value[]

/** What is searched in; each database makes its own of what is copied. */
export const searches = ['message_text', 'lead_text'] as const
export type Search = (typeof searches)[number]

export interface Table {
  name: string
  /** In the order of their names, as all columns here. */
  columns: string[]
  /** With those that the database works out itself. */
  allColumns: string[]
  key: string[]
  count: number
}

/** Rows at a time, and characters of them. */
const maxRows = 1_000
const maxLength = 4_000_000

const quoted = (name: string): string => `"${name}"`
export const names = (columns: readonly string[]): string => columns.map(quoted).join(', ')

/** What comes after a key, in its order. */
export const following = (
  { name, key }: Table,
  columns: readonly string[],
  placeholders: readonly string[] | undefined
): string =>
  `SELECT ${names(columns)} FROM ` +
  `${quoted(name)}${placeholders === undefined ? '' : ` WHERE (${names(key)}) > (${placeholders.join(', ')})`} ` +
  `ORDER BY ${names(key)} LIMIT ${maxRows}`

export const keyOf = ({ key }: Table, columns: readonly string[], row: Row): Value[] =>
  key.map((column) => row[columns.indexOf(column)] as Value)

const readTable = (db: DatabaseSync, name: string): Table => {
  const columns = db
    .prepare('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?) ORDER BY name')
    .all(name) as { name: string; type: string; pk: number; hidden: number }[]
  const odd = columns.find(({ type }) => type !== 'INTEGER' && type !== 'TEXT')
  if (odd !== undefined)
    throw new Error(
      `${name}.${odd.name} is of the type ${odd.type}, which the migration does not know`
    )
  return {
    name,
    columns: columns.filter(({ hidden }) => hidden === 0).map((column) => column.name),
    allColumns: columns.map((column) => column.name),
    key: columns
      .filter(({ pk }) => pk > 0)
      .sort((a, b) => a.pk - b.pk)
      .map((column) => column.name),
    count: db.prepare(`SELECT count(*) AS rows FROM ${quoted(name)}`).get()?.['rows'] as number
  }
}

/** Each table after those that its rows refer to. */
const readTables = (db: DatabaseSync): Table[] => {
  const found = db
    .prepare(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name " +
        "NOT GLOB 'sqlite_*' AND name NOT GLOB 'kysely_*' ORDER BY name"
    )
    .all()
    .map(({ name }) => String(name))
  const refersTo = new Map(
    found.map((name) => [
      name,
      db
        .prepare('SELECT "table" AS name FROM pragma_foreign_key_list(?)')
        .all(name)
        .map((row) => String(row['name']))
        .filter((other) => other !== name)
    ])
  )
  const ordered: string[] = []
  const place = (name: string): void => {
    if (ordered.includes(name)) return
    for (const other of refersTo.get(name) ?? []) place(other)
    ordered.push(name)
  }
  for (const name of found) place(name)
  return ordered.filter((name) => name !== 'store').map((name) => readTable(db, name))
}

const checkSteps = (db: DatabaseSync, file: string): void => {
  const isStore =
    db
      .prepare(
        "SELECT count(*) AS found FROM sqlite_schema WHERE name IN ('kysely_migration', 'store')"
      )
      .get()?.['found'] === 2
  if (!isStore) throw new Refused(`${file} is not a store of LeadMaster's hub`)
  const made = db
    .prepare('SELECT name FROM kysely_migration')
    .all()
    .map(({ name }) => String(name))
  const newer = made.filter((name) => !(name in migrations))
  if (newer.length > 0)
    throw new Refused(
      `${file} was changed by a newer release (${newer.join(', ')}): migrate it with that one`
    )
  const missing = Object.keys(migrations).filter((name) => !made.includes(name))
  if (missing.length > 0)
    throw new Refused(
      `${file} was made by an older release (${missing.join(', ')} is missing): start the hub ` +
        'of this release on it once, without DATABASE_URL, stop it, and begin again'
    )
}

const open = (file: string): DatabaseSync => {
  if (!existsSync(file))
    throw new Refused(
      `there is no file ${file}, or this user may not see it: run this as root or as the ` +
        `hub's user, and name another file by --from`
    )
  const db = openDatabase(file)
  try {
    // nobody else can open it until this is closed, and what a hub that was killed left in the log
    // is folded in
    db.exec(
      'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT; PRAGMA ' +
        'wal_checkpoint(TRUNCATE); PRAGMA query_only = ON'
    )
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** @throws {Refused} when it is not there, is in use, or is not as this release has it */
export const openSource = (file: string): Source => {
  const db = open(file)
  try {
    checkSteps(db, file)
    const { size, mtimeNs } = statSync(file, { bigint: true })
    const store = { ...db.prepare('SELECT * FROM store').get() } as Record<string, Value>
    const statements = new Map<string, StatementSync>()
    const prepare = (sql: string): StatementSync => {
      const statement = statements.get(sql) ?? db.prepare(sql)
      statement.setReturnArrays(true)
      statements.set(sql, statement)
      return statement
    }
    return {
      file,
      store,
      id: String(store['id']),
      state: `${store['id']} ${size} ${mtimeNs}`,
      tables: readTables(db),
      highestId: (table, column) => {
        const drawn =
          db.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').get(table)?.['seq'] ?? 0
        const there =
          db.prepare(`SELECT max(${quoted(column)}) AS id FROM ${quoted(table)}`).get()?.['id'] ?? 0
        return Math.max(Number(drawn), Number(there))
      },
      rows: (table, columns, after) => {
        const rows: Row[] = []
        let length = 0
        for (const row of prepare(
          following(
            table,
            columns,
            after?.map(() => '?')
          )
        ).iterate(...(after ?? []))) {
          const values = row as unknown as Row
          rows.push(values)
          for (const value of values) if (typeof value === 'string') length += value.length
          if (length > maxLength) break
        }
        return rows
      },
      searched: (search) =>
        Number(db.prepare(`SELECT count(*) AS texts FROM ${search}_docsize`).get()?.['texts']),
      close: () => db.close()
    }
  } catch (error) {
    db.close()
    throw error
  }
}

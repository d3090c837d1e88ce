import { existsSync, statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { openDatabase } from '../../platform/sqlite.ts'
import { migrations } from '../../central-hub/store/database/migrations/migrations.ts'
import { Refused } from './refused.ts'

/** A column holds a whole number or a text. */
export type Value = number | string | null
export type Row = Value[]

/** The search indexes. Each database builds its own from the copied rows. */
export const searches = ['message_text', 'lead_text'] as const
type Search = (typeof searches)[number]

export interface Table {
  name: string
  /** The stored columns, in the order of their names. */
  columns: string[]
  /** The stored and the generated columns. */
  allColumns: string[]
  key: string[]
  count: number
}

/** How many rows are read by one statement. */
const maxRows = 1_000
/** How many characters are read by one statement, up to one row more. */
const maxLength = 4_000_000

const quoted = (name: string): string => `"${name}"`
export const names = (columns: readonly string[]): string => columns.map(quoted).join(', ')

/** The statement that reads the rows after a key, in the order of the keys. */
export const following = (
  { name, key }: Table,
  columns: readonly string[],
  placeholders: readonly string[] | undefined
): string => {
  const where =
    placeholders === undefined ? '' : ` WHERE (${names(key)}) > (${placeholders.join(', ')})`
  const order = `ORDER BY ${names(key)} LIMIT ${maxRows}`
  return `SELECT ${names(columns)} FROM ${quoted(name)}${where} ${order}`
}

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

/** Each table comes after the tables that its rows refer to. */
const readTables = (db: DatabaseSync): Table[] => {
  const tables = db
    .prepare(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
        AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'kysely_*' ORDER BY name`
    )
    .all()
    .map(({ name }) => String(name))
  const refersTo = new Map(
    tables.map((name) => [
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
  for (const name of tables) place(name)
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
    // Nobody else can open the file until it is closed. The checkpoint takes over what a killed hub
    // left in the WAL.
    db.exec(
      'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT; ' +
        'PRAGMA wal_checkpoint(TRUNCATE); PRAGMA query_only = ON'
    )
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * The store's file that is migrated. Nobody else can open it until it is closed, and it is not
 * changed.
 */
export class Source {
  readonly file: string
  /** The one row of `store`. */
  readonly store: Readonly<Record<string, Value>>
  /** `store.id`. */
  readonly id: string
  /** It changes when anything is written to the file. */
  readonly state: string
  /** Tables in the order of their references. `store`, with one row and no key, is left out. */
  readonly tables: Table[]
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(file: string, db: DatabaseSync) {
    const { size, mtimeNs } = statSync(file, { bigint: true })
    this.file = file
    this.#db = db
    this.store = { ...db.prepare('SELECT * FROM store').get() } as Record<string, Value>
    this.id = String(this.store['id'])
    this.state = `${this.store['id']} ${size} ${mtimeNs}`
    this.tables = readTables(db)
  }

  /** The highest id that a table ever had. */
  highestId(table: string, column: string): number {
    const drawn = this.#db.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').get(table)?.[
      'seq'
    ]
    const used = this.#db
      .prepare(`SELECT max(${quoted(column)}) AS id FROM ${quoted(table)}`)
      .get()?.['id']
    return Math.max(Number(drawn ?? 0), Number(used ?? 0))
  }

  /** The next rows by the key, bounded by number and by length. */
  rows(table: Table, columns: readonly string[], after: readonly Value[] | undefined): Row[] {
    const placeholders = after?.map(() => '?')
    const statement = this.#prepare(following(table, columns, placeholders))
    const rows: Row[] = []
    let length = 0
    for (const row of statement.iterate(...(after ?? []))) {
      const values = row as unknown as Row
      rows.push(values)
      for (const value of values) if (typeof value === 'string') length += value.length
      if (length > maxLength) break
    }
    return rows
  }

  /** How many texts are in a search index. */
  searched(search: Search): number {
    const sql = `SELECT count(*) AS texts FROM ${search}_docsize`
    return Number(this.#db.prepare(sql).get()?.['texts'])
  }

  close(): void {
    this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#db.prepare(sql)
    statement.setReturnArrays(true)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** @throws {Refused} when the file is missing, in use, or not of this release */
export const openSource = (file: string): Source => {
  const db = open(file)
  try {
    checkSteps(db, file)
    return new Source(file, db)
  } catch (error) {
    db.close()
    throw error
  }
}

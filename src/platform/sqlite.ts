import { dirname, resolve } from 'node:path'
import { DatabaseSync, type DatabaseSyncOptions } from 'node:sqlite'
import { describeSqlite } from './describe-error.ts'
import { setSqliteDirectory } from './env.ts'
import { PlainError, reasonOf } from './harmless.ts'
import { Reserve } from './reserve.ts'

/**
 * Called before a file of this size is rewritten as a whole. Everything else waits for that.
 * @returns what is called when it is done
 */
export type Rewriting = (bytes: number) => () => void

/**
 * How long a rewrite may take at most, ms. A slow disk rewrites 4 MB a second, because each byte is
 * written three times.
 */
export const rewriteMs = (bytes: number): number => 30_000 + bytes / 4_000

/** The size of the file, with what is still in its log. */
export const fileBytes =
  'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size'

let hasOpened = false

/**
 * Opens a database file as it is. The first one of a process decides where SQLite keeps its
 * temporary files: beside that file. A file that is rewritten is copied there as a whole, and no
 * copy may lie outside the state directory.
 */
export const openDatabase = (file: string, options: DatabaseSyncOptions = {}): DatabaseSync => {
  if (!hasOpened) setSqliteDirectory(dirname(resolve(file)))
  hasOpened = true
  return new DatabaseSync(file, options)
}

/**
 * Opens a database file, made if need be; its directory must be there and writable.
 * WAL with synchronous=FULL: a commit has been fsynced when it returns,
 * https://sqlite.org/pragma.html#pragma_synchronous. What is deleted is written over,
 * https://sqlite.org/pragma.html#pragma_secure_delete. On a full disk the reserve of the directory
 * is given up: a database needs some room to be opened, even to be read.
 * @throws {Error} naming the file
 */
export const openSqlite = (file: string): DatabaseSync => {
  try {
    return openOnce(file)
  } catch (error) {
    const directory = dirname(resolve(file))
    const isFull = describeSqlite(error, directory)?.includes(' is full') ?? false
    if (isFull && new Reserve(directory).release()) return openOnce(file)
    throw error
  }
}

const openOnce = (file: string): DatabaseSync => {
  let db: DatabaseSync | undefined
  try {
    db = openDatabase(file)
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA foreign_keys = ON;
      PRAGMA busy_timeout = 5000;
      PRAGMA secure_delete = ON`)
    return db
  } catch (error) {
    db?.close()
    throw new PlainError(`${file} cannot be opened: ${reasonOf(error)}`, { cause: error })
  }
}

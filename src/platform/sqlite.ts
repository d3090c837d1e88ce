import { DatabaseSync } from 'node:sqlite'

/**
 * Opens a database file, made if need be; its directory must be there and writable.
 * WAL with synchronous=FULL: a commit has been fsynced when it returns, https://sqlite.org/pragma.html#pragma_synchronous.
 * What is deleted is written over, https://sqlite.org/pragma.html#pragma_secure_delete.
 * @throws {Error} naming the file
 */
export const openSqlite = (file: string): DatabaseSync => {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON')
    return db
  } catch (error) {
    db?.close()
    throw new Error(`${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from './harmless.ts'

/** Errors of the system or SQLite, in the words that an operator needs. */

/** Primary result codes, https://sqlite.org/rescode.html */
const sqlite = { readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 }
/** Less room than this, in bytes, takes no new page of a database and no index of its log. */
const fullBytes = 64 * 1024

/** Writes a byte in a directory, and takes it away again. @throws why that is not to be */
const writeIn = (directory: string): void => {
  const file = join(directory, '.write-test')
  try {
    writeFileSync(file, '0')
  } finally {
    rmSync(file, { force: true })
  }
}

const isFull = (directory: string): boolean => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize < fullBytes
}

/** The error, and what caused it. */
function* chainOf(error: unknown): Generator<NodeJS.ErrnoException & { errcode?: unknown }> {
  for (let each: unknown = error; each instanceof Error; each = each.cause) yield each
}

/** SQLite's primary result code; undefined for an error that is not SQLite's. */
const sqliteCode = (error: unknown): number | undefined => {
  for (const { errcode } of chainOf(error)) if (errcode !== undefined) return Number(errcode) & 0xff
  return undefined
}

/** The words of SQLite itself. */
const sqliteWords = (error: unknown): string =>
  reasonOf([...chainOf(error)].find(({ errcode }) => errcode !== undefined) ?? error)

/** Why nothing can be written in a directory; undefined when it can. */
const whyClosed = (
  directory: string,
  tryToWrite: (directory: string) => void
): string | undefined => {
  try {
    tryToWrite(directory)
    return isFull(directory) ? `the disk of ${directory} is full` : undefined
  } catch (refusal) {
    return (
      describeCode(refusal as NodeJS.ErrnoException, directory) ??
      `${directory} takes no writes: ${(refusal as NodeJS.ErrnoException).code}`
    )
  }
}

/** What a code of the system means for a path; undefined when it says no more than it does. */
const describeCode = ({ code }: NodeJS.ErrnoException, path: string): string | undefined => {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk of ${path} is full`
    case 'EROFS':
      return `the file system of ${path} is read-only and takes no writes`
    case 'EACCES':
    case 'EPERM':
      return `${path} may not be used by the user that the service runs as (${code})`
    default:
      return undefined
  }
}

/**
 * Why a database in a directory cannot be used: where SQLite only says that it could not, what the
 * system says.
 * @returns undefined for an error that is not SQLite's, or of which nothing more is known
 */
export const describeSqlite = (
  error: unknown,
  directory: string,
  tryToWrite = writeIn
): string | undefined => {
  const said = sqliteWords(error)
  switch (sqliteCode(error)) {
    case sqlite.full:
      return `the disk of ${directory} is full (${said})`
    case sqlite.corrupt:
    case sqlite.notADatabase:
      return (
        `the database in ${directory} is damaged (${said}): ` +
        'put a backup in its place with scripts/restore. leadmaster-doctor prints the command'
      )
    case sqlite.readOnly:
    case sqlite.ioError:
    case sqlite.cannotOpen: {
      const why = whyClosed(directory, tryToWrite)
      return why === undefined ? undefined : `${why} (${said})`
    }
    default:
      return undefined
  }
}

/** What the system refused when a daemon wanted to listen. */
const describeListening = (
  { code, syscall }: NodeJS.ErrnoException,
  said: string
): string | undefined => {
  if (code === 'EADDRNOTAVAIL') return `HOST is no address of this machine (${said})`
  if (syscall === 'getaddrinfo') return `the name in HOST cannot be looked up (${said})`
  if (code === 'EACCES' && syscall === 'listen')
    return `PORT is for root alone: take one from 1024 on (${said})`
  return undefined
}

/** Why a daemon cannot start. @param stateDir its directory, for what the disk or SQLite refused */
export const describeStartError = (error: unknown, stateDir: string | undefined): string => {
  const said = reasonOf(error)
  if (stateDir !== undefined) {
    const ofSqlite = describeSqlite(error, stateDir)
    if (ofSqlite !== undefined) return ofSqlite
  }
  for (const each of chainOf(error)) {
    const words =
      describeListening(each, said) ??
      (each.path === undefined ? undefined : describeCode(each, each.path))
    if (words !== undefined) return words
    if (each.code === 'ENOENT' && each.path !== undefined)
      return `${each.path} is missing (${said})`
  }
  return said
}

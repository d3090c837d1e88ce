import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from '../platform/harmless.ts'

/** Writes a byte in a directory, and takes it away again. @throws why that is not to be */
const writeIn = (directory: string): void => {
  const file = join(directory, '.write-test')
  try {
    writeFileSync(file, '0')
  } finally {
    rmSync(file, { force: true })
  }
}

/** SQLITE_READONLY, SQLITE_IOERR and SQLITE_CANTOPEN: it was refused by the system, and SQLite does not tell with which words. https://sqlite.org/rescode.html */
const refusals: readonly number[] = [8, 10, 14]

/** Why a database in a directory could not be written, in the words an operator needs: where SQLite only says that it could not, what the system says. */
export const whyUnwritable = (error: unknown, directory: string, tryToWrite = writeIn): string => {
  const said = reasonOf(error)
  if (!(error instanceof Error) || !('errcode' in error) || !refusals.includes(Number(error.errcode) & 0xff)) return said
  try {
    tryToWrite(directory)
    return said
  } catch (refusal) {
    const { code } = refusal as NodeJS.ErrnoException
    return code === 'EROFS' ? `the file system of ${directory} is read-only and takes no writes (${said})` : `${directory} takes no writes: ${code} (${said})`
  }
}

import { PlainError, reasonOf } from '../../platform/harmless.ts'

/** What keeps a backup from being made or restored, in words that say what to do. */
export class Refused extends PlainError {}

/** An error in plain words; undefined when it is a bug of this program. */
export const describeRefusal = (error: unknown): string | undefined => {
  if (error instanceof Refused) return error.message
  if (!(error instanceof Error)) return undefined
  // an error of SQLite, https://sqlite.org/rescode.html
  if ('errcode' in error) return `a database could not be copied: ${reasonOf(error)}`
  const { code, path } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full: make room, or name another directory'
    case 'EACCES':
    case 'EPERM':
      return `${path ?? 'a file'} may not be read or written by this user: run this as root`
    case 'EROFS':
      return (
        `${path ?? 'the directory'} is on a file system that is read-only here; to the unit ` +
        'all is, but its ReadWritePaths='
      )
    case 'EIO':
      return `${path ?? 'a file'} cannot be read or written: the disk fails (EIO)`
    default:
      return undefined
  }
}

import { PlainError, reasonOf } from '../../platform/harmless.ts'
import { isLost, placeOf, refusalOf } from '../../central-hub/store/database/postgres/client.ts'
import type { Places } from './places.ts'

/** What keeps a migration from being done, in words that say what to do. */
export class Refused extends PlainError {}

/**
 * Errors of PostgreSQL that only a migration meets,
 * https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
const describePostgres = (code: string, message: string, place: string): string | undefined => {
  switch (code) {
    case '53100':
      return `the disk of ${place} is full`
    case '53200':
      return `${place} is out of memory`
    case '55P03':
      return `another program holds a lock on tables at ${place} (${message})`
    case '0A000':
    case '58P01':
      return /extension/.test(message)
        ? `${place} lacks an extension that comes with PostgreSQL (${message}): install its ` +
            'contrib package there'
        : undefined
    default:
      return undefined
  }
}

/** Errors of SQLite, https://sqlite.org/rescode.html */
const describeSqlite = (code: number, message: string, { file }: Places): string => {
  switch (code & 0xff) {
    case 5:
      return (
        `${file} is in use: stop the hub (systemctl stop leadmaster-central-hub, or end ` +
        'scripts/up) and whatever else has it open, then begin again'
      )
    case 3:
    case 8:
    case 14:
      return `this user may not open ${file} (${message}): run this as root or as the hub's user`
    case 11:
    case 26:
      return `${file} is damaged, or no database (${message}): restore a backup`
    case 13:
      return `the disk of ${file} is full`
    default:
      return `${file} cannot be read (${message})`
  }
}

/** Node's names of TLS errors. */
const tlsError = /certificate|SSL|TLS|altname|CERT_|SELF_SIGNED|UNABLE_TO/i

/** An error in plain words, with what to do; undefined when it is a bug of this program. */
export const describeError = (error: unknown, places: Places | undefined): string | undefined => {
  if (error instanceof Refused) return error.message
  if (!(error instanceof Error) || places === undefined) return undefined
  if ('errcode' in error) return describeSqlite(Number(error.errcode), error.message, places)
  const code = 'code' in error ? String(error.code) : ''
  const [place, setting] = [placeOf(places.url), `DATABASE_URL of ${places.envFile}`]
  const words =
    refusalOf(places.url, error, setting) ?? describePostgres(code, reasonOf(error), place)
  if (words !== undefined) return words
  if (isLost(error))
    return (
      `${place} does not answer (${reasonOf(error)}): does PostgreSQL run, and is ${setting} ` +
      'right?'
    )
  if (tlsError.test(`${code} ${error.message}`))
    return (
      `there is no safe connection to ${place} (${reasonOf(error)}): see to sslmode and ` +
      `sslrootcert in ${setting}`
    )
  return undefined
}

import pg from 'pg'
import { reasonOf } from '../../../../platform/harmless.ts'
import { ProblemError } from '../../../../platform/http/problem.ts'

/**
 * PostgreSQL by the package pg: how it is connected to, what its values are, and what its loss is
 * told as.
 */

/** A connection that is made takes this long at most, ms. */
const connectMs = 5_000
/** So does a statement of ours: what takes longer goes to a server that is gone, ms. */
export const statementMs = 60_000

/**
 * SQLSTATEs by which it says that it is not there, or no more:
 * https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
const lostStates = /^(08...|57P0[1-5]|53300|25006|25P03)$/
const lostErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ENOENT'
])
/** Errors of pg itself, which have no code. */
const lostWords = new RegExp(
  [
    'connection terminated',
    'timeout exceeded when trying to connect',
    'query read timeout',
    'client has encountered a connection error',
    'cannot use a pool after',
    'server closed the connection'
  ].join('|'),
  'i'
)

/** What came of a loss: nothing of an answer is known. */
export const isLost = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isLost)
  const code = 'code' in error ? String(error.code) : ''
  return lostStates.test(code) || lostErrors.has(code) || lostWords.test(error.message)
}

/**
 * A transaction that another one stood in the way of: done again, it goes through. Two that insert
 * the same are such ones, too.
 */
export const isPassing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['40001', '40P01', '23505'].includes(String(error.code))

/** Where it is, without who and by which password. */
export const placeOf = (url: string): string => {
  const { hostname, port, pathname } = new URL(url)
  return `postgres://${hostname}${port === '' ? '' : `:${port}`}${pathname}`
}

const int8 = 20
const numeric = 1700
/** Sums and counts are no larger than a number holds. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === int8 || oid === numeric
      ? Number
      : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser
}

/** A connection's settings; a dead peer is noticed on both sides within seconds. */
export const connection = (url: string) => ({
  connectionString: url,
  application_name: 'leadmaster-central-hub',
  connectionTimeoutMillis: connectMs,
  keepAlive: true,
  keepAliveInitialDelayMillis: 5_000,
  types
})

/**
 * Statements for each new connection. With them the server notices a hub that is cut off, and takes
 * its locks back.
 */
export const settings = [
  "SET idle_in_transaction_session_timeout = '60s'",
  'SET tcp_keepalives_idle = 5',
  'SET tcp_keepalives_interval = 2',
  'SET tcp_keepalives_count = 3'
].join('; ')

const userOf = (url: string): string => decodeURIComponent(new URL(url).username)

/** Of a user that may not do what is needed. @param what it may not */
export const lacksRight = (url: string, what: string): string =>
  `the user ${userOf(url)} lacks a right at ${placeOf(url)} (${what}): ` +
  `it must own the database, by ALTER DATABASE … OWNER TO ${userOf(url)}`
/** What is against one that may not make tables. */
export const noTables = 'it may not make tables there'

/**
 * What a server that answers has against us, by its SQLSTATE.
 * @param setting where DATABASE_URL is corrected
 * @returns undefined when it is something else
 */
export const refusalOf = (
  url: string,
  error: unknown,
  setting = 'DATABASE_URL'
): string | undefined => {
  const { code, message = '' } = error as { code?: unknown; message?: string }
  switch (code) {
    case '28P01':
    case '28000':
      return (
        `${placeOf(url)} does not let the user ${userOf(url)} in (${message}): ` +
        `correct user and password in ${setting}, or pg_hba.conf there`
      )
    case '3D000':
      return (
        `there is no such database as ${placeOf(url)}: ` +
        `make it, by createdb --owner=${userOf(url)}, or correct ${setting}`
      )
    case '42501':
      return lacksRight(url, message)
    default:
      return undefined
  }
}

/**
 * Tries a database. @returns what keeps a hub from using it, in plain words; undefined when nothing
 * does
 */
export const faultOf = async (url: string): Promise<string | undefined> => {
  const client = new pg.Client({
    ...connection(url),
    application_name: 'leadmaster-doctor',
    query_timeout: connectMs
  })
  client.on('error', () => undefined) // whatever is asked next is told
  try {
    await client.connect()
    const { rows } = await client.query<{ may: boolean }>(
      "select coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as may"
    )
    return rows[0]?.may === true ? undefined : lacksRight(url, noTables)
  } catch (error) {
    return (
      refusalOf(url, error) ??
      (isLost(error)
        ? storeLost(url, error).problem.detail
        : `the database at ${placeOf(url)}: ${reasonOf(error)}`)
    )
  } finally {
    await client.end().catch(() => undefined) // what was found tells
  }
}

/** What the hub cannot do without its database; callers of the API are answered with it. */
export const storeLost = (url: string, cause: unknown): ProblemError => {
  const lost = new ProblemError(
    'store-unavailable',
    `the database at ${placeOf(url)} does not answer (${reasonOf(cause)}): ` +
      'it is tried again by itself; see to PostgreSQL, or to DATABASE_URL'
  )
  lost.cause = cause
  return lost
}

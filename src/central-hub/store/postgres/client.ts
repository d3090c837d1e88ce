import pg from 'pg'
import { ProblemError } from '../../../platform/problem.ts'

/** PostgreSQL by the package pg: how it is connected to, what its values are, and what its loss is told as. */

/** A connection that is made takes this long at most, ms. */
const connectMs = 5_000
/** So does a statement of ours: what takes longer goes to a server that is gone, ms. */
export const statementMs = 60_000

/** SQLSTATEs by which it says that it is not there, or no more: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const lostStates = /^(08...|57P0[1-5]|53300|25006|25P03)$/
const lostErrors = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'ENOENT'])
/** What pg itself says, which has no code. */
const lostWords = /connection terminated|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|cannot use a pool after|server closed the connection/i

/** What came of a loss: nothing of an answer is known. */
export const isLost = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isLost)
  const code = 'code' in error ? String(error.code) : ''
  return lostStates.test(code) || lostErrors.has(code) || lostWords.test(error.message)
}

/** A transaction that another one stood in the way of: done again, it goes through. Two that insert the same are such ones, too. */
export const isPassing = (error: unknown): boolean => error instanceof Error && 'code' in error && ['40001', '40P01', '23505'].includes(String(error.code))

/** Where it is, without who and by which password. */
export const placeOf = (url: string): string => {
  const { hostname, port, pathname } = new URL(url)
  return `postgres://${hostname}${port === '' ? '' : `:${port}`}${pathname}`
}

const int8 = 20
const numeric = 1700
/** Sums and counts are no larger than a number holds. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => (oid === int8 || oid === numeric ? Number : pg.types.getTypeParser(oid, format ?? 'text'))) as typeof pg.types.getTypeParser
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

/** Of each new connection: a hub that is cut off holds nothing for longer, and is noticed to be. */
export const settings = `SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3`

/** What a server that answers has against us, by its SQLSTATE. @returns undefined when it is something else */
export const refusalOf = (url: string, error: unknown): string | undefined => {
  const { code, message } = error as { code?: unknown; message?: string }
  switch (code) {
    case '28P01':
    case '28000':
      return `the database at ${placeOf(url)} refuses who we are: correct user and password in DATABASE_URL (${message})`
    case '3D000':
      return `there is no such database at ${placeOf(url)}: make it, by createdb, or correct DATABASE_URL`
    case '42501':
      return `the user of DATABASE_URL may not make tables at ${placeOf(url)}: the database is to be its own (ALTER DATABASE … OWNER TO …)`
    default:
      return undefined
  }
}

/** Tries a database. @returns what keeps a hub from using it, in plain words; undefined when nothing does */
export const faultOf = async (url: string): Promise<string | undefined> => {
  const client = new pg.Client({ ...connection(url), application_name: 'leadmaster-doctor', query_timeout: connectMs })
  client.on('error', () => undefined) // whatever is asked next is told
  try {
    await client.connect()
    const { rows } = await client.query<{ may: boolean }>("select coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as may")
    return rows[0]?.may === true ? undefined : refusalOf(url, { code: '42501' })
  } catch (error) {
    return refusalOf(url, error) ?? (isLost(error) ? storeLost(url, error).problem.detail : `the database at ${placeOf(url)}: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    await client.end().catch(() => undefined) // what was found tells
  }
}

/** What the hub cannot do without its database; callers of the API are answered with it. */
export const storeLost = (url: string, cause: unknown): ProblemError => {
  const reason = cause instanceof AggregateError ? cause.errors.map(String).join(', ') : cause instanceof Error ? cause.message : String(cause)
  const lost = new ProblemError('store-unavailable', `the database at ${placeOf(url)} does not answer (${reason}): it is tried again by itself; see to PostgreSQL, or to DATABASE_URL`)
  lost.cause = cause
  return lost
}

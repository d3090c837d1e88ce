import { PostgresDialect, type Dialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { replaceUnstorable } from '../../../../platform/replace-unstorable.ts'
import { withQueries } from '../dialect-queries.ts'
import { connection, isLost, settings, statementMs, storeLost } from './client.ts'
import { postgresQueries } from './queries.ts'

/** pg as Kysely's PostgreSQL dialect takes a pool. */

/**
 * The most concurrent statements. Further ones wait for a connection, and fail when the wait takes
 * too long.
 */
const maxConnections = 10

/** @param onLost hears of each connection that is lost while nobody uses it */
export const postgresDialect = (url: string, onLost: (error: Error) => void): Dialect => {
  const pool = new pg.Pool({
    ...connection(url),
    max: maxConnections,
    query_timeout: statementMs,
    idleTimeoutMillis: 60_000,
    // where it fails, the connection does not keep its place
    onConnect: async (client) => {
      // what is lost in use is told by the statement
      client.on('error', () => undefined)
      await client.query(settings)
    }
  })
  // without a listener it would end the process
  pool.on('error', onLost)
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>()

  const wrap = (client: pg.PoolClient): PostgresPoolClient => {
    let broken = false
    const query = async (text: string, values: readonly unknown[]): Promise<unknown> => {
      try {
        // PostgreSQL refuses a text with NUL, which what people write or search for may have
        return await client.query(text, values.map(replaceUnstorable))
      } catch (error) {
        if (!isLost(error)) throw error
        broken = true
        throw storeLost(url, error)
      }
    }
    return {
      query: query as PostgresPoolClient['query'],
      release: (destroy) => client.release(broken || destroy === true)
    }
  }

  const connect = async (): Promise<PostgresPoolClient> => {
    try {
      const client = await pool.connect()
      const known = wrapped.get(client) ?? wrap(client)
      wrapped.set(client, known)
      return known
    } catch (error) {
      throw isLost(error) ? storeLost(url, error) : error
    }
  }
  const asPool: PostgresPool = { connect, end: () => pool.end(), options: pool.options }
  return withQueries(new PostgresDialect({ pool: asPool }), postgresQueries)
}

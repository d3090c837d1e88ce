import { CompiledQuery } from 'kysely'
import { dialectOf } from './dialect-queries.ts'
import type { Db } from './schema.ts'

/**
 * Rows changed by this connection, and what another one's commits change:
 * https://sqlite.org/pragma.html#pragma_data_version
 */
const counters: CompiledQuery<{ own: number; others: number }> = CompiledQuery.raw(
  'SELECT total_changes() AS own, data_version AS others FROM pragma_data_version'
)

/**
 * Which transactions are over: as long as that is the same, so is all that can be read.
 * https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
const snapshot: CompiledQuery<{ now: string }> = CompiledQuery.raw(
  'SELECT pg_current_snapshot()::text AS now'
)

/**
 * Gives a text that is another one whenever something in the store was changed, by whichever hub;
 * in a file it waits for the transaction that is open.
 */
export const changesOf = (db: Db): (() => Promise<string>) =>
  dialectOf(db).database === 'sqlite'
    ? async () => {
        const { rows } = await db.executeQuery(counters)
        return `${rows[0]?.own} ${rows[0]?.others}`
      }
    : async () => (await db.executeQuery(snapshot)).rows[0]?.now as string

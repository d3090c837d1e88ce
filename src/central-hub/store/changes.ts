import { CompiledQuery } from 'kysely'
import { piecesOf } from './pieces.ts'
import type { Db } from './schema.ts'

/** Rows changed by this connection, and what another one's commits change: https://sqlite.org/pragma.html#pragma_data_version */
const counters: CompiledQuery<{ own: number; others: number }> = CompiledQuery.raw('SELECT total_changes() AS own, data_version AS others FROM pragma_data_version')

/**
 * Gives a text that is another one whenever something in the store was changed; it waits for the transaction that is open.
 * undefined where the database cannot tell: only SQLite can.
 */
export const changesOf = (db: Db): (() => Promise<string>) | undefined => {
  if (piecesOf(db).database !== 'sqlite') return undefined
  return async () => {
    const { rows } = await db.executeQuery(counters)
    return `${rows[0]?.own} ${rows[0]?.others}`
  }
}

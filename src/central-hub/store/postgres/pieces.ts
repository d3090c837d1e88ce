import { sql, type SqlBool } from 'kysely'
import { isShort, type Pieces } from '../pieces.ts'
import { isPassing } from './client.ts'
import { changedChannel, lockKeys } from './names.ts'

const or = (conditions: readonly ReturnType<typeof sql<SqlBool>>[]) => sql<SqlBool>`(${sql.join(conditions, sql` or `)})`
const and = (conditions: readonly ReturnType<typeof sql<SqlBool>>[]) => sql<SqlBool>`(${sql.join(conditions, sql` and `)})`

/** A part of a text as LIKE has it. */
const part = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`

/** Transactions in which events are in order already. */
const ordered = new WeakSet<object>()

/** Search by a GIN index over words, and one over trigrams; what is written and what is looked for are folded alike, by `fold` of the schema. */
export const postgresPieces: Pieces = {
  database: 'postgres',
  messageHas: ({ words, prefix }) => sql<SqlBool>`message_text.words @@ message_query(${words.join(' ')}, ${sql.lit(prefix)})`,
  wordsThatBegin: async () => undefined,
  thing: () => sql<string>`coalesce(split_part(details::jsonb ->> 'album_id', '_', 3), stanza)`,
  leadHas: ({ names, numbers }) =>
    or([
      ...(names.length === 0 ? [] : [and(names.map((word) => sql<SqlBool>`lead_text.names like fold(${part(isShort(word) ? `  ${word}` : word)})`))]),
      ...numbers.map((digits) => sql<SqlBool>`lead_text.phones like ${part(digits)}`)
    ]),
  percentile: (column, fraction) => sql<number>`percentile_cont(${sql.lit(fraction)}) within group (order by ${sql.ref(column)})`,
  orderEvents: async (trx) => {
    if (ordered.has(trx)) return
    ordered.add(trx)
    // held until the commit is visible: who draws ids after this sees, and is seen, after it
    await sql`select pg_advisory_xact_lock(${sql.lit(lockKeys.space)}, ${sql.lit(lockKeys.events)}), pg_notify(${sql.lit(changedChannel)}, '')`.execute(trx)
  },
  lockLeads: async (trx, account) => {
    const all = sql`${sql.lit(lockKeys.space)}, ${sql.lit(lockKeys.leads)}`
    if (account === undefined) await sql`select pg_advisory_xact_lock(${all})`.execute(trx)
    else await sql`select pg_advisory_xact_lock_shared(${all}), pg_advisory_xact_lock(${sql.lit(lockKeys.accounts)}, hashtext(${account}))`.execute(trx)
  },
  isPassing
}

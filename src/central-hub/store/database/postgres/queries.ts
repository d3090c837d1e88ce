import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { isShort, type DialectQueries } from '../dialect-queries.ts'
import type { LeadTerm } from '../search-terms.ts'
import { isPassing } from './client.ts'
import { changedChannel, lockKeys } from './names.ts'

const or = (conditions: readonly ReturnType<typeof sql<SqlBool>>[]) =>
  sql<SqlBool>`(${sql.join(conditions, sql` or `)})`
const and = (conditions: readonly ReturnType<typeof sql<SqlBool>>[]) =>
  sql<SqlBool>`(${sql.join(conditions, sql` and `)})`

/** A part of a text as LIKE has it. */
const part = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`

const leadCondition = (term: LeadTerm): RawBuilder<SqlBool> => {
  if ('text' in term) {
    const wanted = part(isShort(term.text) ? `  ${term.text}` : term.text)
    return sql<SqlBool>`(
      lead_text.names like fold(${wanted}) or lead_text.notes like fold(${wanted}))`
  }
  if ('digits' in term) return sql<SqlBool>`lead_text.phones like ${part(term.digits)}`
  return 'all' in term ? and(term.all.map(leadCondition)) : or(term.any.map(leadCondition))
}

/** Transactions in which events are in order already. */
const ordered = new WeakSet<object>()

/**
 * Search by a GIN index over words, and one over trigrams; what is written and what is looked for
 * are folded alike, by `fold` of the schema.
 */
export const postgresQueries: DialectQueries = {
  database: 'postgres',
  messageHas: ({ words, tokens, prefix }) => {
    const parts = [
      ...(words.length === 0 ? [] : [sql`message_query(${words.join(' ')}, ${sql.lit(prefix)})`]),
      ...(tokens.length === 0
        ? []
        : [sql`${tokens.map((token) => `'${token}'`).join(' & ')}::tsquery`])
    ]
    return sql<SqlBool>`message_text.words @@ (${sql.join(parts, sql` && `)})`
  },
  wordsThatBegin: async () => undefined,
  thing: () => sql<string>`coalesce(split_part(details::jsonb ->> 'album_id', '_', 3), stanza)`,
  leadHas: (term) => leadCondition(term),
  percentile: (column, fraction) =>
    sql<number>`percentile_cont(${sql.lit(fraction)}) within group (order by ${sql.ref(column)})`,
  orderEvents: async (trx) => {
    if (ordered.has(trx)) return
    ordered.add(trx)
    // Held until the commit is visible, so that a later writer draws later ids.
    const key = sql`${sql.lit(lockKeys.space)}, ${sql.lit(lockKeys.events)}`
    await sql`
      select pg_advisory_xact_lock(${key}), pg_notify(${sql.lit(changedChannel)}, '')`.execute(trx)
  },
  lockLeads: async (trx, account) => {
    const all = sql`${sql.lit(lockKeys.space)}, ${sql.lit(lockKeys.leads)}`
    if (account === undefined) await sql`select pg_advisory_xact_lock(${all})`.execute(trx)
    else {
      const own = sql`${sql.lit(lockKeys.accounts)}, hashtext(${account})`
      await sql`
        select pg_advisory_xact_lock_shared(${all}), pg_advisory_xact_lock(${own})`.execute(trx)
    }
  },
  isPassing
}

import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { isShort, type DialectQueries } from '../dialect-queries.ts'
import type { LeadTerm } from '../search-terms.ts'
import { wordsThatBegin } from './words.ts'

/**
 * As FTS5 has it: quoted, so that nothing in it is an operator,
 * https://sqlite.org/fts5.html#full_text_query_syntax
 */
const quoted = (word: string): string => `"${word.replaceAll('"', '""')}"`

/** The spaces stored before each word make up for the characters that a short one lacks. */
const namePart = (word: string): string => quoted(isShort(word) ? `  ${word}` : word)

const leadQuery = (term: LeadTerm): string => {
  if ('text' in term) return `{names notes} : ${namePart(term.text)}`
  if ('digits' in term) return `phones : ${quoted(term.digits)}`
  if ('all' in term) return `(${term.all.map(leadQuery).join(' AND ')})`
  return `(${term.any.map(leadQuery).join(' OR ')})`
}

const afterMark = (text: RawBuilder<string>): RawBuilder<string> =>
  sql<string>`substr(${text}, instr(${text}, '_') + 1)`

/** The third part of an id, as the column `stanza` has it; null for null. */
const stanzaIn = (id: RawBuilder<string>): RawBuilder<string> => {
  const rest = afterMark(afterMark(id))
  return sql<string>`substr(${rest}, 1, instr(${rest} || '_', '_') - 1)`
}

/** Search by FTS5; one writer at a time, so that events are in order by themselves. */
export const sqliteQueries: DialectQueries = {
  database: 'sqlite',
  messageHas: ({ words, tokens, prefix, lastIs }) => {
    const last = lastIs === undefined ? [] : [`(${lastIs.map(quoted).join(' OR ')})`]
    const whole = [...tokens, ...(lastIs === undefined ? words : words.slice(0, -1))].map(quoted)
    const star = prefix && lastIs === undefined ? '*' : ''
    return sql<SqlBool>`message_text match ${[...whole, ...last].join(' AND ') + star}`
  },
  wordsThatBegin,
  thing: () => sql<string>`coalesce(${stanzaIn(sql`json_extract(details, '$.album_id')`)}, stanza)`,
  leadHas: (term) => sql<SqlBool>`lead_text match ${leadQuery(term)}`,
  percentile: (column, fraction) =>
    sql<number>`percentile(${sql.ref(column)}, ${sql.lit(fraction * 100)})`,
  orderEvents: async () => undefined,
  lockLeads: async () => undefined,
  isPassing: () => false
}

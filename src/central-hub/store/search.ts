import { sql, type Expression, type SqlBool } from 'kysely'
import type { CountryCode } from 'libphonenumber-js'
import type { Page, Position } from './page.ts'
import { phoneKey, readPhone } from './phone.ts'
import { piecesOf, type LeadMatch, type MessageMatch } from './pieces.ts'
import type { Db } from './schema.ts'

/**
 * Search: what is matched how is in the pieces of each database. A common word is in very many messages, so nothing here
 * reads or sorts all that match; matches are walked from the latest captured one back.
 */

/** A word of messages that is looked for by its beginning is joined from all words that begin so, at once: not if very many have it as it is. */
const common = 1_000

/** The search for words that all occur, the last one perhaps not to its end; undefined when no letter or digit is in it, as in no message's words. */
export const messageMatch = async (db: Db, q: string): Promise<MessageMatch | undefined> => {
  const words = q.split(/[^\p{L}\p{N}\p{M}]+/u).filter((word) => word !== '')
  if (words.length === 0) return undefined
  const whole = { words, prefix: false }
  if ((await matchingMessages(db, whole, common)).length >= common) return whole
  const lastIs = await piecesOf(db).wordsThatBegin(db, words.at(-1) as string)
  return { words, prefix: true, ...(lastIs === undefined ? {} : { lastIs }) }
}

/** Digits to find in numbers: as they are, and as numbers are compared. */
const digitsOf = (q: string, country: CountryCode | undefined): string[] => {
  const digits = q.replace(/[\s()+./-]/g, '')
  if (!/^\d{3,}$/.test(digits)) return []
  const phone = readPhone(q, country)
  return [...new Set([digits, ...(phone === undefined ? [] : [phoneKey(phone)])])]
}

/** Parts of names that all occur, or of a number; undefined when there is nothing to find. */
const leadMatch = (q: string, country: CountryCode | undefined): LeadMatch | undefined => {
  const names = q.replaceAll('\0', ' ').split(/\s+/u).filter((word) => word !== '')
  const numbers = digitsOf(q, country)
  return names.length + numbers.length === 0 ? undefined : { names, numbers }
}

/** The pks of the latest captured messages that match, before `before`. */
export const matchingMessages = async (db: Db, match: MessageMatch, limit: number, before = Number.MAX_SAFE_INTEGER): Promise<number[]> => {
  const { rows } = await sql<{ pk: number }>`
    select rowid as pk from message_text where ${piecesOf(db).messageHas(match)} and rowid < ${before} order by rowid desc limit ${limit}`.execute(db)
  return rows.map(({ pk }) => pk)
}

export interface LeadSearch {
  q: string
  country: CountryCode | undefined
  conditions: readonly Expression<SqlBool>[]
  seen: ReadonlySet<number> | undefined
  limit: number
  after: Position | undefined
}

/** Matches of the text read at a time, and at most for one page: a page may hold fewer leads than asked for. */
const atOnce = 150
const mostPerPage = 4_500

const allOf = (conditions: readonly Expression<SqlBool>[]): Expression<SqlBool> =>
  conditions.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`

/** Ids of leads by name or number, the newest lead first. */
const byName = async (db: Db, match: LeadMatch, { conditions, limit }: LeadSearch, before: number): Promise<number[]> => {
  const { rows } = await sql<{ id: number }>`
    select leads.id from lead_text cross join leads
    where leads.id = lead_text.rowid and ${piecesOf(db).leadHas(match)} and lead_text.rowid < ${before} and ${allOf(conditions)}
    order by lead_text.rowid desc limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** The part of all matches that pages before have shown, by messages.pk. */
interface Shown {
  from: number
  /** The latest match when the search began: what came since is on no page of it. */
  to: number
}

/** Of leads whose messages match, those that belong on this page: not found by name, nor by a message that was shown before. */
const notYetShown = async (db: Db, ids: readonly number[], search: LeadSearch, names: LeadMatch | undefined, text: MessageMatch, shown: Shown | undefined): Promise<Set<number>> => {
  const fresh = ids.filter((id) => search.seen?.has(id) !== true)
  if (fresh.length === 0) return new Set()
  const conditions = [
    sql<SqlBool>`leads.id in (${sql.join(fresh)})`,
    ...search.conditions,
    ...(names === undefined ? [] : [sql<SqlBool>`not exists (select 1 from lead_text where lead_text.rowid = leads.id and ${piecesOf(db).leadHas(names)})`]),
    ...(shown === undefined || search.seen !== undefined
      ? []
      : [sql<SqlBool>`leads.id not in (
          select messages.lead_id from message_text cross join messages
          where messages.pk = message_text.rowid and ${piecesOf(db).messageHas(text)} and message_text.rowid between ${shown.from} and ${shown.to} and messages.lead_id is not null)`])
  ]
  const { rows } = await sql<{ id: number }>`select leads.id from leads where ${allOf(conditions)}`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Leads by the text of their messages, by the latest captured message that matches. */
const byText = async (db: Db, text: MessageMatch, names: LeadMatch | undefined, search: LeadSearch, room: number, shown: Shown | undefined): Promise<Page<number>> => {
  const found: { id: number; pk: number }[] = []
  const seen = new Set<number>()
  let before = shown?.from ?? Number.MAX_SAFE_INTEGER
  let to = shown?.to
  const next = (pk: number): Position => ({ order: 'found', key: to ?? pk, id: pk })
  for (let read = 0; read < mostPerPage; read += atOnce) {
    const { rows } = await sql<{ pk: number; lead_id: number | null }>`
      select messages.pk, messages.lead_id from message_text cross join messages
      where messages.pk = message_text.rowid and ${piecesOf(db).messageHas(text)} and message_text.rowid < ${before} order by message_text.rowid desc limit ${atOnce}`.execute(db)
    to ??= rows[0]?.pk
    const fresh = rows.flatMap(({ pk, lead_id: id }) => {
      if (id === null || seen.has(id)) return []
      seen.add(id)
      return { id, pk }
    })
    const here = await notYetShown(db, fresh.map(({ id }) => id), search, names, text, shown)
    found.push(...fresh.filter(({ id }) => here.has(id)))
    // Without room for any, the next page begins with the latest match itself.
    if (found.length > room) return { items: found.slice(0, room).map(({ id }) => id), next: next(found[room - 1]?.pk ?? (to ?? before) + 1) }
    before = rows.at(-1)?.pk ?? before
    if (rows.length < atOnce) return { items: found.map(({ id }) => id), next: undefined }
  }
  return { items: found.map(({ id }) => id), next: next(before) }
}

/**
 * Ids of leads whose name, number or messages match: by name and number first. A position's key is 0 among those, with
 * the lead's id; among the others it is the message that the search began with, with the message it goes on from.
 */
export const searchLeads = async (db: Db, search: LeadSearch): Promise<Page<number>> => {
  const { q, country, limit, after } = search
  const [names, text] = [leadMatch(q, country), await messageMatch(db, q)]
  const among = after === undefined || after.key === 0
  const named = names !== undefined && among ? await byName(db, names, { ...search, limit: limit + 1 }, after?.id ?? Number.MAX_SAFE_INTEGER) : []
  if (named.length > limit) return { items: named.slice(0, limit), next: { order: 'found', key: 0, id: named[limit - 1] ?? 0 } }
  if (text === undefined) return { items: named, next: undefined }
  const rest = await byText(db, text, names, search, limit - named.length, among ? undefined : { from: after.id, to: after.key })
  return { items: [...named, ...rest.items], next: rest.next }
}

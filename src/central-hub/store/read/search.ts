import { sql, type Expression, type SqlBool } from 'kysely'
import type { CountryCode } from 'libphonenumber-js'
import type { Page, Position } from './page.ts'
import { dialectOf, type MessageMatch } from '../database/dialect-queries.ts'
import type { Db } from '../database/schema.ts'
import { leadTerms, messageTerms, type LeadTerm } from '../database/search-terms.ts'

/**
 * Search: what is matched how is in the pieces of each database. A common word is in very many
 * messages, so nothing here reads or sorts all that match; matches are walked from the latest
 * captured one back.
 */

/**
 * A word of messages that is looked for by its beginning is joined from all words that begin so, at
 * once: not if very many have it as it is.
 */
const common = 1_000

/**
 * The search for words that all occur, the last one perhaps not to its end; undefined when no
 * letter, digit or emoji is in it, as in no message's words.
 * @param whole of the page before: what it looked for, the next one looks for, too
 */
export const messageMatch = async (
  db: Db,
  q: string,
  whole?: 0 | 1
): Promise<MessageMatch | undefined> => {
  const terms = messageTerms(q)
  if (terms === undefined) return undefined
  const { words, tokens, isOpen } = terms
  const asItIs = { words, tokens, prefix: false }
  if (!isOpen || whole === 1) return asItIs
  if (whole === undefined && (await matchingMessages(db, asItIs, common + 1)).length > common)
    return asItIs
  const lastIs = await dialectOf(db).wordsThatBegin(db, words.at(-1) as string)
  return { words, tokens, prefix: true, lastIs }
}

/** How the pages after this one look for the last word. */
export const wholeOf = ({ prefix }: MessageMatch): 0 | 1 => (prefix ? 0 : 1)

/** The pks of the latest captured messages that match, before `before`. */
export const matchingMessages = async (
  db: Db,
  match: MessageMatch,
  limit: number,
  before = Number.MAX_SAFE_INTEGER
): Promise<number[]> => {
  const { rows } = await sql<{ pk: number }>`
    select rowid as pk from message_text
    where ${dialectOf(db).messageHas(match)} and rowid < ${before}
    order by rowid desc limit ${limit}`.execute(db)
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

/**
 * Matches of the text read at a time, and at most for one page: a page may hold fewer leads than
 * asked for.
 */
const batchSize = 150
const maxPerPage = 4_500

const allOf = (conditions: readonly Expression<SqlBool>[]): Expression<SqlBool> =>
  conditions.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`

/** Ids of leads by name or number, the newest lead first. */
const byName = async (
  db: Db,
  match: LeadTerm,
  { conditions, limit }: LeadSearch,
  before: number
): Promise<number[]> => {
  const { rows } = await sql<{ id: number }>`
    select leads.id from lead_text cross join leads
    where leads.id = lead_text.rowid and ${dialectOf(db).leadHas(match)}
      and lead_text.rowid < ${before} and ${allOf(conditions)}
    order by lead_text.rowid desc limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** The part of all matches that pages before have shown, by messages.pk. */
interface Shown {
  from: number
  /** The latest match when the search began: what came since is on no page. */
  to: number
}

/** What is looked for, on all pages alike. */
interface Wanted {
  names: LeadTerm
  text: MessageMatch
  /** The last event there was when the search began. */
  since: number
}

/**
 * Those who are found by name are on earlier pages, but for those who have it only since the search
 * began: who was found by a message then would be on no page.
 */
const notByName = (db: Db, names: LeadTerm, since: number): Expression<SqlBool> =>
  sql<SqlBool>`(leads.text_event >= ${since} or not exists (
    select 1 from lead_text
    where lead_text.rowid = leads.id and ${dialectOf(db).leadHas(names)}))`

/**
 * Those with a match in the part that was shown, but for matches that are such only since the
 * search began.
 */
const notByText = (db: Db, { text, since }: Wanted, { from, to }: Shown): Expression<SqlBool> =>
  sql<SqlBool>`leads.id not in (
    select messages.lead_id from message_text cross join messages
    where messages.pk = message_text.rowid and ${dialectOf(db).messageHas(text)}
      and message_text.rowid between ${from} and ${to}
      and messages.text_event < ${since} and messages.lead_id is not null)`

/**
 * Of leads whose messages match, those that belong on this page: not found by name, nor by a
 * message that was shown before.
 */
const notYetShown = async (
  db: Db,
  ids: readonly number[],
  search: LeadSearch,
  wanted: Wanted,
  shown: Shown | undefined
): Promise<Set<number>> => {
  const fresh = ids.filter((id) => search.seen?.has(id) !== true)
  if (fresh.length === 0) return new Set()
  const conditions = [sql<SqlBool>`leads.id in (${sql.join(fresh)})`, ...search.conditions]
  // who is on a page before is known by `seen` alone
  if (search.seen === undefined) {
    conditions.push(notByName(db, wanted.names, wanted.since))
    if (shown !== undefined) conditions.push(notByText(db, wanted, shown))
  }
  const { rows } = await sql<{
    id: number
  }>`select leads.id from leads where ${allOf(conditions)}`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/**
 * A lead and the message that it is found by; null: by its name, its number, or what was said of
 * it.
 */
export interface Found {
  id: number
  pk: number | null
}

/** Matches of the text, the latest first, with their leads. */
const matchesBefore = async (
  db: Db,
  text: MessageMatch,
  before: number
): Promise<{ pk: number; lead_id: number | null }[]> => {
  const { rows } = await sql<{ pk: number; lead_id: number | null }>`
    select messages.pk, messages.lead_id from message_text cross join messages
    where messages.pk = message_text.rowid and ${dialectOf(db).messageHas(text)}
      and message_text.rowid < ${before}
    order by message_text.rowid desc limit ${batchSize}`.execute(db)
  return rows
}

/** Leads by the text of their messages, by the latest captured message that matches. */
const byText = async (
  db: Db,
  wanted: Wanted,
  search: LeadSearch,
  room: number,
  shown: Shown | undefined
): Promise<Page<Found>> => {
  const { text, since } = wanted
  const found: { id: number; pk: number }[] = []
  const seen = new Set<number>()
  let before = shown?.from ?? Number.MAX_SAFE_INTEGER
  let to = shown?.to
  const next = (pk: number): Position => ({
    order: 'found',
    key: to ?? pk,
    id: pk,
    since,
    whole: wholeOf(text)
  })
  for (let read = 0; read < maxPerPage; read += batchSize) {
    const rows = await matchesBefore(db, text, before)
    to ??= rows[0]?.pk
    const fresh = rows.flatMap(({ pk, lead_id: id }) => {
      if (id === null || seen.has(id)) return []
      seen.add(id)
      return { id, pk }
    })
    const here = await notYetShown(
      db,
      fresh.map(({ id }) => id),
      search,
      wanted,
      shown
    )
    found.push(...fresh.filter(({ id }) => here.has(id)))
    // Without room for any, the next page begins with the latest match itself.
    if (found.length > room)
      return { items: found.slice(0, room), next: next(found[room - 1]?.pk ?? (to ?? before) + 1) }
    before = rows.at(-1)?.pk ?? before
    if (rows.length < batchSize) return { items: found, next: undefined }
  }
  return { items: found, next: next(before) }
}

const lastEvent = async (db: Db): Promise<number> => {
  const { id } = await db
    .selectFrom('events')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirstOrThrow()
  // without any event, nothing can have changed since
  return id ?? Number.MAX_SAFE_INTEGER
}

/**
 * Finds leads whose name, number, note, tag or assignee matches, the newest lead first; then leads
 * whose messages match. A position's key is 0 among the former, with the lead's id;
 * among the latter it is the message that they began with, with the message it goes on from.
 */
export const searchLeads = async (db: Db, search: LeadSearch): Promise<Page<Found>> => {
  const { q, country, limit, after } = search
  const since = after?.since ?? (await lastEvent(db))
  const names = leadTerms(q, country)
  // nor is there then anything to find in messages
  if (names === undefined) return { items: [], next: undefined }
  const text = await messageMatch(db, q, after?.whole)
  const among = after === undefined || after.key === 0
  const ids = among
    ? await byName(db, names, { ...search, limit: limit + 1 }, after?.id ?? Number.MAX_SAFE_INTEGER)
    : []
  const named = ids.map((id) => ({ id, pk: null }))
  const whole = text === undefined ? 0 : wholeOf(text)
  if (named.length > limit)
    return {
      items: named.slice(0, limit),
      next: { order: 'found', key: 0, id: named[limit - 1]?.id ?? 0, since, whole }
    }
  if (text === undefined) return { items: named, next: undefined }
  const rest = await byText(
    db,
    { names, text, since },
    search,
    limit - named.length,
    among ? undefined : { from: after.id, to: after.key }
  )
  return { items: [...named, ...rest.items], next: rest.next }
}

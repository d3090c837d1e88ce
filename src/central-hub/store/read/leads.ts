import { sql, type Expression, type RawBuilder, type Selectable, type SqlBool } from 'kysely'
import type { CountryCode } from 'libphonenumber-js'
import type { Lead, LeadState } from '../../../contract/lead.ts'
import { leadsOfPhone, readOtherPhones } from './identities.ts'
import { toLastMessage, type LastColumns } from './last-message.ts'
import { displayPhone } from '../database/phone.ts'
import { toPage, type Page, type Position } from './page.ts'
import type { Db, LeadTable } from '../database/schema.ts'
import { searchLeads } from './search.ts'
import { toSource } from './source.ts'
import { describeMatches } from './matched.ts'
import { readTags } from './tags.ts'

/** Leads as the API reads them. */

export type LeadRow = Selectable<LeadTable>

/** With the latest message. */
type ListedRow = LeadRow & LastColumns

const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString()

/** The name shown: what a person gave, else imported, else the contact's own. */
export const shownName = ({
  given_name,
  imported_name,
  name
}: Pick<LeadRow, 'given_name' | 'imported_name' | 'name'>): string | null =>
  given_name ?? imported_name ?? name

const toLead = (row: ListedRow, tags: string[], otherPhones: string[]): Lead => {
  const {
    id,
    account,
    phone,
    lid,
    chat_id,
    state,
    note,
    assignee,
    unanswered_count,
    unread_count
  } = row
  return {
    id,
    account,
    phone,
    phone_display: phone === null ? null : displayPhone(phone),
    lid,
    other_phones: otherPhones,
    chat_id,
    name: shownName(row),
    whatsapp_name: row.name,
    state,
    note,
    tags,
    assignee,
    first_seen_at: iso(row.first_seen),
    last_seen_at: iso(row.last_seen),
    waiting_since: row.waiting_since === null ? null : iso(row.waiting_since),
    unanswered_count,
    handled_at: row.handled_at === null ? null : new Date(row.handled_at).toISOString(),
    remind_at: row.remind_at === null ? null : new Date(row.remind_at).toISOString(),
    unread_count,
    marked_unread: row.read_until < 0,
    last_message: toLastMessage(row),
    source: toSource(row),
    updated_at: new Date(row.updated_at).toISOString(),
    entered_at: row.entered_at === null ? null : new Date(row.entered_at).toISOString()
  }
}

/** Leads with the columns that a list shows. */
const listed = (db: Db) =>
  db
    .selectFrom('leads')
    .leftJoin('messages as last', 'last.pk', 'leads.last_pk')
    .selectAll('leads')
    .select([
      'last.id as last_id',
      'last.type as last_type',
      'last.body as last_body',
      'last.from_me as last_from_me',
      'last.timestamp as last_timestamp',
      'last.revoked_at as last_revoked',
      'last.decryption as last_decryption',
      'last.media as last_media',
      'last.details as last_details'
    ])

const complete = async (db: Db, rows: readonly ListedRow[]): Promise<Lead[]> => {
  const ids = rows.map(({ id }) => id)
  const [tags, otherPhones] = [await readTags(db, ids), await readOtherPhones(db, ids)]
  return rows.map((row) => toLead(row, tags.get(row.id) ?? [], otherPhones.get(row.id) ?? []))
}

export interface LeadFilter {
  account?: string
  /** Only leads that wait for an answer, or only those that do not. */
  waiting?: boolean
  /** Only leads that come back at the time of a reminder, or only the others. */
  later?: boolean
  states?: readonly LeadState[]
  tag?: string
  /** null: those that nobody takes care of. */
  assignee?: string | null
  /** Only those who came from an ad first. */
  fromAd?: boolean
  /** Only those who came from this ad first. */
  adId?: string
  /** Part of a name or a number, or words of a message. */
  q?: string
  /** The country of a number in `q` that is written without one. */
  country?: CountryCode
  /** E.164: only those of this number, under whichever of its spellings. */
  phone?: string
  /** Only those that changed then or later, ms; in the order of their changes. */
  updatedSince?: number
  /** In the order of their ids, which no new message changes: for a reader of all leads. */
  byId?: boolean
  /** With `q`: those that pages before have given, which spares the search to look for them. */
  seen?: ReadonlySet<number>
}

/**
 * Leads of a tag that are looked up and sorted; if there are more, one is soon met in whatever
 * order.
 */
const maxSorted = 1_000

const hasTag = async (db: Db, tag: string): Promise<Expression<SqlBool>> => {
  const ids = (
    await db
      .selectFrom('lead_tags')
      .select('lead_id')
      .where('tag', '=', tag)
      .limit(maxSorted + 1)
      .execute()
  ).map(({ lead_id }) => lead_id)
  if (ids.length === 0) return sql<SqlBool>`false`
  if (ids.length <= maxSorted) return sql<SqlBool>`leads.id in (${sql.join(ids)})`
  return sql<SqlBool>`exists (
    select 1 from lead_tags where lead_tags.lead_id = leads.id and lead_tags.tag = ${tag})`
}

/** Leads of a number, their own or one that a person merged into them. */
const hasPhone = async (db: Db, phone: string): Promise<Expression<SqlBool>> => {
  const ids = await leadsOfPhone(db, phone)
  return ids.length === 0 ? sql<SqlBool>`false` : sql<SqlBool>`leads.id in (${sql.join(ids)})`
}

/** A sum keeps the database from the index, which would have another order than a list by ids. */
const changedSince = (since: number, byId: boolean | undefined): Expression<SqlBool> =>
  byId === true
    ? sql<SqlBool>`leads.updated_at + 0 >= ${since}`
    : sql<SqlBool>`leads.updated_at >= ${since}`

/** Whether a reminder is to come. It is the condition of the index, word by word. */
const isLater = sql<SqlBool>`leads.remind_at is not null and leads.reminded = 0`

/** What a filter asks of the wait and the reminder of a lead. */
const waitConditions = (
  { waiting, later }: LeadFilter,
  column: (name: string) => RawBuilder<unknown>
): Expression<SqlBool>[] => {
  const since = column('leads.waiting_since')
  const conditions: Expression<SqlBool>[] = []
  if (waiting !== undefined)
    conditions.push(sql<SqlBool>`${since} is ${waiting ? sql`not null` : sql`null`}`)
  if (later !== undefined) conditions.push(later ? isLater : sql<SqlBool>`not (${isLater})`)
  return conditions
}

/** What a filter asks of a lead, but `q`. */
const conditionsOf = async (db: Db, filter: LeadFilter): Promise<Expression<SqlBool>[]> => {
  const { account, states, tag, assignee, fromAd, adId, phone, updatedSince, byId } = filter
  // a cast keeps the database from an index in another order, all of which it would have to sort
  // for each page
  const column = (name: string): RawBuilder<unknown> =>
    byId ? sql`cast(${sql.ref(name)} as text)` : sql.ref(name)
  return [
    ...(account === undefined ? [] : [sql<SqlBool>`${column('leads.account')} = ${account}`]),
    ...waitConditions(filter, column),
    ...(states === undefined
      ? []
      : [sql<SqlBool>`${column('leads.state')} in (${sql.join(states)})`]),
    ...(assignee === undefined
      ? []
      : [
          assignee === null
            ? sql<SqlBool>`${column('leads.assignee')} is null`
            : sql<SqlBool>`${column('leads.assignee')} = ${assignee}`
        ]),
    ...(fromAd === true ? [sql<SqlBool>`${column('leads.ad_at')} is not null`] : []),
    ...(adId === undefined ? [] : [sql<SqlBool>`${column('leads.ad_id')} = ${adId}`]),
    ...(tag === undefined ? [] : [await hasTag(db, tag)]),
    ...(phone === undefined ? [] : [await hasPhone(db, phone)]),
    ...(updatedSince === undefined ? [] : [changedSince(updatedSince, byId)])
  ]
}

type Order = 'waiting' | 'later' | 'recent' | 'updated' | 'id'

/**
 * The order of a list: those who wait by who has waited longest, those with a reminder by its time,
 * the others by their latest message; with `q`, those whose name or number matches first, then by
 * the latest message that has the words; with `updatedSince`, by the time of their change.
 */
export const leadOrder = ({
  waiting,
  later,
  q,
  updatedSince,
  byId
}: LeadFilter): Order | 'found' => {
  if (q !== undefined) return 'found'
  if (byId === true) return 'id'
  if (updatedSince !== undefined) return 'updated'
  if (waiting === true) return 'waiting'
  return later === true ? 'later' : 'recent'
}

/** What a page of a list goes by. */
const keyOf = (order: Order, row: LeadRow): number => {
  switch (order) {
    case 'waiting':
      return row.waiting_since ?? 0
    case 'later':
      return row.remind_at ?? 0
    case 'recent':
      return row.last_seen
    case 'updated':
      return row.updated_at
    case 'id':
      return 0
  }
}

const inOrder = async (
  db: Db,
  filter: LeadFilter,
  order: Order,
  limit: number,
  after?: Position
): Promise<ListedRow[]> => {
  let query = listed(db)
  for (const condition of await conditionsOf(db, filter)) query = query.where(condition)
  if (order === 'id') {
    if (after) query = query.where('leads.id', '>', after.id)
    query = query.orderBy('leads.id')
  } else if (order === 'waiting') {
    if (after)
      query = query.where(sql<boolean>`(waiting_since, leads.id) > (${after.key}, ${after.id})`)
    query = query.orderBy('waiting_since').orderBy('leads.id')
  } else if (order === 'later') {
    if (after)
      query = query.where(sql<boolean>`(leads.remind_at, leads.id) > (${after.key}, ${after.id})`)
    query = query.orderBy('leads.remind_at').orderBy('leads.id')
  } else if (order === 'updated') {
    if (after)
      query = query.where(sql<boolean>`(leads.updated_at, leads.id) > (${after.key}, ${after.id})`)
    query = query.orderBy('leads.updated_at').orderBy('leads.id')
  } else {
    if (after)
      query = query.where(sql<boolean>`(last_seen, leads.id) < (${after.key}, ${after.id})`)
    query = query.orderBy('last_seen', 'desc').orderBy('leads.id', 'desc')
  }
  return query.limit(limit).execute()
}

/**
 * Of several states each is read by itself, in its index's order: together they would all have to
 * be sorted.
 */
const inStates = async (
  db: Db,
  filter: LeadFilter,
  order: 'waiting' | 'recent',
  limit: number,
  after?: Position
): Promise<ListedRow[]> => {
  const rows: ListedRow[] = []
  for (const state of new Set(filter.states))
    rows.push(...(await inOrder(db, { ...filter, states: [state] }, order, limit, after)))
  const sign = order === 'waiting' ? 1 : -1
  return rows
    .sort((a, b) => sign * (keyOf(order, a) - keyOf(order, b) || a.id - b.id))
    .slice(0, limit)
}

export const listLeads = async (
  db: Db,
  filter: LeadFilter,
  limit: number,
  after?: Position
): Promise<Page<Lead>> => {
  const order = leadOrder(filter)
  if (filter.q !== undefined) {
    const { items, next } = await searchLeads(db, {
      q: filter.q,
      country: filter.country,
      seen: filter.seen,
      conditions: await conditionsOf(db, filter),
      limit,
      after
    })
    const leads = await getLeads(
      db,
      items.map(({ id }) => id)
    )
    const matched = await describeMatches(db, filter, items, leads)
    return { items: matched, next }
  }
  if (order === 'found') throw new Error('only a search has this order')
  const isByState = filter.states !== undefined && (order === 'waiting' || order === 'recent')
  const rows = isByState
    ? await inStates(db, filter, order, limit + 1, after)
    : await inOrder(db, filter, order, limit + 1, after)
  const page = toPage(rows, limit, (row) => ({ order, id: row.id, key: keyOf(order, row) }))
  return { ...page, items: await complete(db, page.items) }
}

/** The id under which a lead is kept now: after a merge the old one goes on leading to it. */
export const currentLeadId = async (db: Db, id: number): Promise<number> => {
  const row = await db
    .selectFrom('merged_leads')
    .select('lead_id')
    .where('old_id', '=', id)
    .executeTakeFirst()
  return row?.lead_id ?? id
}

/** The lead's row, by any id it had. */
export const leadRow = async (db: Db, id: number): Promise<LeadRow | undefined> =>
  db
    .selectFrom('leads')
    .selectAll()
    .where('id', '=', await currentLeadId(db, id))
    .executeTakeFirst()

/** By any id it had. */
export const getLead = async (db: Db, id: number): Promise<Lead | undefined> => {
  const current = await currentLeadId(db, id)
  return (await getLeads(db, [current])).get(current)
}

export const getLeads = async (db: Db, ids: readonly number[]): Promise<Map<number, Lead>> => {
  const rows = ids.length === 0 ? [] : await listed(db).where('leads.id', 'in', ids).execute()
  return new Map((await complete(db, rows)).map((lead) => [lead.id, lead]))
}

import { sql, type Selectable } from 'kysely'
import type { Lead, LeadPatch, LeadState } from '../../contract/lead.ts'
import { toPage, type Page, type Position } from './page.ts'
import type { Db, LeadTable } from './schema.ts'
import { fold } from './sqlite.ts'

/** Leads as the API reads and changes them. */

type Row = Selectable<LeadTable>

const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString()

const toLead = ({ first_seen, last_seen, waiting_since, ...row }: Row): Lead => ({
  ...row,
  first_seen_at: iso(first_seen),
  last_seen_at: iso(last_seen),
  waiting_since: waiting_since === null ? null : iso(waiting_since)
})

export interface LeadFilter {
  account?: string
  /** Only leads that wait for an answer, or only those that do not. */
  waiting?: boolean
  states?: readonly LeadState[]
  /** Part of a name, or digits of a phone number. */
  q?: string
}

/** The order of a list: those who wait by who has waited longest, the others by their latest message. */
export const leadOrder = ({ waiting }: LeadFilter): 'waiting' | 'recent' => (waiting === true ? 'waiting' : 'recent')

const likePattern = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`

export const listLeads = async (db: Db, filter: LeadFilter, limit: number, after?: Position): Promise<Page<Lead>> => {
  const order = leadOrder(filter)
  let query = db.selectFrom('leads').selectAll()
  if (filter.account !== undefined) query = query.where('account', '=', filter.account)
  if (filter.waiting !== undefined) query = query.where('waiting_since', filter.waiting ? 'is not' : 'is', null)
  if (filter.states) query = query.where('state', 'in', filter.states)
  if (filter.q !== undefined) {
    const digits = filter.q.replace(/[\s()+.-]/g, '')
    const phone = /^\d+$/.test(digits) ? sql<boolean>`or phone like ${likePattern(digits)}` : sql``
    query = query.where(sql<boolean>`(fold(name) like ${likePattern(fold(filter.q))} escape '\\' ${phone})`)
  }
  if (order === 'waiting') {
    if (after) query = query.where(sql<boolean>`(waiting_since, id) > (${after.key}, ${after.id})`)
    query = query.orderBy('waiting_since').orderBy('id')
  } else {
    if (after) query = query.where(sql<boolean>`(last_seen, id) < (${after.key}, ${after.id})`)
    query = query.orderBy('last_seen', 'desc').orderBy('id', 'desc')
  }
  const page = toPage(await query.limit(limit + 1).execute(), limit, (row) => ({
    order, id: row.id, key: order === 'waiting' ? (row.waiting_since ?? 0) : row.last_seen
  }))
  return { ...page, items: page.items.map(toLead) }
}

/** The id under which a lead is kept now: after a merge the old one goes on leading to it. */
export const currentLeadId = async (db: Db, id: number): Promise<number> => {
  const row = await db.selectFrom('merged_leads').select('lead_id').where('old_id', '=', id).executeTakeFirst()
  return row?.lead_id ?? id
}

export const getLead = async (db: Db, id: number): Promise<Lead | undefined> => {
  const row = await db.selectFrom('leads').selectAll().where('id', '=', await currentLeadId(db, id)).executeTakeFirst()
  return row && toLead(row)
}

export const getLeads = async (db: Db, ids: readonly number[]): Promise<Map<number, Lead>> => {
  const rows = ids.length === 0 ? [] : await db.selectFrom('leads').selectAll().where('id', 'in', ids).execute()
  return new Map(rows.map((row) => [row.id, toLead(row)]))
}

/** Changes what a person says of a lead. @returns the lead, undefined when there is none of that id */
export const patchLead = async (db: Db, id: number, patch: LeadPatch): Promise<Lead | undefined> => {
  const { state, note } = patch
  const changes = { ...(state === undefined ? {} : { state }), ...(note === undefined ? {} : { note }) }
  const row = await db.updateTable('leads').set(changes).where('id', '=', await currentLeadId(db, id)).returningAll().executeTakeFirst()
  return row && toLead(row)
}

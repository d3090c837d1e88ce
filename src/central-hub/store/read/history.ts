import type { LeadChange } from '../../../contract/lead.ts'
import { toPage, type Page, type Position } from './page.ts'
import type { Db } from '../database/schema.ts'

/** What people changed in leads, and what merges and imports did. */

export type Change = Pick<LeadChange, 'field' | 'from' | 'to'>

/** @param at ms */
export const addChanges = async (
  db: Db,
  leadId: number,
  changes: readonly Change[],
  at: number
): Promise<void> => {
  if (changes.length === 0) return
  await db
    .insertInto('lead_changes')
    .values(
      changes.map(({ field, from, to }) => ({
        lead_id: leadId,
        at,
        field,
        from_value: from,
        to_value: to
      }))
    )
    .execute()
}

/** Latest first. */
export const listChanges = async (
  db: Db,
  leadId: number,
  limit: number,
  after?: Position
): Promise<Page<LeadChange>> => {
  let query = db.selectFrom('lead_changes').selectAll().where('lead_id', '=', leadId)
  if (after) query = query.where('id', '<', after.id)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const page = toPage(rows, limit, ({ id }) => ({ order: 'changes', key: 0, id }))
  return {
    ...page,
    items: page.items.map(({ id, at, field, from_value, to_value }) => ({
      id,
      at: new Date(at).toISOString(),
      field,
      from: from_value,
      to: to_value
    }))
  }
}

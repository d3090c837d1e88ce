import type { Lead, LeadPatch } from '../../contract/lead.ts'
import { addChanges, type Change } from './history.ts'
import { getLead, leadRow, shownName, type LeadRow } from './leads.ts'
import type { Db } from './schema.ts'
import { readTags, writeTags } from './tags.ts'

/** What people change in a lead. Each runs inside a transaction of the caller's. */

/** The lead as it is now, and whether anything in it was changed. */
export interface Changed {
  lead: Lead
  changed: boolean
}

const columnsOf = (row: LeadRow, { state, note, assignee, name }: LeadPatch) => ({
  ...(state === undefined ? {} : { state }),
  ...(note === undefined ? {} : { note }),
  ...(assignee === undefined ? {} : { assignee }),
  // without a given one it is WhatsApp's again, not the imported one that it may have replaced
  ...(name === undefined || name === shownName(row) ? {} : { given_name: name, imported_name: name === null ? null : row.imported_name })
})

/** Changes what a person says of a lead; each field that really changes is kept as history. @returns undefined when there is none of that id */
export const patchLead = async (db: Db, id: number, patch: LeadPatch): Promise<Changed | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const now = Date.now()
  const tagsBefore = (await readTags(db, [row.id])).get(row.id) ?? []
  await db.updateTable('leads').set({ ...columnsOf(row, patch), updated_at: now }).where('id', '=', row.id).execute()
  if (patch.tags !== undefined) await writeTags(db, row.id, [...new Set(patch.tags)])
  const lead = await getLead(db, row.id)
  if (lead === undefined) return undefined

  const changes: Change[] = [
    { field: 'state', from: row.state, to: lead.state },
    { field: 'note', from: row.note, to: lead.note },
    { field: 'tags', from: tagsBefore.join(','), to: lead.tags.join(',') },
    { field: 'assignee', from: row.assignee, to: lead.assignee },
    { field: 'name', from: shownName(row), to: lead.name }
  ]
  const real = changes.filter(({ from, to }) => from !== to)
  await addChanges(db, row.id, real, now)
  if (real.length > 0) return { lead, changed: true }
  await db.updateTable('leads').set({ updated_at: row.updated_at }).where('id', '=', row.id).execute()
  return { lead: { ...lead, updated_at: new Date(row.updated_at).toISOString() }, changed: false }
}

/** Marks as read what is there now, in LeadMaster alone. @returns undefined when there is none of that id */
export const readLead = async (db: Db, id: number): Promise<Changed | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const changed = row.unread_count > 0
  if (changed) {
    const { last } = await db.selectFrom('messages').select(({ fn }) => fn.max('pk').as('last')).where('lead_id', '=', row.id).executeTakeFirstOrThrow()
    await db.updateTable('leads').set({ read_until: last, unread_count: 0, updated_at: Date.now() }).where('id', '=', row.id).execute()
  }
  const lead = await getLead(db, row.id)
  return lead && { lead, changed }
}

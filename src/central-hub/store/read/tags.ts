import type { Db } from '../database/schema.ts'

/** Tags of leads. */

/** By lead, in alphabetical order. */
export const readTags = async (
  db: Db,
  leadIds: readonly number[]
): Promise<Map<number, string[]>> => {
  const rows =
    leadIds.length === 0
      ? []
      : await db.selectFrom('lead_tags').selectAll().where('lead_id', 'in', leadIds).execute()
  const byLead = Map.groupBy(rows, ({ lead_id }) => lead_id)
  return new Map(
    [...byLead].map(([id, tagged]) => [
      id,
      tagged.map(({ tag }) => tag).sort((a, b) => a.localeCompare(b))
    ])
  )
}

/** Writes all tags of a lead: a tag that is left out is taken off. */
export const writeTags = async (db: Db, leadId: number, tags: readonly string[]): Promise<void> => {
  await db.deleteFrom('lead_tags').where('lead_id', '=', leadId).execute()
  if (tags.length > 0)
    await db
      .insertInto('lead_tags')
      .values(tags.map((tag) => ({ lead_id: leadId, tag })))
      .execute()
}

/** Tags and assignees in use, each with how many leads have it, in alphabetical order. */
export const countTags = async (
  db: Db,
  account?: string
): Promise<{
  tags: { tag: string; leads: number }[]
  assignees: { assignee: string; leads: number }[]
}> => {
  let tagged = db.selectFrom('lead_tags')
  if (account !== undefined)
    tagged = tagged.where(
      'lead_id',
      'in',
      db.selectFrom('leads').select('id').where('account', '=', account)
    )
  let assigned = db.selectFrom('leads').where('assignee', 'is not', null)
  if (account !== undefined) assigned = assigned.where('account', '=', account)
  const tags = await tagged
    .select(({ fn }) => ['tag', fn.countAll<number>().as('leads')])
    .groupBy('tag')
    .execute()
  const assignees = await assigned
    .select(({ fn }) => ['assignee', fn.countAll<number>().as('leads')])
    .groupBy('assignee')
    .execute()
  return {
    tags: tags.sort((a, b) => a.tag.localeCompare(b.tag)),
    assignees: assignees
      .flatMap(({ assignee, leads }) => (assignee === null ? [] : { assignee, leads }))
      .sort((a, b) => a.assignee.localeCompare(b.assignee))
  }
}

import type { LeadRemoved } from '../../../contract/lead.ts'
import type { Db } from '../database/schema.ts'

/** What became of leads that are there no more. */
export const getRemoved = async (
  db: Db,
  ids: readonly number[]
): Promise<Map<number, LeadRemoved>> => {
  const merged =
    ids.length === 0
      ? []
      : await db.selectFrom('merged_leads').selectAll().where('old_id', 'in', ids).execute()
  const into = new Map(merged.map(({ old_id, lead_id }) => [old_id, lead_id]))
  return new Map(ids.map((id) => [id, { id, merged_into: into.get(id) ?? null }]))
}

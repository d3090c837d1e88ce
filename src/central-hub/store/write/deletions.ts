import type { Deletion } from '../../../contract/lead.ts'
import { toPage, type Page, type Position } from '../read/page.ts'
import type { Database, Db } from '../database/schema.ts'

/** The record of what was deleted for good. It holds nothing personal. */

const toDeletion = ({
  id,
  at,
  reason,
  request_id,
  leads,
  messages,
  media_files
}: Omit<Database['deletions'], 'id'> & { id: number }): Deletion => ({
  id,
  at: new Date(at).toISOString(),
  reason,
  request_id,
  leads,
  messages,
  media_files
})

export type Counts = Pick<Deletion, 'leads' | 'messages' | 'media_files'>

export const addDeletion = async (
  db: Db,
  deletion: Counts & Pick<Deletion, 'reason' | 'request_id'>
): Promise<Deletion> =>
  toDeletion(
    await db
      .insertInto('deletions')
      .values({ at: Date.now(), ...deletion })
      .returningAll()
      .executeTakeFirstOrThrow()
  )

/** Adds to what a deletion that goes on has deleted. */
export const addToDeletion = async (
  db: Db,
  id: number,
  { leads, messages, media_files }: Counts
): Promise<void> => {
  await db
    .updateTable('deletions')
    .set((row) => ({
      leads: row('leads', '+', leads),
      messages: row('messages', '+', messages),
      media_files: row('media_files', '+', media_files)
    }))
    .where('id', '=', id)
    .execute()
}

/** Latest first. */
export const listDeletions = async (
  db: Db,
  limit: number,
  after?: Position
): Promise<Page<Deletion>> => {
  let query = db.selectFrom('deletions').selectAll()
  if (after) query = query.where('id', '<', after.id)
  const page = toPage(
    await query
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute(),
    limit,
    ({ id }) => ({ order: 'deletions', key: 0, id })
  )
  return { ...page, items: page.items.map(toDeletion) }
}

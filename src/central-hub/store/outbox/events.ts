import type { Lead, LeadRemoved, Message } from '../../../contract/lead.ts'
import { getLeads } from '../read/leads.ts'
import { getMessages } from '../read/messages.ts'
import { tellWebhooks } from './outbox.ts'
import { dialectOf } from '../database/dialect-queries.ts'
import { getRemoved } from '../read/removed.ts'
import type { Database, Db } from '../database/schema.ts'
import { markUpdated } from '../read/updated.ts'

/**
 * What happened to messages and leads, in order, so that a frontend can resume where it left off.
 */

/** What happened to a message or a lead: it is new, or something in it changed. */
export type Change = 'created' | 'updated'

/**
 * One thing that happened. It shows the message or lead as it is when read, undefined when it is
 * there no more.
 */
export type StoredEvent = { id: number } & (
  | { type: 'message'; change: Change; data: Message | undefined }
  | { type: 'lead'; change: Change; data: Lead | undefined }
  | { type: 'lead_removed'; data: LeadRemoved }
)
export type EventType = Database['events']['type']

/** Events kept for clients that resume. */
export const maxEvents = 100_000

/**
 * Adds an event for each new or changed message or lead, in the transaction that changes it.
 * @param refs messages.pk, or leads.id
 * @param fresh the new ones among `refs`; the others were changed
 */
export const addEvents = async (
  db: Db,
  type: EventType,
  refs: readonly number[],
  fresh: ReadonlySet<number> = new Set()
): Promise<void> => {
  if (refs.length === 0) return
  await dialectOf(db).orderEvents(db)
  if (type === 'lead') await markUpdated(db, refs)
  await db
    .insertInto('events')
    .values(refs.map((ref) => ({ type, ref, created: fresh.has(ref) ? 1 : 0 })))
    .execute()
  await tellWebhooks(db, type, refs, fresh)
}

export const readEvents = async (db: Db, after: number, limit: number): Promise<StoredEvent[]> => {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  const refs = (type: EventType): number[] => [
    ...new Set(rows.filter((row) => row.type === type).map(({ ref }) => ref))
  ]
  const messages = await getMessages(db, refs('message'))
  const leads = await getLeads(db, refs('lead'))
  const removed = await getRemoved(db, refs('lead_removed'))
  return rows.map(({ id, type, ref, created }): StoredEvent => {
    const change = created === 1 ? 'created' : 'updated'
    switch (type) {
      case 'message':
        return { id, type, change, data: messages.get(ref) }
      case 'lead':
        return { id, type, change, data: leads.get(ref) }
      case 'lead_removed':
        return { id, type, data: removed.get(ref) ?? { id: ref, merged_into: null } }
    }
  })
}

/**
 * Deletes the events of messages or leads that are deleted. The newest event stays, as one of
 * nothing: a client that received it last, or a search that began after it, goes by its id.
 * @param refs messages.pk, or leads.id
 */
export const deleteEvents = async (
  db: Db,
  type: 'message' | 'lead',
  refs: readonly number[]
): Promise<void> => {
  const { last } = await eventRange(db)
  const ofThese = db.deleteFrom('events').where('type', '=', type).where('ref', 'in', refs)
  await ofThese.where('id', '<', last).execute()
  await db
    .updateTable('events')
    .set({ ref: 0 })
    .where('id', '=', last)
    .where('type', '=', type)
    .where('ref', 'in', refs)
    .execute()
}

/** The ids that are there; `first` is one past `last` when none is. */
export const eventRange = async (db: Db): Promise<{ first: number; last: number }> => {
  const row = await db
    .selectFrom('events')
    .select(({ fn }) => [fn.min('id').as('first'), fn.max('id').as('last')])
    .executeTakeFirst()
  const last = row?.last ?? 0
  return { first: row?.first ?? last + 1, last }
}

/** Drops the oldest events above what is kept. */
export const pruneEvents = async (db: Db): Promise<void> => {
  const { last } = await eventRange(db)
  await db
    .deleteFrom('events')
    .where('id', '<=', last - maxEvents)
    .execute()
}

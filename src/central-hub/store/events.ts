import type { Lead, Message } from '../../contract/lead.ts'
import { getLeads } from './leads.ts'
import { getMessages } from './messages.ts'
import type { Database, Db } from './schema.ts'

/** What happened to messages and leads, in order, so that a frontend can resume where it left off. */

/** One thing that happened. It shows the message or lead as it is when read, undefined when it is there no more. */
export type StoredEvent = { id: number } & ({ type: 'message'; data: Message | undefined } | { type: 'lead'; data: Lead | undefined })

/** Events kept for clients that resume. */
const mostEvents = 100_000

export const addEvents = async (db: Db, type: Database['events']['type'], refs: readonly number[]): Promise<void> => {
  if (refs.length > 0) await db.insertInto('events').values(refs.map((ref) => ({ type, ref }))).execute()
}

export const readEvents = async (db: Db, after: number, limit: number): Promise<StoredEvent[]> => {
  const rows = await db.selectFrom('events').selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()
  const refs = (type: string): number[] => [...new Set(rows.filter((row) => row.type === type).map(({ ref }) => ref))]
  const [messages, leads] = [await getMessages(db, refs('message')), await getLeads(db, refs('lead'))]
  return rows.map(({ id, type, ref }) => (type === 'message' ? { id, type, data: messages.get(ref) } : { id, type, data: leads.get(ref) }))
}

/** The ids that are there; `first` is one past `last` when none is. */
export const eventRange = async (db: Db): Promise<{ first: number; last: number }> => {
  const row = await db.selectFrom('events').select(({ fn }) => [fn.min('id').as('first'), fn.max('id').as('last')]).executeTakeFirst()
  const last = row?.last ?? 0
  return { first: row?.first ?? last + 1, last }
}

/** Drops the oldest events above what is kept. */
export const pruneEvents = async (db: Db): Promise<void> => {
  const { last } = await eventRange(db)
  await db.deleteFrom('events').where('id', '<=', last - mostEvents).execute()
}

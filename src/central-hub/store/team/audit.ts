import type { AuditEntry } from '../../../contract/audit.ts'
import type { Database, Db } from '../database/schema.ts'
import { toPage, type Page, type Position } from '../read/page.ts'

/** The list of who did what. It has no texts, names or numbers of leads. */

/** Entries that one statement deletes. */
const pruneSize = 1_000

type NewAuditEntry = Omit<AuditEntry, 'id' | 'at'>

type Subject = NonNullable<AuditEntry['subject']>

/** Adds an entry, in the transaction of the change. */
export const addAuditEntry = async (
  db: Db,
  { actor, subject, refused, fields, operation, address, request_id }: NewAuditEntry
): Promise<void> => {
  await db
    .insertInto('audit')
    .values({
      at: Date.now(),
      actor_kind: actor.kind,
      actor_id: actor.id,
      actor_name: actor.name,
      operation,
      refused: refused ? 1 : 0,
      subject_kind: subject?.kind ?? null,
      subject_id: subject?.id ?? null,
      fields: JSON.stringify(fields),
      address,
      request_id
    })
    .execute()
}

/** What entries have to be like; times in ms. */
export interface AuditFilter {
  operation?: AuditEntry['operation']
  operator?: number
  key?: number
  lead?: number
  since?: number
  /** Not this time itself. */
  until?: number
}

const toEntry = (row: Omit<Database['audit'], 'id'> & { id: number }): AuditEntry => ({
  id: row.id,
  at: new Date(row.at).toISOString(),
  actor: {
    kind: row.actor_kind as AuditEntry['actor']['kind'],
    id: row.actor_id,
    name: row.actor_name
  },
  operation: row.operation as AuditEntry['operation'],
  refused: row.refused === 1,
  subject:
    row.subject_kind === null || row.subject_id === null
      ? null
      : { kind: row.subject_kind as Subject['kind'], id: row.subject_id },
  fields: JSON.parse(row.fields) as string[],
  address: row.address,
  request_id: row.request_id
})

const matching = (db: Db, { operation, operator, key, lead, since, until }: AuditFilter) => {
  let query = db.selectFrom('audit').selectAll()
  if (operation !== undefined) query = query.where('operation', '=', operation)
  if (operator !== undefined)
    query = query.where('actor_kind', '=', 'operator').where('actor_id', '=', operator)
  if (key !== undefined) query = query.where('actor_kind', '=', 'key').where('actor_id', '=', key)
  if (lead !== undefined)
    query = query.where('subject_kind', '=', 'lead').where('subject_id', '=', String(lead))
  if (since !== undefined) query = query.where('at', '>=', since)
  return until === undefined ? query : query.where('at', '<', until)
}

/** Latest first. */
export const listAudit = async (
  db: Db,
  filter: AuditFilter,
  limit: number,
  after?: Position
): Promise<Page<AuditEntry>> => {
  let query = matching(db, filter)
  if (after) query = query.where('id', '<', after.id)
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const page = toPage(rows, limit, ({ id }) => ({ order: 'audit', key: 0, id }))
  return { ...page, items: page.items.map(toEntry) }
}

/** Deletes entries from before a time, ms; other writers come in between. */
export const pruneAudit = async (db: Db, before: number): Promise<void> => {
  for (;;) {
    const { numDeletedRows } = await db
      .deleteFrom('audit')
      .where(
        'id',
        'in',
        db.selectFrom('audit').select('id').where('at', '<', before).orderBy('at').limit(pruneSize)
      )
      .executeTakeFirst()
    if (numDeletedRows < pruneSize) return
  }
}

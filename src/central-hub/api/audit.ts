import type { Query } from '../../contract/api/operations.ts'
import type { AuditEntry } from '../../contract/audit.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import type { Db } from '../store/database/schema.ts'
import { listAudit, type AuditFilter } from '../store/team/audit.ts'
import { csv, exportPages, serveExport } from './exports.ts'
import { readTime } from './leads.ts'
import type { Serve } from './serve.ts'

type Filters = Omit<Query<'listAudit'>, 'limit' | 'cursor'>

/** @throws {ProblemError} invalid-parameters */
const auditFilter = ({ operation, operator, key, lead, since, until }: Filters): AuditFilter =>
  omitUndefined({
    operation,
    operator,
    key,
    lead,
    since: since === undefined ? undefined : readTime(since, 'since'),
    until: until === undefined ? undefined : readTime(until, 'until')
  })

const columns = [
  'id',
  'at',
  'actor',
  'actor_id',
  'actor_name',
  'operation',
  'refused',
  'subject',
  'subject_id',
  'fields',
  'address',
  'request_id'
]
const cells = ({ actor, subject, fields, ...same }: AuditEntry): Record<string, unknown> => ({
  ...same,
  actor: actor.kind,
  actor_id: actor.id,
  actor_name: actor.name,
  subject: subject?.kind ?? null,
  subject_id: subject?.id ?? null,
  fields: fields.join(', ')
})

/** Who did what; src/contract/api/team.ts describes both routes. */
export const addAuditRoutes = ({ serve, db }: { serve: Serve; db: Db }): void => {
  serve.read('listAudit', async ({ query }) => {
    const cursor = fromCursor(query.cursor, 'audit')
    const { items, next } = await listAudit(db, auditFilter(query), query.limit, cursor)
    return { entries: items, next_cursor: toCursor(next) }
  })

  serveExport({ serve, db }, 'exportAuditCsv', 'audit', (query) => {
    const filter = auditFilter(query)
    return {
      format: csv(columns, cells, query),
      items: exportPages((limit, after) => listAudit(db, filter, limit, after))
    }
  })
}

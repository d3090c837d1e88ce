import { auditedOperations, type AuditEntry } from '../../contract/audit.ts'
import { routes, type OperationId } from '../../contract/routes.ts'
import type { Request } from '../../platform/http/http.ts'
import type { Db } from '../store/database/schema.ts'
import { addAuditEntry } from '../store/team/audit.ts'
import type { Actor } from '../store/team/actor.ts'
import { actorOf } from './actor.ts'

type Subject = NonNullable<AuditEntry['subject']>

/** What of a request an entry is made of. */
interface Audited {
  req: Request
  /** Who it was, where the request does not say: at a sign-in. */
  by?: AuditEntry['actor']
  refused?: boolean
  /** Parameters of the path. */
  params?: unknown
  query?: unknown
  body?: unknown
  /** What is made has its id in the answer. */
  answer?: unknown
  /** Of a request that is passed on to a session-manager. */
  account?: string | undefined
}

const audited: ReadonlySet<OperationId> = new Set(auditedOperations)

const isAudited = (operation: OperationId): operation is AuditEntry['operation'] =>
  audited.has(operation)

/** What the routes below a path are about. */
const kinds: Readonly<Record<string, Subject['kind']>> = {
  leads: 'lead',
  operators: 'operator',
  keys: 'key',
  webhooks: 'webhook',
  alarms: 'alarm',
  'alarm-rules': 'alarm-rule',
  whatsapp: 'account'
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const subjectOf = (
  operation: OperationId,
  { params, answer, account }: Audited
): Subject | null => {
  const [, , name = ''] = (routes[operation].split(' ')[1] ?? '').split('/')
  const kind = kinds[name]
  const id = kind === 'account' ? account : (memberOf(params, 'id') ?? memberOf(answer, 'id'))
  return kind === undefined || id === undefined ? null : { kind, id: String(id) }
}

const namesIn = (value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([name, given]) => (given === undefined ? [] : name))
    : []

const describe = (actor: Actor): AuditEntry['actor'] =>
  actor.kind === 'token'
    ? { kind: 'token', id: null, name: null }
    : { kind: actor.kind, id: actor.id, name: actor.name }

/**
 * Adds a request to the list of who did what, unless its operation is not in it. It is called in
 * the transaction of the change, and where there is none before the answer.
 */
export const recordAudit = async (
  db: Db,
  operation: OperationId,
  request: Audited
): Promise<void> => {
  if (!isAudited(operation)) return
  const { req, query, body } = request
  await addAuditEntry(db, {
    actor: request.by ?? describe(actorOf(req)),
    operation,
    refused: request.refused ?? false,
    subject: subjectOf(operation, request),
    fields: [...new Set([...namesIn(query), ...namesIn(body)])],
    address: req.socket.remoteAddress ?? '',
    request_id: req.requestId
  })
}

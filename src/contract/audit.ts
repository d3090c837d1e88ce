import Type, { type Static, type TUnsafe } from 'typebox'
import { routes, type OperationId } from './routes.ts'

/** Who did what: an entry for each request that changed something or took data out. */

/** They read, but what they give leaves LeadMaster as a file. */
type Exporting = Extract<OperationId, `export${string}`>
/** Marks that come of looking at a lead: they would be most of the list. */
const looking = ['readLead', 'unreadLead'] as const

/**
 * Reads, and routes of each account, which are recorded as those of the first one, with the
 * account.
 */
type Unaudited = {
  [Id in OperationId]: (typeof routes)[Id] extends
    | `GET ${string}`
    | `${string} /api/whatsapp/accounts/${string}`
    ? Id
    : never
}[OperationId]
type Audited = Exclude<OperationId, Unaudited | (typeof looking)[number]> | Exporting

const isAudited = (id: OperationId): id is Audited => {
  const route: string = routes[id]
  if (id.startsWith('export')) return true
  if ((looking as readonly OperationId[]).includes(id)) return false
  return !route.startsWith('GET ') && !route.includes(' /api/whatsapp/accounts/')
}

/**
 * The operations that are in the audit list. An operation that is added to the contract is, too,
 * unless it only reads.
 */
export const auditedOperations = (Object.keys(routes) as OperationId[]).filter(isAudited)

/** By the type of a union of names that are only known here, it would take none. */
const AuditedOperation = Type.Union(
  auditedOperations.map((id) => Type.Literal(id)),
  { description: 'what was done: the operationId of the request' }
) as unknown as TUnsafe<Audited>

const AuditActor = Type.Object({
  kind: Type.Union([
    Type.Literal('token', { description: 'HUB_API_TOKEN' }),
    Type.Literal('operator'),
    Type.Literal('key', { description: 'an API key' }),
    Type.Literal('nobody', { description: 'somebody who could not sign in' })
  ]),
  id: Type.Union([Type.Integer(), Type.Null()], { description: 'of the operator or the key' }),
  name: Type.Union([Type.String(), Type.Null()], { description: 'as it was then' })
})

const AuditSubject = Type.Object({
  kind: Type.Union([
    Type.Literal('lead'),
    Type.Literal('operator'),
    Type.Literal('key'),
    Type.Literal('webhook'),
    Type.Literal('alarm'),
    Type.Literal('alarm-rule'),
    Type.Literal('account')
  ]),
  id: Type.String({ description: 'an id, or the name of an account' })
})

export const AuditEntry = Type.Object({
  id: Type.Integer(),
  at: Type.String(),
  actor: AuditActor,
  operation: AuditedOperation,
  refused: Type.Boolean({ description: 'true: the password of a sign-in was wrong' }),
  subject: Type.Union([AuditSubject, Type.Null()], { description: 'what it was done to' }),
  fields: Type.Array(Type.String(), {
    description: 'members of the body and parameters of the query that were given, without values'
  }),
  address: Type.String({
    description: 'where the request came from: of a reverse proxy, that of the proxy'
  }),
  request_id: Type.String({ description: 'X-Request-Id, which the log has, too' })
})
export type AuditEntry = Static<typeof AuditEntry>

export const AuditPage = Type.Object({
  entries: Type.Array(AuditEntry),
  next_cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'pass it as `cursor` for the next page; null on the last'
  })
})

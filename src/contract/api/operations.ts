import type { OperationId } from '../routes.ts'
import { alarmOperations } from './alarms.ts'
import { eventOperations } from './events.ts'
import { leadOperations } from './leads.ts'
import { messageOperations } from './messages.ts'
import { operatingOperations } from './operating.ts'
import type { AnswerOf, BodyOf, Operation, ParamsOf, QueryOf } from './operation.ts'
import { teamOperations } from './team.ts'
import { webhookOperations } from './webhooks.ts'
import { whatsappOperations } from './whatsapp.ts'

/** Every operation of central-hub: what it takes, what it gives, and what can be wrong. */
export const operations = {
  ...operatingOperations,
  ...leadOperations,
  ...messageOperations,
  ...eventOperations,
  ...alarmOperations,
  ...webhookOperations,
  ...teamOperations,
  ...whatsappOperations
} as const satisfies Record<OperationId, Operation>

type Operations = typeof operations
export type Params<Id extends OperationId> = ParamsOf<Operations, Id>
export type Query<Id extends OperationId> = QueryOf<Operations, Id>
export type Body<Id extends OperationId> = BodyOf<Operations, Id>
export type AnswerBody<Id extends OperationId> = AnswerOf<Operations, Id>

import { hash } from 'node:crypto'
import type { TSchema } from 'typebox'
import type { Operation } from '../../contract/api/operation.ts'
import { operations } from '../../contract/api/operations.ts'
import { Lead } from '../../contract/lead.ts'
import type { OperationId } from '../../contract/routes.ts'
import { Webhook, WebhookWithSecret } from '../../contract/webhook.ts'

/**
 * ETags. That of a lead or a webhook has two parts, `"VERSION.CONTENT"`. CONTENT changes with every
 * byte, for If-None-Match. VERSION covers only what PATCH can change, for its If-Match: a message
 * or a delivery between the read and the PATCH is nobody's change. CONTENT of a lead begins with
 * what it waits for, for the If-Match of `handled`: a message that came in between is not handled.
 */

const ofLead = ({
  id,
  state,
  note,
  tags,
  assignee,
  name,
  whatsapp_name,
  remind_at
}: Lead): unknown => [
  id,
  state,
  note,
  tags,
  assignee,
  name === whatsapp_name ? null : name,
  // Left out without a reminder, so that the version is that of the release before.
  ...(remind_at === null ? [] : [remind_at])
]
const ofWebhook = ({ id, url, description, events, enabled }: Webhook): unknown => [
  id,
  url,
  description,
  events,
  enabled
]

const ofWait = ({ waiting_since, handled_at, unanswered_count, last_message }: Lead): unknown => [
  waiting_since,
  handled_at,
  unanswered_count,
  last_message?.id ?? null
]

/** Characters of CONTENT that cover what a lead waits for, and those that cover every byte. */
const [waitLength, contentLength] = [13, 14]

const waitOf = (lead: Lead): string => short(JSON.stringify(ofWait(lead))).slice(0, waitLength)

const versions = new Map<TSchema | undefined, (body: never) => unknown>([
  [Lead, ofLead],
  [Webhook, ofWebhook],
  [WebhookWithSecret, ofWebhook]
])

const schemaOf = (id: OperationId): TSchema | undefined =>
  (operations[id] as Operation).answer.schema
const short = (text: string): string => hash('sha256', text, 'base64url').slice(0, 27)

/**
 * The part of an ETag that PATCH goes by. @returns undefined unless it answers with a lead or a
 * webhook
 */
export const versionOf = (id: OperationId, body: unknown): string | undefined => {
  const version = versions.get(schemaOf(id))
  return version && short(JSON.stringify(version(body as never)))
}

/**
 * What an ETag of a lead begins with as long as people change nothing in it and it waits for the
 * same.
 */
export const waitVersionOf = (id: OperationId, lead: Lead): string =>
  `${versionOf(id, lead)}.${waitOf(lead)}`

/** @param json what the operation answers with */
export const etagOf = (id: OperationId, json: string): string => {
  const schema = schemaOf(id)
  if (!versions.has(schema)) return `"${short(json)}"`
  const body: unknown = JSON.parse(json)
  if (schema !== Lead) return `"${versionOf(id, body)}.${short(json)}"`
  return `"${waitVersionOf(id, body as Lead)}${short(json).slice(0, contentLength)}"`
}

import Type, { type Static } from 'typebox'

/**
 * Webhooks: what happens is posted to endpoints of others, signed as
 * https://www.standardwebhooks.com/ has it.
 */

export const WebhookEvent = Type.Union([
  Type.Literal('message.created', { description: 'a message of either side is new' }),
  Type.Literal('message.updated', {
    description: 'edited, deleted, reacted to, decrypted, or its media was fetched'
  }),
  Type.Literal('lead.created'),
  Type.Literal('lead.updated'),
  Type.Literal('lead.removed', { description: 'merged into another, or its data was deleted' }),
  Type.Literal('session.changed', {
    description:
      'the session with WhatsApp has another status, or is held at its checkpoint (limited_by), ' +
      'or session-manager cannot be asked for it'
  }),
  Type.Literal('lead.waiting', { description: 'an alarm: a lead waits for too long' }),
  Type.Literal('session.down', {
    description: 'an alarm: the session of an account has not been READY for too long'
  }),
  Type.Literal('session.up', { description: 'the session of which an alarm told is READY' })
])
export type WebhookEvent = Static<typeof WebhookEvent>

/**
 * What a delivery may be of: an event, or `webhook.ping`, which POST /api/webhooks/:id/ping asks
 * for.
 */
export const WebhookType = Type.Union([...WebhookEvent.anyOf, Type.Literal('webhook.ping')])
export type WebhookType = Static<typeof WebhookType>

/** The body of a delivery. */
export const WebhookBody = Type.Object({
  id: Type.String({
    description:
      'of the event, the same as `webhook-id` in the headers: it stays the same with each ' +
      'attempt, from whichever hub, and for each webhook. Take an event with an id you know for ' +
      'a repetition.'
  }),
  type: WebhookType,
  timestamp: Type.String({ description: 'when it happened' }),
  link: Type.Union([Type.String(), Type.Null()], {
    description:
      'where the operator page shows the lead or message, or for session.* the ' +
      'connection: an absolute URL that begins with PUBLIC_URL of central-hub.env. null while ' +
      'that is not set, and for what has no place of its own there'
  }),
  data: Type.Unknown({
    description:
      'as it was then. message.*: {message, lead}; lead.created and lead.updated: {lead}; ' +
      'lead.removed: {id, merged_into}; session.changed: as GET /api/whatsapp/status answers, a ' +
      'problem included; lead.waiting: {alarm, lead}; session.down and session.up: {alarm}; ' +
      'webhook.ping: {}'
  })
})
export type WebhookBody = Static<typeof WebhookBody>

const url = Type.String({
  maxLength: 2_000,
  pattern: '^https?://',
  description:
    'http:// or https://; private addresses only if WEBHOOK_PRIVATE_ADDRESSES allows them'
})
const events = Type.Array(WebhookEvent, { minItems: 1, maxItems: 20, uniqueItems: true })
const description = Type.String({ maxLength: 500 })

export const Webhook = Type.Object({
  id: Type.Integer(),
  url: Type.String(),
  description: Type.String(),
  events: Type.Array(WebhookEvent),
  enabled: Type.Boolean({
    description:
      'while it is off nothing is queued for it, and what waited before goes on when it is on ' +
      'again; an answer of 410 Gone turns it off'
  }),
  created_at: Type.String(),
  pending: Type.Integer({
    description:
      'deliveries that wait, in order of each lead; each for 3 days from its first failure, or ' +
      'from that of what it waits for, then it is dead'
  }),
  dead: Type.Integer({ description: 'deliveries given up after 3 days; they can be replayed' }),
  last_success_at: Type.Union([Type.String(), Type.Null()]),
  failing_since: Type.Union([Type.String(), Type.Null()], {
    description: 'since when something that waits for it is not taken'
  }),
  last_error: Type.Union([Type.String(), Type.Null()])
})
export type Webhook = Static<typeof Webhook>

/** The secret is told here and never again. */
export const WebhookWithSecret = Type.Object({
  ...Webhook.properties,
  secret: Type.String({ description: 'whsec_…' })
})
export type WebhookWithSecret = Static<typeof WebhookWithSecret>

export const WebhookCreate = Type.Object(
  {
    url,
    events,
    description: Type.Optional(description),
    enabled: Type.Optional(Type.Boolean({ default: true }))
  },
  { additionalProperties: false }
)
export type WebhookCreate = Static<typeof WebhookCreate>

export const WebhookPatch = Type.Object(
  {
    url: Type.Optional(url),
    events: Type.Optional(events),
    description: Type.Optional(description),
    enabled: Type.Optional(Type.Boolean())
  },
  { additionalProperties: false, minProperties: 1 }
)
export type WebhookPatch = Static<typeof WebhookPatch>

export const Delivery = Type.Object({
  id: Type.String({ description: 'of the event: `id` in its body, `webhook-id` in its headers' }),
  type: WebhookType,
  state: Type.Union([Type.Literal('pending'), Type.Literal('delivered'), Type.Literal('dead')]),
  created_at: Type.String(),
  attempts: Type.Integer({ description: 'since it was queued, or replayed' }),
  next_attempt_at: Type.Union([Type.String(), Type.Null()], {
    description: 'null: as soon as its turn comes, or never'
  }),
  last_status: Type.Union([Type.Integer(), Type.Null()], {
    description: "the endpoint's HTTP status, if it gave one"
  }),
  last_error: Type.Union([Type.String(), Type.Null()])
})
export type Delivery = Static<typeof Delivery>

export const WebhookList = Type.Object({ webhooks: Type.Array(Webhook) })
export type WebhookList = Static<typeof WebhookList>

export const DeliveryPage = Type.Object({
  deliveries: Type.Array(Delivery),
  next_cursor: Type.Union([Type.String(), Type.Null()])
})
export type DeliveryPage = Static<typeof DeliveryPage>

export const Replayed = Type.Object({
  replayed: Type.Integer({ description: 'deliveries that are tried again' })
})
export type Replayed = Static<typeof Replayed>

import Type from 'typebox'
import {
  DeliveryPage,
  Replayed,
  Webhook,
  WebhookCreate,
  WebhookList,
  WebhookPatch,
  WebhookWithSecret
} from '../webhook.ts'
import type { Operation } from './operation.ts'
import { cursor, id, limit } from './parameters.ts'

const params = Type.Object({ id })
const at = '2026-11-25T10:00:00.000Z'
const webhook = {
  id: 1,
  url: 'https://crm.example.com/hooks/leadmaster',
  description: 'CRM',
  events: ['message.created', 'lead.created'],
  enabled: true,
  created_at: at,
  pending: 0,
  dead: 0,
  last_success_at: at,
  failing_since: null,
  last_error: null
}
const withSecret = { ...webhook, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
const delivery = {
  id: 'msg_2b7c',
  type: 'message.created',
  state: 'delivered',
  created_at: at,
  attempts: 1,
  next_attempt_at: null,
  last_status: 200,
  last_error: null
}

export const webhookOperations = {
  listWebhooks: {
    tag: 'webhooks',
    summary: 'List webhooks',
    answer: {
      status: 200,
      description: 'All of them',
      schema: WebhookList,
      example: { webhooks: [webhook] }
    }
  },
  createWebhook: {
    tag: 'webhooks',
    summary: 'Add a webhook',
    description: [
      'Events are posted to it from now on, each at least once, signed as ' +
        'https://www.standardwebhooks.com/ has it: verify them with one of its libraries, and ' +
        'take what comes with a `webhook-id` (`id` in the body) you know already for a ' +
        'repetition. The secret is told here and never again.',
      'Events of one lead come in order, each when the one before it was taken; ' +
        '`lead.created` comes before `message.created`. Events of different leads come ' +
        'independently, up to four concurrently.',
      'Any 2xx within 15 s is success; redirects are not followed. What is not taken is tried ' +
        'again for 3 days, after 5 s at first and then up to an hour (or what Retry-After says, ' +
        'up to a day); then it is dead, and the next one of its lead goes on. It holds up its ' +
        'own lead alone. 410 Gone turns the webhook off.',
      'When the events of five leads fail in a row, the endpoint counts as down. Deliveries ' +
        'are then tried one at a time: after 5 s at first and then up to an hour, or what ' +
        'Retry-After says, and a lead that has not failed yet a minute after the latest ' +
        'attempt. The first one that is taken ends this.',
      'At most 50 webhooks. Their URLs must lead to public addresses alone, unless ' +
        'WEBHOOK_PRIVATE_ADDRESSES in central-hub.env allows others.'
    ].join('\n\n'),
    body: {
      schema: WebhookCreate,
      example: { url: webhook.url, events: webhook.events, description: 'CRM' }
    },
    answer: {
      status: 201,
      description: 'The webhook, with its secret',
      schema: WebhookWithSecret,
      example: withSecret
    },
    problems: ['conflict']
  },
  getWebhook: {
    tag: 'webhooks',
    summary: 'Get a webhook',
    params,
    answer: { status: 200, description: 'The webhook', schema: Webhook, example: webhook },
    problems: ['not-found']
  },
  patchWebhook: {
    tag: 'webhooks',
    summary: 'Change a webhook',
    description:
      'Turned on again, or with another URL, what waits for it is tried at once. With If-Match ' +
      'and the ETag of what you read, nobody else’s change is written over; a delivery in ' +
      'between is no change.',
    params,
    body: { schema: WebhookPatch, example: { enabled: false } },
    answer: {
      status: 200,
      description: 'The webhook as it is now',
      schema: Webhook,
      example: webhook
    },
    problems: ['not-found', 'precondition-failed']
  },
  deleteWebhook: {
    tag: 'webhooks',
    summary: 'Remove a webhook, with what waits for it',
    params,
    answer: { status: 204, description: 'Done' },
    problems: ['not-found']
  },
  rotateWebhookSecret: {
    tag: 'webhooks',
    summary: 'Draw a new secret',
    description: 'For 24 hours deliveries are signed with the old one too.',
    params,
    answer: {
      status: 200,
      description: 'The webhook, with its new secret',
      schema: WebhookWithSecret,
      example: withSecret
    },
    problems: ['not-found']
  },
  pingWebhook: {
    tag: 'webhooks',
    summary: 'Send a test event',
    description:
      '`webhook.ping` goes before everything else that waits, and is tried once: read its ' +
      'delivery to see what came of it. When it is taken, what has been failing is tried at ' +
      'once.',
    params,
    answer: {
      status: 202,
      description: 'The delivery that was put in the queue',
      schema: Type.Object({ delivery_id: Type.String() }),
      example: { delivery_id: delivery.id }
    },
    problems: ['not-found', 'conflict']
  },
  listDeliveries: {
    tag: 'webhooks',
    summary: 'List deliveries, latest first',
    description:
      'Delivered ones are kept for 7 days, the latest 1,000 of each webhook; dead ones for 30 ' +
      'days; none for longer than RETENTION keeps messages.',
    params,
    query: Type.Object({
      state: Type.Optional(
        Type.Union([Type.Literal('pending'), Type.Literal('delivered'), Type.Literal('dead')], {
          description: 'only those in this state'
        })
      ),
      limit,
      cursor
    }),
    answer: {
      status: 200,
      description: 'A page of deliveries',
      schema: DeliveryPage,
      example: { deliveries: [delivery], next_cursor: null }
    },
    problems: ['not-found']
  },
  replayDelivery: {
    tag: 'webhooks',
    summary: 'Deliver again',
    description: 'With the `webhook-id` it had, before whatever of the same lead came later.',
    params: Type.Object({
      id,
      delivery_id: Type.String({
        minLength: 1,
        maxLength: 100,
        description: '`id` of the list of deliveries'
      })
    }),
    answer: {
      status: 202,
      description: 'It is in the queue',
      schema: Replayed,
      example: { replayed: 1 }
    },
    problems: ['not-found', 'conflict']
  },
  replayDeadDeliveries: {
    tag: 'webhooks',
    summary: 'Deliver all dead ones again, oldest first',
    params,
    answer: {
      status: 202,
      description: 'They are in the queue',
      schema: Replayed,
      example: { replayed: 12 }
    },
    problems: ['not-found', 'conflict']
  }
} as const satisfies Record<string, Operation>

import { Webhook } from 'standardwebhooks'
import type { WebhookBody } from '../../contract/webhook.ts'
import type { NextDelivery } from '../store/outbox/deliveries.ts'
import type { StoredBody } from '../store/outbox/outbox.ts'

/**
 * The address at which the operator page shows the subject of an event, as console/route.js has it.
 * `leadId` of a lead that was merged since then is that of the lead it is part of.
 */
const linkOf = (
  publicUrl: string,
  { type, data }: StoredBody,
  leadId: number | null
): string | null => {
  if (publicUrl === '') return null
  if (type.startsWith('session.')) return `${publicUrl}/#/connection`
  if (leadId === null) return null
  const { message } = data as { message?: { id: string } }
  const path = message === undefined ? '' : `/message/${encodeURIComponent(message.id)}`
  return `${publicUrl}/#/lead/${leadId}${path}`
}

/**
 * Makes the body of a request: the event as it was stored, with its id and a link.
 * @param publicUrl PUBLIC_URL; empty: there are no links
 */
export const bodyOf = (
  { messageId, body, leadId }: Pick<NextDelivery, 'messageId' | 'body' | 'leadId'>,
  publicUrl: string
): string => {
  const stored = JSON.parse(body) as StoredBody
  const { type, timestamp, data } = stored
  return JSON.stringify({
    id: messageId,
    type,
    timestamp,
    link: linkOf(publicUrl, stored, leadId),
    data
  } satisfies WebhookBody)
}

/**
 * Signs a request. By its headers a receiver knows the delivery, and that it comes from this hub:
 * https://www.standardwebhooks.com/
 * @param at the time of the attempt, ms since 1970
 */
export const signedHeaders = (
  { messageId, body, secrets }: { messageId: string; body: string; secrets: readonly string[] },
  at: number
): Record<string, string> => ({
  'webhook-id': messageId,
  // The time of the attempt, not of the event: receivers refuse what is older than a few minutes.
  'webhook-timestamp': String(Math.floor(at / 1_000)),
  'webhook-signature': secrets
    .map((secret) => new Webhook(secret).sign(messageId, new Date(at), body))
    .join(' ')
})

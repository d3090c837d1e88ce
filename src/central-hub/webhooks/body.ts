import type { WebhookBody } from '../../contract/webhook.ts'
import type { NextDelivery } from '../store/outbox/deliveries.ts'
import type { StoredBody } from '../store/outbox/outbox.ts'

/**
 * Where the operator page shows what an event is about, as console/route.js has its addresses. A
 * lead that was merged since then leads to the one that it is part of.
 */
const linkOf = (
  publicUrl: string,
  { type, data }: StoredBody,
  leadId: number | null
): string | null => {
  if (publicUrl === '') return null
  if (type === 'session.changed') return `${publicUrl}/#/connection`
  if (leadId === null) return null
  const { message } = data as { message?: { id: string } }
  const at = message === undefined ? '' : `/message/${encodeURIComponent(message.id)}`
  return `${publicUrl}/#/lead/${leadId}${at}`
}

/**
 * What is posted: the event as it was kept, with its id and a link.
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

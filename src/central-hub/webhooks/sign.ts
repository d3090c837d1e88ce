import { Webhook } from 'standardwebhooks'

/**
 * The headers by which a receiver knows a delivery, and that it is ours:
 * https://www.standardwebhooks.com/
 */
export const signedHeaders = (
  { messageId, body, secrets }: { messageId: string; body: string; secrets: readonly string[] },
  at: number
): Record<string, string> => ({
  'webhook-id': messageId,
  // of the attempt, not of the event: receivers refuse what is older than a few minutes
  'webhook-timestamp': String(Math.floor(at / 1_000)),
  'webhook-signature': secrets
    .map((secret) => new Webhook(secret).sign(messageId, new Date(at), body))
    .join(' ')
})

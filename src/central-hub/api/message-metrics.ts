import { Counter, Histogram, type Registry } from 'prom-client'
import type { Conversed } from '../store/read/conversed.ts'

/** From a minute to four days, s. */
const responseBuckets = [
  60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800, 345_600
]

/**
 * Messages with leads, for Prometheus. Each hub counts only what it stores itself, so the sum over
 * the hubs of a store is right.
 * @returns a function that counts stored messages
 */
export const addMessageMetrics = (
  registry: Registry
): ((conversed: readonly Conversed[]) => void) => {
  const messages = new Counter({
    name: 'leadmaster_messages_total',
    help:
      'messages of persons to (outbound) and from (inbound) leads that this hub took, older ' +
      'ones that were read back apart',
    labelNames: ['account', 'direction'] as const,
    registers: [registry]
  })
  const responses = new Histogram({
    name: 'leadmaster_first_response_seconds',
    help:
      'how long leads waited, from the first message that was not answered to the reply, by ' +
      'the replies that this hub took',
    labelNames: ['account'] as const,
    buckets: responseBuckets,
    registers: [registry]
  })
  return (conversed) => {
    for (const { account, direction, responseSeconds } of conversed) {
      messages.inc({ account, direction })
      if (responseSeconds !== undefined) responses.observe({ account }, responseSeconds)
    }
  }
}

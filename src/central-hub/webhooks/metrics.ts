import { Counter, Gauge, type Registry } from 'prom-client'
import { oldestPending } from '../store/outbox/deliveries.ts'
import type { Db } from '../store/database/schema.ts'
import { listWebhooks } from '../store/outbox/webhooks.ts'
import type { DeliveryOutcome } from './deliverer.ts'

const outcomesHelp =
  'attempts of this hub to deliver by what came of them: ' +
  'delivered, failed (tried again) or dead (given up)'

/** It begins at 0, because Prometheus sees no increase in a counter that begins at 1. */
const createOutcomeCounter = (registry: Registry): Counter<'outcome'> => {
  const settled = new Counter({
    name: 'leadmaster_webhook_deliveries_total',
    help: outcomesHelp,
    labelNames: ['outcome'] as const,
    registers: [registry]
  })
  for (const outcome of ['delivered', 'failed', 'dead'] as const) settled.inc({ outcome }, 0)
  return settled
}

/** Adds metrics of the deliveries. @returns what counts the outcome of deliveries */
export const addWebhookMetrics = (
  registry: Registry,
  db: Db,
  now: () => number = Date.now
): ((outcome: DeliveryOutcome, deliveries: number) => void) => {
  const settled = createOutcomeCounter(registry)
  const gauge = (state: 'pending' | 'dead', help: string): unknown =>
    new Gauge({
      name: `leadmaster_webhook_${state}`,
      help,
      labelNames: ['webhook'] as const,
      registers: [registry],
      async collect() {
        this.reset()
        for (const webhook of await listWebhooks(db))
          this.set({ webhook: String(webhook.id) }, webhook[state])
      }
    })
  gauge('pending', 'deliveries that wait; the same at each hub of a store')
  gauge(
    'dead',
    'deliveries that were given up and are kept to be replayed; the same at each hub of a store'
  )
  new Gauge({
    name: 'leadmaster_webhook_oldest_pending_seconds',
    help:
      'for how long the oldest delivery that waits has waited; 0 when none waits; ' +
      'the same at each hub of a store',
    labelNames: ['webhook'] as const,
    registers: [registry],
    async collect() {
      this.reset()
      const oldest = await oldestPending(db)
      for (const { id } of await listWebhooks(db)) {
        const since = oldest.get(id)
        this.set(
          { webhook: String(id) },
          since === undefined ? 0 : Math.max(0, (now() - since) / 1_000)
        )
      }
    }
  })
  return (outcome, deliveries) => settled.inc({ outcome }, deliveries)
}

import { Counter, Gauge, type Registry } from 'prom-client'
import type { Db } from '../store/schema.ts'
import { listWebhooks } from '../store/webhooks.ts'
import type { DeliveryOutcome } from './deliverer.ts'

/** Figures of the deliveries. @returns what counts one that was settled */
export const addWebhookMetrics = (registry: Registry, db: Db): ((outcome: DeliveryOutcome, deliveries: number) => void) => {
  const settled = new Counter({
    name: 'webhook_deliveries_total',
    help: 'attempts to deliver by what came of them: delivered, failed (tried again) or dead (given up)',
    labelNames: ['outcome'] as const,
    registers: [registry]
  })
  const gauge = (state: 'pending' | 'dead', help: string): unknown =>
    new Gauge({
      name: `webhook_${state}`, help, labelNames: ['webhook'] as const, registers: [registry],
      async collect() {
        this.reset()
        for (const webhook of await listWebhooks(db)) this.set({ webhook: String(webhook.id) }, webhook[state])
      }
    })
  gauge('pending', 'deliveries that wait')
  gauge('dead', 'deliveries that were given up and are kept to be replayed')
  return (outcome, deliveries) => settled.inc({ outcome }, deliveries)
}

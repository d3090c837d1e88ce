import { Gauge, type Registry } from 'prom-client'
import type { Db } from '../store/database/schema.ts'
import { waitingByAccount } from '../store/read/stats.ts'

/** Who waits for an answer, for Prometheus: the same figures as `waiting` of `GET /api/stats`. */
export const addWaitingMetrics = (
  registry: Registry,
  db: Db,
  now: () => number = Date.now
): void => {
  new Gauge({
    name: 'leadmaster_leads_waiting',
    help: 'leads that wait for an answer; the same at each hub of a store',
    labelNames: ['account'] as const,
    registers: [registry],
    async collect() {
      this.reset()
      for (const { account, waiting } of await waitingByAccount(db)) this.set({ account }, waiting)
    }
  })
  new Gauge({
    name: 'leadmaster_leads_waiting_longest_seconds',
    help:
      'for how long the lead that has waited longest has waited; 0 when none waits; the same ' +
      'at each hub of a store',
    labelNames: ['account'] as const,
    registers: [registry],
    async collect() {
      this.reset()
      for (const { account, since } of await waitingByAccount(db)) {
        this.set({ account }, since === null ? 0 : Math.max(0, now() / 1_000 - since))
      }
    }
  })
}

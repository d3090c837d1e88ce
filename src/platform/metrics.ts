import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { addEventLoopDelay } from './event-loop-delay.ts'
import { withOldNames } from './metric-names.ts'

/**
 * How often prom-client's own sampler of the event loop wakes the daemon, ms: as rarely as a timer
 * can. Ours replaces it.
 */
const samplerMs = 2 ** 31 - 1

/**
 * The registry of a daemon, with the process's own figures and a histogram of its HTTP requests.
 */
export interface Metrics {
  registry: Registry
  /** What `/metrics` answers. */
  text(): Promise<string>
  /** Counts one answered request. @param seconds from headers read to answer ended */
  request(labels: { method: string; route: string; status: number }, seconds: number): void
  /** Counts the open event streams. */
  streamOpened(): void
  /** @param dropped why, when the server had to */
  streamClosed(dropped?: string): void
}

export const createMetrics = (): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: samplerMs })
  addEventLoopDelay(registry)
  const requests = new Histogram({
    name: 'leadmaster_http_request_duration_seconds',
    help: 'HTTP requests by method, route and status',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
    registers: [registry]
  })
  const streams = new Gauge({
    name: 'leadmaster_sse_clients',
    help: 'open event streams',
    registers: [registry]
  })
  const dropped = new Counter({
    name: 'leadmaster_sse_dropped_total',
    help: 'event streams that the server dropped because the client was too slow, by reason',
    labelNames: ['reason'] as const,
    registers: [registry]
  })
  return {
    registry,
    text: async () => withOldNames(await registry.metrics()),
    request: (labels, seconds) =>
      requests.observe({ ...labels, status: String(labels.status) }, seconds),
    streamOpened: () => streams.inc(),
    streamClosed: (reason) => {
      streams.dec()
      if (reason !== undefined) dropped.inc({ reason })
    }
  }
}

import type { Readiness } from '../../contract/lead.ts'
import type { Health } from '../../contract/session.ts'
import { sendJson, type Http } from '../../platform/http/http.ts'

/**
 * `GET /health`, open to all: alive. `GET /ready`: 200 or 503, each check with its fix.
 * `GET /metrics`: Prometheus text.
 */
export const addHealthRoutes = (options: {
  http: Http
  health: () => Health
  ready: () => Promise<Readiness>
  metrics: () => Promise<string>
}): void => {
  const { http, health, ready, metrics } = options
  http.route('GET', '/health', (_req, res) => {
    // The client uses the mode `no-cors` to see whether the hub answers. It cannot read the answer,
    // and neither can others.
    res.setHeader('cross-origin-resource-policy', 'cross-origin')
    sendJson(res, health())
  })
  http.route('GET', '/ready', async (_req, res) => {
    const readiness = await ready()
    sendJson(res, readiness, readiness.ready ? 200 : 503)
  })
  http.route('GET', '/metrics', async (_req, res) => {
    res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    res.end(await metrics())
  })
}

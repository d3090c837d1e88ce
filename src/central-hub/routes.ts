import { limitConcurrency, once } from '../platform/async.ts'
import type { Http } from '../platform/http/http.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { addAlarmRoutes } from './api/alarms.ts'
import { addAuditRoutes } from './api/audit.ts'
import { addBundleRoute } from './api/bundle.ts'
import type { Callers } from './api/callers.ts'
import { addConsole } from './api/console.ts'
import { addDeletionRoutes } from './api/deletions.ts'
import { addDocs } from './api/docs/docs.ts'
import { addEventRoutes } from './api/events.ts'
import { addExportRoutes } from './api/exports.ts'
import { addHealthRoutes } from './api/health.ts'
import { addImportRoutes } from './api/imports.ts'
import { addMessageImportRoute } from './api/message-import.ts'
import { addLeadRoutes } from './api/leads.ts'
import { MediaUrls } from './api/media-urls.ts'
import { addMediaRoutes } from './api/media.ts'
import { addMessageRoutes } from './api/messages.ts'
import { addOpenApi, createOpenApi } from './api/openapi.ts'
import { createServe } from './api/serve.ts'
import { addSignIn } from './api/sign-in.ts'
import { SignInThrottle } from './api/sign-in-throttle.ts'
import { addStatsRoutes } from './api/stats.ts'
import { addTeamRoutes } from './api/team.ts'
import { addWebhookRoutes } from './api/webhooks.ts'
import { addWhatsappRoutes } from './api/whatsapp.ts'
import type { Config } from './config.ts'
import type { Following } from './following.ts'
import type { StoreHealth } from './store-health.ts'
import type { ChangeNotifier } from './store/outbox/change-notifier.ts'
import type { Store } from './store/open.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

interface RoutesOptions {
  service: string
  version: string
  config: Config
  http: Http
  callers: Callers
  metrics: Metrics
  store: Store
  storeHealth: StoreHealth
  following: Following
  webhooks: Webhooks
  notifier: ChangeNotifier
  /** Runs one deletion at a time. */
  inTurn: ReturnType<typeof limitConcurrency>
  log: Log
}

const addOwnHealthRoutes = (options: RoutesOptions): void => {
  const { http, metrics, service, version, storeHealth, following } = options
  addHealthRoutes({
    http,
    ready: async () => {
      const checks = [await storeHealth.check(), ...following.checks()]
      return { ready: checks.every(({ ok }) => ok), checks }
    },
    health: () => ({
      status: 'ok',
      service,
      timestamp: new Date().toISOString(),
      version,
      pid: process.pid,
      uptime_s: process.uptime()
    }),
    metrics: metrics.text
  })
}

/** Adds everything that the hub serves. */
export const addRoutes = (options: RoutesOptions): void => {
  const { config, http, callers, version, store, webhooks, notifier, inTurn, log } = options
  const { db } = store
  const { accounts } = options.following
  const country = config.DEFAULT_COUNTRY
  const onChanged = notifier.notifyChanged
  addOwnHealthRoutes(options)
  addWhatsappRoutes({ http, db, accounts })
  const serve = createServe({ http, db })
  addLeadRoutes({ serve, db, country, accounts, onChanged })
  addDeletionRoutes({ serve, store, accounts, inTurn, onChanged, log })
  addImportRoutes({ serve, db, country, onChanged })
  addExportRoutes({ serve, db, country })
  addMessageImportRoute({ serve, db, country, accounts, onChanged })
  addBundleRoute({ serve, db, accounts })
  addStatsRoutes({ serve, db })
  addMessageRoutes({ serve, db })
  addMediaRoutes({
    serve,
    db,
    accounts,
    urls: new MediaUrls(db, config.HUB_API_TOKEN),
    publicUrl: config.PUBLIC_URL
  })
  addEventRoutes({ http, store, live: notifier, accounts })
  addAlarmRoutes({ serve, db })
  addWebhookRoutes({ serve, db, guard: webhooks.guard, onChanged: webhooks.wake })
  const throttle = new SignInThrottle()
  const { access, onRevoked } = callers
  addSignIn({ http, access, db, throttle })
  addTeamRoutes({ serve, db, throttle, onRevoked })
  addAuditRoutes({ serve, db })
  callers.endBy(http)
  const document = once(() => createOpenApi(version))
  addOpenApi({ serve, document })
  addDocs({ http, access, document })
  addConsole(http, access)
}

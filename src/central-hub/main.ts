import type { Registry } from 'prom-client'
import { limitConcurrency } from '../platform/async.ts'
import { keepHeapSmall } from '../platform/heap.ts'
import { createMetrics } from '../platform/metrics.ts'
import { readProxy } from '../platform/proxy.ts'
import { rewriteMs } from '../platform/sqlite.ts'
import { start, type Platform } from '../platform/start.ts'
import { watchAlarms } from './alarms/watch.ts'
import { Callers } from './api/callers.ts'
import { addWaitingMetrics } from './api/waiting-metrics.ts'
import { readConfig, type Config } from './config.ts'
import { addAccountMetrics } from './follow/account-metrics.ts'
import { describeAccounts, isCurrent, type Account } from './follow/accounts.ts'
import { startHousekeeping } from './follow/housekeeping.ts'
import { Following, loadFollowStream } from './following.ts'
import { createHttpServer, listen } from './http-server.ts'
import { addRoutes } from './routes.ts'
import { StoreHealth } from './store-health.ts'
import type { Leadership } from './store/database/cluster.ts'
import { openStore, type Store } from './store/open.ts'
import { ChangeNotifier } from './store/outbox/change-notifier.ts'
import { Webhooks } from './webhooks/webhooks.ts'

const service = 'central-hub'
/** The time for what is in flight when the daemon stops, ms. */
const drainMs = 3_000
/** Each part of bringing the store up to date after an upgrade takes less than this, ms. */
const upgradeMs = 600_000

const openHubStore = async (platform: Platform<Config>): Promise<Store> => {
  const { config, log, notify, lifecycle } = platform
  const store = await openStore(config.DATABASE_URL || config.STATE_DIR, {
    log,
    rewriting: (bytes) => notify.busy(rewriteMs(bytes)),
    onProgress: () => notify.extend(upgradeMs)
  })
  // Registered first, the store is closed last, also when the start fails.
  lifecycle.onStop('close the store', store.close)
  if (store.newerSteps.length > 0)
    log.warn(
      { event: 'store_is_newer', steps: store.newerSteps },
      'a newer release has changed the store; this one works with it'
    )
  return store
}

const createNotifier = ({ log }: Platform<Config>, { cluster }: Store): ChangeNotifier =>
  new ChangeNotifier({
    cluster,
    onNotifyFailed: (error) =>
      log.warn(
        { event: 'hubs_untold', err: error },
        'the other hubs were not told of the session; they are when it changes again'
      )
  })

const createCallers = ({ config, log }: Platform<Config>, { db }: Store): Callers =>
  new Callers({ db, token: config.HUB_API_TOKEN, envFile: config.ENV_FILE, log })

const createWebhooks = (
  { config, log, version }: Platform<Config>,
  { db, cluster }: Store,
  notifier: ChangeNotifier,
  registry: Registry
): Webhooks =>
  new Webhooks({
    db,
    cluster,
    notifier,
    log,
    version,
    registry,
    privateAddresses: config.WEBHOOK_PRIVATE_ADDRESSES,
    envFile: config.ENV_FILE,
    publicUrl: config.PUBLIC_URL,
    proxy: readProxy(config.PROXY_URL),
    retentionMs: config.RETENTION
  })

const startAlarms = (
  { log }: Platform<Config>,
  { db, cluster }: Store,
  { wake }: Webhooks,
  accounts: readonly Account[]
): Leadership => {
  const options = { db, isCurrent: () => isCurrent(accounts), onChanged: wake, log }
  return cluster.runAsLeader('alarms', () => watchAlarms(options))
}

const main = async (platform: Platform<Config>): Promise<void> => {
  const { config, log, notify, lifecycle, version } = platform
  const store = await openHubStore(platform)
  const metrics = createMetrics()
  const { registry } = metrics
  const callers = createCallers(platform, store)
  const http = createHttpServer(config, { access: callers.access, metrics, log })
  const followStream = await loadFollowStream(config)
  const address = await listen(http, config)

  // Nothing waits from here on, so that no request comes before all routes are there.
  const notifier = createNotifier(platform, store)
  const webhooks = createWebhooks(platform, store, notifier, registry)
  const inTurn = limitConcurrency(1)
  const onStatus = (text: string): void => notify.status(`listening on ${address}, ${text}`)
  const shared = { config, store, notifier, webhooks, inTurn, log }
  const following = new Following({ ...shared, followStream, registry, onStatus })
  const storeHealth = new StoreHealth(store, log)
  addRoutes({ ...shared, service, version, http, callers, metrics, storeHealth, following })
  const { accounts } = following
  const [keepMs, keepAuditMs] = [config.RETENTION, config.AUDIT_RETENTION]
  const onChanged = notifier.notifyChanged
  const housekeeping = store.cluster.runAsLeader('housekeeping', () =>
    startHousekeeping({ store, accounts, keepMs, keepAuditMs, onChanged, log })
  )
  const alarms = startAlarms(platform, store, webhooks, accounts)

  // The last one stops first.
  lifecycle.onStop('stop delivering to webhooks', () => webhooks.stop(drainMs))
  lifecycle.onStop('end the housekeeping', () => housekeeping.stop())
  lifecycle.onStop('end the watch over alarms', () => alarms.stop())
  lifecycle.onStop('stop following session-manager', async () => {
    storeHealth.stop()
    await following.stop()
  })
  lifecycle.onStop('write when callers were here last', () => callers.stop())
  lifecycle.onStop('close the HTTP server', () => http.close(drainMs))

  addAccountMetrics(registry, accounts)
  addWaitingMetrics(registry, store.db)
  log.info({ event: 'listening', address }, `listening on ${address}`)
  notify.ready(`listening on ${address}, ${describeAccounts(accounts)}`)
  notify.watchdog(() => storeHealth.isAlive())
  keepHeapSmall()
}

await start(service, readConfig, main)

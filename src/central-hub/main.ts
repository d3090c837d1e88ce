import { sql } from 'kysely'
import type { Readiness } from '../contract/lead.ts'
import type { Problem } from '../contract/problem.ts'
import type { Status } from '../contract/session.ts'
import { PlainError, reasonOf } from '../platform/harmless.ts'
import { keepHeapSmall } from '../platform/heap.ts'
import { createHttp } from '../platform/http/http.ts'
import { limitConcurrency, once } from '../platform/async.ts'
import { createMetrics } from '../platform/metrics.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { readProxy } from '../platform/proxy.ts'
import { rewriteMs } from '../platform/sqlite.ts'
import { start, type Platform } from '../platform/start.ts'
import { addAccountMetrics } from './follow/account-metrics.ts'
import {
  accountChecks,
  accountName,
  accountsInPlainWords,
  type Account
} from './follow/accounts.ts'
import { addDeletionRoutes } from './api/deletions.ts'
import { addDocs } from './api/docs/docs.ts'
import { addEventRoutes } from './api/events.ts'
import { addExportRoutes } from './api/exports.ts'
import { addHealthRoutes } from './api/health.ts'
import { addImportRoutes } from './api/imports.ts'
import { addLeadRoutes } from './api/leads.ts'
import { addMediaRoutes } from './api/media.ts'
import { MediaUrls } from './api/media-urls.ts'
import { addMessageRoutes } from './api/messages.ts'
import { addOpenApi, createOpenApi } from './api/openapi.ts'
import { createServe } from './api/serve.ts'
import { addStatsRoutes } from './api/stats.ts'
import { createAccess } from './api/access.ts'
import { addWebhookRoutes } from './api/webhooks.ts'
import { addWhatsappRoutes } from './api/whatsapp.ts'
import { readJournal, sessionOnly, streamCheck, withStream } from './cluster/beside-stream.ts'
import { readConfig, type Config } from './config.ts'
import { addConsole } from './api/console.ts'
import { followInTurn } from './cluster/follow-in-turn.ts'
import { createFollower, type Follower } from './follow/follower.ts'
import { startHousekeeping } from './follow/housekeeping.ts'
import { createIngest } from './follow/ingest.ts'
import type { StreamFollower } from './cluster/jetstream/follow-stream.ts'
import { createLive } from './store/outbox/live.ts'
import { addMessageMetrics } from './api/message-metrics.ts'
import { PassedOnErasures } from './follow/passed-on-erasures.ts'
import { readCursor, type Cursor } from './store/write/cursors.ts'
import { openStore } from './store/open.ts'
import { createUpstream, type UpstreamOptions } from './follow/upstream.ts'
import { addWaitingMetrics } from './api/waiting-metrics.ts'
import { startWebhooks } from './webhooks/start.ts'

const service = 'central-hub'
/** What is in flight when it stops may take this long, ms. */
const drainMs = 3_000
const pingMs = 5_000
/** Each part of bringing the store up to date after an upgrade takes less than this, ms. */
const upgradeMs = 600_000
/** A store that did not answer for this long makes the daemon unhealthy, ms. */
const silentStoreMs = 60_000

const main = async ({
  config,
  log,
  notify,
  lifecycle,
  version
}: Platform<Config>): Promise<void> => {
  const store = await openStore(config.DATABASE_URL || config.STATE_DIR, {
    log,
    rewriting: (bytes) => notify.busy(rewriteMs(bytes)),
    onProgress: () => notify.extend(upgradeMs)
  })
  const { db } = store
  lifecycle.onStop('close the store', store.close)
  if (store.newerSteps.length > 0)
    log.warn(
      { event: 'store_is_newer', steps: store.newerSteps },
      'a newer release has changed the store; this one works with it'
    )

  const metrics = createMetrics()
  const access = createAccess({ token: config.HUB_API_TOKEN, envFile: config.ENV_FILE, log })
  const http = createHttp({
    log,
    metrics,
    allowedHosts: config.ALLOWED_HOSTS,
    corsOrigins: config.CORS_ORIGINS,
    rateLimit: config.RATE_LIMIT,
    authorize: access.authorize,
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      mediaSrc: ["'self'"],
      workerSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"]
    }
  })
  const bound = await http
    .listen(config.HOST, config.PORT)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error
      throw new PlainError(
        `HOST=${config.HOST} PORT=${config.PORT} is taken by another program: end it, or change PORT in ${config.ENV_FILE}`
      )
    })
  const address = `${config.HOST}:${bound.port}`

  const { hubs } = store
  const live = createLive({
    hubs,
    onUntold: (error) =>
      log.warn(
        { event: 'hubs_untold', err: error },
        'the other hubs were not told of the session; they are when it changes again'
      )
  })
  const webhooks = startWebhooks({
    db,
    hubs,
    live,
    log,
    version,
    registry: metrics.registry,
    privateAddresses: config.WEBHOOK_PRIVATE_ADDRESSES,
    envFile: config.ENV_FILE,
    publicUrl: config.PUBLIC_URL,
    proxy: readProxy(config.PROXY_URL),
    retentionMs: config.RETENTION
  })
  lifecycle.onStop('stop delivering to webhooks', () => webhooks.stop(drainMs))
  const accounts: Account[] = []
  let stream: StreamFollower | undefined
  const tellStatus = (): void => {
    if (accounts.length > 0)
      notify.status(`listening on ${address}, ${accountsInPlainWords(accounts)}`)
  }

  let storeAnswered = performance.now()
  const ping = async (): Promise<void> => {
    await sql`select 1`.execute(db).catch((error: unknown) => {
      // restarting this daemon does not bring back a database that is away on another host
      if (error instanceof ProblemError) storeAnswered = performance.now()
      throw error
    })
    storeAnswered = performance.now()
  }
  const ready = async (): Promise<Readiness> => {
    const failure = await ping().then(
      () => undefined,
      (error: unknown) => reasonOf(error)
    )
    const stored =
      failure === undefined
        ? `open ${store.place}`
        : `the store ${store.place} does not answer: ${failure}`
    const checks = [
      { name: 'store', ok: failure === undefined, detail: stored },
      ...accountChecks(accounts),
      ...(stream ? [streamCheck(stream)] : [])
    ]
    return { ready: checks.every(({ ok }) => ok), checks }
  }

  addHealthRoutes({
    http,
    ready,
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
  addWhatsappRoutes({ http, accounts })
  const serve = createServe({ http, db })
  const country = config.DEFAULT_COUNTRY
  addLeadRoutes({ serve, db, country, accounts, onChanged: live.changed })
  const inTurn = limitConcurrency(1)
  const passedOn = new PassedOnErasures({ store, inTurn, onChanged: live.changed, log })
  addDeletionRoutes({ serve, store, accounts, inTurn, onChanged: live.changed, log })
  addImportRoutes({ serve, db, country, onChanged: live.changed })
  addExportRoutes({ serve, db, country })
  addStatsRoutes({ serve, db })
  addMessageRoutes({ serve, db })
  addMediaRoutes({
    serve,
    access,
    db,
    accounts,
    urls: new MediaUrls(db, config.HUB_API_TOKEN),
    publicUrl: config.PUBLIC_URL
  })
  addEventRoutes({ http, store, live, accounts })
  addWebhookRoutes({ serve, db, guard: webhooks.guard, onChanged: webhooks.wake })
  access.addRoutes(http)
  const document = once(() => createOpenApi(version))
  addOpenApi({ serve, access, document })
  addDocs({ http, access, document })
  addConsole(http, access)

  const onTaken = (): void => {
    live.changed()
    passedOn.wake()
  }
  const ingest = createIngest({
    db,
    onTaken,
    onConversed: addMessageMetrics(metrics.registry),
    automaticReplies: config.AUTOMATIC_REPLIES
  })
  const cursor = (account: string): Promise<Cursor | undefined> => readCursor(db, account)
  stream =
    config.NATS_URL.length === 0
      ? undefined
      : (await import('./cluster/jetstream/follow-stream.ts')).followStream({
          config,
          ingest,
          cursor,
          log,
          storeId: store.id,
          readJournal: async (name, ...of) => {
            const found = accounts.find((account) => accountName(account) === name)
            return found && readJournal(found.upstream, ...of)
          },
          onChange: tellStatus
        })
  const follow = (baseUrl: string, more: Partial<UpstreamOptions>): void => {
    const upstream = createUpstream({
      baseUrl,
      token: config.SESSION_MANAGER_TOKEN,
      envFile: config.ENV_FILE,
      ...more
    })
    let session: Status | Problem | undefined
    const begin = (): Follower => {
      const followed = stream ? sessionOnly(upstream) : { upstream, ingest, cursor }
      return createFollower({
        log,
        ...followed,
        onSession: (now) => {
          session = now
          live.session(now)
          webhooks.session(more.account ?? '', now)
          if ('journal' in now) passedOn.hear(upstream, now)
          tellStatus()
        },
        onChange: tellStatus,
        checkIntervalMs: config.UPSTREAM_CHECK_INTERVAL,
        maxDelayMs: config.UPSTREAM_MAX_DELAY
      })
    }
    const follower = followInTurn({
      hubs,
      upstream,
      begin,
      onChange: tellStatus,
      checkIntervalMs: config.UPSTREAM_CHECK_INTERVAL
    })
    accounts.push({
      upstream,
      follower: stream ? withStream(follower, stream, upstream.account) : follower,
      session: () => session
    })
  }
  const further = Object.entries(config.FURTHER_SESSION_MANAGERS)
  follow(config.SESSION_MANAGER_BASE_URL, { others: further.map(([account]) => account) })
  for (const [account, baseUrl] of further) follow(baseUrl, { account })

  const pinging = setInterval(
    () =>
      void ping().catch((error: unknown) =>
        log.error({ event: 'store_silent', err: error }, 'the store does not answer')
      ),
    pingMs
  )
  const housekeeping = hubs.job(
    'housekeeping',
    () =>
      startHousekeeping({ store, accounts, keepMs: config.RETENTION, onChanged: live.changed, log })
        .stop
  )
  lifecycle.onStop('end the housekeeping', housekeeping.stop)
  lifecycle.onStop('stop following session-manager', async () => {
    clearInterval(pinging)
    await stream?.stop()
    await Promise.all(accounts.map(({ follower }) => follower.stop()))
    await passedOn.stop()
  })
  lifecycle.onStop('close the HTTP server', () => http.close(drainMs))

  addAccountMetrics(metrics.registry, accounts)
  addWaitingMetrics(metrics.registry, db)

  log.info({ event: 'listening', address }, `listening on ${address}`)
  notify.ready(`listening on ${address}, ${accountsInPlainWords(accounts)}`)
  notify.watchdog(() => performance.now() - storeAnswered < silentStoreMs)
  keepHeapSmall()
}

await start(service, readConfig, main)

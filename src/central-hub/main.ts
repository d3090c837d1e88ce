import { Gauge } from 'prom-client'
import { sql } from 'kysely'
import type { Readiness } from '../contract/lead.ts'
import type { Problem } from '../contract/problem.ts'
import type { Status } from '../contract/session.ts'
import { createHttp } from '../platform/http.ts'
import { createMetrics } from '../platform/metrics.ts'
import { start, type Platform } from '../platform/start.ts'
import { addEventRoutes } from './api/events.ts'
import { addHealthRoutes } from './api/health.ts'
import { addLeadRoutes } from './api/leads.ts'
import { addMessageRoutes } from './api/messages.ts'
import { createAccess } from './api/access.ts'
import { addWhatsappRoutes } from './api/whatsapp.ts'
import { readConfig, type Config } from './config.ts'
import { addConsole } from './console.ts'
import { createFollower, type Follower } from './follower.ts'
import { createIngest } from './ingest.ts'
import { createLive } from './live.ts'
import { readCursor } from './store/cursors.ts'
import { pruneEvents } from './store/events.ts'
import { openStore } from './store/open.ts'
import { createUpstream } from './upstream.ts'

const service = 'central-hub'
/** What is in flight when it stops may take this long, ms. */
const drainMs = 3_000
const pruneMs = 3_600_000
const pingMs = 5_000
/** A store that did not answer for this long makes the daemon unhealthy, ms. */
const silentStoreMs = 60_000

/** What `systemctl status` says, without any personal data. */
const inPlainWords = (address: string, { following, fault }: ReturnType<Follower['state']>, session: Status | Problem | undefined, baseUrl: string): string => {
  if (fault !== undefined) return `listening on ${address}, ${fault}`
  const status = session !== undefined && 'account' in session ? `, session ${session.status}` : ''
  return `listening on ${address}, ${following ? 'following' : 'connecting to'} session-manager at ${baseUrl}${status}`
}

const main = async ({ config, log, notify, lifecycle, version }: Platform<Config>): Promise<void> => {
  const store = await openStore(config.STATE_DIR)
  const { db } = store
  lifecycle.onStop('close the store', store.close)

  const metrics = createMetrics()
  const access = createAccess({ token: config.HUB_API_TOKEN, envFile: config.ENV_FILE })
  const http = createHttp({
    log, metrics,
    allowedHosts: config.ALLOWED_HOSTS,
    corsOrigins: config.CORS_ORIGINS,
    authorize: access.authorize,
    contentSecurityPolicy: {
      defaultSrc: ["'none'"], scriptSrc: ["'self'"], styleSrc: ["'self'"], imgSrc: ["'self'", 'data:'], connectSrc: ["'self'"],
      formAction: ["'self'"], baseUri: ["'none'"], frameAncestors: ["'none'"]
    }
  })
  const bound = await http.listen(config.HOST, config.PORT).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`HOST=${config.HOST} PORT=${config.PORT} is taken by another program: end it, or change PORT in ${config.ENV_FILE}`)
  })
  const address = `${config.HOST}:${bound.port}`

  const live = createLive()
  const upstream = createUpstream({ baseUrl: config.SESSION_MANAGER_BASE_URL, token: config.SESSION_MANAGER_TOKEN, envFile: config.ENV_FILE })
  let session: Status | Problem | undefined
  let follower: Follower | undefined
  const tellStatus = (): void => {
    if (follower) notify.status(inPlainWords(address, follower.state(), session, upstream.baseUrl))
  }
  live.onSession((now) => {
    session = now
    tellStatus()
  })

  let storeAnswered = Date.now()
  const ping = async (): Promise<void> => {
    await sql`select 1`.execute(db)
    storeAnswered = Date.now()
  }
  const ready = async (): Promise<Readiness> => {
    const { verified, following, fault, account, seq, lastSeq } = (follower as Follower).state()
    const store = await ping().then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)))
    const wired = `session-manager of account ${account ?? '?'} answers at ${upstream.baseUrl}`
    const checks = [
      { name: 'store', ok: store === undefined, detail: store === undefined ? `open in ${config.STATE_DIR}` : `the store in ${config.STATE_DIR} does not answer: ${store}` },
      { name: 'session-manager', ok: verified, detail: verified ? wired : (fault ?? `asking ${upstream.baseUrl} who it is`) },
      { name: 'following', ok: following, detail: following ? `record ${seq} of ${lastSeq} taken` : (fault ?? 'the stream of the journal is not open yet') }
    ]
    return { ready: checks.every(({ ok }) => ok), checks }
  }

  addHealthRoutes({
    http, ready,
    health: () => ({ status: 'ok', service, timestamp: new Date().toISOString(), version, pid: process.pid, uptime_s: process.uptime() }),
    metrics: () => metrics.registry.metrics()
  })
  addWhatsappRoutes({ http, upstream })
  addLeadRoutes({ http, db, onChanged: live.changed })
  addMessageRoutes({ http, db })
  addEventRoutes({ http, db, live, upstream })
  access.addRoutes(http)
  addConsole(http, access)

  follower = createFollower({
    upstream, log,
    ingest: createIngest({ db, onTaken: live.changed }),
    cursor: (account) => readCursor(db, account),
    onSession: live.session,
    onChange: tellStatus,
    checkIntervalMs: config.UPSTREAM_CHECK_INTERVAL,
    maxDelayMs: config.UPSTREAM_MAX_DELAY
  })
  const timers = [
    setInterval(() => void ping().catch((error: unknown) => log.error({ event: 'store_silent', err: error }, 'the store does not answer')), pingMs),
    setInterval(() => void pruneEvents(db).catch((error: unknown) => log.warn({ event: 'prune_failed', err: error }, 'old events were not dropped; tried again in an hour')), pruneMs)
  ]
  lifecycle.onStop('stop following session-manager', async () => {
    for (const timer of timers) clearInterval(timer)
    await follower?.stop()
  })
  lifecycle.onStop('close the HTTP server', () => http.close(drainMs))

  const gauge = (name: string, help: string, read: () => number): unknown =>
    new Gauge({ name, help, registers: [metrics.registry], collect() { this.set(read()) } })
  gauge('follow_seq', "the last record of session-manager's journal that was taken", () => follower?.state().seq ?? 0)
  gauge('follow_lag', "records of session-manager's journal still to be taken, as far as is known", () => Math.max(0, (follower?.state().lastSeq ?? 0) - (follower?.state().seq ?? 0)))
  gauge('upstream_verified', '1 while what answers at SESSION_MANAGER_BASE_URL is a session-manager that takes our token', () => Number(follower?.state().verified === true))

  log.info({ event: 'listening', address }, `listening on ${address}`)
  notify.ready(inPlainWords(address, follower.state(), session, upstream.baseUrl))
  notify.watchdog(() => Date.now() - storeAnswered < silentStoreMs)
}

await start(service, readConfig, main)

import type { CountryCode } from 'libphonenumber-js'
import type { Account } from '../../../src/central-hub/follow/accounts.ts'
import { addAlarmRoutes } from '../../../src/central-hub/api/alarms.ts'
import { addAuditRoutes } from '../../../src/central-hub/api/audit.ts'
import { addBundleRoute } from '../../../src/central-hub/api/bundle.ts'
import { Callers } from '../../../src/central-hub/api/callers.ts'
import { addDeletionRoutes } from '../../../src/central-hub/api/deletions.ts'
import { addDocs } from '../../../src/central-hub/api/docs/docs.ts'
import { addEventRoutes } from '../../../src/central-hub/api/events.ts'
import { addExportRoutes } from '../../../src/central-hub/api/exports.ts'
import { addImportRoutes } from '../../../src/central-hub/api/imports.ts'
import { addMessageImportRoute } from '../../../src/central-hub/api/message-import.ts'
import { addLeadRoutes } from '../../../src/central-hub/api/leads.ts'
import { addMediaRoutes } from '../../../src/central-hub/api/media.ts'
import { addHealthRoutes } from '../../../src/central-hub/api/health.ts'
import { MediaUrls } from '../../../src/central-hub/api/media-urls.ts'
import { addMessageRoutes } from '../../../src/central-hub/api/messages.ts'
import { addOpenApi, createOpenApi } from '../../../src/central-hub/api/openapi.ts'
import { createServe } from '../../../src/central-hub/api/serve.ts'
import { addSignIn } from '../../../src/central-hub/api/sign-in.ts'
import { SignInThrottle } from '../../../src/central-hub/api/sign-in-throttle.ts'
import { addStatsRoutes } from '../../../src/central-hub/api/stats.ts'
import { addTeamRoutes } from '../../../src/central-hub/api/team.ts'
import { addWebhookRoutes } from '../../../src/central-hub/api/webhooks.ts'
import { addWhatsappRoutes } from '../../../src/central-hub/api/whatsapp.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { ChangeNotifier } from '../../../src/central-hub/store/outbox/change-notifier.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { createUpstream } from '../../../src/central-hub/follow/upstream.ts'
import { SsrfGuard } from '../../../src/central-hub/webhooks/guard.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import { apiToken, token } from '../../end-to-end/daemon.ts'
import { logLines } from '../../platform/log-lines.ts'
import { serve } from '../../platform/http/http-server.ts'
import type { Scope } from '../../platform/scope.ts'
import { ownPlace } from '../store/place.ts'

/** The hub's routes over a store of their own, without a follower. */
export interface Api {
  url: string
  port: number
  db: Db
  /** Those that are there, such as `GET /api/leads/:id`. */
  routes: string[]
  /** The store's id, which its event ids begin with. */
  storeId: string
  live: ChangeNotifier
  callers: Callers
  lines: ReturnType<typeof logLines>
  take(...records: InboundRecord[]): Promise<void>
  /** A request with the token; `body` is sent as JSON, `text` as it is. */
  ask<T>(
    path: string,
    init?: { method?: string; body?: unknown; text?: string; headers?: Record<string, string> }
  ): Promise<{ status: number; headers: Headers; body: T }>
}

export const bearer = { authorization: `Bearer ${apiToken}` }

export interface ApiOptions {
  sessionManager?: string
  directory?: string
  corsOrigins?: string[]
  /** HUB_API_TOKEN, another one than usual. */
  token?: string
  country?: CountryCode
  /** What slows down who guesses passwords, with a clock of the test's own. */
  throttle?: SignInThrottle
  /** Whose session-manager is followed; null: it is not known yet. */
  account?: string | null
}

export const serveApi = async (t: Scope, options: ApiOptions = {}): Promise<Api> => {
  const store = await openStore(options.directory ?? (await ownPlace(t)))
  t.teardown(() => store.close())
  const { db } = store
  const live = new ChangeNotifier()
  const lines = logLines()
  const callers = new Callers({
    db,
    token: options.token ?? apiToken,
    envFile: '/etc/leadmaster/central-hub.env',
    log: lines.log,
    checkMs: 100
  })
  const { access, onRevoked } = callers
  const upstream = createUpstream({
    baseUrl: options.sessionManager ?? 'http://127.0.0.1:9',
    token,
    envFile: '/etc/leadmaster/central-hub.env'
  })
  const account = options.account === undefined ? 'main' : options.account
  const follower = {
    state: () => ({
      verified: true,
      following: true,
      ...(account === null ? {} : { account }),
      seq: 0,
      lastSeq: 0
    }),
    stop: async () => undefined
  }
  const accounts: Account[] = [{ upstream, follower, session: () => undefined }]
  const { url, port, http } = await serve(
    t,
    (http) => {
      const handle = createServe({ http, db })
      const country = options.country ?? ''
      addLeadRoutes({ serve: handle, db, country, accounts, onChanged: live.notifyChanged })
      addDeletionRoutes({
        serve: handle,
        store,
        accounts,
        onChanged: live.notifyChanged,
        log: lines.log
      })
      addImportRoutes({ serve: handle, db, country, onChanged: live.notifyChanged })
      addExportRoutes({ serve: handle, db, country })
      addMessageImportRoute({ serve: handle, db, country, accounts, onChanged: live.notifyChanged })
      addBundleRoute({ serve: handle, db, accounts })
      addStatsRoutes({ serve: handle, db })
      addMessageRoutes({ serve: handle, db })
      addMediaRoutes({
        serve: handle,
        db,
        accounts,
        urls: new MediaUrls(db, options.token ?? apiToken)
      })
      addEventRoutes({ http, store, live, accounts })
      addWebhookRoutes({
        serve: handle,
        db,
        guard: new SsrfGuard({
          allowed: ['127.0.0.0/8'],
          envFile: '/etc/leadmaster/central-hub.env',
          resolve: async () => ['127.0.0.1']
        }),
        onChanged: live.notifyChanged
      })
      addWhatsappRoutes({ http, db, accounts })
      const throttle = options.throttle ?? new SignInThrottle()
      addSignIn({ http, access, db, throttle })
      addTeamRoutes({ serve: handle, db, throttle, onRevoked })
      addAlarmRoutes({ serve: handle, db })
      addAuditRoutes({ serve: handle, db })
      callers.endBy(http)
      const document = () => createOpenApi('1.2.3')
      addOpenApi({ serve: handle, document })
      addDocs({ http, access, document })
      addHealthRoutes({
        http,
        health: () => ({
          status: 'ok',
          service: 'central-hub',
          timestamp: new Date().toISOString(),
          version: '1.2.3',
          pid: process.pid,
          uptime_s: 1.5
        }),
        ready: async () => ({
          ready: false,
          checks: [{ name: 'store', ok: false, detail: 'a test' }]
        }),
        metrics: async () => 'up 1\n'
      })
    },
    { authorize: access.authorize, permit: access.permit, corsOrigins: options.corsOrigins ?? [] }
  )
  const ingest = createIngest({ db, onTaken: live.notifyChanged })
  return {
    url,
    port,
    db,
    live,
    callers,
    lines,
    routes: http.routes(),
    storeId: store.id,
    take: (...records) => ingest.take('main', 'j', records),
    ask: async <T>(
      path: string,
      init: {
        method?: string
        body?: unknown
        text?: string
        headers?: Record<string, string>
      } = {}
    ) => {
      const { method = 'GET', body, text: asIs, headers } = init
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...bearer,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers
        },
        ...(asIs !== undefined
          ? { body: asIs }
          : body === undefined
            ? {}
            : { body: JSON.stringify(body) })
      })
      const text = await answer.text()
      return {
        status: answer.status,
        headers: answer.headers,
        body: (text === '' ? undefined : JSON.parse(text)) as T
      }
    }
  }
}

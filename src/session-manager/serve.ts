import { bearerCheck } from '../platform/http/auth.ts'
import { PlainError } from '../platform/harmless.ts'
import { createHttp, type Http } from '../platform/http/http.ts'
import { ProblemError } from '../platform/http/problem.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Platform } from '../platform/start.ts'
import type { AccountOwner } from './cluster/account-owner.ts'
import { directoriesIn, type Config } from './config.ts'
import { addRoutes } from './http/routes.ts'
import { addMediaRoute } from './http/serve-media.ts'
import type { Eraser } from './journal/eraser.ts'
import type { Journal } from './journal/journal.ts'
import type { Remapping } from './remapping.ts'
import type { Connection } from './session/connection.ts'
import type { StatusChanges, StatusReader } from './status.ts'

interface ServeOptions {
  /** The name of the daemon. */
  service: string
  platform: Pick<Platform<Config>, 'config' | 'log' | 'version'>
  metrics: Metrics
  journal: Journal
  eraser: Eraser
  remapping: Remapping
  connection: Connection
  accountOwner: AccountOwner | undefined
  status: StatusReader
  changes: StatusChanges
}

/** Serves HTTP. @returns the server and its port */
export const serve = async (options: ServeOptions): Promise<{ http: Http; port: number }> => {
  const { config, log } = options.platform
  const hasToken = bearerCheck(config.SESSION_MANAGER_TOKEN)
  const http = createHttp({
    log,
    metrics: options.metrics,
    allowedHosts: config.ALLOWED_HOSTS,
    authorize: (req) => {
      if (req.path !== '/health' && !hasToken(req))
        throw new ProblemError(
          'unauthorized',
          'send Authorization: Bearer with SESSION_MANAGER_TOKEN'
        )
    }
  })
  addAllRoutes(http, options)
  const { port } = await http
    .listen(config.HOST, config.PORT)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error
      throw new PlainError(
        `HOST=${config.HOST} PORT=${config.PORT} is taken by another program: end it, ` +
          'or change PORT in session-manager.env and SESSION_MANAGER_BASE_URL in central-hub.env'
      )
    })
  return { http, port }
}

const addAllRoutes = (http: Http, options: ServeOptions): void => {
  const { platform, service, journal, eraser, remapping, connection, status, changes } = options
  const { config, version } = platform
  addRoutes({
    http,
    journal,
    status: () => status.read(),
    health: () => ({
      status: 'ok',
      service,
      timestamp: new Date().toISOString(),
      version,
      account: config.ACCOUNT,
      pid: process.pid,
      uptime_s: process.uptime()
    }),
    session: () => connection.session(),
    connect: () => {
      journal.setMark('off_since', undefined)
      connection.connect()
    },
    disconnect: (logout) => disconnect(options, logout),
    pairingCode: (phone) => connection.pairingCode(phone),
    pageReport: () => connection.pageReport(),
    passkey: connection.passkey,
    erase: (chatIds, messageIds, more) => eraser.erase(chatIds, messageIds, more),
    remap: (after, isTrial) => remapping.remap(after, isTrial),
    onStatus: (onChange) => changes.subscribe(onChange),
    metrics: () => options.metrics.text()
  })
  addMediaRoute({ http, directory: directoriesIn(config.STATE_DIR).media })
}

/** Turns the session off, also over restarts. */
const disconnect = async (
  { journal, connection, accountOwner }: ServeOptions,
  logout: boolean
): Promise<boolean> => {
  journal.setMark('off_since', journal.mark('off_since') ?? Date.now())
  const isUnlinked = await connection.disconnect(logout)
  if (!logout) void accountOwner?.closed()
  return isUnlinked
}

import { PlainError } from '../platform/harmless.ts'
import { createHttp, type Http } from '../platform/http/http.ts'
import type { Log } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Access } from './api/access.ts'
import type { Config } from './config.ts'

/** The operator page loads everything from the hub itself. */
const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  mediaSrc: ["'self'"],
  manifestSrc: ["'self'"],
  workerSrc: ["'self'"],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"]
}

export const createHttpServer = (
  config: Config,
  { access, metrics, log }: { access: Access; metrics: Metrics; log: Log }
): Http =>
  createHttp({
    log,
    metrics,
    allowedHosts: config.ALLOWED_HOSTS,
    corsOrigins: config.CORS_ORIGINS,
    rateLimit: config.RATE_LIMIT,
    authorize: access.authorize,
    permit: access.permit,
    contentSecurityPolicy
  })

/** @returns the address that it listens on, HOST:PORT */
export const listen = async (
  http: Http,
  { HOST, PORT, ENV_FILE }: Pick<Config, 'HOST' | 'PORT' | 'ENV_FILE'>
): Promise<string> => {
  const { port } = await http.listen(HOST, PORT).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new PlainError(
      `HOST=${HOST} PORT=${PORT} is taken by another program: ` +
        `end it, or change PORT in ${ENV_FILE}`
    )
  })
  return `${HOST}:${port}`
}

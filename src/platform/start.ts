import { existsSync, readFileSync } from 'node:fs'
import { watchClock } from './clock.ts'
import { describeStartError } from './describe-error.ts'
import {
  EnvironmentError,
  masked,
  processEnv,
  systemdEnv,
  withCredentials,
  type Source
} from './env.ts'
import { reasonOf } from './harmless.ts'
import { Lifecycle } from './lifecycle.ts'
import { createLog, type Log } from './log.ts'
import { createNotify, type Notify } from './notify.ts'
import { nameProcess } from './process-name.ts'
import { Reserve } from './reserve.ts'

/** What every daemon gets once its environment is accepted. */
export interface Platform<C> {
  config: C
  log: Log
  notify: Notify
  lifecycle: Lifecycle
  version: string
}

/**
 * sysexits.h: the configuration is wrong. systemd must not restart on it:
 * RestartPreventExitStatus=78.
 */
const EX_CONFIG = 78

/** How often the reserve is checked, ms. */
const reserveMs = 600_000

/**
 * Keeps room in the state directory for a start on a full disk. A service without that directory
 * keeps none.
 */
const keepReserve = (directory: string, log: Log): void => {
  const reserve = new Reserve(directory)
  const fill = (): void => {
    try {
      if (existsSync(directory)) reserve.fill()
    } catch (error) {
      log.warn(
        { event: 'reserve_failed', err: error },
        `no room could be reserved in ${directory}: on a full disk the service may not start`
      )
    }
  }
  fill()
  setInterval(fill, reserveMs).unref()
}

/**
 * Starts a daemon: first its environment, then `main`. A bad environment ends the process with 78
 * and one message that names every error. An error of `main` ends it with 1.
 */
export const start = async <
  C extends { LOG_LEVEL: string; SHUTDOWN_TIMEOUT: number; STATE_DIR?: string }
>(
  service: string,
  readConfig: (source: Source) => C,
  main: (platform: Platform<C>) => Promise<void>
): Promise<void> => {
  nameProcess(service)
  const { notifySocket, underJournal } = systemdEnv()
  const notify = createNotify(notifySocket)
  let config: C
  try {
    config = readConfig(withCredentials(processEnv))
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    const message = `${service} cannot start: ${reasonOf(error)}`
    createLog({ service, level: 'info', underJournal }).fatal(
      { event: 'environment_refused', faults: error.faults },
      message
    )
    notify.status(message)
    process.exit(EX_CONFIG)
  }
  const log = createLog({ service, level: config.LOG_LEVEL, underJournal })
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  ) as { version: string }
  log.info(
    { event: 'starting', version, node: process.version, config: masked(config) },
    `${service} ${version} is starting`
  )
  watchClock({ log })
  const lifecycle = new Lifecycle({ log, notify, timeoutMs: config.SHUTDOWN_TIMEOUT })
  try {
    await main({ config, log, notify, lifecycle, version })
    if (config.STATE_DIR !== undefined) keepReserve(config.STATE_DIR, log)
  } catch (error) {
    const words = `${service} cannot start: ${describeStartError(error, config.STATE_DIR)}`
    log.fatal({ event: 'start_failed', err: error }, words)
    await lifecycle.stop('start failed', 1, words)
  }
}

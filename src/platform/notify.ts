import { createRequire } from 'node:module'
import { withoutIds } from './harmless.ts'

/** The only place that knows sd-notify. Without NOTIFY_SOCKET every call does nothing. */
export interface Notify {
  /** READY=1 and its STATUS=: the unit is started. */
  ready(status: string): void
  /** What `systemctl status` shows, in plain words. No secret, phone number or message text. */
  status(text: string): void
  /** STOPPING=1. */
  stopping(status: string): void
  /**
   * WATCHDOG=1 at a third of WATCHDOG_USEC for as long as `healthy` says so (sd_watchdog_enabled(3)
   * advises half or less). An unhealthy daemon falls silent: systemd kills it by SIGABRT, so none
   * of its steps of a stop runs, and starts it again.
   */
  watchdog(healthy: () => boolean): void
  /**
   * Called before work that keeps this process from everything else, also from WATCHDOG=1, for at
   * most `ms`. The watchdog then waits that long, by WATCHDOG_USEC= of sd_notify(3).
   * @returns what to call when the work is done
   */
  busy(ms: number): () => void
  /**
   * Called while a start takes longer than the unit's TimeoutStartSec=. systemd waits at least this
   * long from now, ms, by EXTEND_TIMEOUT_USEC= of sd_notify(3). Call it again before that time.
   */
  extend(ms: number): void
  close(): void
}

interface SdNotify {
  ready(): void
  stopping(pid: number): void
  watchdog(): void
  watchdogInterval(): number
  sendState(state: string): void
}

const silent: Notify = {
  ready: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
  watchdog: () => undefined,
  busy: () => () => undefined,
  extend: () => undefined,
  close: () => undefined
}

/**
 * @param socket NOTIFY_SOCKET; libsystemd reads the variable itself, so it must be the process's
 * own
 */
export const createNotify = (socket: string | undefined): Notify => {
  if (socket === undefined) return silent
  const sd = createRequire(import.meta.url)('sd-notify') as SdNotify
  let timer: NodeJS.Timeout | undefined
  let last = ''
  const status = (text: string): void => {
    if (text === last) return
    last = text
    // a newline would start another assignment, sd_notify(3)
    sd.sendState(`STATUS=${withoutIds(text).replace(/\s+/g, ' ')}`)
  }
  return {
    status,
    ready: (text) => {
      status(text)
      sd.ready()
    },
    stopping: (text) => {
      sd.stopping(process.pid)
      status(text)
    },
    watchdog: (healthy) => {
      const interval = sd.watchdogInterval()
      if (interval === 0 || timer) return
      timer = setInterval(() => healthy() && sd.watchdog(), interval / 3)
    },
    busy: (ms) => {
      const usual = sd.watchdogInterval()
      if (usual === 0 || ms <= usual) return () => undefined
      const wait = (most: number): void => sd.sendState(`WATCHDOG_USEC=${Math.round(most * 1_000)}`)
      wait(ms)
      return () => wait(usual)
    },
    extend: (ms) => sd.sendState(`EXTEND_TIMEOUT_USEC=${Math.round(ms * 1_000)}`),
    close: () => clearInterval(timer)
  }
}

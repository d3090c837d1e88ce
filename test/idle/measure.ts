import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeOptions, type Service } from '../../scripts/unit-options.ts'
import { cpuMs } from '../lab/processes.ts'
import {
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import { startWhatsAppWeb } from '../whatsapp-web/server.ts'

/**
 * What both daemons use while nothing happens: linked to a simulated WhatsApp, the hub following,
 * nobody asking.
 */

export interface Idle {
  service: Service
  seconds: number
  cpuMs: number
  /** Of one core, in percent. */
  cpuPercent: number
  /** How often one of its threads was woken, a second. */
  wakeupsPerSecond: number
}

/** What an idle daemon may use at most. */
export const limits = { cpuPercent: 0.2, wakeupsPerSecond: 5 }

export interface IdleOptions {
  seconds: number
  /** A directory of its own. */
  directory: string
  /**
   * Built programs, with the options that the units give to Node; by default the sources are run.
   */
  dist?: string
}

/**
 * How often the threads of a process gave way to wait, and so had to be woken: proc_pid_status(5).
 * Of a thread that ended meanwhile nothing is known.
 */
const wakeups = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1])
  }, 0)

/** As on a server: what tests hasten is left at its default. */
const asDeployed = ({
  PROBE_INTERVAL: _probe,
  BACKFILL_INTERVAL: _backfill,
  RECONNECT_MIN_DELAY: _min,
  RECONNECT_MAX_DELAY: _max,
  UPSTREAM_CHECK_INTERVAL: _check,
  UPSTREAM_MAX_DELAY: _delay,
  ...env
}: Record<string, string>): Record<string, string> => ({
  ...env,
  NODE_ENV: 'production',
  LOG_LEVEL: 'info'
})

/** Both daemons until they are idle, and what undoes it. */
const startBoth = async ({
  directory,
  dist
}: IdleOptions): Promise<{ daemons: Record<Service, Daemon>; end: () => Promise<void> }> => {
  const ends: (() => unknown)[] = []
  const end = async (): Promise<void> => {
    for (const each of ends.reverse()) await each()
  }
  const start = (service: Service, env: Record<string, string>): Daemon => {
    const main =
      dist === undefined
        ? undefined
        : [...nodeOptions(join(dist, '..'), service), join(dist, service, 'main.js')]
    const daemon = startDaemon(service, asDeployed(env), main)
    ends.push(() => daemon.end())
    return daemon
  }
  try {
    const web = await startWhatsAppWeb({
      directory: join(directory, 'whatsapp'),
      scenario: { syncStepMs: 400 }
    })
    ends.push(() => web.close())
    const manager = start(
      'session-manager',
      sessionManagerEnv({
        port: await freePort(),
        stateDir: join(directory, 'session-manager'),
        chromiumPath: web.chromiumPath
      })
    )
    await manager.seen('listening')
    const hub = start(
      'central-hub',
      centralHubEnv({
        port: await freePort(),
        stateDir: join(directory, 'hub'),
        sessionManager: manager.url
      })
    )
    await hub.seen('following')
    await web.scan()
    await manager.seen('session', (line) => line['status'] === 'READY', 60_000)
    return { daemons: { 'session-manager': manager, 'central-hub': hub }, end }
  } catch (error) {
    await end()
    throw error
  }
}

/** @param settleMs until what a start leaves to do is done */
export const measureIdle = async (options: IdleOptions, settleMs = 10_000): Promise<Idle[]> => {
  const { daemons, end } = await startBoth(options)
  try {
    await delay(settleMs)
    const services = Object.entries(daemons) as [Service, Daemon][]
    const before = services.map(([, { pid }]) => ({
      cpu: cpuMs(pid),
      woken: wakeups(pid),
      at: performance.now()
    }))
    await delay(options.seconds * 1_000)
    return services.map(([service, { pid }], index) => {
      const { cpu, woken, at } = before[index] as (typeof before)[number]
      const seconds = (performance.now() - at) / 1_000
      const used = cpuMs(pid) - cpu
      return {
        service,
        seconds,
        cpuMs: used,
        cpuPercent: used / seconds / 10,
        wakeupsPerSecond: (wakeups(pid) - woken) / seconds
      }
    })
  } finally {
    await end()
  }
}

export const inWords = ({
  service,
  seconds,
  cpuMs: used,
  cpuPercent,
  wakeupsPerSecond
}: Idle): string =>
  `${service}: ${(used / 1_000).toFixed(2)} s of CPU in ${seconds.toFixed(0)} s (${cpuPercent.toFixed(3)} % of a core), ${wakeupsPerSecond.toFixed(2)} wake-ups a second`

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nodeOptions, type Service } from '../../scripts/unit-options.ts'
import {
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import type { Bench } from './row.ts'

/** What is measured, and what it is held against, as processes of their own. */

/** As on a server, where what tests hasten is left at its default. */
const production = { NODE_ENV: 'production', LOG_LEVEL: 'info' }

/** What Node is to run for a daemon, with the options that its unit gives. */
export const built = (bench: Bench, service: Service): string[] => [
  ...nodeOptions(join(bench.dist, '..'), service),
  ...(bench.profiles === undefined
    ? []
    : [
        '--cpu-prof',
        '--cpu-prof-interval=500',
        `--cpu-prof-dir=${bench.profiles}`,
        `--cpu-prof-name=${service}-${Date.now()}.cpuprofile`
      ]),
  join(bench.dist, service, 'main.js')
]

const listening = async (bench: Bench, daemon: Daemon): Promise<Daemon> => {
  bench.onEnd(() => daemon.end())
  await daemon.seen('listening')
  return daemon
}

/**
 * The real session-manager; without a `chromiumPath` it has no browser, tries once, and only serves
 * its journal.
 */
export const startSessionManager = async (
  bench: Bench,
  options: { stateDir: string; chromiumPath?: string; env?: Record<string, string> }
): Promise<Daemon> => {
  const {
    PROBE_INTERVAL: _probe,
    BACKFILL_INTERVAL: _interval,
    ...env
  } = sessionManagerEnv({
    port: await freePort(),
    stateDir: options.stateDir,
    chromiumPath: options.chromiumPath ?? '/bin/false'
  })
  const idle =
    options.chromiumPath === undefined
      ? { RECONNECT_MIN_DELAY: '10m', RECONNECT_MAX_DELAY: '1d' }
      : {}
  return listening(
    bench,
    startDaemon(
      'session-manager',
      { ...env, ...production, ...idle, ...options.env },
      built(bench, 'session-manager')
    )
  )
}

/** The real hub, all middleware on; its rate limit is one that the load does not reach. */
export const startHub = async (
  bench: Bench,
  options: { stateDir: string; sessionManager: string; env?: Record<string, string> }
): Promise<Daemon> => {
  const { UPSTREAM_CHECK_INTERVAL: _check, ...env } = centralHubEnv({
    port: await freePort(),
    ...options
  })
  const more = { RATE_LIMIT: '1000000', CORS_ORIGINS: 'https://crm.example.com' }
  return listening(
    bench,
    startDaemon(
      'central-hub',
      { ...env, ...production, ...more, ...options.env },
      built(bench, 'central-hub')
    )
  )
}

/** A program of peers/: it serves HTTP. */
export interface Peer {
  url: string
  pid: number
  end(): Promise<void>
}

/**
 * @param config given to the program as JSON, its only argument; it prints `{"port":…}` once it
 * serves
 */
export const startPeer = async (
  bench: Bench,
  program: string,
  config: Record<string, unknown>
): Promise<Peer> => {
  const child = spawn(process.execPath, [join(bench.peers, program), JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: '/usr/bin:/bin',
      HOME: bench.directory,
      TMPDIR: bench.directory,
      NODE_ENV: 'production'
    }
  })
  const ended = once(child, 'close')
  const end = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  bench.onEnd(end)
  const lines = createInterface(child.stdout)
  const [first] = (await Promise.race([
    once(lines, 'line'),
    ended.then(() => Promise.reject(new Error(`${program} ended before it served`)))
  ])) as [string]
  return {
    url: `http://127.0.0.1:${(JSON.parse(first) as { port: number }).port}`,
    pid: child.pid as number,
    end
  }
}

import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { withExactly } from '../platform/exact-env.ts'
import { coverageEnv, programOf } from '../programs.ts'

/**
 * The real daemons as processes of a test's own, driven by their environment and watched by their
 * log.
 */

export interface Line {
  level: string
  service: string
  event?: string
  msg: string
  [key: string]: unknown
}

export interface Daemon {
  pid: number
  /** Where it listens. */
  url: string
  lines: readonly Line[]
  /**
   * The first line, past or to come, that fits; rejects after `ms`, or when the daemon ends first.
   */
  seen(event: string, fits?: (line: Line) => boolean, ms?: number): Promise<Line>
  /** Sends a signal; resolves with how the daemon ended. */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** How it ended, once it has. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export const token = 'a-token-for-tests-0123456789-abcdefgh'
export const apiToken = 'an-api-token-for-tests-0123456789-abc'

/** A port nobody listened on a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Starts a daemon with exactly this environment (what Node needs for coverage apart).
 * @param main what Node runs: its options, and the daemon's program
 */
export const startDaemon = (
  service: 'session-manager' | 'central-hub',
  env: Record<string, string>,
  main?: readonly string[]
): Daemon => {
  const [program, args] = withExactly(
    { PATH: '/usr/bin:/bin', ...coverageEnv, ...env },
    process.execPath,
    ...(main ?? [programOf(service)])
  )
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: Line[] = []
  const news = new EventEmitter().setMaxListeners(0)
  const take = (text: string): void => {
    const line = text.startsWith('{')
      ? (JSON.parse(text) as Line)
      : { level: 'raw', service, msg: text }
    lines.push(line)
    news.emit('line', line)
  }
  createInterface(child.stdout).on('line', take)
  createInterface(child.stderr).on('line', take)
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal }))
  )
  void ended.then(() => news.emit('end'))
  return {
    pid: child.pid as number,
    url: `http://127.0.0.1:${env['PORT']}`,
    lines,
    ended,
    seen: (event, fits = () => true, ms = 30_000) =>
      new Promise((resolve, reject) => {
        const wanted = (line: Line): boolean => line.event === event && fits(line)
        const past = lines.find(wanted)
        if (past) return resolve(past)
        const settle = (finish: () => void): void => {
          clearTimeout(late)
          news.off('line', onLine).off('end', onEnd)
          finish()
        }
        const onLine = (line: Line): void => {
          if (wanted(line)) settle(() => resolve(line))
        }
        const fail = (why: string): void =>
          settle(() =>
            reject(
              new Error(
                `${service}: ${why} before "${event}"; last lines:\n${lines
                  .slice(-15)
                  .map((line) => JSON.stringify(line))
                  .join('\n')}`
              )
            )
          )
        const onEnd = (): void => fail('ended')
        const late = setTimeout(() => fail(`${ms} ms passed`), ms)
        news.on('line', onLine).on('end', onEnd)
      }),
    end: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended
    }
  }
}

export const sessionManagerEnv = (options: {
  port: number
  stateDir: string
  chromiumPath: string
}): Record<string, string> => ({
  NODE_ENV: 'test',
  LOG_LEVEL: 'debug',
  HOST: '127.0.0.1',
  PORT: String(options.port),
  SESSION_MANAGER_TOKEN: token,
  ACCOUNT: 'main',
  STATE_DIR: options.stateDir,
  CHROMIUM_PATH: options.chromiumPath,
  PROBE_INTERVAL: '500ms',
  RECONNECT_MIN_DELAY: '100ms',
  RECONNECT_MAX_DELAY: '2s',
  BACKFILL_INTERVAL: '5s',
  BACKFILL_OVERLAP: '15m'
})

export const centralHubEnv = (options: {
  port: number
  stateDir: string
  sessionManager: string
}): Record<string, string> => ({
  NODE_ENV: 'test',
  LOG_LEVEL: 'debug',
  HOST: '127.0.0.1',
  PORT: String(options.port),
  SESSION_MANAGER_BASE_URL: options.sessionManager,
  SESSION_MANAGER_TOKEN: token,
  HUB_API_TOKEN: apiToken,
  STATE_DIR: options.stateDir,
  UPSTREAM_CHECK_INTERVAL: '1s',
  UPSTREAM_MAX_DELAY: '500ms'
})

/** GET or POST with the token of the daemon asked; the body as JSON. */
export const ask = async <T>(
  url: string,
  bearer: string,
  init: RequestInit = {}
): Promise<{ status: number; body: T }> => {
  const answer = await fetch(url, {
    ...init,
    headers: { authorization: `Bearer ${bearer}`, ...init.headers }
  })
  return { status: answer.status, body: (await answer.json()) as T }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nodeOptions, type Service } from './unit-options.ts'

/**
 * Keeps what V8 makes of the services' code with a release: compiling it anew is a third of a start. It is no part of the
 * build, for it is another one each time. V8 takes it for exactly this Node with these options, and Node for this user.
 */

/** To listen, and to stop, ms. */
const patienceMs = 30_000
const token = 'x'.repeat(64)

/** Where dist/SERVICE/main.js looks for it. */
const placeOf = (release: string): string => join(release, 'node_modules/.cache/leadmaster/compiled')

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a service on an empty state, and stops it once it listens: as it ends, Node writes what was compiled. */
const startOnce = async (release: string, service: Service, directory: string, user: { uid: number; gid: number } | undefined): Promise<void> => {
  const common = { NODE_ENV: 'production', LOG_LEVEL: 'info', HOST: '127.0.0.1', PORT: String(await freePort()), SESSION_MANAGER_TOKEN: token, STATE_DIR: join(directory, service) }
  const env = {
    'session-manager': { ...common, ACCOUNT: 'none', CHROMIUM_PATH: '/bin/false' },
    'central-hub': { ...common, SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:9', HUB_API_TOKEN: token }
  }[service]
  const child = spawn(process.execPath, [...nodeOptions(release, service), join(release, 'dist', service, 'main.js')], {
    env, ...user, cwd: directory, stdio: ['ignore', 'pipe', 'ignore'], timeout: patienceMs, killSignal: 'SIGKILL'
  })
  createInterface(child.stdout).on('line', (line) => line.includes('"event":"listening"') && child.kill('SIGTERM'))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code !== 0) throw new Error(`${service} ended with ${signal ?? code}`)
}

/**
 * Makes it, unless it is there. Everything may read it, and only root write it.
 * @param user whom the services run as, unless it is who calls
 */
export const compileAhead = async (release: string, user?: { uid: number; gid: number }): Promise<void> => {
  const place = placeOf(release)
  if (existsSync(place)) return
  const state = mkdtempSync(join(tmpdir(), 'leadmaster-compile-'))
  mkdirSync(place, { recursive: true, mode: 0o755 })
  try {
    if (user) for (const path of [state, place]) chownSync(path, user.uid, user.gid)
    for (const service of ['session-manager', 'central-hub'] as const) await startOnce(release, service, state, user)
    if (user) for (const path of ['', ...readdirSync(place, { recursive: true, encoding: 'utf8' })]) chownSync(join(place, path), 0, 0)
  } catch (error) {
    rmSync(place, { recursive: true, force: true })
    throw error
  } finally {
    rmSync(state, { recursive: true, force: true })
  }
}

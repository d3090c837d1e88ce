import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Finding } from '../../../src/admin/doctor/finding.ts'
import { fillEnvFile, parseEnvFile } from '../../../src/platform/env-file.ts'
import { apiToken, freePort, startDaemon, token, type Daemon } from '../../end-to-end/daemon.ts'
import { withExactly } from '../../platform/exact-env.ts'
import { coverageEnv, programOf } from '../../programs.ts'
import { ownDirectory } from '../../platform/own-directory.ts'

/**
 * A run in the foreground as scripts/up makes it: env files in a home of its own, and both real
 * services.
 */
export interface Foreground {
  home: string
  /** (Re)writes the env files as they should be. */
  writeEnvFiles(): void
  /**
   * Starts both with what their files say now, unless they run with just that; one that is refused
   * or cannot listen stays away.
   */
  start(): Promise<void>
  stop(...which: Service[]): Promise<void>
  /**
   * Starts both by hand: with these arguments for Node, and nothing in the environment but what is
   * given.
   */
  startByHand(
    argumentsOf: (service: Service) => { args: string[]; env?: Record<string, string> }
  ): Promise<void>
  /** What doctor says, as JSON. */
  doctor(): Promise<{ ok: boolean; checks: Finding[]; output: string; code: number }>
  /** Runs a command by bash, as if pasted; what it printed. */
  shell(command: string): Promise<string>
}

const services = ['session-manager', 'central-hub'] as const
export type Service = (typeof services)[number]
const root = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Looks like Chromium to doctor, and shows session-manager nothing: it stays INIT, until its pipe
 * closes.
 */
export const fakeChromium = `#!/bin/sh
case "$*" in
  *--version*) echo 'Chromium 140.0.7339.80 built on Debian' ;;
  *--dump-dom*) echo '<html><head></head><body></body></html>' ;;
  *) exec /bin/cat <&3 >/dev/null ;;
esac
`

export const foreground = async (t: Test): Promise<Foreground> => {
  const home = ownDirectory(t)
  chmodSync(home, 0o750)
  const chromium = join(home, 'chromium')
  writeFileSync(chromium, fakeChromium, { mode: 0o755 })
  const ports = { 'session-manager': await freePort(), 'central-hub': await freePort() }
  const stateDir = (service: Service): string => join(home, 'real', service)
  const envFile = (service: Service): string => join(home, `${service}.env`)
  const daemons = new Map<Service, Daemon>()
  const startedWith = new Map<Service, Record<string, string>>()

  const write = (service: Service, values: Record<string, string>): void => {
    const template = readFileSync(join(root, 'deploy/env', `${service}.env`), 'utf8')
    writeFileSync(
      envFile(service),
      fillEnvFile(template, {
        SESSION_MANAGER_TOKEN: token,
        PORT: String(ports[service]),
        STATE_DIR: stateDir(service),
        ...values
      })
    )
    chmodSync(envFile(service), 0o640)
  }
  const writeEnvFiles = (): void => {
    write('session-manager', { CHROMIUM_PATH: chromium })
    write('central-hub', {
      SESSION_MANAGER_BASE_URL: `http://127.0.0.1:${ports['session-manager']}`,
      HUB_API_TOKEN: apiToken,
      ENV_FILE: envFile('central-hub'),
      UPSTREAM_MAX_DELAY: '100ms'
    })
    for (const service of services) {
      mkdirSync(stateDir(service), { recursive: true, mode: 0o700 })
      chmodSync(stateDir(service), 0o700)
    }
  }

  const stop = async (...which: Service[]): Promise<void> => {
    // killed, for a graceful stop waits for a Chromium that is none
    for (const service of which.length > 0 ? which : services) {
      await daemons.get(service)?.end('SIGKILL')
      daemons.delete(service)
    }
  }
  t.teardown(() => stop())
  const run = (
    env: Record<string, string>,
    ...command: string[]
  ): Promise<{ stdout: string; stderr: string; code: number }> => {
    const [program, args] = withExactly(
      { PATH: process.env['PATH'] ?? '', HOME: home, ...env },
      ...command
    )
    return promisify(execFile)(program, args, { cwd: home, timeout: 60_000 }).then(
      ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
      (error: { stdout: string; stderr: string; code: number }) => error
    )
  }
  return {
    home,
    writeEnvFiles,
    stop,
    start: async () => {
      for (const service of services) {
        let env: Record<string, string>
        try {
          // systemd passes on what has the name of a variable
          env = Object.fromEntries(
            Object.entries(parseEnvFile(readFileSync(envFile(service), 'utf8'))).filter(([name]) =>
              /^\w+$/.test(name)
            )
          )
        } catch {
          await stop(service)
          continue
        }
        if (daemons.has(service) && isDeepStrictEqual(startedWith.get(service), env)) continue
        await stop(service)
        const daemon = startDaemon(service, env)
        const listens = await Promise.race([
          daemon.seen('listening').then(
            () => true,
            () => false
          ),
          daemon.ended.then(() => false)
        ])
        if (!listens) {
          await daemon.end('SIGKILL')
          continue
        }
        daemons.set(service, daemon)
        startedWith.set(service, env)
      }
      // else the first look would find a hub that is still connecting
      if (daemons.size === services.length)
        await daemons
          .get('central-hub')
          ?.seen('following', () => true, 3_000)
          .catch(() => undefined)
    },
    startByHand: async (argumentsOf) => {
      await stop()
      for (const service of services) {
        const { args, env = {} } = argumentsOf(service)
        const daemon = startDaemon(service, env, args)
        daemons.set(service, daemon)
        await daemon.seen('listening')
      }
      await daemons.get('central-hub')?.seen('following', () => true, 10_000)
    },
    doctor: async () => {
      const { stdout, stderr, code } = await run(
        { LEADMASTER_HOME: home, ...coverageEnv },
        process.execPath,
        programOf('admin/doctor'),
        '--json'
      )
      if (!stdout.startsWith('{')) throw new Error(`doctor printed no JSON: ${stdout}${stderr}`)
      return { ...(JSON.parse(stdout) as { ok: boolean; checks: Finding[] }), output: stdout, code }
    },
    shell: async (command) => {
      const env = {
        ETC: home,
        MANAGER_STATE: stateDir('session-manager'),
        HUB_STATE: stateDir('central-hub'),
        MANAGER_PORT: String(ports['session-manager']),
        HUB_PORT: String(ports['central-hub'])
      }
      const { stdout, stderr, code } = await run(env, 'bash', '--norc', '-c', command)
      if (code !== 0) throw new Error(`${command}: ${code} ${stdout}${stderr}`)
      return stdout + stderr
    }
  }
}

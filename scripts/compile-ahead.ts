import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nodeOptions, type Service } from './unit-options.ts'

/**
 * Starts the programs of a release once, before anything depends on them. A release with a program
 * that does not load is refused while the previous release still runs. The compiled code of the
 * services is kept with the release, because compiling is a third of a start. It is not part of the
 * build: V8 accepts it only for exactly this Node with these options, and Node only for this user.
 */

/** The time for a service to listen and stop, or for a command to print its help, ms. */
const timeoutMs = 30_000
const token = 'x'.repeat(64)
/** How many characters of a program's last line are shown. */
const maxShown = 300

/** The directory of compiled code, where dist/SERVICE/main.js looks for it. */
const placeOf = (release: string): string =>
  join(release, 'node_modules/.cache/leadmaster/compiled')

/** The Node by which the units start the services. */
const nodeOf = (release: string): string => {
  const own = join(release, 'runtime/bin/node')
  return existsSync(own) ? own : process.execPath
}

interface User {
  uid: number
  gid: number
}

/** A program to try, and what it needs to run. */
interface Trial {
  name: string
  node: string
  options: readonly string[]
  main: string
  args: readonly string[]
  env: Record<string, string>
  /** It logs when it listens, and runs until it is stopped. */
  listens: boolean
}

/** Different ports that are free now. */
const freePorts = async (count: number): Promise<number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

const services = async (release: string, state: string): Promise<Trial[]> => {
  const [managerPort, hubPort] = await freePorts(2)
  const common = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    SESSION_MANAGER_TOKEN: token
  }
  const trial = (name: Service, port: number | undefined, env: Record<string, string>): Trial => ({
    name,
    node: nodeOf(release),
    options: nodeOptions(release, name),
    main: join(release, 'dist', name, 'main.js'),
    args: [],
    env: { ...common, PORT: String(port), STATE_DIR: join(state, name), ...env },
    listens: true
  })
  return [
    trial('session-manager', managerPort, { ACCOUNT: 'none', CHROMIUM_PATH: '/bin/false' }),
    trial('central-hub', hubPort, {
      SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:9',
      HUB_API_TOKEN: token
    })
  ]
}

/** The commands of a release. An old release does not have all of these. */
const commands = (release: string): Trial[] =>
  ['cli', 'doctor', 'backup', 'backup/restore', 'migrate']
    .map((name) => ({
      name,
      node: nodeOf(release),
      options: [],
      main: join(release, 'dist/admin', name, 'main.js'),
      args: ['--help'],
      env: {},
      listens: false
    }))
    .filter(({ main }) => existsSync(main))

/** The line that explains a program's end; empty when it printed nothing. */
const lastWords = (fatal: string | undefined, stderr: string): string => {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const thrown = lines.find((line) => /^(Uncaught )?\w*Error\b.*:/.test(line))
  return (fatal ?? thrown ?? lines.at(-1) ?? '').slice(0, maxShown)
}

/** @returns the message of a log line that is fatal */
const fatalOf = (line: string): string | undefined => {
  try {
    const said = JSON.parse(line) as { level?: string; msg?: string } | null
    return said?.level === 'fatal' ? said.msg : undefined
  } catch {
    return undefined // no line of the log
  }
}

const howItEnded = (
  code: number | null,
  signal: NodeJS.Signals | null,
  listened: boolean,
  isLate: boolean
): string => {
  if (isLate)
    return listened
      ? `does not stop within ${timeoutMs / 1_000} s`
      : `does not load within ${timeoutMs / 1_000} s`
  if (signal !== null) return `was ended by ${signal}`
  return code === 13
    ? 'waits for something that never comes (exit code 13)'
    : `ended with exit code ${code}`
}

/** @throws {Error} in plain words, when the program does not start or end as it should */
const tryProgram = async (
  { name, node, options, main, args, env, listens }: Trial,
  cwd: string,
  user: User | undefined
): Promise<void> => {
  const child = spawn(node, [...options, main, ...args], {
    env,
    ...user,
    cwd,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let isLate = false
  let listened = false
  let fatal: string | undefined
  let stderr = ''
  const late = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeoutMs)
  createInterface(child.stdout).on('line', (line) => {
    fatal ??= fatalOf(line)
    if (!listens || listened || !line.includes('"event":"listening"')) return
    listened = true
    child.kill('SIGTERM')
  })
  child.stderr.on('data', (part: Buffer) => (stderr = (stderr + String(part)).slice(0, 100_000)))
  const [code, signal] = (await once(child, 'close').finally(() => clearTimeout(late))) as [
    number | null,
    NodeJS.Signals | null
  ]
  if (code === 0 && listened === listens) return
  const words = lastWords(fatal, stderr)
  throw new Error(
    `${name} ${howItEnded(code, signal, listened, isLate)}${words === '' ? '' : `: ${words}`}`
  )
}

/**
 * Starts every program of a release: each service with an empty state until it listens, each
 * command for its help. Keeps the compiled code, unless the release has it. Every user may read
 * that, and only root may write it.
 * @param user of the services; undefined: the user of this process
 * @throws {Error} naming the programs that do not load, and why
 */
export const tryRelease = async (release: string, user?: User): Promise<void> => {
  const place = placeOf(release)
  const makesPlace = !existsSync(place)
  const state = mkdtempSync(join(tmpdir(), 'leadmaster-trial-'))
  try {
    if (makesPlace) mkdirSync(place, { recursive: true, mode: 0o755 })
    if (user)
      for (const path of makesPlace ? [state, place] : [state]) chownSync(path, user.uid, user.gid)
    const trials = [...(await services(release, state)), ...commands(release)]
    const ended = await Promise.allSettled(trials.map((trial) => tryProgram(trial, state, user)))
    const faults = ended.flatMap((end) =>
      end.status === 'rejected' ? [(end.reason as Error).message] : []
    )
    if (faults.length > 0) throw new Error(faults.join('; '))
    if (user && makesPlace)
      for (const path of ['', ...readdirSync(place, { recursive: true, encoding: 'utf8' })])
        chownSync(join(place, path), 0, 0)
  } catch (error) {
    if (makesPlace) rmSync(place, { recursive: true, force: true })
    throw error
  } finally {
    rmSync(state, { recursive: true, force: true })
  }
}

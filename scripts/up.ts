import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import pretty from 'pino-pretty'
import { readConfig as readCentralHub } from '../src/central-hub/config.ts'
import { fillEnvFile, parseEnvFile } from '../src/platform/env-file.ts'
import { EnvironmentError } from '../src/platform/env.ts'
import { readConfig as readSessionManager } from '../src/session-manager/config.ts'
import { nodeOptions, type Service } from './unit-options.ts'

/**
 * `scripts/up` after setup: the env files, then the simulation if asked for, session-manager,
 * central-hub, until told to stop.
 */

const root = resolve(import.meta.dirname, '..')
/** `web`: which WhatsApp Web is simulated. */
const [, , home = '', here = '', flag, , web] = process.argv
const simulated = flag === '--simulated'
const asRoot = process.getuid?.() === 0
/** Held by scripts/up, and by the services for as long as they run. */
const lock = 8
const EX_CONFIG = 78

const say = (text: string): void =>
  void process.stderr.write(`${text.replace(/^(?=.)/gm, 'up: ')}\n`)
/** A path as the caller may type it. */
const shown = (path: string): string => {
  const short = relative(here, path)
  return short.startsWith('..') ? path : `./${short}`
}

// --- the env files: made once from the templates; those of the kind not running are put aside,
// with its state ---
type Kind = 'real' | 'simulated'
const services = ['session-manager', 'central-hub'] as const
const kind: Kind = simulated ? 'simulated' : 'real'
const envFile = (service: Service): string => join(home, `${service}.env`)
const aside = (of: Kind, service: Service): string => join(home, of, `${service}.env`)
const stateDir = (service: Service): string => join(home, kind, service)

const switchKind = (): void => {
  const marker = join(home, 'kind')
  const before = existsSync(marker) ? (readFileSync(marker, 'utf8').trim() as Kind) : kind
  for (const each of ['real', 'simulated'])
    mkdirSync(join(home, each), { recursive: true, mode: 0o755 })
  // each step can be repeated: a run killed in between leaves nothing lost
  if (before !== kind)
    for (const service of services)
      if (existsSync(envFile(service))) renameSync(envFile(service), aside(before, service))
  writeFileSync(marker, `${kind}\n`)
  for (const service of services)
    if (!existsSync(envFile(service)) && existsSync(aside(kind, service)))
      renameSync(aside(kind, service), envFile(service))
}

const write = (service: Service, text: string): void => {
  const made = `${envFile(service)}.new`
  rmSync(made, { force: true })
  writeFileSync(made, text, { mode: 0o600, flag: 'wx' })
  if (asRoot)
    chownSync(made, 0, Number(execFileSync('id', ['-g', 'leadmaster'], { encoding: 'utf8' })))
  chmodSync(made, 0o640)
  renameSync(made, envFile(service))
}

const read = (service: Service): Record<string, string> | undefined =>
  existsSync(envFile(service)) ? parseEnvFile(readFileSync(envFile(service), 'utf8')) : undefined

const make = (service: Service, values: Record<string, string>): void => {
  const template = readFileSync(join(root, 'deploy/env', `${service}.env`), 'utf8')
  write(
    service,
    `# Made by scripts/up from deploy/env/${service}.env, and never overwritten. After a ` +
      `change start scripts/up anew.\n\n${fillEnvFile(template, values)}`
  )
  say(`made ${shown(envFile(service))} with fresh tokens`)
}

/** @param chromium the program that shows the simulated page */
const makeEnvFiles = (chromium: string | undefined): void => {
  if (!read('session-manager')) {
    make('session-manager', {
      SESSION_MANAGER_TOKEN:
        read('central-hub')?.['SESSION_MANAGER_TOKEN'] || randomBytes(32).toString('hex'),
      STATE_DIR: stateDir('session-manager'),
      ...(simulated ? { ACCOUNT: 'simulated' } : {})
    })
  }
  const manager = read('session-manager') ?? {}
  if (chromium !== undefined && manager['CHROMIUM_PATH'] !== chromium) {
    write(
      'session-manager',
      fillEnvFile(readFileSync(envFile('session-manager'), 'utf8'), { CHROMIUM_PATH: chromium })
    )
  }
  if (!read('central-hub')) {
    make('central-hub', {
      SESSION_MANAGER_BASE_URL: `http://${manager['HOST']}:${manager['PORT']}`,
      SESSION_MANAGER_TOKEN: manager['SESSION_MANAGER_TOKEN'] ?? '',
      HUB_API_TOKEN: randomBytes(32).toString('hex'),
      STATE_DIR: stateDir('central-hub'),
      ENV_FILE: envFile('central-hub')
    })
  }
}

/**
 * Both services refuse a bad environment themselves; here all faults of both are named before
 * anything starts.
 */
const check = <C>(
  service: Service,
  readConfig: (source: Record<string, string>) => C
): C | undefined => {
  try {
    return readConfig(read(service) ?? {})
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    for (const fault of error.faults) say(`${shown(envFile(service))}: ${fault}`)
    return undefined
  }
}

// --- the processes ---
interface Running {
  name: string
  child: ChildProcess
  stopTimeoutMs: number
  /** What it said when it listened. */
  listening?: Said
  /** The last thing it said that was fatal. */
  lastWords?: string
  ended: Promise<number>
}

interface Said {
  service?: string
  event?: string
  level?: string
  msg?: string
  linked_devices?: number
}

const running: Running[] = []
let stopping: NodeJS.Signals | undefined
let nextStep: (() => void) | undefined
const format = process.stdout.isTTY
  ? pretty.prettyFactory({
      colorize: true,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'service,event',
      messageFormat: '{service}  {msg}'
    })
  : undefined

/** Hands a line of a process on, and tells what it was. */
const show = (name: string, line: string): Said | undefined => {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null) {
      // the simulation does not say who it is
      const said: Said & object = { service: name, ...parsed }
      process.stdout.write(format ? format(said) : `${JSON.stringify(said)}\n`)
      return said
    }
  } catch {
    /* no JSON: shown below */
  }
  process.stderr.write(`${name}: ${line}\n`)
  return undefined
}

/**
 * Starts a program as the unprivileged user; resolves once it listens, or with its exit code when
 * it ends before.
 */
const launch = async (
  name: string,
  env: Record<string, string>,
  own: readonly string[],
  program: string[],
  stopTimeoutMs: number
): Promise<number | 'listening'> => {
  say(`starting ${name}`)
  const child = spawn(
    join(root, 'scripts/unprivileged'),
    [
      '--keep',
      '--with-parent',
      ...own.flatMap((dir) => ['--own', dir]),
      process.execPath,
      ...program
    ],
    {
      cwd: root,
      env: { ...env, HOME: process.env['HOME'] ?? '/' },
      detached: true, // Ctrl-C is for this process alone, which stops one after the other
      stdio: ['ignore', 'pipe', 'pipe', lock]
    }
  )
  const one: Running = {
    name,
    child,
    stopTimeoutMs,
    ended: once(child, 'close').then(([code, signal]) => (signal === null ? (code as number) : 1))
  }
  running.push(one)
  void one.ended.then(() => nextStep?.())
  const listens = new Promise<'listening'>((resolve) => {
    createInterface(child.stdout as Readable).on('line', (line) => {
      const said = show(name, line)
      if (said?.level === 'fatal' && said.msg !== undefined) one.lastWords = said.msg
      if (said?.event === 'listening') {
        one.listening = said
        resolve('listening')
      }
    })
  })
  createInterface(child.stderr as Readable).on('line', (line) => show(name, line))
  return Promise.race([listens, one.ended])
}

/** The last started first. */
const stopAll = async (): Promise<number> => {
  let worst = 0
  for (const { name, child, ended, stopTimeoutMs } of [...running].reverse()) {
    const over = child.exitCode !== null || child.signalCode !== null
    if (!over) {
      say(`stopping ${name}`)
      child.kill('SIGTERM')
    }
    const overdue = setTimeout(() => {
      say(`${name} did not stop within ${stopTimeoutMs / 1_000} s: killed`)
      child.kill('SIGKILL')
    }, stopTimeoutMs)
    const code = await ended
    clearTimeout(overdue)
    worst ||= code
  }
  return worst
}

const finish = async (code: number): Promise<never> => {
  const worst = await stopAll()
  say(code === 0 && worst === 0 ? 'stopped' : `ended with exit code ${code || worst}`)
  process.exit(code || worst)
}

/** The first of the processes that ended though nobody asked it to. */
const deserter = (): Running | undefined =>
  running.find(({ child }) => child.exitCode !== null || child.signalCode !== null)

const untilReady = async (state: Promise<number | 'listening'>): Promise<void> => {
  await Promise.race([state, stopped])
  if (stopping) await finish(0)
  await mourn()
}

/** Ends it all if a process ended. */
const mourn = async (): Promise<void> => {
  const one = deserter()
  if (!one) return
  const code = await one.ended
  const how = one.child.signalCode
    ? `was ended by ${one.child.signalCode}`
    : `ended with exit code ${code}`
  say(`${one.name} ${how}${one.lastWords === undefined ? '' : `: ${one.lastWords}`}`)
  await finish(code || 1)
}

const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) return
      stopping = signal
      say(`${signal}: stopping`)
      resolve()
      nextStep?.()
    })
  }
  // whoever read the output is gone: a closed terminal, an ended pipe
  for (const out of [process.stdout, process.stderr]) {
    out.on('error', () => {
      stopping ??= 'SIGHUP'
      resolve()
      nextStep?.()
    })
  }
})

// --- the way up ---
switchKind()
const simulation = join(home, 'whatsapp-web')
let chromium: string | undefined
if (simulated) {
  await untilReady(
    launch(
      'whatsapp-web',
      {},
      [simulation],
      [
        'test/whatsapp-web/main.ts',
        '--directory',
        simulation,
        ...(web === undefined ? [] : ['--web', web])
      ],
      10_000
    )
  )
  chromium = (
    JSON.parse(readFileSync(join(simulation, 'control.json'), 'utf8')) as { chromium_path: string }
  ).chromium_path
}
makeEnvFiles(chromium)
const manager = check('session-manager', readSessionManager)
const hub = check('central-hub', readCentralHub)
if (!manager || !hub) {
  say('nothing was started: mend what is named above, then start scripts/up anew')
  await finish(EX_CONFIG)
} else {
  const ownOfManager = [manager.STATE_DIR, ...(simulated ? [simulation] : [])]
  await untilReady(
    launch(
      'session-manager',
      read('session-manager') ?? {},
      ownOfManager,
      [...nodeOptions(root, 'session-manager'), 'dist/session-manager/main.js'],
      manager.SHUTDOWN_TIMEOUT + 5_000
    )
  )
  await untilReady(
    launch(
      'central-hub',
      read('central-hub') ?? {},
      [hub.STATE_DIR],
      [...nodeOptions(root, 'central-hub'), 'dist/central-hub/main.js'],
      hub.SHUTDOWN_TIMEOUT + 5_000
    )
  )

  const url = (host: string, port: number): string =>
    `http://${host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host}:${port}`
  const hubUrl = url(hub.HOST, hub.PORT)
  /** Without the quotes and the carriage return that a service does not mind either. */
  const printed = (service: Service, name: string): string =>
    `sed -n 's/^${name}=//p' ${shown(envFile(service))} | tr -d "\\"' \\r"`
  const bearer = (service: Service, name: string): string =>
    `-H "Authorization: Bearer $(${printed(service, name)})"`
  // by an earlier run: there is nothing to scan
  const linked = (running[0]?.listening?.linked_devices ?? 0) > 0
  const ofThisRun = (script: string): string =>
    `${home === join(root, '.leadmaster') ? '' : `LEADMASTER_HOME=${home} `}${shown(join(root, 'scripts', script))}`
  const simulate = ofThisRun('simulate')
  say(`
LeadMaster runs${simulated ? ' on a simulated WhatsApp Web' : ''}.
  page     ${hubUrl}/
  token    ${printed('central-hub', 'HUB_API_TOKEN')}
  leads    curl ${bearer('central-hub', 'HUB_API_TOKEN')} ${hubUrl}/api/leads
  events   curl -N ${bearer('central-hub', 'HUB_API_TOKEN')} ${hubUrl}/api/events
  QR code  curl ${bearer('session-manager', 'SESSION_MANAGER_TOKEN')} ${url(manager.HOST, manager.PORT)}/qr.txt
${
  simulated
    ? `  ${linked ? '' : 'scan it and '}let a message arrive:
           ${linked ? '' : `${simulate} scan && `}${simulate} message --from +5215512345678 --text 'Hola, ¿sigue disponible?'`
    : `           scan it with WhatsApp on the phone: Settings, Linked devices. ${ofThisRun('leadmaster')} qr draws it here`
}
Ctrl-C stops it.
`)
  while (!stopping && !deserter()) await new Promise<void>((resolve) => (nextStep = resolve))
  if (!stopping) await mourn()
  await finish(0)
}

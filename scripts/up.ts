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
 * `scripts/up` after setup. It makes the env files, and runs the simulation, session-manager and
 * central-hub until a signal stops it.
 */

const root = resolve(import.meta.dirname, '..')
/** `web`: the version of WhatsApp Web that is simulated. */
const [, , home = '', here = '', flag, , web] = process.argv
const simulated = flag === '--simulated'
const asRoot = process.getuid?.() === 0
/** The file descriptor of the lock that scripts/up and the running services hold. */
const lock = 8
const EX_CONFIG = 78

const say = (text: string): void =>
  void process.stderr.write(`${text.replace(/^(?=.)/gm, 'up: ')}\n`)
/** A path relative to the caller's directory. */
const shown = (path: string): string => {
  const short = relative(here, path)
  return short.startsWith('..') ? path : `./${short}`
}

// --- the env files: made once from the templates. Those of the other kind are kept aside with
// their state ---
type Kind = 'real' | 'simulated'
const services = ['session-manager', 'central-hub'] as const
const kind: Kind = simulated ? 'simulated' : 'real'
const envFile = (service: Service): string => join(home, `${service}.env`)
const aside = (other: Kind, service: Service): string => join(home, other, `${service}.env`)
const stateDir = (service: Service): string => join(home, kind, service)

const switchKind = (): void => {
  const marker = join(home, 'kind')
  const before = existsSync(marker) ? (readFileSync(marker, 'utf8').trim() as Kind) : kind
  for (const each of ['real', 'simulated'])
    mkdirSync(join(home, each), { recursive: true, mode: 0o755 })
  // Each step can be repeated, so that a killed run loses nothing.
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
 * Prints all errors of a service's environment. The service would refuse it too, but only after the
 * other one has started.
 */
const check = <C>(
  service: Service,
  readConfig: (source: Record<string, string>) => C
): C | undefined => {
  try {
    return readConfig(read(service) ?? {})
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    for (const words of error.faults) say(`${shown(envFile(service))}: ${words}`)
    return undefined
  }
}

// --- the processes ---
interface Running {
  name: string
  child: ChildProcess
  stopTimeoutMs: number
  /** The log line by which it said that it listens. */
  listening?: LogLine
  /** The message of its last log line that was fatal. */
  fatal?: string
  /** Its exit code, when it has ended. */
  ended: Promise<number>
}

interface LogLine {
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

/** Prints a line of a process. @returns the log line; undefined for another line */
const show = (name: string, line: string): LogLine | undefined => {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null) {
      // The simulation does not log its own name.
      const logLine: LogLine & object = { service: name, ...parsed }
      process.stdout.write(format ? format(logLine) : `${JSON.stringify(logLine)}\n`)
      return logLine
    }
  } catch {
    /* no JSON: shown below */
  }
  process.stderr.write(`${name}: ${line}\n`)
  return undefined
}

/**
 * Starts a program as the unprivileged user.
 * @returns `listening`, or the exit code when it ends before it listens
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
      detached: true, // Ctrl-C reaches only this process, which stops the others in order
      stdio: ['ignore', 'pipe', 'pipe', lock]
    }
  )
  const started: Running = {
    name,
    child,
    stopTimeoutMs,
    ended: once(child, 'close').then(([code, signal]) => (signal === null ? (code as number) : 1))
  }
  running.push(started)
  void started.ended.then(() => nextStep?.())
  const listens = new Promise<'listening'>((resolve) => {
    createInterface(child.stdout as Readable).on('line', (line) => {
      const logLine = show(name, line)
      if (logLine?.level === 'fatal' && logLine.msg !== undefined) started.fatal = logLine.msg
      if (logLine?.event === 'listening') {
        started.listening = logLine
        resolve('listening')
      }
    })
  })
  createInterface(child.stderr as Readable).on('line', (line) => show(name, line))
  return Promise.race([listens, started.ended])
}

/** Stops all processes, the last started first. @returns the first exit code that is not 0 */
const stopAll = async (): Promise<number> => {
  let worst = 0
  for (const { name, child, ended, stopTimeoutMs } of [...running].reverse()) {
    const isStopped = child.exitCode !== null || child.signalCode !== null
    if (!isStopped) {
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

/** The first process that ended by itself. */
const exitedChild = (): Running | undefined =>
  running.find(({ child }) => child.exitCode !== null || child.signalCode !== null)

const untilReady = async (state: Promise<number | 'listening'>): Promise<void> => {
  await Promise.race([state, stopped])
  if (stopping) await finish(0)
  await reportExit()
}

/** Reports a process that ended by itself, and stops the others. */
const reportExit = async (): Promise<void> => {
  const exited = exitedChild()
  if (!exited) return
  const code = await exited.ended
  const { name, child, fatal } = exited
  const how = child.signalCode ? `was ended by ${child.signalCode}` : `ended with exit code ${code}`
  say(`${name} ${how}${fatal === undefined ? '' : `: ${fatal}`}`)
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
  // The reader of the output is gone: a closed terminal, or an ended pipe.
  for (const out of [process.stdout, process.stderr]) {
    out.on('error', () => {
      stopping ??= 'SIGHUP'
      resolve()
      nextStep?.()
    })
  }
})

/** The host of a URL that reaches a service on this machine. */
const urlHost = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

const urlOf = ({ HOST, PORT }: { HOST: string; PORT: number }): string =>
  `http://${urlHost(HOST)}:${PORT}`

/** A header with a token. sed drops quotes and a carriage return, as the service does. */
const bearer = (service: Service, name: string): string =>
  `-H "Authorization: Bearer $(${printed(service, name)})"`

const printed = (service: Service, name: string): string =>
  `sed -n 's/^${name}=//p' ${shown(envFile(service))} | tr -d "\\"' \\r"`

/** A script, with LEADMASTER_HOME when it needs that. */
const ofThisRun = (script: string): string => {
  const setHome = home === join(root, '.leadmaster') ? '' : `LEADMASTER_HOME=${home} `
  return `${setHome}${shown(join(root, 'scripts', script))}`
}

/** What to do next: link a phone, or let the simulation send a message. */
const nextSteps = (): string => {
  if (!simulated)
    return (
      '           scan it with WhatsApp on the phone: Settings, Linked devices. ' +
      `${ofThisRun('leadmaster')} qr draws it here`
    )
  const simulate = ofThisRun('simulate')
  const message = `${simulate} message --from +5215512345678 --text 'Hola, ¿sigue disponible?'`
  // The simulation of an earlier run may be linked.
  const isLinked = (running[0]?.listening?.linked_devices ?? 0) > 0
  if (isLinked) return `  let a message arrive:\n           ${message}`
  return `  scan it and let a message arrive:\n           ${simulate} scan && ${message}`
}

const welcome = (
  manager: ReturnType<typeof readSessionManager>,
  hub: ReturnType<typeof readCentralHub>
): string => {
  const hubUrl = urlOf(hub)
  const hubToken = bearer('central-hub', 'HUB_API_TOKEN')
  const managerToken = bearer('session-manager', 'SESSION_MANAGER_TOKEN')
  return `
LeadMaster runs${simulated ? ' on a simulated WhatsApp Web' : ''}.
  page     ${hubUrl}/
  people   ${ofThisRun('leadmaster')} operators add NAME --role admin adds the first, the page the others
  token    ${printed('central-hub', 'HUB_API_TOKEN')}
  leads    curl ${hubToken} ${hubUrl}/api/leads
  events   curl -N ${hubToken} ${hubUrl}/api/events
  QR code  curl ${managerToken} ${urlOf(manager)}/qr.txt
${nextSteps()}
Ctrl-C stops it.
`
}

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

  say(welcome(manager, hub))
  while (!stopping && !exitedChild()) await new Promise<void>((resolve) => (nextStep = resolve))
  if (!stopping) await reportExit()
  await finish(0)
}

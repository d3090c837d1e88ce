import { basename, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Source } from '../../platform/env.ts'
import type { Host } from './host.ts'
import type { Kind } from './installation.ts'

/** Reads from /proc who runs and who listens. No other tool has to be installed. */

export interface Listener {
  address: string
  port: number
  inode: string
  /** The user of the process that listens. */
  uid: number
}

export interface Process {
  pid: number
  /**
   * The program that it runs, such as session-manager or nats-server. The name of the thread is of
   * no use: Node's is MainThread.
   */
  name: string
  /** Which of our services it is; undefined for another program. */
  kind: Kind | undefined
  /** The systemd unit that it belongs to; undefined when there is no unit. */
  unit: string | undefined
}

export const commandLine = async (host: Host, pid: number | string): Promise<string[]> =>
  (await host.readFile(`/proc/${pid}/cmdline`))?.split('\0').filter(Boolean) ?? []

/** Options of Node that take the next argument as their value, node(1). */
const optionsWithValue = new Set([
  '-r',
  '--require',
  '--import',
  '--loader',
  '--experimental-loader',
  '-C',
  '--conditions',
  '--env-file',
  '--env-file-if-exists',
  '--title',
  '--input-type',
  '--disable-warning',
  '--icu-data-dir',
  '--openssl-config',
  '--inspect-port',
  '--watch-path',
  '--redirect-warnings',
  '--diagnostic-dir',
  '--experimental-config-file'
])
/** Options with which Node runs no script of a file. */
const withoutScript = new Set([
  '-e',
  '--eval',
  '-p',
  '--print',
  '-pe',
  '--run',
  '-i',
  '--interactive'
])

/** The script among the arguments of Node. */
const scriptAmong = (args: readonly string[]): string | undefined => {
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] as string
    if (withoutScript.has(arg)) return undefined
    if (optionsWithValue.has(arg)) at += 1
    else if (!arg.startsWith('-') && arg !== 'inspect') return arg
  }
  return undefined
}

const isNode = (path: string): boolean => /^node(js)?$/.test(basename(path))

/**
 * The script that a process of Node runs, with links resolved where this user may see them.
 * undefined: another process.
 */
const scriptOf = async (
  host: Host,
  pid: number,
  [program = '', ...args]: readonly string[]
): Promise<string | undefined> => {
  if (!isNode(program) && !isNode((await host.readlink(`/proc/${pid}/exe`)) ?? '')) return undefined
  const script = scriptAmong(args)
  if (script === undefined) return undefined
  const cwd = await host.readlink(`/proc/${pid}/cwd`)
  const path = cwd === undefined ? script : resolve(cwd, script)
  return (await host.realpath(path)) ?? path
}

const kindOf = (script: string | undefined): Kind | undefined =>
  /(?:^|\/)(?:dist|src)\/(session-manager|central-hub)\/main(?:\.[jt]s)?$/.exec(
    script ?? ''
  )?.[1] as Kind | undefined

/** The variables that Node has read by --env-file. /proc/PID/environ does not have them. */
const fromEnvFiles = async (host: Host, pid: number): Promise<Record<string, string>> => {
  const variables: Record<string, string> = {}
  for (const path of await envFilesOf(host, pid))
    Object.assign(variables, parseEnv((await host.readFile(path)) ?? ''))
  return variables
}

/** The files that Node has read by --env-file. A later file overrides an earlier one. */
export const envFilesOf = async (host: Host, pid: number): Promise<string[]> => {
  const args = await commandLine(host, pid)
  const cwd = (await host.readlink(`/proc/${pid}/cwd`)) ?? '/'
  const options = args.slice(0, args.indexOf(scriptAmong(args.slice(1)) ?? '') + 1)
  return options.flatMap((arg, at) => {
    const [, inline] = /^--env-file(?:-if-exists)?=(.+)$/.exec(arg) ?? []
    if (inline !== undefined) return [resolve(cwd, inline)]
    return /^--env-file(?:-if-exists)?$/.test(arg) ? [resolve(cwd, options[at + 1] ?? '')] : []
  })
}

/** The environment of a process at its start; undefined when this user may not read it. */
export const environmentOf = async (
  host: Host,
  pid: number
): Promise<Record<string, string> | undefined> => {
  const text = await host.readFile(`/proc/${pid}/environ`)
  if (text === undefined) return undefined
  const pairs = text.split('\0').filter((pair) => pair.includes('='))
  const own = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
  )
  return { ...(await fromEnvFiles(host, pid)), ...own }
}

/** The start of a process, ms since 1970. /proc has ticks since boot, 100 a second, proc(5). */
export const startedAt = async (host: Host, pid: number): Promise<number | undefined> => {
  const boot = /^btime (\d+)$/m.exec((await host.readFile('/proc/stat')) ?? '')?.[1]
  // The thread's name is in brackets, and may contain blanks and brackets itself.
  const ticks = /^.*\) (?:\S+ ){19}(\d+)/s.exec(
    (await host.readFile(`/proc/${pid}/stat`)) ?? ''
  )?.[1]
  return boot === undefined || ticks === undefined
    ? undefined
    : Number(boot) * 1_000 + Number(ticks) * 10
}

const pids = async (host: Host): Promise<number[]> =>
  (await host.readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number)

/**
 * What a process has open: paths, and sockets as socket:[INODE]. It is empty when this user may not
 * read that of the process.
 */
const openFiles = async (host: Host, pid: number): Promise<(string | undefined)[]> =>
  Promise.all(
    (await host.readdir(`/proc/${pid}/fd`)).map((fd) => host.readlink(`/proc/${pid}/fd/${fd}`))
  )

/**
 * Whether this user may see what a process has open. Root of a container may not see that of other
 * users' processes.
 */
export const canLookInto = async (host: Host, pid: number): Promise<boolean> =>
  (await openFiles(host, pid)).some((path) => path !== undefined)

const userOf = async (host: Host, pid: number): Promise<number> =>
  Number(/^Uid:\s+(\d+)/m.exec((await host.readFile(`/proc/${pid}/status`)) ?? '')?.[1] ?? NaN)

/** What is known of a service in the foreground whose process is searched. */
export interface Sought {
  kind: Kind
  /** Where the env files are. */
  home: string
  /** The variables of the env file. */
  variables: Source
  /** The user that the services run as. */
  uid: number | undefined
}

/** How well a process fits to a service; 0 when it does not. */
const resemblance = async (
  host: Host,
  pid: number,
  sought: Sought,
  open: readonly Listener[]
): Promise<number> => {
  const { home, variables, uid } = sought
  const has = await environmentOf(host, pid)
  // Root of a container may not read another user's process: only program and user are known.
  if (has === undefined) return (await userOf(host, pid)) === uid ? 1 : 0
  const files = await openFiles(host, pid)
  const isSame = (name: string): boolean =>
    has[name] !== undefined && has[name] !== '' && has[name] === variables[name]
  const isOfHome =
    files.includes(`${home}/lock`) || (has['STATE_DIR']?.startsWith(`${home}/`) ?? false)
  const shared = ['STATE_DIR', 'PORT', 'ACCOUNT'].filter(isSame).length
  // A variable may have been edited since, and a run of another home may have the same port.
  const isOfFile = isSame('STATE_DIR') || (isSame('SESSION_MANAGER_TOKEN') && isSame('PORT'))
  if (!isOfHome && !isOfFile) return 0
  // `node --watch` and its child differ only in who listens.
  const listens = open.some(({ inode }) => files.includes(`socket:[${inode}]`))
  return 2 + 2 * shared + (listens ? 1 : 0)
}

/**
 * The process of a service in the foreground. It runs the service's program. It holds the lock of
 * this home, or has the state directory or the secret of the env file.
 */
export const findProcess = async (host: Host, sought: Sought): Promise<number | undefined> => {
  const open = await listeners(host)
  let best: { pid: number; points: number } | undefined
  for (const pid of await pids(host)) {
    if (kindOf(await scriptOf(host, pid, await commandLine(host, pid))) !== sought.kind) continue
    const points = await resemblance(host, pid, sought, open)
    if (points > (best?.points ?? 0)) best = { pid, points }
  }
  return best?.pid
}

/** All processes of our services, of any run. */
export const ourProcesses = async (host: Host): Promise<Process[]> => {
  const found: Process[] = []
  for (const pid of await pids(host)) {
    if (kindOf(await scriptOf(host, pid, await commandLine(host, pid))) !== undefined)
      found.push(await describe(host, pid))
  }
  return found
}

/** Decodes 0100007F:0BB9 to 127.0.0.1 and 3001. Each 32-bit word is little-endian. */
const decode = (hex: string): { address: string; port: number } => {
  const [ip = '', port = ''] = hex.split(':')
  const words = ip.match(/.{8}/g) ?? []
  const bytes = words.flatMap((part) =>
    (part.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).reverse()
  )
  return { address: addressOf(bytes), port: parseInt(port, 16) }
}

const isZero = (byte: number): boolean => byte === 0

const addressOf = (bytes: readonly number[]): string => {
  if (bytes.length === 4) return bytes.join('.')
  const isMapped = bytes.slice(0, 10).every(isZero) && bytes[10] === 255 && bytes[11] === 255
  if (isMapped) return bytes.slice(12).join('.')
  if (bytes.every(isZero)) return '::'
  if (bytes.slice(0, 15).every(isZero) && bytes[15] === 1) return '::1'
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/(.{4})(?=.)/g, '$1:')
}

const LISTEN = '0A'

export const listeners = async (host: Host): Promise<Listener[]> => {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => host.readFile(file))
  )
  return tables.flatMap((table) =>
    (table ?? '').split('\n').flatMap((line) => {
      const [, local = '', , state, , , , uid = '', , inode = ''] = line.trim().split(/\s+/)
      return state === LISTEN ? [{ ...decode(local), inode, uid: Number(uid) }] : []
    })
  )
}

const wildcards = ['0.0.0.0', '::']
const loopbacks = ['127.0.0.1', '::1']

/** Whether a listener at an address blocks HOST, or is reached by it. */
export const meets = (address: string, host: string): boolean =>
  address === host ||
  wildcards.includes(address) ||
  wildcards.includes(host) ||
  (host === 'localhost' && loopbacks.includes(address))

/** The processes that hold a socket. Only root sees those of other users. */
export const holders = async (host: Host, inode: string): Promise<Process[]> => {
  const found: Process[] = []
  for (const pid of await pids(host)) {
    if ((await openFiles(host, pid)).includes(`socket:[${inode}]`))
      found.push(await describe(host, pid))
  }
  return found
}

/** A program by its command line. Of a title such as `nginx: master process`, the first word. */
const programOf = (args: readonly string[], script: string | undefined): string | undefined => {
  if (script !== undefined) return `node ${basename(script)}`
  const [first] = /[^\s:]+/.exec(args[0] ?? '') ?? []
  return first === undefined ? undefined : basename(first).replace(/^-/, '')
}

const describe = async (host: Host, pid: number): Promise<Process> => {
  const args = await commandLine(host, pid)
  const script = await scriptOf(host, pid, args)
  const kind = kindOf(script)
  const name =
    kind ?? programOf(args, script) ?? (await host.readFile(`/proc/${pid}/comm`))?.trim() ?? '?'
  const unit = /\/([^/\n]+\.service)$/m.exec(
    (await host.readFile(`/proc/${pid}/cgroup`)) ?? ''
  )?.[1]
  return { pid, name, kind, unit }
}

import { basename, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Source } from '../../platform/env.ts'
import type { Host } from './host.ts'
import type { Kind } from './installation.ts'

/** Who runs and who listens, from /proc, so that no other tool has to be installed. */

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
   * The program that it runs, such as session-manager or nats-server. Its thread's name says
   * nothing: Node's is MainThread.
   */
  name: string
  /** Which of our services it is, if any. */
  kind: Kind | undefined
  /** The systemd unit it belongs to, if any. */
  unit: string | undefined
}

export const commandLine = async (host: Host, pid: number | string): Promise<string[]> =>
  (await host.readFile(`/proc/${pid}/cmdline`))?.split('\0').filter(Boolean) ?? []

/** Node's options whose value is the next argument: the script comes after it. node(1) */
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
/** With these Node runs no script of a file. */
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

/** The script among the arguments of Node, as it was given. */
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
 * The script that a process of Node runs, its links resolved where this user may see them;
 * undefined of any other process.
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

/**
 * The variables of the files that Node was told to read by --env-file. They are in no
 * /proc/PID/environ.
 */
const fromEnvFiles = async (host: Host, pid: number): Promise<Record<string, string>> => {
  const variables: Record<string, string> = {}
  for (const path of await envFilesOf(host, pid))
    Object.assign(variables, parseEnv((await host.readFile(path)) ?? ''))
  return variables
}

/** The files that Node was told to read by --env-file, the last one counts most. */
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

/** The environment a process was started with; undefined when this user may not read it. */
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

/**
 * When a process was started, ms since 1970: by its ticks since boot, of which Linux has 100 a
 * second. proc(5)
 */
export const startedAt = async (host: Host, pid: number): Promise<number | undefined> => {
  const boot = /^btime (\d+)$/m.exec((await host.readFile('/proc/stat')) ?? '')?.[1]
  // the name of the thread is in brackets, and may hold blanks and brackets itself
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
 * What a process has open: paths, and sockets as socket:[INODE]. Nothing of a process that this
 * user may not look into.
 */
const openFiles = async (host: Host, pid: number): Promise<(string | undefined)[]> =>
  Promise.all(
    (await host.readdir(`/proc/${pid}/fd`)).map((fd) => host.readlink(`/proc/${pid}/fd/${fd}`))
  )

/**
 * Whether this user may look into a process. Root of a container may not look into those of other
 * users.
 */
export const canLookInto = async (host: Host, pid: number): Promise<boolean> =>
  (await openFiles(host, pid)).some((path) => path !== undefined)

const userOf = async (host: Host, pid: number): Promise<number> =>
  Number(/^Uid:\s+(\d+)/m.exec((await host.readFile(`/proc/${pid}/status`)) ?? '')?.[1] ?? NaN)

/** A run in the foreground, as far as its process can be told by it. */
export interface Sought {
  kind: Kind
  /** Where the env files are. */
  home: string
  /** Of the env file. */
  variables: Source
  /** Whom the services run as. */
  uid: number | undefined
}

/** How sure it is that a process is the one sought: 0 when it is not. */
const resemblance = async (
  host: Host,
  pid: number,
  sought: Sought,
  open: readonly Listener[]
): Promise<number> => {
  const { home, variables, uid } = sought
  const has = await environmentOf(host, pid)
  // root of a container may not look into another user's process: what remains is the program and
  // its user
  if (has === undefined) return (await userOf(host, pid)) === uid ? 1 : 0
  const files = await openFiles(host, pid)
  const isSame = (name: string): boolean =>
    has[name] !== undefined && has[name] !== '' && has[name] === variables[name]
  const isOfHome =
    files.includes(`${home}/lock`) || (has['STATE_DIR']?.startsWith(`${home}/`) ?? false)
  const shared = ['STATE_DIR', 'PORT', 'ACCOUNT'].filter(isSame).length
  // one of them may have been edited since; a run of another home may have the same port
  const isOfFile = isSame('STATE_DIR') || (isSame('SESSION_MANAGER_TOKEN') && isSame('PORT'))
  if (!isOfHome && !isOfFile) return 0
  // `node --watch` and its child are alike but for who listens
  const listens = open.some(({ inode }) => files.includes(`socket:[${inode}]`))
  return 2 + 2 * shared + (listens ? 1 : 0)
}

/**
 * The process of a service in the foreground: it runs the service's program, and holds the lock of
 * this home or has the state directory or the secret of the env file.
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

/** All processes of our services, of whatever run. */
export const ourProcesses = async (host: Host): Promise<Process[]> => {
  const found: Process[] = []
  for (const pid of await pids(host)) {
    if (kindOf(await scriptOf(host, pid, await commandLine(host, pid))) !== undefined)
      found.push(await describe(host, pid))
  }
  return found
}

/**
 * 0100007F:0BB9 as 127.0.0.1 and 3001: each 32-bit word is in the byte order of the machine, which
 * is little-endian.
 */
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

/** Whether one who listens there is in the way of HOST, or is reached by it. */
export const meets = (address: string, host: string): boolean =>
  address === host ||
  wildcards.includes(address) ||
  wildcards.includes(host) ||
  (host === 'localhost' && loopbacks.includes(address))

/** Those who hold a socket; another user's are hidden from all but root. */
export const holders = async (host: Host, inode: string): Promise<Process[]> => {
  const found: Process[] = []
  for (const pid of await pids(host)) {
    if ((await openFiles(host, pid)).includes(`socket:[${inode}]`))
      found.push(await describe(host, pid))
  }
  return found
}

/**
 * A program by its command line; one that gives itself a title, such as `nginx: master process`, by
 * its first word.
 */
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

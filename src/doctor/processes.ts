import type { Source } from '../platform/env.ts'
import type { Host } from './host.ts'
import type { Kind } from './wiring.ts'

/** Who runs and who listens, out of /proc: nothing has to be installed for it. */

export interface Listener {
  address: string
  port: number
  inode: string
}

export interface Process {
  pid: number
  name: string
  /** The systemd unit it belongs to, if any. */
  unit: string | undefined
}

export const commandLine = async (host: Host, pid: number | string): Promise<string[]> => (await host.readFile(`/proc/${pid}/cmdline`))?.split('\0').filter(Boolean) ?? []

/** The environment a process was started with; undefined when it is not ours to read. */
export const environmentOf = async (host: Host, pid: number): Promise<Record<string, string> | undefined> => {
  const text = await host.readFile(`/proc/${pid}/environ`)
  if (text === undefined) return undefined
  return Object.fromEntries(text.split('\0').flatMap((pair) => (pair.includes('=') ? [[pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]] : [])))
}

const pids = async (host: Host): Promise<number[]> => (await host.readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number)

/**
 * A service in the foreground: of its program, and either it holds the lock of this home, or it has the port or the
 * state directory that the env file names (one of them may have been edited since).
 */
export const findProcess = async (host: Host, kind: Kind, home: string, variables: Source): Promise<number | undefined> => {
  const program = new RegExp(`/(dist|src)/${kind}/main\\.[jt]s$`)
  const close: { pid: number; shared: number }[] = []
  for (const pid of await pids(host)) {
    const [, main = ''] = await commandLine(host, pid)
    if (!program.test(`/${main}`)) continue
    const has = (await environmentOf(host, pid)) ?? {}
    const holdsLock = (await Promise.all((await host.readdir(`/proc/${pid}/fd`)).map((fd) => host.readlink(`/proc/${pid}/fd/${fd}`)))).includes(`${home}/lock`)
    const inHome = has['STATE_DIR']?.startsWith(`${home}/`) ?? false
    const shared = ['STATE_DIR', 'PORT', 'ACCOUNT'].filter((name) => has[name] !== undefined && has[name] === variables[name]).length
    if (holdsLock || inHome || has['STATE_DIR'] === variables['STATE_DIR'] || has['PORT'] === variables['PORT']) close.push({ pid, shared })
  }
  return close.sort((a, b) => b.shared - a.shared)[0]?.pid
}

/** 0100007F:0BB9 as 127.0.0.1 and 3001: each 32-bit word is in the byte order of the machine, which is little-endian. */
const decode = (hex: string): { address: string; port: number } => {
  const [ip = '', port = ''] = hex.split(':')
  const bytes = (ip.match(/.{8}/g) ?? []).flatMap((part) => (part.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).reverse())
  const mapped = bytes.length === 16 && bytes.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255'
  const address = bytes.length === 4 ? bytes.join('.') : mapped ? bytes.slice(12).join('.') : bytes.every((byte) => byte === 0) ? '::' : bytes.slice(0, 15).every((byte) => byte === 0) ? '::1' : bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('').replace(/(.{4})(?=.)/g, '$1:')
  return { address, port: parseInt(port, 16) }
}

const LISTEN = '0A'

export const listeners = async (host: Host): Promise<Listener[]> => {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => host.readFile(file)))
  return tables.flatMap((table) =>
    (table ?? '').split('\n').slice(1).flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      return state === LISTEN ? [{ ...decode(local), inode }] : []
    })
  )
}

const wildcards = ['0.0.0.0', '::']
const loopbacks = ['127.0.0.1', '::1']

/** Whether one who listens there is in the way of HOST, or is reached by it. */
export const meets = (address: string, host: string): boolean =>
  address === host || wildcards.includes(address) || wildcards.includes(host) || (host === 'localhost' && loopbacks.includes(address))

/** Those who hold a socket; another user's are hidden from all but root. */
export const holders = async (host: Host, inode: string): Promise<Process[]> => {
  const found: Process[] = []
  for (const pid of await pids(host)) {
    const links = await Promise.all((await host.readdir(`/proc/${pid}/fd`)).map((fd) => host.readlink(`/proc/${pid}/fd/${fd}`)))
    if (links.includes(`socket:[${inode}]`)) found.push(await describe(host, pid))
  }
  return found
}

const describe = async (host: Host, pid: number): Promise<Process> => {
  const name = (await host.readFile(`/proc/${pid}/comm`))?.trim() ?? '?'
  const unit = /\/([^/\n]+\.service)$/m.exec((await host.readFile(`/proc/${pid}/cgroup`)) ?? '')?.[1]
  return { pid, name, unit }
}

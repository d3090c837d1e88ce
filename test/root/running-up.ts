import { execFile, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { withExactly } from '../platform/exact-env.ts'

/**
 * scripts/up in a network of its own: the ports of README are free there, and the real WhatsApp is
 * out of reach.
 */
export interface Up {
  pid: number
  /** What it said and what the services logged, in order. */
  lines: readonly string[]
  /** The first line, past or to come, that fits. */
  seen(fits: RegExp, ms?: number): Promise<string>
  kill(signal: NodeJS.Signals): void
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Runs a shell command in the same network; its stdout. */
  shell(command: string): Promise<string>
  /** Every other process in that network. */
  others(): Process[]
}

export interface Process {
  pid: number
  command: string
  uid: number
}

export const root = fileURLToPath(new URL('../../', import.meta.url))
const PATH = process.env['PATH'] ?? ''
/**
 * A new network has its loopback interface down; perl-base is on every Debian, iproute2 is not.
 * SIOCSIFFLAGS, IFF_UP
 */
const loopbackUp = `perl -e 'socket(S, 2, 2, 0); $up = pack("a16 s x14", "lo", 1); ioctl(S, 0x8914, $up) or die $!'`

const networkOf = (pid: number | string): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined // it ended meanwhile
  }
}

const processesIn = (network: string): Process[] =>
  readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || networkOf(entry) !== network) return []
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8')
      if (/^State:\s+Z/m.test(status)) return []
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      return [{ pid: Number(entry), command, uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) }]
    } catch {
      return []
    }
  })

/** @param within the network of another one instead of one of its own */
export const startUp = (
  t: Test,
  options: {
    home: string
    args?: string[]
    env?: Record<string, string>
    within?: Up
    as?: string[]
  }
): Up => {
  const { home, args = [], env = {}, within, as = [] } = options
  const network = within
    ? ['nsenter', '--target', String(within.pid), '--net']
    : ['unshare', '--net', 'sh', '-c', `${loopbackUp} && exec "$0" "$@"`]
  const [program, all] = withExactly(
    { PATH, HOME: '/root', LEADMASTER_HOME: home, ...env },
    ...network,
    ...as,
    join(root, 'scripts/up'),
    ...args
  )
  const child = spawn(program, all, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const pid = child.pid as number
  const lines: string[] = []
  const news = new EventEmitter().setMaxListeners(0)
  for (const out of [child.stdout, child.stderr]) {
    createInterface(out).on('line', (line) => {
      lines.push(line)
      news.emit('line')
    })
  }
  let over = false
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('close', (code, signal) => {
      over = true
      resolve({ code, signal })
      news.emit('line')
    })
  )
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  let namespace: string | undefined
  return {
    pid,
    lines,
    // The first `up` builds everything, beside the other tests.
    seen: async (fits, ms = 120_000) => {
      const signal = AbortSignal.timeout(ms)
      for (;;) {
        const found = lines.find((line) => fits.test(line))
        if (found !== undefined) {
          namespace ??= networkOf(pid)
          return found
        }
        if (over || signal.aborted)
          throw new Error(
            `${over ? 'it ended' : `${ms} ms passed`} without ${fits}; it printed:\n${lines.join('\n')}`
          )
        await once(news, 'line', { signal }).catch(() => undefined)
      }
    },
    kill: (signal) => void child.kill(signal),
    ended,
    shell: async (command) => {
      const [nsenter, rest] = withExactly(
        { PATH, HOME: '/root' },
        'nsenter',
        '--target',
        String(pid),
        '--net',
        'bash',
        '--norc',
        '-c',
        command
      )
      return (await promisify(execFile)(nsenter, rest, { cwd: root, timeout: 30_000 })).stdout
    },
    others: () =>
      namespace === undefined ? [] : processesIn(namespace).filter((other) => other.pid !== pid)
  }
}

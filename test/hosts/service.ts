import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Host } from './network.ts'

/** A program on a host as the unprivileged user, started again when it ends, as systemd does. */
export interface Service {
  name: string
  host: Host
  /** Its process, undefined while it is down. */
  pid(): number | undefined
  starts(): number
  /**
   * Sends a signal to the process that runs now; resolves when it is gone. It is started again,
   * unless it is `down`.
   */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it with SIGKILL, and it stays so until `up`. */
  down(): Promise<void>
  up(): void
}

export interface ServiceOptions {
  name: string
  host: Host
  /** A directory of its own, made if need be. */
  directory: string
  command: readonly string[]
  /** Its whole environment, PATH apart. */
  env?: Record<string, string>
  /** What it prints goes into a file here. */
  logs: string
  /** Until it is started again, ms: RestartSec= of the unit. */
  restartMs: number
  say: (text: string) => void
}

const unprivileged = fileURLToPath(new URL('../../scripts/unprivileged', import.meta.url))

/** What runs a command on a host as the unprivileged user. */
export const onHost = (
  host: Host,
  directory: string,
  env: Record<string, string>,
  command: readonly string[]
): [program: string, args: string[]] => {
  const [program = '', ...inside] = host.inside
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  // HOME and LANG are the wrapper's; our daemons accept them
  return [
    program,
    [...inside, unprivileged, '--with-parent', '--own', directory, ...variables, ...command]
  ]
}

export const keepRunning = (options: ServiceOptions): Service => {
  const { name, host, directory, command, env = {}, logs, restartMs, say } = options
  let starts = 0
  let child: ChildProcess | undefined
  let wanted = true
  let timer: NodeJS.Timeout | undefined
  mkdirSync(logs, { recursive: true })
  const log = openSync(join(logs, `${name}.log`), 'a')

  const start = (): void => {
    starts += 1
    const [program, args] = onHost(host, directory, env, command)
    const mine = spawn(program, args, { stdio: ['ignore', log, log] })
    child = mine
    mine.once('error', (error) => say(`${name} did not start: ${error.message}`))
    mine.once('exit', (code, signal) => {
      child = undefined
      if (!wanted) return
      // exit code 78: its environment is refused, and starting again would not mend it
      if (code === 78 || (starts > 3 && code === 125))
        return say(`${name} ended with ${code} and is not started again: see ${name}.log`)
      if (signal !== 'SIGKILL') say(`${name} ended (${signal ?? code}), and is started again`)
      timer = setTimeout(start, restartMs)
    })
  }
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const mine = child
    if (mine === undefined) return
    const gone = once(mine, 'exit')
    mine.kill(signal)
    await gone
  }
  start()
  return {
    name,
    host,
    kill,
    pid: () => child?.pid,
    starts: () => starts,
    down: async () => {
      wanted = false
      clearTimeout(timer)
      await kill('SIGKILL')
    },
    up: () => {
      if (wanted) return
      wanted = true
      start()
    }
  }
}

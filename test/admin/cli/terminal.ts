import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  apiToken,
  centralHubEnv,
  freePort,
  startDaemon,
  type Daemon
} from '../../end-to-end/daemon.ts'
import { withExactly } from '../../platform/exact-env.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { coverageEnv, programOf } from '../../programs.ts'

/** `leadmaster` as a process, as a person or a script starts it. */
export interface Run {
  out(): string
  err(): string
  /** Resolves once its stdout, or its stderr, fits. */
  seen(fits: RegExp): Promise<void>
  /** Types a line. */
  type(line: string): void
  kill(signal: NodeJS.Signals): void
  /** Closes the reading end of its stdout. */
  hangUp(): void
  ended: Promise<number | null>
}

const main = programOf('admin/cli')

/** @param env what it has besides PATH; by default it knows no hub */
export const start = (t: Test, args: readonly string[], env: Record<string, string> = {}): Run =>
  startCommand(t, [process.execPath, main, ...args], env)

/** With a person before it, who types. */
export const startTyped = (
  t: Test,
  args: readonly string[],
  env: Record<string, string> = {}
): Run => startCommand(t, [process.execPath, main, ...args], env, 'pipe')

/** On a terminal of its own, by script(1). @param stdin `pipe`: with a person before it, who types */
export const startOnTerminal = (
  t: Test,
  args: readonly string[],
  env: Record<string, string> = {},
  stdin: 'ignore' | 'pipe' = 'ignore'
): Run =>
  startCommand(
    t,
    [
      'script',
      '--quiet',
      '--return',
      '--command',
      [process.execPath, main, ...args].map((arg) => `'${arg}'`).join(' '),
      '/dev/null'
    ],
    { TERM: 'xterm-256color', ...env },
    stdin
  )

const startCommand = (
  t: Test,
  command: readonly string[],
  env: Record<string, string>,
  stdin: 'ignore' | 'pipe' = 'ignore'
): Run => {
  const [program, all] = withExactly(
    {
      PATH: '/usr/bin:/bin',
      LEADMASTER_HOME: '/nonexistent',
      ...coverageEnv,
      ...env
    },
    ...command
  )
  const child = spawn(program, all, {
    stdio: [stdin, 'pipe', 'pipe']
  }) as ChildProcessWithoutNullStreams
  const news = new EventEmitter().setMaxListeners(0)
  let [out, err, over] = ['', '', false]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    news.emit('text')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    news.emit('text')
  })
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      over = true
      resolve(code)
      news.emit('text')
    })
  )
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    out: () => out,
    err: () => err,
    ended,
    type: (line) => void child.stdin.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
    hangUp: () => void child.stdout.destroy(),
    seen: async (fits) => {
      while (!fits.test(out) && !fits.test(err)) {
        if (over) throw new Error(`it ended without ${fits}; it printed:\n${out}\n${err}`)
        await once(news, 'text')
      }
    }
  }
}

/** Runs it to its end. */
export const run = async (
  t: Test,
  args: readonly string[],
  env: Record<string, string> = {}
): Promise<{ code: number | null; out: string; err: string }> => {
  const started = start(t, args, env)
  const code = await started.ended
  return { code, out: started.out(), err: started.err() }
}

/** The real hub, and the environment by which `leadmaster` finds it. */
export const startHub = async (
  t: Test,
  sessionManager: string,
  more: Record<string, string> = {}
): Promise<{ hub: Daemon; env: Record<string, string>; hubEnv: Record<string, string> }> => {
  const hubEnv = {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      sessionManager
    }),
    RATE_LIMIT: '0',
    ...more
  }
  const hub = startDaemon('central-hub', hubEnv)
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('following')
  return { hub, hubEnv, env: { LEADMASTER_URL: hub.url, LEADMASTER_TOKEN: apiToken } }
}

/**
 * What a hostile contact may call itself, or write: a title, a cleared screen, a colour, a turned
 * direction, a second line.
 */
export const hostile = 'Eve\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\r\nroot@host:~#'
/** What of it may reach a terminal. */
export const harmless = 'Eve]0;owned[2J31m root@host:~#'

/** Anything that could make a terminal do something. */
export const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/

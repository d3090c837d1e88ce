import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withExactly } from '../../platform/exact-env.ts'
import { coverageEnv, programOf } from '../../programs.ts'

/** `scripts/migrate` as an operator runs it, with the built program. */

const main = programOf('admin/migrate')

export interface Ran {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Run {
  /** Resolves once it has said this, or has ended. */
  said(what: RegExp): Promise<void>
  kill(signal: NodeJS.Signals): void
  ended: Promise<Ran>
}

export const startMigrate = (args: readonly string[], env: Record<string, string> = {}): Run => {
  const [program, all] = withExactly(
    { PATH: '/usr/bin:/bin', ...coverageEnv, ...env },
    process.execPath,
    main,
    ...args
  )
  const child = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ran>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  )
  return {
    ended,
    said: async (what) => {
      while (!what.test(stderr) && child.exitCode === null && child.signalCode === null)
        await Promise.race([once(child.stderr, 'data'), ended])
    },
    kill: (signal) => void child.kill(signal)
  }
}

export const migrate = (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
  startMigrate(args, env).ended

/** What names a file and a database to it. */
export const toArgs = (directory: string, url: string): string[] => {
  writeFileSync(join(directory, 'to.env'), `DATABASE_URL=${url}\n`)
  return ['--from', join(directory, 'hub.db'), '--to-env', join(directory, 'to.env')]
}

import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { coverageEnv } from '../programs.ts'
import { withExactly } from './exact-env.ts'

/** A process of a test's own that runs a few lines with our source, for what ends processes. */
export interface Child {
  pid: number
  lines: string[]
  /** The first line of its stdout, past or to come, that fits. */
  seen(fits: RegExp): Promise<string>
  kill(signal: NodeJS.Signals): void
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** @param script an ES module; `src/…` in its imports means our source */
export const runScript = (t: Test, script: string, env: Record<string, string> = {}): Child => {
  const src = new URL('../../src/', import.meta.url).href
  const [program, args] = withExactly(
    { PATH: '/usr/bin:/bin', ...coverageEnv, ...env },
    process.execPath,
    '--input-type=module-typescript',
    '-e',
    script.replaceAll("'src/", `'${src}`)
  )
  const child = spawn(program, args, {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines: string[] = []
  const news = new EventEmitter().setMaxListeners(0)
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    news.emit('line')
  })
  let over = false
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('close', (code, signal) => {
      over = true
      resolve({ code, signal })
      news.emit('line')
    })
  )
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid as number,
    lines,
    seen: async (fits) => {
      for (;;) {
        const found = lines.find((line) => fits.test(line))
        if (found !== undefined) return found
        if (over) throw new Error(`it ended without ${fits}; it printed:\n${lines.join('\n')}`)
        await once(news, 'line')
      }
    },
    kill: (signal) => void child.kill(signal),
    ended
  }
}

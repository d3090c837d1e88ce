import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

/** What the figures were measured on. */
export interface Machine {
  cpu: string
  cores: number
  memory_gb: number
  kernel: string
  node: string
  chromium: string
  /** Of the last minute, as a row begins and ends: what else the machine did. */
  load: number
}

export const load = (): number => loadavg()[0] as number

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 1024 ** 3),
  kernel: release(),
  node: process.version,
  chromium: execFileSync('/usr/lib/chromium/chromium-headless-shell', ['--version'], {
    encoding: 'utf8'
  }).trim(),
  load: load()
})

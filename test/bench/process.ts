import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What Linux tells of running processes, proc(5). */

const ticksPerSecond = Number(execFileSync('/usr/bin/getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time a process has used, ms. */
export const cpuMs = (pid: number): number => {
  // the name, in parentheses, may hold spaces
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
}

const kilobytes = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN)

/** The memory of a process that is in RAM, MB. */
export const residentMb = (pid: number): number => kilobytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1_024

/** The memory of several, MB: what they share is counted once, as far as the system tells (PSS). */
export const proportionalMb = (pids: readonly number[]): number => {
  const each = pids.map((pid) => {
    try {
      return kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') / 1_024
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH') return 0 // it has just ended
      throw error
    }
  })
  return each.reduce((sum, mb) => sum + mb, 0)
}

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What Linux tells of running processes, proc(5). */

const ticksPerSecond = Number(execFileSync('/usr/bin/getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time a process has used, ms. */
export const cpuMs = (pid: number): number => {
  // the name, in parentheses, may hold spaces
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
}

const kilobytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN)

/** The memory of a process that is in RAM, MB. */
export const residentMb = (pid: number): number =>
  kilobytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1_024

/**
 * The memory of several, MB. `all`: what they share with each other or with others counts in part
 * (PSS). `own`: without the pages of files, such as those of their program, which other processes
 * of the same program may share.
 */
export const memoryMb = (pids: readonly number[]): { all: number; own: number } => {
  const sum = { all: 0, own: 0 }
  for (const pid of pids) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
      sum.all += kilobytes(text, 'Pss') / 1_024
      sum.own += (kilobytes(text, 'Pss_Anon') + kilobytes(text, 'Pss_Shmem')) / 1_024
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ESRCH') throw error // it has just ended
    }
  }
  return sum
}

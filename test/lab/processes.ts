import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Processes as Linux shows them: their tree, what they use, and their end. See proc(5). */

export interface Process {
  pid: number
  parent: number
  name: string
  state: string
  threads: number
  command: string
}

/** What has just ended, or is another user's, reads as nothing. */
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (
      ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      return ''
    throw error
  }
}

export const processes = (): Process[] =>
  readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    // the name, in parentheses, may hold spaces
    const [, name = '', rest] = /\((.*)\) (.*)$/s.exec(read(`/proc/${entry}/stat`)) ?? []
    if (rest === undefined) return []
    const fields = rest.split(' ')
    return [
      {
        pid: Number(entry),
        parent: Number(fields[1]),
        name,
        state: fields[0] as string,
        threads: Number(fields[17]),
        command: read(`/proc/${entry}/cmdline`).replaceAll('\0', ' ')
      }
    ]
  })

/** A process and all that it and its children started. */
export const treeOf = (all: readonly Process[], pid: number): Process[] => {
  const byParent = Map.groupBy(all, ({ parent }) => parent)
  const below = (parent: number): Process[] =>
    (byParent.get(parent) ?? []).flatMap((child) => [child, ...below(child.pid)])
  return [...all.filter((process) => process.pid === pid), ...below(pid)]
}

/** All that a process and its children started, without the process itself. */
export const descendants = (pid: number): Process[] =>
  treeOf(processes(), pid).filter((process) => process.pid !== pid)

/** The profiles that a browser has open now. */
export const openProfiles = (): Set<string> =>
  new Set(
    processes().flatMap(({ command }) =>
      command.includes(' --type=') ? [] : (/--user-data-dir=(\S+)/.exec(command)?.[1] ?? [])
    )
  )

/** Sends SIGKILL. A process that has ended already is no error. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

const ticksPerSecond = Number(execFileSync('/usr/bin/getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time that a process has used, in ms. */
export const cpuMs = (pid: number): number => {
  // the name, in parentheses, may hold spaces
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
}

/** The memory of a process that is in RAM, in MB. */
export const residentMb = (pid: number): number =>
  kilobytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1_024

/**
 * The memory of several processes, in MB.
 * @returns `all`: memory that several processes share counts in part (PSS). `own`: without the
 *   pages of files, such as those of their program.
 */
export const memoryMb = (pids: readonly number[]): { all: number; own: number } => {
  const sum = { all: 0, own: 0 }
  for (const pid of pids) {
    const text = read(`/proc/${pid}/smaps_rollup`)
    if (text === '') continue
    sum.all += kilobytes(text, 'Pss') / 1_024
    sum.own += (kilobytes(text, 'Pss_Anon') + kilobytes(text, 'Pss_Shmem')) / 1_024
  }
  return sum
}

export interface Use {
  processes: number
  rss_mb: number
  pss_mb: number
  fds: number
  threads: number
}

const kilobytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
const fds = (pid: number): number => {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch (error) {
    if (
      ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      return 0
    throw error
  }
}

/** A process's open files, by what they are: socket, pipe, anon_inode:[eventpoll], file. */
export const openFiles = (pid: number): Record<string, number> => {
  const kinds: Record<string, number> = {}
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const what = readlinkSync(`/proc/${pid}/fd/${fd}`)
        .replace(/^(socket|pipe):.*/, '$1')
        .replace(/^\/.*/, 'file')
      kinds[what] = (kinds[what] ?? 0) + 1
    } catch (error) {
      // closed since they were listed
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return kinds
}

/**
 * What some processes use together. Of a process that does not let itself be looked at (a sandboxed
 * one) memory is known by statm alone.
 */
export const useOf = (some: readonly Process[]): Use => {
  const use: Use = { processes: some.length, rss_mb: 0, pss_mb: 0, fds: 0, threads: 0 }
  for (const { pid, threads } of some) {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    const resident = kilobytes(read(`/proc/${pid}/status`), 'VmRSS')
    use.rss_mb += resident / 1_024
    use.pss_mb += (rollup === '' ? resident : kilobytes(rollup, 'Pss')) / 1_024
    use.fds += fds(pid)
    use.threads += threads
  }
  return {
    ...use,
    rss_mb: Math.round(use.rss_mb * 10) / 10,
    pss_mb: Math.round(use.pss_mb * 10) / 10
  }
}

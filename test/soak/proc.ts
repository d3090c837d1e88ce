import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What Linux tells of the processes of a run, proc(5). */

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
    (byParent.get(parent) ?? []).flatMap((one) => [one, ...below(one.pid)])
  return [...all.filter((one) => one.pid === pid), ...below(pid)]
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

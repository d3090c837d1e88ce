import { readdirSync, readFileSync } from 'node:fs'

/** What runs on the hosts, as /proc tells it. */

interface Process {
  pid: number
  parent: number
  command: string
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return '' // it has just ended
    throw error
  }
}

const processes = (): Process[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => ({
      pid: Number(pid),
      parent: Number(/^PPid:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0),
      command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
    }))

/** All processes that a process started, and those that these did. */
export const descendants = (pid: number): { pid: number; command: string }[] => {
  const all = processes()
  const of = (parent: number): Process[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...of(one.pid)])
  return of(pid)
}

/** The profiles that a browser has open now. */
export const openProfiles = (): Set<string> =>
  new Set(
    processes().flatMap(({ command }) =>
      command.includes(' --type=') ? [] : (/--user-data-dir=(\S+)/.exec(command)?.[1] ?? [])
    )
  )

/** kill -9; what is gone already is as it should be. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Names of backups. A name contains the time, so that the newest sorts last. */

export const sealedSuffix = '.tar.sealed'
const named = /^leadmaster-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z(\.tar\.sealed)?$/
const unfinished = /^\.leadmaster-\w+\.partial-(\d+)$/

export const nameAt = (time: number): string =>
  `leadmaster-${new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`
/** The name while a backup is made. It ends with the process id of the maker. */
export const partialOf = (name: string): string => `.${name}.partial-${process.pid}`

export interface Made {
  name: string
  sealed: boolean
  /** ms */
  at: number
}

/** The backups among names, the newest first. */
export const backupsAmong = (names: readonly string[]): Made[] =>
  names
    .flatMap((name) => {
      const [, year, month, day, hour, minute, second, sealed] = named.exec(name) ?? []
      return year === undefined
        ? []
        : [
            {
              name,
              sealed: sealed !== undefined,
              at: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
            }
          ]
    })
    .sort((a, b) => b.at - a.at)

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Removes what killed runs have left. */
export const removeUnfinished = async (directory: string): Promise<void> => {
  for (const name of await readdir(directory)) {
    const [, pid] = unfinished.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(directory, name), { recursive: true, force: true })
  }
}

/** Removes all backups but the newest. @returns the names of the removed ones */
export const removeOld = async (directory: string, keep: number): Promise<string[]> => {
  const old = backupsAmong(await readdir(directory))
    .slice(keep)
    .map(({ name }) => name)
  for (const name of old) await rm(join(directory, name), { recursive: true })
  return old
}

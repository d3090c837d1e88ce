import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { PlainError } from '../../../platform/harmless.ts'

/** Where the sealed backups of one account are kept, each whole or not there. */
export interface Store {
  /** @throws why it cannot be told: no answer must never pass for none */
  list(): Promise<string[]>
  put(name: string, file: string): Promise<void>
  get(name: string): Promise<AsyncIterable<Uint8Array>>
  remove(name: string): Promise<void>
}

/**
 * The name of a backup tells its time and whose it is, so that nothing needs to be fetched to
 * choose one.
 */
export interface Generation {
  name: string
  takenAt: number
  journal: string
}

export const nameOf = (takenAt: number, journal: string): string =>
  `${new Date(takenAt).toISOString().replaceAll(/[:.]/g, '-')}_${journal}.profile`

/** The backups among names, newest first. */
export const generations = (names: readonly string[]): Generation[] =>
  names
    .flatMap((name) => {
      const [, day, hour, minute, second, ms, journal = ''] =
        /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})-(\d{3})Z_([0-9a-f-]{36})\.profile$/.exec(
          name
        ) ?? []
      return day === undefined
        ? []
        : [{ name, takenAt: Date.parse(`${day}T${hour}:${minute}:${second}.${ms}Z`), journal }]
    })
    .sort((a, b) => b.takenAt - a.takenAt)

const syncDirectory = async (directory: string): Promise<void> => {
  const folder = await open(directory)
  await folder.sync().finally(() => folder.close())
}

/** A directory, such as one that several hosts mount; each account has one of its own in it. */
export const directoryStore = (root: string, account: string): Store => {
  const directory = join(root, account)
  return {
    list: async () => {
      await stat(root).catch(() => {
        throw new PlainError(`${root} of PROFILE_BACKUP is not there: make it, or mount it`)
      })
      return readdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
        return []
      })
    },
    put: async (name, file) => {
      await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
      const partial = join(directory, `.${name}.partial`)
      await copyFile(file, partial)
      const copied = await open(partial)
      await copied.sync().finally(() => copied.close())
      await rename(partial, join(directory, name))
      await syncDirectory(directory)
    },
    get: async (name) => createReadStream(join(directory, name)),
    remove: (name) => rm(join(directory, name), { force: true })
  }
}

import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PlainError } from '../../../platform/harmless.ts'
import { verifyLevelDb } from './leveldb.ts'

/**
 * The directories of a browser profile that carry the linked device: the storage of the page, as
 * whatsapp-web.js's RemoteAuth keeps it. Chromium makes everything else again: caches, locks, crash
 * dumps, settings.
 */
export const carriers = ['Default/IndexedDB', 'Default/Local Storage'] as const

/** Files of a LevelDB that are not copied: its lock, and its logs for people. */
const dropped = new Set(['LOCK', 'LOG', 'LOG.old'])
const maxAttempts = 10
const settleMs = 100

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return false
    }
  )

/** Whether a profile has the directory of a linked device. */
export const hasDevice = (profile: string): Promise<boolean> => exists(join(profile, carriers[0]))

/**
 * The files below a directory, by their paths from there, with what changes when one is written.
 */
const look = async (
  directory: string
): Promise<Map<string, { inode: number; size: number; written: number }>> => {
  const files = new Map<string, { inode: number; size: number; written: number }>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || dropped.has(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    const { ino, size, mtimeMs } = await stat(path)
    files.set(relative(directory, path), { inode: ino, size, written: mtimeMs })
  }
  return files
}

/** The log of a LevelDB only grows: its beginning is the log of a moment before. */
const grows = (path: string): boolean => path.endsWith('.log')

const isUnchanged = (
  before: Awaited<ReturnType<typeof look>>,
  after: Awaited<ReturnType<typeof look>>
): boolean =>
  before.size === after.size &&
  [...before].every(([path, was]) => {
    const is = after.get(path)
    return (
      is !== undefined &&
      is.inode === was.inode &&
      (grows(path) ? is.size >= was.size : is.size === was.size && is.written === was.written)
    )
  })

/** Makes an empty directory that nobody else may read. */
export const emptied = async (directory: string): Promise<void> => {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
}

type Copy = (from: string, to: string) => Promise<void>

/** @returns whether only logs were written to while it copied */
const copyOnce = async (from: string, to: string, copy: Copy): Promise<boolean> => {
  await emptied(to)
  const before = await look(from)
  for (const path of before.keys()) {
    await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 })
    await copy(join(from, path), join(to, path))
  }
  return isUnchanged(before, await look(from))
}

/**
 * Copies what carries the linked device, also under a browser that runs. It copies a LevelDB until
 * its file list (CURRENT, MANIFEST) and its tables do not change during the copy. Such a copy, with
 * the beginning of its log, is what a browser that is killed at that moment leaves, and LevelDB
 * opens that. Then it checks each copied database: every table that its list names must be whole.
 * @returns the files copied, by their paths in the profile
 * @throws when the profile is written to without a pause, or its databases are not whole
 */
export const copyDevice = async (
  profile: string,
  to: string,
  copy: Copy = copyFile
): Promise<string[]> => {
  for (const carrier of carriers) {
    // Only the first always exists.
    if (carrier !== carriers[0] && !(await exists(join(profile, carrier)))) continue
    for (let attempt = 1; ; attempt += 1) {
      // A file that is deleted while it is copied is a change, too.
      const whole = await copyOnce(join(profile, carrier), join(to, carrier), copy).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error
          return false
        }
      )
      if (whole) break
      if (attempt === maxAttempts)
        throw new PlainError(
          `${carrier} of the profile is not there, or changes too fast to be copied`
        )
      await delay(settleMs * attempt)
    }
  }
  const files = [...(await look(to)).keys()].sort()
  for (const file of files)
    if (basename(file) === 'CURRENT') await verifyLevelDb(join(to, dirname(file)))
  return files
}

import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PlainError } from '../../../platform/harmless.ts'
import { verifyLevelDb } from './leveldb.ts'

/**
 * What of a browser's profile carries the linked device: the storage of the page, as
 * whatsapp-web.js's RemoteAuth keeps it. Everything else (caches, locks, crash dumps, settings)
 * Chromium makes anew.
 */
export const carriers = ['Default/IndexedDB', 'Default/Local Storage'] as const

/** A LevelDB's lock, and its notes for people. */
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

/** Whether a profile has what a linked device would be in. */
export const hasDevice = (profile: string): Promise<boolean> => exists(join(profile, carriers[0]))

/**
 * Every file below a directory that counts, by its path from there: what would show that it was
 * written to.
 */
const look = async (
  directory: string
): Promise<Map<string, { inode: number; size: number; written: number }>> => {
  const found = new Map<string, { inode: number; size: number; written: number }>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || dropped.has(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    const { ino, size, mtimeMs } = await stat(path)
    found.set(relative(directory, path), { inode: ino, size, written: mtimeMs })
  }
  return found
}

/** A LevelDB's log is only ever appended to: its beginning is the log of a moment before. */
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

/** Makes it an empty directory that nobody else may look into. */
export const emptied = async (directory: string): Promise<void> => {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
}

type Copy = (from: string, to: string) => Promise<void>

/** @returns whether nothing but logs was written to meanwhile */
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
 * Copies what carries the linked device, also under a browser that runs. A LevelDB whose file list
 * (CURRENT, MANIFEST) and tables did not change while they were copied, with the beginning of its
 * log, is what a browser killed at that moment leaves, which LevelDB is made to open; a copy during
 * which they changed is thrown away and made again. Then each copied database is looked at: every
 * table that its list names must be there, whole.
 * @returns the files copied, by their paths in the profile
 * @throws when the profile is written to without a pause, or its databases are not whole
 */
export const copyDevice = async (
  profile: string,
  to: string,
  copy: Copy = copyFile
): Promise<string[]> => {
  for (const carrier of carriers) {
    // only the first is always there
    if (carrier !== carriers[0] && !(await exists(join(profile, carrier)))) continue
    for (let attempt = 1; ; attempt += 1) {
      // a file that is deleted while it is copied is one more change
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

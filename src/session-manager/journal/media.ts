import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Journal } from './journal.ts'
import { MediaTrouble } from './media-trouble.ts'

/** The directory of the media, each file under its SHA-256. */

/**
 * While a retention is at work each wait is long: one by one, the files of a request took more than
 * a minute.
 */
const deletedAtOnce = 500

/** Where the bytes of that SHA-256 (hex) are kept. */
export const mediaPath = (directory: string, sha256: string): string =>
  join(directory, sha256.slice(0, 2), sha256)

/** Where bytes are written while their SHA-256 is not known yet. */
const incomingPath = (directory: string): string =>
  join(directory, `incoming-${randomUUID()}.partial`)

/** Removes what a crash left half written. */
export const removeIncoming = async (directory: string): Promise<void> => {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (/^incoming-.*\.partial$/.test(name)) await rm(join(directory, name), { force: true })
  }
}

/**
 * Writes pieces to a file and syncs it. @returns their SHA-256 (hex) and how many bytes they are
 */
const writePieces = async (
  path: string,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>
): Promise<{ sha256: string; size: number }> => {
  const hash = createHash('sha256')
  let size = 0
  const file = await open(path, 'w', 0o600)
  try {
    for await (const piece of pieces) {
      hash.update(piece)
      size += piece.length
      await file.writeFile(piece)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { sha256: hash.digest('hex'), size }
}

const moveInto = async (partial: string, path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await rename(partial, path)
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
}

/**
 * Writes bytes, given as they come, under their SHA-256, so that the file is whole and on disk, or
 * not there.
 * @param expected the sum that was announced (hex): other bytes are refused
 * @returns the sum, hex
 */
export const storeMedia = async (
  directory: string,
  bytes: Buffer | AsyncIterable<Buffer> | Iterable<Buffer>,
  expected?: string
): Promise<string> => {
  const partial = incomingPath(directory)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  try {
    const { sha256, size } = await writePieces(partial, Buffer.isBuffer(bytes) ? [bytes] : bytes)
    if (expected !== undefined && expected !== sha256) {
      throw new MediaTrouble(
        'what was delivered does not have the SHA-256 that was announced',
        false
      )
    }
    const path = mediaPath(directory, sha256)
    const there = await stat(path).catch(() => undefined)
    if (there?.size !== size) await moveInto(partial, path)
    return sha256
  } finally {
    await rm(partial, { force: true })
  }
}

/** @returns whether it was there */
const deleteMedia = async (path: string): Promise<boolean> => {
  // one that a crash cut short
  await rm(`${path}.partial`, { force: true })
  return unlink(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return false
    }
  )
}

/**
 * Deletes the files of erased media; what fails is tried again with the next call. @returns how
 * many files were there
 */
export const deleteErasedMedia = async (journal: Journal, directory: string): Promise<number> => {
  const sums = journal.mediaToDelete()
  const errors: unknown[] = []
  let files = 0
  for (let start = 0; start < sums.length; start += deletedAtOnce) {
    const some = sums.slice(start, start + deletedAtOnce)
    const outcomes = await Promise.allSettled(
      some.map((sha256) => deleteMedia(mediaPath(directory, sha256)))
    )
    journal.mediaDeleted(some.filter((_, n) => outcomes[n]?.status === 'fulfilled'))
    for (const outcome of outcomes) {
      // One that cannot go keeps none of the others.
      if (outcome.status === 'rejected') errors.push(outcome.reason)
      else if (outcome.value) files += 1
    }
  }
  if (errors.length > 0) throw errors[0]
  return files
}

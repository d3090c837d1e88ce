import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Journal } from './journal.ts'
import { MediaTrouble } from './media-trouble.ts'

/** The directory of the media, each file under its SHA-256. */

/**
 * Files that are deleted concurrently. While retention runs each wait is long: one by one, the
 * files of a request took more than a minute.
 */
const deletionBatch = 500

/** The path of the file with this SHA-256 (hex). */
export const mediaPath = (directory: string, sha256: string): string =>
  join(directory, sha256.slice(0, 2), sha256)

/** A path for bytes whose SHA-256 is not known yet. */
const incomingPath = (directory: string): string =>
  join(directory, `incoming-${randomUUID()}.partial`)

/** Removes files that a crash left half written. */
export const removeIncoming = async (directory: string): Promise<void> => {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (/^incoming-.*\.partial$/.test(name)) await rm(join(directory, name), { force: true })
  }
}

/**
 * Writes pieces to a file and syncs it.
 * @returns their SHA-256 (hex) and their size in bytes
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
 * Writes bytes, as they arrive, to the file of their SHA-256. The file is whole and on disk, or it
 * does not exist.
 * @param expected the sum that was announced (hex); other bytes are refused
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
    const existing = await stat(path).catch(() => undefined)
    if (existing?.size !== size) await moveInto(partial, path)
    return sha256
  } finally {
    await rm(partial, { force: true })
  }
}

/** @returns whether the file existed */
const deleteMedia = async (path: string): Promise<boolean> => {
  // A crash may have left this file of an earlier release.
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
 * Deletes the files of erased media. A file that cannot be deleted is tried again by the next call.
 * @returns how many files existed
 */
export const deleteErasedMedia = async (
  journal: Pick<Journal, 'mediaToDelete' | 'mediaDeleted'>,
  directory: string
): Promise<number> => {
  const sums = journal.mediaToDelete()
  const errors: unknown[] = []
  let files = 0
  for (let start = 0; start < sums.length; start += deletionBatch) {
    const batch = sums.slice(start, start + deletionBatch)
    const outcomes = await Promise.allSettled(
      batch.map((sha256) => deleteMedia(mediaPath(directory, sha256)))
    )
    journal.mediaDeleted(batch.filter((_, n) => outcomes[n]?.status === 'fulfilled'))
    for (const outcome of outcomes) {
      // A file that cannot be deleted does not keep the others.
      if (outcome.status === 'rejected') errors.push(outcome.reason)
      else if (outcome.value) files += 1
    }
  }
  if (errors.length > 0) throw errors[0]
  return files
}

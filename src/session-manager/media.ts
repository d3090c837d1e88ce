import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CapturedMessage, Media } from '../contract/record.ts'
import type { Log } from '../platform/log.ts'
import type { Draft, Journal, PendingMedia } from './journal.ts'
import { whyNotKept, type MediaLimits } from './media-limits.ts'
import type { MediaResult } from './whatsapp/media.ts'

/** Fetches the media of captured messages into a directory, each file under its SHA-256. */
export interface MediaFetcher {
  /** Something may be waiting to be fetched, or may be fetched now. */
  wake(): void
  /** Ends it; what is not fetched yet is after the next start. */
  stop(): void
}

export interface MediaSource {
  /** @throws for trouble that may pass */
  (messageId: string): Promise<MediaResult>
}

const mostAttempts = 5
/** While a retention is at work each wait is long: one by one, the files of a request took more than a minute. */
const deletedAtOnce = 500

/** Where the bytes of that SHA-256 (hex) are kept. */
export const mediaPath = (directory: string, sha256: string): string => join(directory, sha256.slice(0, 2), sha256)

/**
 * Writes bytes under their SHA-256, so that the file is whole and on disk, or not there.
 * @param expected the sum that was announced (hex): other bytes are refused
 * @returns the sum, hex
 */
export const storeMedia = async (directory: string, bytes: Buffer, expected?: string): Promise<string> => {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (expected !== undefined && expected !== sha256) throw new Error('what was delivered does not have the SHA-256 that was announced')
  const path = mediaPath(directory, sha256)
  const there = await stat(path).catch(() => undefined)
  if (there?.size === bytes.length) return sha256
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const partial = `${path}.partial`
  const file = await open(partial, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, path)
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
  return sha256
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

/** Deletes the files of erased media; what fails is tried again with the next call. @returns how many files were there */
export const deleteErasedMedia = async (journal: Journal, directory: string): Promise<number> => {
  const sums = journal.mediaToDelete()
  let files = 0
  for (let start = 0; start < sums.length; start += deletedAtOnce) {
    const some = sums.slice(start, start + deletedAtOnce)
    const outcomes = await Promise.allSettled(some.map((sha256) => deleteMedia(mediaPath(directory, sha256))))
    journal.mediaDeleted(some.filter((_, n) => outcomes[n]?.status === 'fulfilled'))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
      if (outcome.value) files += 1
    }
  }
  return files
}

/** @param source the media of a message while the session is READY, undefined otherwise */
export const createMediaFetcher = (options: {
  journal: Journal
  add: (drafts: readonly Draft[]) => Promise<void>
  source: () => MediaSource | undefined
  directory: string
  limits: MediaLimits
  /** Between the first attempt and the second; doubled with each. */
  retryMs?: number
  log: Log
}): MediaFetcher => {
  const { journal, add, source, directory, limits, retryMs = 5_000, log } = options
  /** By message id, when media that failed may be tried again, ms. */
  const resting = new Map<string, number>()
  let busy = false
  let again = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  const settle = (message: CapturedMessage, media: Media): Promise<void> =>
    add([{ kind: 'media', key: `media:${message.id}`, message: { ...message, media: { ...message.media, ...media } } }])

  /** @returns whether this is the end of it */
  const fetchOne = async ({ message }: PendingMedia, from: MediaSource): Promise<boolean> => {
    try {
      const media = await from(message.id)
      if (media.outcome === 'gone') {
        await settle(message, { state: 'failed', reason: media.reason })
        return true
      }
      const { bytes, mimetype, filename } = media
      const reason = whyNotKept(limits, { size: bytes.length, mimetype: mimetype ?? message.media?.mimetype })
      if (reason !== undefined) {
        await settle(message, { state: 'skipped', size: bytes.length, reason })
        return true
      }
      const sha256 = await storeMedia(directory, bytes, message.media?.sha256)
      await settle(message, { state: 'stored', size: bytes.length, sha256, ...(mimetype ? { mimetype } : {}), ...(filename ? { filename } : {}) })
      if (journal.hasErased(message)) {
        journal.dropMedia(sha256)
        await deleteErasedMedia(journal, directory)
      }
      return true
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const attempts = journal.mediaAttempted(message.id)
      if (attempts === 0) return true
      log.warn({ event: 'media_failed', attempt: attempts, of: mostAttempts, reason }, `media could not be fetched: ${reason}`)
      if (attempts < mostAttempts) return false
      await settle(message, { state: 'failed', reason })
      return true
    }
  }

  const run = async (): Promise<void> => {
    for (;;) {
      const from = source()
      if (from === undefined || stopped) return
      const now = Date.now()
      const next = journal.pendingMedia(resting.size + 1).find(({ message }) => (resting.get(message.id) ?? 0) <= now)
      if (next === undefined) {
        // what is due and waits no more was erased
        for (const [id, due] of resting) if (due <= now) resting.delete(id)
        break
      }
      resting.delete(next.message.id)
      if (!(await fetchOne(next, from))) resting.set(next.message.id, Date.now() + retryMs * 2 ** next.attempts)
    }
    clearTimeout(timer)
    if (resting.size > 0) timer = setTimeout(wake, Math.max(0, Math.min(...resting.values()) - Date.now()))
  }

  const wake = (): void => {
    again = busy
    if (busy || stopped) return
    busy = true
    run()
      .catch((error: unknown) => log.error({ event: 'media_stopped', err: error }, 'fetching media stopped; it goes on with the next message'))
      .finally(() => {
        busy = false
        if (again) wake()
      })
  }
  return {
    wake,
    stop: () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}

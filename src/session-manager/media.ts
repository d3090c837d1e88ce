import { createHash } from 'node:crypto'
import { mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CapturedMessage, Media } from '../contract/record.ts'
import type { Log } from '../platform/log.ts'
import type { Draft, Journal, PendingMedia } from './journal.ts'

/** Fetches the media of captured messages into a directory, each file under its SHA-256. */
export interface MediaFetcher {
  /** Something may be waiting to be fetched, or may be fetched now. */
  wake(): void
  /** Ends it; what is not fetched yet is after the next start. */
  stop(): void
}

export interface MediaSource {
  /** undefined when WhatsApp has the media no more. */
  (messageId: string): Promise<{ bytes: Buffer; mimetype?: string; filename?: string } | undefined>
}

const mostAttempts = 5
/** Doubled with each attempt. */
const retryMs = 5_000

/** Where the bytes of that SHA-256 (hex) are kept. */
export const mediaPath = (directory: string, sha256: string): string => join(directory, sha256.slice(0, 2), sha256)

/** Writes bytes under their SHA-256, so that the file is whole and on disk, or not there. @returns the sum, hex */
export const storeMedia = async (directory: string, bytes: Buffer): Promise<string> => {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
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

/** @param source the media of a message while the session is READY, undefined otherwise */
export const createMediaFetcher = (options: {
  journal: Journal
  add: (drafts: readonly Draft[]) => Promise<void>
  source: () => MediaSource | undefined
  directory: string
  maxBytes: number
  log: Log
}): MediaFetcher => {
  const { journal, add, source, directory, maxBytes, log } = options
  let busy = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  const settle = (message: CapturedMessage, media: Media): Promise<void> =>
    add([{ kind: 'media', key: `media:${message.id}`, message: { ...message, media: { ...message.media, ...media } } }])

  /** @returns whether this is the end of it */
  const fetchOne = async ({ message }: PendingMedia, from: MediaSource): Promise<boolean> => {
    try {
      const media = await from(message.id)
      if (media === undefined) throw new Error('WhatsApp does not deliver it')
      const { bytes, mimetype, filename } = media
      if (bytes.length > maxBytes) {
        await settle(message, { state: 'skipped', size: bytes.length, reason: 'larger than MEDIA_MAX_SIZE' })
        return true
      }
      const sha256 = await storeMedia(directory, bytes)
      const expected = message.media?.sha256
      if (expected !== undefined && expected !== sha256) throw new Error('what was delivered does not have the SHA-256 that was announced')
      await settle(message, { state: 'stored', size: bytes.length, sha256, ...(mimetype ? { mimetype } : {}), ...(filename ? { filename } : {}) })
      return true
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const attempts = journal.mediaAttempted(message.id)
      log.warn({ event: 'media_failed', attempt: attempts, of: mostAttempts, reason }, `media could not be fetched: ${reason}`)
      if (attempts < mostAttempts) return false
      await settle(message, { state: 'failed', reason })
      return true
    }
  }

  const run = async (): Promise<void> => {
    for (let from = source(); from !== undefined && !stopped; from = source()) {
      const [next] = journal.pendingMedia(1)
      if (next === undefined) return
      if (await fetchOne(next, from)) continue
      clearTimeout(timer)
      timer = setTimeout(wake, retryMs * 2 ** next.attempts)
      // the others have fewer attempts behind them and come first; with nothing else to do, wait
      const [after] = journal.pendingMedia(1)
      if (after === undefined || after.attempts > next.attempts) return
    }
  }

  const wake = (): void => {
    if (busy || stopped) return
    busy = true
    run()
      .catch((error: unknown) => log.error({ event: 'media_stopped', err: error }, 'fetching media stopped; it goes on with the next message'))
      .finally(() => (busy = false))
  }
  return {
    wake,
    stop: () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}

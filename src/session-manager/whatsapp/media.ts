import type { MediaResult } from '../journal/media-fetcher.ts'
import { harmless } from '../../platform/harmless.ts'
import { MediaTrouble } from '../journal/media-trouble.ts'
import type { Page } from './browser.ts'
import { expression } from './expression.ts'
import { heldByStanza, otherIdsOf } from './lookup.ts'
import { asText, strip } from './content/raw.ts'

/**
 * Fetching the media of one message, by the page's own download manager. The page keeps the bytes
 * and hands them out in pieces: one message between Chromium and Node carries 383 MiB at most, and
 * all of it would be in memory at once.
 */

/** How media are fetched. Times are ms, sizes bytes. */
export interface MediaBounds {
  pieceBytes: number
  /** Larger media are not handed out. */
  maxBytes: number
  /** A download may take so long, and longer by its size at so many bytes a second. */
  downloadMs: number
  bytesPerSecond: number
  /** A call into the page waits for a download no longer than this. */
  callMs: number
}

const mediaBounds: Omit<MediaBounds, 'maxBytes'> = {
  pieceBytes: 4 * 1024 ** 2,
  downloadMs: 60_000,
  bytesPerSecond: 50_000,
  callMs: 5_000
}

/** A message of WhatsApp Web, as far as its media go. */
type PageMessage = {
  mediaData?: { mediaStage?: string }
  downloadMedia: (options: object) => Promise<unknown>
  mimetype?: unknown
  filename?: unknown
  size?: unknown
} & Record<
  'directPath' | 'encFilehash' | 'filehash' | 'mediaKey' | 'mediaKeyTimestamp' | 'type',
  unknown
>

interface PageScope {
  require: (name: string) => {
    Msg: {
      get: (id: string) => PageMessage | undefined
      getMessagesById: (
        ids: string[]
      ) => Promise<{ messages?: (PageMessage | null | undefined)[] } | undefined>
    }
    downloadManager: { downloadAndMaybeDecrypt: (about: object) => Promise<ArrayBuffer> }
  }
  [key: symbol]: unknown
}

/** What the page says of a download. `trouble`: it failed, and may work later. */
type Outcome =
  | { outcome: 'pending' }
  | { outcome: 'fetched'; size: number; mimetype?: unknown; filename?: unknown }
  | { outcome: 'gone'; reason: string }
  | { outcome: 'trouble'; reason: string; isOfAll: boolean }

/** The download there is; the page keeps one. */
interface Job {
  id: string
  abort: AbortController
  done: Promise<Outcome>
  bytes?: Uint8Array | undefined
}

interface LookupParts {
  otherIdsOf: typeof otherIdsOf
  heldByStanza: typeof heldByStanza
}

/**
 * Runs in the page. The message is looked up in memory, then in the page's database; then under the
 * other address of its chat or sender, which the page may have it under.
 */
const findMessage = async (parts: LookupParts, id: string): Promise<PageMessage> => {
  const { require } = globalThis as unknown as PageScope
  const { Msg } = require('WAWebCollections')
  const find = async (one: string): Promise<PageMessage | undefined> =>
    Msg.get(one) ?? (await Msg.getMessagesById([one]))?.messages?.[0] ?? undefined
  for (const one of [id, ...parts.otherIdsOf(id)]) {
    const message = await find(one)
    if (message !== undefined) return message
  }
  const message = parts.heldByStanza(id) as PageMessage | undefined
  if (message === undefined) throw new Error('WhatsApp Web does not find the message')
  return message
}

/**
 * Runs in the page. Media are gone only if the server says so (404, 410) and the phone, asked to
 * upload them again, does not have them either. @returns undefined when they are gone @throws for
 * any other trouble, which may pass
 */
const download = async (
  message: PageMessage,
  signal: AbortSignal
): Promise<ArrayBuffer | undefined> => {
  const { require } = globalThis as unknown as PageScope
  // The page measures each step of a download on this object. Nothing of it is used.
  const measuring: object = new Proxy(
    {},
    { get: (_target, name) => (name === 'then' ? undefined : () => measuring) }
  )
  const fetchBytes = (): Promise<ArrayBuffer> => {
    const { directPath, encFilehash, filehash, mediaKey, mediaKeyTimestamp, type } = message
    return require('WAWebDownloadManager').downloadManager.downloadAndMaybeDecrypt({
      directPath,
      encFilehash,
      filehash,
      mediaKey,
      mediaKeyTimestamp,
      type,
      signal,
      downloadQpl: measuring
    })
  }
  const reupload = async (): Promise<boolean> => {
    if (message.mediaData?.mediaStage === 'REUPLOADING')
      throw new Error('the phone is uploading the media again')
    await message.downloadMedia({
      downloadEvenIfExpensive: true,
      rmrReason: 1,
      isUserInitiated: true
    })
    const stage = message.mediaData?.mediaStage
    if (stage === 'ERROR_MISSING') return false
    if (stage !== 'RESOLVED')
      throw new Error(`the phone has not uploaded the media again (${stage})`)
    return true
  }
  try {
    return await fetchBytes()
  } catch (error) {
    const { status } = (error ?? {}) as { status?: unknown }
    if (status !== 404 && status !== 410) throw error
    return (await reupload()) ? fetchBytes() : undefined
  }
}

/**
 * Runs in the page. Whether an error is of the media servers or the network, so that other media
 * would fail, too.
 */
const describeTrouble = (error: unknown): Outcome => {
  const {
    name = '',
    message = '',
    status
  } = (error ?? {}) as { name?: string; message?: string; status?: unknown }
  const reason =
    message ||
    name ||
    (typeof status === 'number' ? `the media server answered ${status}` : String(error))
  const isRefused =
    typeof status === 'number' && (status >= 500 || status === 429 || status === 401)
  const isNetwork =
    /HttpNetwork|HttpTimedOut|AbortError|NetworkError|TimeoutError/.test(name) ||
    /failed to fetch|net::ERR/i.test(message)
  return { outcome: 'trouble', reason, isOfAll: isRefused || isNetwork }
}

/** Runs in the page. Begins the download of a message's media, or goes on with it. */
const fetchInPage = async (
  parts: LookupParts & {
    findMessage: typeof findMessage
    download: typeof download
    describeTrouble: typeof describeTrouble
  },
  id: string,
  bounds: MediaBounds
): Promise<Outcome> => {
  const scope = globalThis as unknown as PageScope
  const key = Symbol.for('leadmaster.media')
  const begin = (): Job => {
    const abort = new AbortController()
    const run = async (): Promise<Outcome> => {
      const inTime = <T>(promise: Promise<T>, ms: number, late: Error): Promise<T> => {
        let timer: ReturnType<typeof setTimeout> | undefined
        const tooLate = new Promise<never>((_done, fail) => {
          timer = setTimeout(
            () => {
              abort.abort()
              fail(late)
            },
            Math.min(ms, 2_000_000_000)
          )
        })
        return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer))
      }
      const message = await inTime(
        parts.findMessage(parts, id),
        bounds.downloadMs,
        new Error('the message was not found in time')
      )
      const ms = bounds.downloadMs + (Number(message.size) || 0) / (bounds.bytesPerSecond / 1_000)
      const late = Object.assign(new Error('the download took too long'), { name: 'TimeoutError' })
      const buffer = await inTime(parts.download(message, abort.signal), ms, late)
      if (buffer === undefined)
        return { outcome: 'gone', reason: 'WhatsApp and the phone no longer have the media' }
      if (buffer.byteLength <= bounds.maxBytes) job.bytes = new Uint8Array(buffer)
      const { mimetype, filename } = message
      return { outcome: 'fetched', size: buffer.byteLength, mimetype, filename }
    }
    const job: Job = {
      id,
      abort,
      done: run().catch((error: unknown) => parts.describeTrouble(error))
    }
    return job
  }
  const known = scope[key] as Job | undefined
  if (known !== undefined && known.id !== id) known.abort.abort()
  const job = known?.id === id ? known : begin()
  scope[key] = job
  const pending = Promise.withResolvers<Outcome>()
  const timer = setTimeout(() => pending.resolve({ outcome: 'pending' }), bounds.callMs)
  const outcome = await Promise.race([job.done, pending.promise])
  clearTimeout(timer)
  if (outcome.outcome !== 'pending' && outcome.outcome !== 'fetched') scope[key] = undefined
  return outcome
}

/** Runs in the page. @returns a piece as base64; null when the page has these bytes no more */
const pieceInPage = (
  _parts: unknown,
  id: string,
  offset: number,
  length: number
): string | null => {
  const job = (globalThis as unknown as PageScope)[Symbol.for('leadmaster.media')] as
    | Job
    | undefined
  if (job?.id !== id || job.bytes === undefined) return null
  const bytes = job.bytes.subarray(offset, offset + length)
  const native = (bytes as { toBase64?: () => string }).toBase64
  if (typeof native === 'function') return native.call(bytes)
  const slice = 32_768
  let text = ''
  for (let at = 0; at < bytes.length; at += slice)
    text += String.fromCharCode(...bytes.subarray(at, at + slice))
  return btoa(text)
}

/** Runs in the page. Lets go of the bytes, and ends a download that is still going on. */
const releaseInPage = (_parts: unknown, id: string): void => {
  const scope = globalThis as unknown as PageScope
  const key = Symbol.for('leadmaster.media')
  const job = scope[key] as Job | undefined
  if (job?.id !== id) return
  job.abort.abort()
  scope[key] = undefined
}

const parts = { otherIdsOf, heldByStanza, findMessage, download, describeTrouble }

async function* readPieces(
  page: Page,
  id: string,
  size: number,
  bounds: MediaBounds
): AsyncGenerator<Buffer> {
  try {
    for (let offset = 0; offset < size; offset += bounds.pieceBytes) {
      const piece = (await page.evaluate(
        expression(parts, pieceInPage, id, offset, bounds.pieceBytes)
      )) as string | null
      if (piece === null)
        throw new MediaTrouble('the page was loaded again while it handed out media', true)
      yield Buffer.from(piece, 'base64')
    }
  } finally {
    // A page that is gone has let go of them.
    await page.evaluate(expression(parts, releaseInPage, id)).catch(() => undefined)
  }
}

/** Ids end up in texts of the page, and these in the log. */
const troubleOf = ({ reason, isOfAll }: Outcome & { outcome: 'trouble' }): MediaTrouble =>
  new MediaTrouble(harmless(reason), isOfAll)

/**
 * The media of a message, by its id. @throws MediaTrouble, or an error of the page, for what may
 * pass: try again later
 */
export const fetchMedia = async (
  page: Page,
  id: string,
  maxBytes: number,
  given: Partial<MediaBounds> = {}
): Promise<MediaResult> => {
  const bounds: MediaBounds = { ...mediaBounds, maxBytes, ...given }
  for (;;) {
    const found = (await page.evaluate(expression(parts, fetchInPage, id, bounds))) as Outcome
    if (found.outcome === 'pending') continue
    if (found.outcome === 'trouble') throw troubleOf(found)
    if (found.outcome === 'gone') return found
    const { outcome, size, mimetype, filename } = found
    const pieces = size > bounds.maxBytes ? [] : readPieces(page, id, size, bounds)
    return strip({
      outcome,
      size,
      mimetype: asText(mimetype),
      filename: asText(filename),
      pieces
    }) as MediaResult
  }
}

import type { Page } from './browser.ts'
import { asText, strip } from './raw.ts'

/** Fetching the media of one message, by the page's own download manager. */

/** What became of it. `gone`: WhatsApp has it no more, and the phone could not send it again. */
export type MediaResult =
  | { outcome: 'fetched'; bytes: Buffer; mimetype?: string; filename?: string }
  | { outcome: 'gone'; reason: string }

/** What `fetchInPage` gives: the bytes as base64. */
export type MediaInPage =
  | { outcome: 'fetched'; base64: string; mimetype?: unknown; filename?: unknown }
  | { outcome: 'gone'; reason: string }

/**
 * Runs in the page. The message is looked up by its id, in memory and then in the page's database. Its media are gone
 * only if the server says so (404, 410) and the phone, asked to upload them again, does not have them either.
 * @throws for any other trouble, which may pass
 */
export const fetchInPage = async (id: string): Promise<MediaInPage> => {
  type Message = {
    mediaData?: { mediaStage?: string }
    downloadMedia: (options: object) => Promise<unknown>
    mimetype?: unknown
    filename?: unknown
  } & Record<'directPath' | 'encFilehash' | 'filehash' | 'mediaKey' | 'mediaKeyTimestamp' | 'type', unknown>
  const { require } = globalThis as unknown as {
    require: (name: string) => {
      Msg: {
        get: (id: string) => Message | undefined
        getMessagesById: (ids: string[]) => Promise<{ messages?: (Message | null | undefined)[] } | undefined>
      }
      downloadManager: { downloadAndMaybeDecrypt: (about: object) => Promise<ArrayBuffer> }
    }
  }
  const { Msg } = require('WAWebCollections')
  const message = Msg.get(id) ?? (await Msg.getMessagesById([id]))?.messages?.[0]
  if (message == null) throw new Error('WhatsApp Web does not find the message')

  // The page measures each step of a download on this object. Nothing of it is used.
  const measuring: object = new Proxy({}, { get: (_target, name) => (name === 'then' ? undefined : () => measuring) })
  const download = (): Promise<ArrayBuffer> => {
    const { directPath, encFilehash, filehash, mediaKey, mediaKeyTimestamp, type } = message
    const { signal } = new AbortController()
    return require('WAWebDownloadManager').downloadManager.downloadAndMaybeDecrypt({
      directPath, encFilehash, filehash, mediaKey, mediaKeyTimestamp, type, signal, downloadQpl: measuring
    })
  }
  const isMissing = (error: unknown): boolean => {
    const { status } = (error ?? {}) as { status?: unknown }
    return status === 404 || status === 410
  }
  /** Has the page ask the phone to upload the media again. @returns whether it is there now */
  const reupload = async (): Promise<boolean> => {
    if (message.mediaData?.mediaStage === 'REUPLOADING') throw new Error('the phone is uploading the media again')
    await message.downloadMedia({ downloadEvenIfExpensive: true, rmrReason: 1, isUserInitiated: true })
    const stage = message.mediaData?.mediaStage
    if (stage === 'ERROR_MISSING') return false
    if (stage !== 'RESOLVED') throw new Error(`the phone has not uploaded the media again (${stage})`)
    return true
  }
  const fetchBytes = async (): Promise<ArrayBuffer | undefined> => {
    try {
      return await download()
    } catch (error) {
      if (!isMissing(error)) throw error
      return (await reupload()) ? download() : undefined
    }
  }
  /** In slices: a call takes only so many arguments. */
  const toBase64 = (buffer: ArrayBuffer): string => {
    const bytes = new Uint8Array(buffer)
    const slice = 32_768
    let text = ''
    for (let at = 0; at < bytes.length; at += slice) text += String.fromCharCode(...bytes.subarray(at, at + slice))
    return btoa(text)
  }
  const buffer = await fetchBytes()
  if (buffer === undefined) return { outcome: 'gone', reason: 'WhatsApp and the phone no longer have the media' }
  const { mimetype, filename } = message
  return { outcome: 'fetched', base64: toBase64(buffer), mimetype, filename }
}

/** The media of a message, by its id. @throws for trouble that may pass: try again later */
export const fetchMedia = async (page: Page, id: string): Promise<MediaResult> => {
  const found = await page.evaluate(fetchInPage, id)
  if (found.outcome === 'gone') return found
  const bytes = Buffer.from(found.base64, 'base64')
  const { mimetype, filename } = found
  return strip({ outcome: found.outcome, bytes, mimetype: asText(mimetype), filename: asText(filename) }) as MediaResult
}

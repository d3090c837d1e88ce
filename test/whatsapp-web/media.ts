import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** Media as WhatsApp's servers keep it: encrypted with a key that only the message tells. */

export type MediaKind = 'image' | 'video' | 'audio' | 'ptt' | 'document' | 'sticker'

const kinds: Record<MediaKind, string> = {
  image: 'Image',
  sticker: 'Image',
  video: 'Video',
  audio: 'Audio',
  ptt: 'Audio',
  document: 'Document'
}
const mimetypes: Record<MediaKind, string> = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/mpeg',
  ptt: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp'
}

export interface MediaAbout {
  mimetype?: string
  filename?: string
  caption?: string
  /** Seconds. */
  duration?: number
  /** What WhatsApp claims the size to be, bytes. */
  size?: number
}

export interface SealedMedia {
  /** What the media server hands out. */
  sealed: Buffer
  directPath: string
  /** What the message says of it. */
  facts: Record<string, unknown>
}

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64')

export const sealMedia = (kind: MediaKind, bytes: Buffer, about: MediaAbout = {}): SealedMedia => {
  const key = randomBytes(32)
  const expanded = Buffer.from(
    hkdfSync('sha256', key, Buffer.alloc(32), `WhatsApp ${kinds[kind]} Keys`, 112)
  )
  const [iv, cipherKey, macKey] = [
    expanded.subarray(0, 16),
    expanded.subarray(16, 48),
    expanded.subarray(48, 80)
  ]
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const text = Buffer.concat([cipher.update(bytes), cipher.final()])
  const sealed = Buffer.concat([
    text,
    createHmac('sha256', macKey).update(iv).update(text).digest().subarray(0, 10)
  ])
  const directPath = `/media/${randomBytes(12).toString('hex')}.enc`
  return {
    sealed,
    directPath,
    facts: {
      // the thumbnail
      body: kind === 'image' || kind === 'video' ? '/9j/4AAQSkZJRgABAQ==' : '',
      caption: about.caption,
      filename: about.filename,
      mimetype: about.mimetype ?? mimetypes[kind],
      ...(about.duration === undefined ? {} : { duration: String(about.duration) }),
      deprecatedMms3Url: `https://mmg.whatsapp.net${directPath}`,
      directPath,
      filehash: sum(bytes),
      encFilehash: sum(sealed),
      size: about.size ?? bytes.length,
      mediaKey: key.toString('base64'),
      mediaKeyTimestamp: Math.floor(Date.now() / 1_000),
      isViewOnce: false
    }
  }
}

import { createHash } from 'node:crypto'
import type { Media } from '../../contract/record.ts'

/** Headers for media that strangers sent: a browser must not run them as a page or a script. */

const token = "[\\w!#$&^.+'*`|~%-]+"
const wellFormed = new RegExp(
  `^(${token}/${token})(\\s*;\\s*${token}=(${token}|"[\\x20!#-\\x5b\\x5d-\\x7e]*"))*$`
)
/** Types that a browser treats as a page, a script, a style or a part of one. */
const active =
  /html|svg|[/+]xml|(java|ecma|j|live|vb)script|\/css|wasm|manifest|^multipart\/|^message\/|json/
const shown = /^(image\/(png|jpeg|gif|webp)|(audio|video)\/.+)$/
const extensions: Record<string, string> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'audio/ogg': 'ogg',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'video/mp4': 'mp4',
  'application/pdf': 'pdf'
}
const maxCharacters = 150

const essence = (type: string): string => (type.split(';')[0] ?? '').trim().toLowerCase()

/**
 * The captured type if it is well-formed and no page can execute it; otherwise that of plain bytes.
 */
export const contentType = ({ mimetype = '' }: Pick<Media, 'mimetype'>): string =>
  mimetype.length <= 200 && wellFormed.test(mimetype) && !active.test(essence(mimetype))
    ? mimetype
    : 'application/octet-stream'

const reserved = /[/\\:*?"<>|%]/g

/**
 * A file name without a path and without invisible characters, short enough for a disk. The
 * extension stays.
 */
const safeName = (name: string): string => {
  const plain = name
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .replace(reserved, '_')
    .replace(/^[.\s]+/, '')
    // Without the lookbehind each blank of a long run would start a search of its own.
    .replace(/(?<![.\s])[.\s]+$/, '')
  const [extension = ''] = /\.[^.]{1,10}$/.exec(plain) ?? []
  return plain.length <= maxCharacters
    ? plain
    : [...plain].slice(0, maxCharacters - extension.length).join('') + extension
}

/** Ids of WhatsApp are such, as far as is known. */
const plainId = /^[\w@-][\w@.-]*$/

/**
 * The name of a message's file on a disk: the id, without characters that a disk may refuse, and
 * the extension. Two messages never have the same.
 */
export const mediaFileName = (id: string, media: Media): string => {
  const [ofName = ''] = /\.\w{1,10}$/.exec(safeName(media.filename ?? '')) ?? []
  const known = extensions[essence(contentType(media))]
  const extension = known === undefined ? ofName : `.${known}`
  if (plainId.test(id) && id.length <= maxCharacters) return id + extension
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 16)
  const safe = id.replace(/[^\w@-]/g, '_').slice(0, maxCharacters - digest.length)
  return `${safe}-${digest}${extension}`
}

/** RFC 8187, section 3.2.1: what encodeURIComponent leaves and an attr-char may not be. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  )

/**
 * RFC 6266. Images, audio and video may be shown in place. Everything else is a download, and so is
 * everything if `download` is set.
 */
export const contentDisposition = (media: Media, download: boolean): string => {
  const type = contentType(media)
  const extension = extensions[essence(type)]
  const dotted = extension === undefined ? '' : `.${extension}`
  const made = `whatsapp-${(media.sha256 ?? '').slice(0, 8)}${dotted}`
  const name = safeName(media.filename ?? '') || made
  // NFKD makes a full-width quote a quote. A name of accents alone becomes empty.
  const ascii =
    name
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .replace(/[^\x20-\x7e]/g, '_')
      .replace(reserved, '_') || made
  const exact = ascii === name ? '' : `; filename*=UTF-8''${encode(name)}`
  const disposition = shown.test(essence(type)) && !download ? 'inline' : 'attachment'
  return `${disposition}; filename="${ascii}"${exact}`
}

import type { Media } from '../../contract/record.ts'

/**
 * How media that strangers sent are handed to a browser: what they say of themselves is not
 * believed further than is safe.
 */

const token = "[\\w!#$&^.+'*`|~%-]+"
const wellFormed = new RegExp(
  `^(${token}/${token})(\\s*;\\s*${token}=(${token}|"[\\x20!#-\\x5b\\x5d-\\x7e]*"))*$`
)
/** Types that a browser takes for a page, a script, a style or part of one. */
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
 * The captured type if it is one, and one that nothing in a page executes; else bytes of no type.
 */
export const contentType = ({ mimetype = '' }: Pick<Media, 'mimetype'>): string =>
  mimetype.length <= 200 && wellFormed.test(mimetype) && !active.test(essence(mimetype))
    ? mimetype
    : 'application/octet-stream'

const reserved = /[/\\:*?"<>|%]/g

/**
 * A name without a path, without what disguises one, and not too long for a disk; its extension
 * stays.
 */
const safeName = (name: string): string => {
  const plain = name
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .replace(reserved, '_')
    .replace(/^[.\s]+/, '')
    // of a long run of blanks each would be the start of one that does not end the name
    .replace(/(?<![.\s])[.\s]+$/, '')
  const [extension = ''] = /\.[^.]{1,10}$/.exec(plain) ?? []
  return plain.length <= maxCharacters
    ? plain
    : [...plain].slice(0, maxCharacters - extension.length).join('') + extension
}

/** RFC 8187, section 3.2.1: what encodeURIComponent leaves and an attr-char may not be. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  )

/**
 * RFC 6266: images, audio and video may be shown in place; everything else, and all of it if asked,
 * is a download.
 */
export const contentDisposition = (media: Media, download: boolean): string => {
  const type = contentType(media)
  const extension = extensions[essence(type)]
  const dotted = extension === undefined ? '' : `.${extension}`
  const made = `whatsapp-${(media.sha256 ?? '').slice(0, 8)}${dotted}`
  const name = safeName(media.filename ?? '') || made
  // a quote in full width becomes one; nothing is left of a name that is all accents
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

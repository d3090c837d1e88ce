import { api } from './api.js'
import { h } from './dom.js'
import { duration, size } from './format.js'
import { texts } from './texts.js'

/** What was sent as a file: seen and heard in place where a browser can, a download otherwise. */

/** @typedef {import('../../contract/lead.ts').Message} Message */

/** What a browser shows as an image and runs nothing of. */
const images = /^image\/(png|jpe?g|gif|webp|avif|bmp)\b/

/** What has a file. */
const files = /^(image|video|gif|ptt|audio|document|sticker|ptv)$/

/** @param {string} type @returns {string | undefined} */
export const kindOf = (type) =>
  files.test(type) ? /** @type {Record<string, string>} */ (texts.messageKinds)[type] : undefined

/** @param {Message} message */
const facts = ({ media, type }) => {
  const { state = 'stored', filename, size: bytes, duration: seconds, mimetype } = media ?? {}
  const told = [
    filename,
    seconds !== undefined && duration(seconds * 1_000),
    bytes !== undefined && size(bytes)
  ].filter(Boolean)
  return h(
    'p',
    { class: 'attached' },
    h('strong', {}, kindOf(type) ?? mimetype ?? type),
    told.length > 0 && h('bdi', {}, ` · ${told.join(' · ')}`),
    texts.mediaState[state] !== '' && h('span', { class: 'muted' }, ` · ${texts.mediaState[state]}`)
  )
}

/** @param {Message} message */
const download = (message) =>
  h(
    'a',
    {
      class: 'button download',
      href: api.media(message, 'download'),
      download: message.media?.filename ?? ''
    },
    texts.download,
    h('span', { class: 'sr-only' }, ` ${message.media?.filename ?? kindOf(message.type) ?? ''}`)
  )

/**
 * Shows that it failed, and what is left to do. @param {HTMLElement} shown @param {Message} message
 */
const orElse = (shown, message) => {
  const box = h('div', { class: 'media' }, shown)
  // of a player its source fails, and that does not bubble
  shown.addEventListener(
    'error',
    () =>
      box.replaceChildren(
        h('p', { class: 'small muted' }, texts.mediaGone, ' '),
        download(message)
      ),
    true
  )
  return box
}

/** @param {Message} message @returns {HTMLElement[]} */
export const mediaNodes = (message) => {
  const { media, type } = message
  if (media?.state !== 'stored') return [facts(message)]
  const { mimetype = '' } = media
  const src = api.media(message)
  const label = [kindOf(type) ?? mimetype, media.filename].filter(Boolean).join(' · ')
  if (images.test(mimetype)) {
    const image = h('img', {
      src,
      alt: label,
      loading: 'lazy',
      decoding: 'async',
      class: type === 'sticker' ? 'sticker' : 'picture'
    })
    return [
      orElse(
        type === 'sticker'
          ? image
          : h('a', { href: src, target: '_blank', rel: 'noopener' }, image),
        message
      ),
      ...(media.filename ? [facts(message)] : [])
    ]
  }
  if (mimetype.startsWith('video/'))
    return [
      orElse(
        h('video', {
          src,
          controls: true,
          preload: 'metadata',
          playsinline: true,
          class: 'picture',
          'aria-label': label
        }),
        message
      ),
      facts(message)
    ]
  if (mimetype.startsWith('audio/'))
    return [
      orElse(
        h('audio', { src, controls: true, preload: 'metadata', 'aria-label': label }),
        message
      ),
      facts(message)
    ]
  return [facts(message), download(message)]
}

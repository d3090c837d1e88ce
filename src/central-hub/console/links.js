/** Web addresses in a text that somebody wrote: only http and https, whatever it looks like. */

/**
 * @typedef {{ kind: 'link', text: string, href: string, host?: string }} Link `host`: where it
 * leads, if the text may deceive
 */

/**
 * Possible addresses: with a scheme, with www., or a name that ends like those of many shops. They
 * contain no invisible character, such as one that turns the direction of reading, and no format
 * marks of WhatsApp.
 */
const addresses = new RegExp(
  [
    '(?:https?:\\/\\/',
    'www\\.(?=[^\\s.]+\\.)',
    '(?<![\\p{L}\\p{N}.@_:/\\\\-])(?:[\\p{L}\\p{N}-]{1,63}\\.){1,4}' +
      '(?:com|net|org|app|shop|store|me(?=\\/[\\p{L}\\p{N}]))(?![\\p{L}\\p{N}@-]))'
  ].join('|') + '[^\\s\\p{C}<>"`*~|\\\\^{}\\u2028\\u2029]*',
  'giu'
)
const sentenceEnds = ".,;:!?¡¿'’»”…_]"

/** @param {string} text @param {string} character */
const count = (text, character) => text.split(character).length - 1

/**
 * Without the signs that end the sentence; a bracket that opens in the address stays. @param
 * {string} text
 */
const trimmed = (text) => {
  let unopened = count(text, ')') - count(text, '(')
  let end = text.length
  for (; end > 0; end -= 1) {
    const last = text[end - 1] ?? ''
    if (last === ')' && unopened > 0) unopened -= 1
    else if (!sentenceEnds.includes(last)) break
  }
  return text.slice(0, end)
}

/** @param {string} text as it was written @returns {Link | undefined} */
const linkOf = (text) => {
  const written = /^https?:\/\//i.test(text) ? text : `https://${text}`
  if (!URL.canParse(written)) return undefined
  const { protocol, hostname, href } = new URL(written)
  if (!/^https?:$/.test(protocol) || !hostname.includes('.')) return undefined
  const link = /** @type {Link} */ ({ kind: 'link', text, href })
  // Letters of other scripts may look like those of a known name, and a name before @ is not where
  // it leads.
  const shown = /^https?:\/\/([^/?#\\]*)/i.exec(written)?.[1]?.toLowerCase().replace(/:\d*$/, '')
  if (shown !== hostname) link.host = hostname
  return link
}

/** @param {string} text @returns {{ start: number, end: number, node: Link }[]} in their order */
export const findLinks = (text) =>
  [...text.matchAll(addresses)].flatMap((match) => {
    const written = trimmed(match[0])
    const node = linkOf(written)
    return node === undefined
      ? []
      : [{ start: match.index, end: match.index + written.length, node }]
  })

/**
 * A text that ought to be an address as a link; undefined when it is no address of the web. @param
 * {string} text
 */
export const webLink = (text) =>
  /^https?:\/\/[^\s\p{C}]+$/iu.test(text) ? linkOf(text) : undefined

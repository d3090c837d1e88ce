/**
 * Whether a header of entity tags, such as If-None-Match, names this one: by the weak comparison,
 * RFC 9110, 8.8.3.2.
 */
export const namesEtag = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)

/** Whether a header such as If-Match names a tag that begins with this text. */
export const namesBeginning = (header: string, beginning: string): boolean => {
  const begins = (tag: string): boolean => tag.startsWith(`"${beginning}`) && /^"[^"]+"$/.test(tag)
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return header.trim() === '*' || tags.some(begins)
}

/**
 * Whether a header such as If-Match names a tag `"VERSION.CONTENT"` of this version, whatever its
 * content.
 */
export const namesVersion = (header: string, version: string): boolean =>
  namesBeginning(header, `${version}.`)

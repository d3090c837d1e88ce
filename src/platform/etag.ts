/** Whether a header of entity tags, such as If-None-Match, names this one: by the weak comparison, RFC 9110, 8.8.3.2. */
export const namesEtag = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)

/** Whether a header such as If-Match names a tag `"VERSION.CONTENT"` of this version, whatever its content. */
export const namesVersion = (header: string, version: string): boolean => {
  const isOfVersion = (tag: string): boolean => tag.startsWith(`"${version}.`) && /^"[^"]+"$/.test(tag)
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return header.trim() === '*' || tags.some(isOfVersion)
}

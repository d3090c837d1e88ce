/** Whether a header of entity tags, such as If-None-Match, names this one: by the weak comparison, RFC 9110, 8.8.3.2. */
export const namesEtag = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)

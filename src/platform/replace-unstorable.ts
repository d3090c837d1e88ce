/**
 * A text as every database and file gives it back; what is no text stays as it is. NUL and half a
 * pair of UTF-16, both of which JSON may hold, become U+FFFD, the character for what cannot be
 * shown.
 */
export const replaceUnstorable = <T>(value: T): T | string =>
  typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value

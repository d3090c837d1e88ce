/** Text of PostgreSQL's cannot hold the character NUL, which a message may; it becomes the one for what cannot be shown. */
export const storable = <T>(value: T): T | string => (typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value)

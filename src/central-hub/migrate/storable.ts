import type { Value } from './source.ts'

/** A value as the store has it in PostgreSQL, whose text cannot hold the character NUL: it becomes the one for what cannot be shown. */
export const storable = (value: Value): Value => (typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value)

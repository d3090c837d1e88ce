import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/**
 * A copy that belongs to who makes it: Node's own copyFile gives it to the owner of the other, and
 * root keeps backups to itself.
 */
export const copyContent = (from: string, to: string): Promise<void> =>
  pipeline(createReadStream(from), createWriteStream(to, { mode: 0o600, flags: 'wx' }))

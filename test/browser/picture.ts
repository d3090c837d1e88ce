import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import type { Media } from '../../src/contract/record.ts'
import { mediaPath } from '../../src/session-manager/journal/media.ts'

/** A grey PNG with some noise, which gives it a weight, https://www.w3.org/TR/png-3/ */
export const picture = (width: number, height: number): Buffer => {
  const chunk = (type: string, data: Buffer): Buffer => {
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    const body = Buffer.concat([Buffer.from(type), data])
    size.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([size, body, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head[8] = 8
  const rows = Buffer.alloc((width + 1) * height, 0)
  for (let row = 0; row < height; row += 1)
    randomBytes(width >> 3).copy(rows, row * (width + 1) + 1)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0))
  ])
}

/** Puts a file where session-manager keeps media. @returns what its message says of it */
export const storeFile = (directory: string, bytes: Buffer, mimetype: string): Media => {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  mkdirSync(dirname(mediaPath(directory, sha256)), { recursive: true })
  writeFileSync(mediaPath(directory, sha256), bytes)
  return { state: 'stored', mimetype, size: bytes.length, sha256 }
}

/**
 * Puts a photo of this size where session-manager keeps media. @returns what its message says of it
 */
export const storePhoto = (directory: string, width: number, height: number): Media =>
  storeFile(directory, picture(width, height), 'image/png')

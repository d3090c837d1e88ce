import { createCipheriv, createDecipheriv, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * Encrypts a stream so that nobody reads it, changes it, cuts it off or puts its parts in another
 * order unnoticed: AES-256-GCM by chunks of 64 KiB, each nonce the chunk's number and whether it is
 * the last (the STREAM construction, as in age, https://age-encryption.org/v1). A salt of each
 * stream's own makes the key its own, so nonces never repeat.
 *
 * Header: "LMPROF", the version 1 (2 bytes), 16 bytes of salt, 8 bytes by which another key is told
 * from damage.
 */
const magic = Buffer.from('LMPROF\x00\x01', 'latin1')
const saltSize = 16
const checkSize = 8
const headerSize = magic.length + saltSize + checkSize
const chunkSize = 64 * 1024
const tagSize = 16

/** Some 100 ms and 32 MiB for each guess. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 ** 2 }

const derive = async (secret: string, salt: Buffer): Promise<{ key: Buffer; check: Buffer }> => {
  const bytes = await new Promise<Buffer>((resolve, reject) =>
    scrypt(secret, salt, 32 + checkSize, cost, (error, derived) =>
      error ? reject(error) : resolve(derived)
    )
  )
  return { key: bytes.subarray(0, 32), check: bytes.subarray(32) }
}

const nonceOf = (chunk: number, last: boolean): Buffer => {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(chunk, 5, 6)
  nonce[11] = Number(last)
  return nonce
}

/** The same bytes in pieces of one size; only the last may be smaller, and it is marked. */
const pieces = async function* (
  source: AsyncIterable<Uint8Array>,
  size: number
): AsyncGenerator<{ piece: Buffer; last: boolean }> {
  let held: Buffer[] = []
  let length = 0
  for await (const part of source) {
    held.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength))
    length += part.byteLength
    if (length <= size) continue
    const all = Buffer.concat(held)
    let at = 0
    // one byte more must follow, or it might be the last
    for (; all.length - at > size; at += size)
      yield { piece: all.subarray(at, at + size), last: false }
    held = [all.subarray(at)]
    length = all.length - at
  }
  yield { piece: Buffer.concat(held), last: true }
}

export const seal = async function* (
  secret: string,
  plain: AsyncIterable<Uint8Array>
): AsyncGenerator<Buffer> {
  const salt = randomBytes(saltSize)
  const { key, check } = await derive(secret, salt)
  const header = Buffer.concat([magic, salt, check])
  yield header
  let chunk = 0
  for await (const { piece, last } of pieces(plain, chunkSize)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(chunk, last)).setAAD(header)
    yield Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()])
    chunk += 1
  }
}

/** @throws when the secret is another one, or anything was changed, moved or cut off */
export const unseal = async function* (
  secret: string,
  sealed: AsyncIterable<Uint8Array>
): AsyncGenerator<Buffer> {
  const source = sealed[Symbol.asyncIterator]()
  const { header, rest } = await readHeader(source)
  const { key, check } = await derive(
    secret,
    header.subarray(magic.length, magic.length + saltSize)
  )
  if (!timingSafeEqual(check, header.subarray(-checkSize)))
    throw new Error('it was made with another PROFILE_BACKUP_KEY')
  let chunk = 0
  for await (const { piece, last } of pieces(rest, chunkSize + tagSize)) {
    if (piece.length < tagSize) throw new Error('it is cut off')
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(chunk, last))
      .setAAD(header)
      .setAuthTag(piece.subarray(-tagSize))
    const plain = decipher.update(piece.subarray(0, -tagSize))
    try {
      decipher.final()
    } catch (error) {
      throw new Error('it is damaged or cut off', { cause: error })
    }
    yield plain
    chunk += 1
  }
}

/** The header, and what follows it. */
const readHeader = async (
  source: AsyncIterator<Uint8Array>
): Promise<{ header: Buffer; rest: AsyncIterable<Uint8Array> }> => {
  let held = Buffer.alloc(0)
  while (held.length < headerSize) {
    const { done, value } = await source.next()
    if (done) throw new Error('it is cut off')
    held = Buffer.concat([held, value])
  }
  const header = held.subarray(0, headerSize)
  if (!header.subarray(0, 6).equals(magic.subarray(0, 6)))
    throw new Error('it is no backup of a profile')
  if (!header.subarray(6, 8).equals(magic.subarray(6)))
    throw new Error(`it has format ${header.readUInt16BE(6)}, which this release does not know`)
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    yield held.subarray(headerSize)
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value
  }
  return { header, rest: rest() }
}

/**
 * Stanzas as they cross the wire: WhatsApp's binary form, without its dictionary of frequent words.
 */

export interface Stanza {
  tag: string
  attrs: Record<string, string>
  /** Children, bytes, or nothing. */
  content: Stanza[] | Buffer | undefined
}

/** What is kept of a stanza that left a page: enough to tell its kind, and nobody's data. */
export interface SentStanza {
  tag: string
  /** The value of its attribute `type`, if it has one. */
  type?: string
  /** The namespace of an iq. */
  xmlns?: string
  category?: string
  /** The tags of its content, each with those within: `sync/collection/patch`. */
  children: string[]
  /** The names of its attributes. */
  attrs: string[]
  at: string
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }
  byte(): number {
    return this.#bytes.readUInt8(this.#at++)
  }
  number(length: number): number {
    const value = this.#bytes.readUIntBE(this.#at, length)
    this.#at += length
    return value
  }
  bytes(length: number): Buffer {
    const found = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return found
  }
}

const readListSize = (reader: Reader, kind: number): number =>
  kind === 248 ? reader.byte() : reader.number(2)

const readValue = (reader: Reader, kind = reader.byte()): Buffer | string | undefined => {
  if (kind === 0) return undefined
  if (kind === 252) return reader.bytes(reader.byte())
  if (kind === 253) return reader.bytes(reader.number(3))
  if (kind === 254) return reader.bytes(reader.number(4))
  if (kind !== 250) throw new Error(`a stanza holds a value of the unknown kind ${kind}`)
  const [user, server] = [readValue(reader), readValue(reader)]
  return user === undefined ? String(server) : `${String(user)}@${String(server)}`
}

const readNode = (reader: Reader): Stanza => {
  let left = readListSize(reader, reader.byte())
  const tag = String(readValue(reader))
  const attrs: Record<string, string> = {}
  for (left -= 1; left > 1; left -= 2) attrs[String(readValue(reader))] = String(readValue(reader))
  if (left === 0) return { tag, attrs, content: undefined }
  const kind = reader.byte()
  if (kind === 248 || kind === 249) {
    const count = readListSize(reader, kind)
    return { tag, attrs, content: Array.from({ length: count }, () => readNode(reader)) }
  }
  const value = readValue(reader, kind)
  return { tag, attrs, content: typeof value === 'string' ? Buffer.from(value) : value }
}

/** @param frame three bytes of length, one of flags, the stanza */
export const decodeFrame = (frame: Buffer): Stanza => {
  if (frame.readUIntBE(0, 3) !== frame.length - 3)
    throw new Error('a frame is not as long as it says')
  return readNode(new Reader(frame.subarray(4)))
}

const encodeBytes = (bytes: Buffer): Buffer => {
  if (bytes.length < 256) return Buffer.concat([Buffer.from([252, bytes.length]), bytes])
  const length = Buffer.alloc(5, 254)
  length.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([length, bytes])
}

const encodeNode = ({ tag, attrs, content }: Stanza): Buffer => {
  const texts = [tag, ...Object.entries(attrs).flat()].map((text) => encodeBytes(Buffer.from(text)))
  const size = texts.length + (content === undefined ? 0 : 1)
  const head = Buffer.concat([Buffer.from([248, size]), ...texts])
  if (content === undefined) return head
  if (Buffer.isBuffer(content)) return Buffer.concat([head, encodeBytes(content)])
  return Buffer.concat([head, Buffer.from([248, content.length]), ...content.map(encodeNode)])
}

/** For a connection without a page. */
export const encodeFrame = (stanza: Stanza): Buffer => {
  const bytes = Buffer.concat([Buffer.from([0]), encodeNode(stanza)])
  const length = Buffer.alloc(3)
  length.writeUIntBE(bytes.length, 0, 3)
  return Buffer.concat([length, bytes])
}

export const childrenOf = ({ content }: Stanza): Stanza[] => (Array.isArray(content) ? content : [])

/** The first child, or the child of a child, along a path of tags. */
export const childAt = (stanza: Stanza, path: string): Stanza | undefined =>
  path
    .split('/')
    .reduce<Stanza | undefined>(
      (at, tag) => (at ? childrenOf(at).find((child) => child.tag === tag) : undefined),
      stanza
    )

const pathsOf = (stanza: Stanza): string[] =>
  childrenOf(stanza).flatMap((child) => {
    const within = [...new Set(pathsOf(child))]
    return within.length === 0 ? [child.tag] : within.map((path) => `${child.tag}/${path}`)
  })

/** What is kept of a stanza: attributes that only the simulation gives it are left out. */
export const summarize = (stanza: Stanza): SentStanza => {
  const { tag, attrs } = stanza
  const sent: SentStanza = {
    tag,
    children: [...new Set(pathsOf(stanza))],
    attrs: Object.keys(attrs).filter((name) => name !== 'sim' && name !== 'sim_detail'),
    at: new Date().toISOString()
  }
  if (attrs['type'] !== undefined) sent.type = attrs['type']
  if (attrs['xmlns'] !== undefined) sent.xmlns = attrs['xmlns']
  if (attrs['category'] !== undefined) sent.category = attrs['category']
  return sent
}

/** The kind of a stanza in words: `iq set w:m`, `receipt read`, `presence available`. */
export const kindOf = ({ tag, type, xmlns, category }: SentStanza): string =>
  [tag, category ?? type, xmlns].filter((word) => word !== undefined).join(' ')

/** Bytes of a file from a spreadsheet, or from anywhere else, as text. */

export interface Decoded {
  text: string
  /** Some bytes could not be read: there is U+FFFD in their place. */
  isDamaged: boolean
  /**
   * The file has an encoding without most letters of the world: a program may have written `?` in
   * their place.
   */
  isNarrow: boolean
}

const workbooks = [Buffer.from('PK\x03\x04'), Buffer.from([0xd0, 0xcf, 0x11, 0xe0])]

/** Whether the bytes are a workbook (.xlsx, .ods or .xls) rather than text. */
export const isWorkbook = (bytes: Buffer): boolean =>
  workbooks.some((start) => bytes.subarray(0, start.length).equals(start))

const replaced = '\ufffd'
const decodeAs = (label: string, bytes: Buffer): string => new TextDecoder(label).decode(bytes)

const unicode = (label: string, bytes: Buffer): Decoded => {
  const text = decodeAs(label, bytes)
  return { text, isDamaged: text.includes(replaced), isNarrow: false }
}

/** UTF-16 by its byte order mark or, without one, by where the zero bytes of Latin letters are. */
const utf16Label = (bytes: Buffer): string | undefined => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const start = bytes.subarray(0, 400)
  const zerosAt = (parity: 0 | 1): number =>
    start.filter((byte, index) => byte === 0 && index % 2 === parity).length
  const [even, odd] = [zerosAt(0), zerosAt(1)]
  const enough = start.length / 8
  if (odd > enough && odd > even * 4) return 'utf-16le'
  if (even > enough && even > odd * 4) return 'utf-16be'
  return undefined
}

/** UTF-8, or Windows-1252 where hardly anything beyond ASCII is valid UTF-8. */
const eightBit = (bytes: Buffer): Decoded => {
  const text = decodeAs('utf-8', bytes)
  const beyondAscii = text.match(/[^\0-\x7f]/gu) ?? []
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  if (beyondAscii.length === 0) return { text, isDamaged: false, isNarrow: !hasMark }
  let invalid = 0
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    invalid = beyondAscii.filter((char) => char === replaced).length
  }
  if (hasMark || invalid <= beyondAscii.length - invalid)
    return { text, isDamaged: invalid > 0, isNarrow: false }
  return { text: decodeAs('windows-1252', bytes), isDamaged: false, isNarrow: true }
}

/**
 * Decodes UTF-8, UTF-16 of either byte order, and Windows-1252. The bytes decide which.
 * @param charset the encoding that the sender names. UTF-8 is not trusted, because many programs
 * always name it
 */
export const decodeFile = (bytes: Buffer, charset?: string): Decoded => {
  const utf16 = utf16Label(bytes)
  if (utf16 !== undefined) return unicode(utf16, bytes)
  const named = charset === undefined ? 'utf-8' : new TextDecoder(charset).encoding
  if (named === 'utf-8' || (bytes[0] === 0xef && bytes[1] === 0xbb)) return eightBit(bytes)
  const { text, isDamaged } = unicode(named, bytes)
  return { text, isDamaged, isNarrow: !named.startsWith('utf-16') }
}

import type { Raw } from '../../src/session-manager/whatsapp/content/raw.ts'

/**
 * Bytes as a raw model of WhatsApp Web's: each member takes a byte for its name, one for what it
 * holds, and what that needs. So a mutation changes a model in one place, where in a text of JSON
 * it would mostly make none at all.
 */
const names = [
  'id',
  'fromMe',
  'remote',
  '_serialized',
  'participant',
  'from',
  'to',
  'author',
  'type',
  'body',
  't',
  'notifyName',
  'directPath',
  'size',
  'mimetype',
  'filename',
  'filehash',
  'duration',
  'caption',
  'lat',
  'lng',
  'loc',
  'vcardList',
  'vcard',
  'pollOptions',
  'name',
  'pollSelectableOptionsCount',
  'pollName',
  'eventName',
  'subtype',
  'recipients',
  'quotedStanzaID',
  'quotedParticipant',
  'quotedRemoteJid',
  'mentionedJidList',
  'isForwarded',
  'protocolMessageKey',
  'latestEditSenderTimestampMs',
  'msgId',
  'senderId',
  'reaction',
  'timestamp',
  'parentMsgKey',
  'voter',
  'selectedOptions',
  'interractedAtTs',
  'recipientIds',
  'chatId',
  '__proto__',
  'constructor',
  'toString'
]
const texts = [
  '',
  '5215512345678@c.us',
  '5215587654321@c.us',
  '120363025246125486@g.us',
  '118999881199@lid',
  '5215512345678:7@s.whatsapp.net',
  'status@broadcast',
  'false_5215512345678@c.us_A',
  'true_5215512345678@c.us_B',
  'false_120363025246125486@g.us_C_5215512345678@c.us',
  'A',
  'B',
  'chat',
  'image',
  'location',
  'vcard',
  'multi_vcard',
  'poll_creation',
  'gp2',
  'ciphertext',
  'revoked',
  'e2e_notification',
  'unknown',
  'Hola',
  'a\nb',
  '\0',
  '\ud83d',
  '\ude00x',
  '👍',
  '1700000000',
  '-1',
  '0x10',
  '1e400',
  'NaN',
  'image/jpeg',
  'video/mp4; codecs="x',
  'A'.repeat(5_000),
  'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=',
  '__proto__',
  "'; --",
  '"',
  '%_\\'
]
const numbers = [
  0,
  -0,
  1,
  -1,
  0.5,
  1_700_000_000,
  1_700_000_000_000,
  253_402_300_799,
  253_402_300_800,
  2 ** 31,
  2 ** 53,
  1e21,
  1e308,
  -1e308,
  5e-324
]
const deepest = 4

export const rawOf = (bytes: Buffer): { raw: Raw; read: number } => {
  let at = 0
  const next = (): number => bytes[at++] ?? 0
  const value = (depth: number): unknown => {
    const kind = next()
    switch (kind % 10) {
      case 0:
        return texts[next() % texts.length]
      case 1: {
        const length = next() % 64
        // by UTF-16, in which half a pair is possible, as in the page
        const text =
          kind >= 128
            ? bytes.subarray(at, at + length).toString('utf16le')
            : bytes.subarray(at, at + length).toString()
        at += length
        return text
      }
      case 2:
        return numbers[next() % numbers.length]
      case 3:
        return (at += 6) <= bytes.length
          ? bytes.readIntLE(at - 6, 6) / (kind >= 128 ? 1_000 : 1)
          : null
      case 4:
        return true
      case 5:
        return false
      case 6:
        return null
      case 7:
      case 8:
        return depth >= deepest ? null : model(depth + 1)
      default:
        return depth >= deepest ? [] : Array.from({ length: next() % 6 }, () => value(depth + 1))
    }
  }
  const model = (depth: number): Raw =>
    Object.fromEntries(
      Array.from({ length: next() % 24 }, () => [
        names[next() % names.length] as string,
        value(depth)
      ])
    )
  const raw = model(0)
  return { raw, read: at }
}

/** A model as such bytes; what they cannot say is left out. For seeds. */
export const bytesOf = (raw: Raw): Buffer => {
  const said = (of: Raw): [string, unknown][] =>
    Object.entries(of)
      .filter(([name, value]) => names.includes(name) && value !== undefined)
      .slice(0, 23)
  const ofValue = (value: unknown): Buffer => {
    if (typeof value === 'string') {
      const text = Buffer.from(value).subarray(0, 63)
      return texts.includes(value)
        ? Buffer.from([0, texts.indexOf(value)])
        : Buffer.concat([Buffer.from([1, text.length]), text])
    }
    if (typeof value === 'number') {
      const number = Buffer.alloc(7)
      number[0] = 3
      number.writeIntLE(Math.round(value), 1, 6)
      return number
    }
    if (typeof value === 'boolean') return Buffer.from([value ? 4 : 5])
    if (Array.isArray(value))
      return Buffer.concat([
        Buffer.from([9, Math.min(value.length, 5)]),
        ...value.slice(0, 5).map(ofValue)
      ])
    return typeof value === 'object' && value !== null
      ? Buffer.concat([Buffer.from([7]), ofModel(value as Raw)])
      : Buffer.from([6])
  }
  const ofModel = (of: Raw): Buffer =>
    Buffer.concat([
      Buffer.from([said(of).length]),
      ...said(of).flatMap(([name, value]) => [Buffer.from([names.indexOf(name)]), ofValue(value)])
    ])
  return ofModel(raw)
}

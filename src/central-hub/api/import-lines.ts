import type { CountryCode } from 'libphonenumber-js'
import { ImportedLead, ImportedMessage } from '../../contract/import.ts'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'
import type { ErasedMessage } from '../../contract/session.ts'
import { faultsAgainst } from '../../platform/http/expected.ts'
import type { FieldFault } from '../../platform/http/problem.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { replaceUnstorable } from '../../platform/replace-unstorable.ts'
import { readPhoneCell } from '../spreadsheet/phone-cell.ts'
import { spellingsOf } from '../store/database/phone.ts'
import { hasLead } from '../store/write/write-lead.ts'
import { importedSeq } from '../store/write/write-message.ts'

/**
 * A line that was read, with its number from 1. `identities`: what session-manager may know it by,
 * one for each spelling of the number.
 */
export type ImportLine = { line: number } & (
  | { lead: ImportedLead; identities: ErasedMessage[] }
  | { records: InboundRecord[]; identities: ErasedMessage[] }
)

/** What is wrong with a line. */
export interface LineFault extends FieldFault {
  line: number
}

const leadFaults = faultsAgainst(ImportedLead)
const messageFaults = faultsAgainst(ImportedMessage)
/** A message may be so much ahead of the clock, s. */
const maxAheadS = 86_400

interface ReadOptions {
  account: string
  country: CountryCode | ''
  /** UNIX seconds. */
  now: number
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** WhatsApp's own spelling of a number stays, although it may be of older numbering. */
const phoneOf = (text: string, country: CountryCode | ''): string | undefined => {
  if (/^\+[1-9]\d{6,14}$/.test(text)) return text
  const read = readPhoneCell(text, country === '' ? undefined : country)
  return 'fault' in read ? undefined : read.phone
}

const unreadablePhone: FieldFault = {
  field: '/phone',
  message: 'expected a phone number with its country code, such as +52 55 1234 5678'
}
const noPerson: FieldFault = {
  field: '/phone',
  message: 'expected the phone number, or the LID and the chat, of one person: not a group'
}

const secondsOf = (time: string | undefined): number =>
  time === undefined ? 0 : Math.floor(Date.parse(time) / 1_000)

/** The file itself is not imported. */
const mediaOf = ({ media }: ImportedMessage): CapturedMessage['media'] => {
  if (media == null) return undefined
  const { sha256: _sum, ...rest } = media
  return { ...rest, state: 'failed', reason: 'the message was imported without its file' }
}

const capturedOf = (
  given: ImportedMessage,
  phone: string | undefined
): CapturedMessage | undefined => {
  const {
    captured_at: _captured,
    edited_at,
    revoked_at: _revoked,
    revoked_by: _by,
    decryption: _decryption,
    reactions: _reactions,
    votes: _votes,
    media: _media,
    ...facts
  } = given
  const chat = given.chat_id ?? (phone === undefined ? undefined : `${phone.slice(1)}@c.us`)
  if (chat === undefined) return undefined
  const media = mediaOf(given)
  return omitUndefined({
    ...knownFacts(facts),
    chat_id: chat,
    from: given.from ?? (given.from_me ? '' : chat),
    to: given.to ?? (given.from_me ? chat : ''),
    phone,
    lid: given.lid ?? undefined,
    name: given.name ?? undefined,
    type: given.type === undefined || given.type === 'message' ? 'chat' : given.type,
    has_media: media !== undefined,
    media,
    edited: edited_at == null ? undefined : { at: edited_at }
  }) as CapturedMessage
}

/** Without members that no message has, such as those that the REST adds. */
const knownFacts = (facts: object): object =>
  Object.fromEntries(Object.entries(facts).filter(([name]) => name in ImportedMessage.properties))

const kindOf = ({ decryption }: ImportedMessage): InboundRecord['kind'] => {
  if (decryption === 'pending') return 'ciphertext'
  return decryption === 'failed' ? 'ciphertext_failed' : 'message'
}

/** What was captured of the message, as records of a journal. */
const recordsOf = (
  given: ImportedMessage,
  message: CapturedMessage,
  account: string
): InboundRecord[] => {
  const sent = new Date(message.timestamp * 1_000).toISOString()
  const captured_at = given.captured_at ?? sent
  const same = { seq: importedSeq, source: 'backfill', account, captured_at } as const
  const { id, reactions = [], votes = [] } = { ...given }
  const records: InboundRecord[] = [{ ...same, kind: kindOf(given), message }]
  if (given.revoked_at != null) {
    const revoked = { by: given.revoked_by ?? ('sender' as const) }
    const at = { captured_at: new Date(given.revoked_at).toISOString() }
    records.push({ ...same, ...at, kind: 'revoke', message: { ...message, revoked } })
  }
  for (const reaction of reactions)
    records.push({
      ...same,
      kind: 'reaction',
      message: { ...message, from_me: false, reaction: { ...reaction, message_id: id } }
    })
  for (const { voter, options } of votes)
    records.push({
      ...same,
      kind: 'vote',
      message: { ...message, from_me: false, from: voter, vote: { message_id: id, options } }
    })
  return records
}

const identitiesOf = (message: Omit<ErasedMessage, 'from'>): ErasedMessage[] => {
  const { id, chat_id, author, phone, lid, timestamp } = message
  const same = omitUndefined({ id, chat_id, from: chat_id, author, lid, timestamp })
  return phone === undefined
    ? [same]
    : spellingsOf(phone).map((spelling) => ({ ...same, phone: spelling }))
}

const readMessage = (
  value: ImportedMessage,
  line: number,
  { account, country, now }: ReadOptions
): ImportLine | LineFault => {
  const phone = value.phone == null ? undefined : phoneOf(value.phone, country)
  if (value.phone != null && phone === undefined) return { line, ...unreadablePhone }
  if (value.timestamp > now + maxAheadS)
    return {
      line,
      field: '/timestamp',
      message: 'expected UNIX seconds that are not in the future'
    }
  const message = capturedOf(value, phone)
  if (message === undefined || !hasLead(message)) return { line, ...noPerson }
  return { line, records: recordsOf(value, message, account), identities: identitiesOf(message) }
}

const readLead = (
  value: ImportedLead,
  line: number,
  { country }: ReadOptions
): ImportLine | LineFault => {
  const phone = phoneOf(value.phone, country)
  if (phone === undefined) return { line, ...unreadablePhone }
  const chat_id = `${phone.slice(1)}@c.us`
  const timestamp = secondsOf(value.last_seen_at)
  const lid = value.lid ?? undefined
  const identity = omitUndefined({ id: `lead ${line}`, chat_id, phone, lid, timestamp })
  return { line, lead: { ...value, phone }, identities: identitiesOf(identity) }
}

const readLine = (text: string, line: number, options: ReadOptions): (ImportLine | LineFault)[] => {
  let value: unknown
  try {
    value = JSON.parse(text, (_key, part: unknown) => replaceUnstorable(part))
  } catch {
    return [{ line, field: 'line', message: 'expected JSON' }]
  }
  if (isObject(value) && isObject(value['lead'])) value = value['lead']
  const isMessage = isObject(value) && 'from_me' in value
  const faults = (isMessage ? messageFaults : leadFaults)(value)
  if (faults.length > 0) return faults.map((fault) => ({ line, ...fault }))
  return [
    isMessage
      ? readMessage(value as ImportedMessage, line, options)
      : readLead(value as ImportedLead, line, options)
  ]
}

/** Reads the lines of an import. Empty ones are skipped. */
export const readLines = (
  text: string,
  options: ReadOptions
): { lines: ImportLine[]; faults: LineFault[] } => {
  const read = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((one, index) => (one.trim() === '' ? [] : readLine(one, index + 1, options)))
  return {
    lines: read.filter((one): one is ImportLine => !('field' in one)),
    faults: read.filter((one): one is LineFault => 'field' in one)
  }
}

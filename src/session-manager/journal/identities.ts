import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'
import {
  accountAddress,
  isAccount,
  lidOf,
  parseMessageId,
  phoneOf,
  type MessageId
} from './address.ts'
import type { NewRecord } from './journal.ts'

/**
 * One message, one id. WhatsApp Web reports the same message under the phone number and under the
 * LID of its chat. The id that the journal has first is the id of the message from then on: a
 * record that comes later under another id is given the first id.
 */

/**
 * The third part of a message id, in SQL. The sender's device drew it, and it is the same under
 * each address.
 */
const stanzaOf = (id: string): string => {
  const afterFromMe = `substr(${id}, instr(${id}, '_') + 1)`
  const afterChat = `substr(${afterFromMe}, instr(${afterFromMe}, '_') + 1)`
  return `substr(${afterChat}, 1, instr(${afterChat} || '_', '_') - 1)`
}

/** The message that a reaction or a vote is about. */
const target =
  "coalesce(record ->> '$.message.reaction.message_id', record ->> '$.message.vote.message_id')"

/**
 * Through these indexes every record of a message is found, under any id. The indexes of earlier
 * releases were on whole ids.
 */
const indexes = `
  CREATE INDEX IF NOT EXISTS records_by_stanza ON records (${stanzaOf('message_id')})
    WHERE message_id <> '';
  CREATE INDEX IF NOT EXISTS records_by_target_stanza ON records (${stanzaOf(target)})
    WHERE ${target} IS NOT NULL;
  DROP INDEX IF EXISTS records_by_message;
  DROP INDEX IF EXISTS records_by_about;
`

/**
 * Conditions on a row of `records` for which SQLite uses an index.
 * @param values a list of ids, in SQL
 */
export const isOfMessages = (values: string): string => `
  message_id <> ''
  AND ${stanzaOf('message_id')} IN (SELECT ${stanzaOf('value')} FROM ${values})
  AND message_id IN (SELECT value FROM ${values})`
export const isAboutMessages = (values: string): string => `
  ${target} IS NOT NULL
  AND ${stanzaOf(target)} IN (SELECT ${stanzaOf('value')} FROM ${values})
  AND ${target} IN (SELECT value FROM ${values})`

/** Ids with the stanza of an id (?1): of messages, and of what is reacted to or voted on. */
export const idsWithStanza = `
  SELECT message_id AS id, 1 AS is_message FROM records
  WHERE message_id <> '' AND ${stanzaOf('message_id')} = ${stanzaOf('?1')}
  AND +account = ?2 AND ${target} IS NULL
  UNION SELECT ${target}, 0 FROM records
  WHERE ${target} IS NOT NULL AND ${stanzaOf(target)} = ${stanzaOf('?1')} AND +account = ?2`

export const createMessageIndexes = (db: DatabaseSync): void => db.exec(indexes)

/** How many LIDs are kept with their phone number. */
const maxLids = 50_000
/** Two reports of one message differ in their time by no more than this, s. */
const sameTime = 60
const ofMessage: ReadonlySet<NewRecord['kind']> = new Set([
  'message',
  'ciphertext',
  'ciphertext_failed'
])

/** The message with no other address of its person than that of its chat. */
const withAddress = ({
  phone: _phone,
  lid: _lid,
  ...message
}: CapturedMessage): CapturedMessage => {
  const [phone, lid] = [phoneOf(message.chat_id), lidOf(message.chat_id)]
  const known: CapturedMessage = message
  if (phone !== undefined) known.phone = phone
  if (lid !== undefined) known.lid = lid
  return known
}

export class Identities {
  readonly #account: string
  readonly #ids: StatementSync
  readonly #targets: StatementSync
  readonly #first: StatementSync
  readonly #responders: StatementSync
  /**
   * Phone numbers in E.164 by LID. They are only in memory, so that erasing the records of a person
   * erases all there is.
   */
  readonly #phones = new Map<string, string>()

  /** @param db the journal's database, which has its own tables already */
  constructor(db: DatabaseSync, account: string) {
    createMessageIndexes(db)
    this.#account = account
    // The unary plus stops SQLite from using the index on account, which matches every row.
    this.#ids = db.prepare(`
      SELECT message_id AS id, seq FROM records
      WHERE message_id <> '' AND ${stanzaOf('message_id')} = ?1
      AND +account = ?2 AND ${target} IS NULL`)
    this.#targets = db.prepare(`
      SELECT ${target} AS id, seq FROM records
      WHERE ${target} IS NOT NULL AND ${stanzaOf(target)} = ?1 AND +account = ?2`)
    this.#first = db.prepare(`
      SELECT record FROM records
      WHERE message_id <> '' AND ${stanzaOf('message_id')} = ${stanzaOf('?1')}
      AND message_id = ?1 AND +account = ?2
      ORDER BY seq LIMIT 1`)
    this.#responders = db.prepare(`
      SELECT record FROM records
      WHERE ${target} IS NOT NULL AND ${stanzaOf(target)} = ${stanzaOf('?1')}
      AND ${target} = ?1 AND +account = ?2`)
  }

  /** The phone number of a LID, as far as the records since the start have shown it. */
  phone(lid: string): string | undefined {
    return this.#phones.get(lid)
  }

  learn(lid: string | undefined, phone: string | undefined): void {
    if (lid === undefined || phone === undefined) return
    if (this.#phones.size >= maxLids) this.#phones.clear()
    this.#phones.set(lid, phone)
  }

  /** The id under which the journal knows a message; the given id for an unknown message. */
  idOf(id: string): string {
    return this.#find(id, undefined, true) ?? id
  }

  /**
   * Whether two message ids are of one chat, or of chats that are known to be with one person. It
   * never guesses.
   */
  isWithOnePerson(one: string, other: string): boolean {
    const [a, b] = [one, other].map((id) => accountAddress(parseMessageId(id)?.chat ?? id))
    if (a === b) return true
    const phone = this.#phoneOfChat(one)
    return phone !== undefined && phone === this.#phoneOfChat(other)
  }

  /** The phone number of the person in whose chat a message is, also from its record. */
  #phoneOfChat(id: string): string | undefined {
    const chat = accountAddress(parseMessageId(id)?.chat ?? '')
    const known = this.#phoneOf(chat)
    const row = known === undefined ? this.#first.get(id, this.#account) : undefined
    if (row === undefined) return known
    const { message } = JSON.parse(String(row['record'])) as InboundRecord
    return message.lid === chat ? message.phone : undefined
  }

  /** The new record with the ids, and the person, that the journal knows already. */
  resolve(newRecord: NewRecord): NewRecord {
    if (newRecord.message.number_change !== undefined) this.#phones.clear()
    this.learn(newRecord.message.lid, newRecord.message.phone)
    const message = this.#withReferences(newRecord.message)
    const { reaction, vote } = message
    if (reaction !== undefined)
      return this.#resolveResponse(newRecord, message, reaction.message_id, reaction.sender)
    if (vote !== undefined)
      return this.#resolveResponse(newRecord, message, vote.message_id, message.from)
    const timestamp = ofMessage.has(newRecord.kind) ? message.timestamp : undefined
    const id = this.#find(message.id, timestamp, true, newRecord.isListCopy !== true)
    if (id === undefined || id === message.id)
      return message === newRecord.message ? newRecord : { ...newRecord, message }
    return {
      ...newRecord,
      key: newRecord.key.replace(message.id, id),
      message: this.#asKnown(message, id)
    }
  }

  /** Quoted messages and albums, by the ids under which they are known. */
  #withReferences(message: CapturedMessage): CapturedMessage {
    const { quoted_id, album_id } = message
    if (quoted_id === undefined && album_id === undefined) return message
    // Whether the quoted message is of this account is a guess when the page does not name its
    // author.
    const quoted =
      quoted_id === undefined ? undefined : (this.#find(quoted_id, undefined, false) ?? quoted_id)
    const album =
      album_id === undefined ? undefined : (this.#find(album_id, undefined, true) ?? album_id)
    if (quoted === quoted_id && album === album_id) return message
    const changed = { ...message }
    if (quoted !== undefined) changed.quoted_id = quoted
    if (album !== undefined) changed.album_id = album
    return changed
  }

  /** The message under the id that is known, in the chat of that id. */
  #asKnown(message: CapturedMessage, id: string): CapturedMessage {
    const known = { ...message, id, chat_id: parseMessageId(id)?.chat ?? message.chat_id }
    if (!isAccount(known.chat_id)) return known
    // A copy for a broadcast list may be mistaken for another recipient's: nothing is learnt here.
    if (message.from_me && !this.#isKnownPerson(message.chat_id, known.chat_id))
      return withAddress(known)
    const phone = message.phone ?? this.#phoneOf(known.chat_id)
    if (phone !== undefined) known.phone = phone
    return known
  }

  #resolveResponse(
    newRecord: NewRecord,
    message: CapturedMessage,
    messageId: string,
    sender: string
  ): NewRecord {
    const id = this.#find(messageId, undefined, true) ?? messageId
    const known = this.#responder(id, message, sender)
    if (id === messageId && known === sender)
      return message === newRecord.message ? newRecord : { ...newRecord, message }
    const start = `${newRecord.kind}:${messageId}:${sender}`
    const rest = newRecord.key.startsWith(start)
      ? newRecord.key.slice(start.length)
      : `:${newRecord.key}`
    const changed: CapturedMessage = {
      ...message,
      chat_id: parseMessageId(id)?.chat ?? message.chat_id,
      from: known
    }
    if (changed.id === `${messageId}:${sender}`) changed.id = `${id}:${known}`
    if (changed.reaction !== undefined)
      changed.reaction = { ...changed.reaction, message_id: id, sender: known }
    if (changed.vote !== undefined) changed.vote = { ...changed.vote, message_id: id }
    return { ...newRecord, key: `${newRecord.kind}:${id}:${known}${rest}`, message: changed }
  }

  /** The address under which the person has responded to this message before. */
  #responder(messageId: string, message: CapturedMessage, sender: string): string {
    const chat = parseMessageId(messageId)?.chat ?? ''
    for (const row of this.#responders.all(messageId, this.#account)) {
      const { message: earlier } = JSON.parse(String(row['record'])) as InboundRecord
      if ((earlier.reaction === undefined) !== (message.reaction === undefined)) continue
      const address = earlier.reaction?.sender ?? earlier.from
      if (address === sender) return sender
      // A chat of two has one person at each end.
      if (earlier.from_me === message.from_me && (message.from_me || isAccount(chat)))
        return address
      this.learn(earlier.lid, earlier.phone)
      const phone = this.#phoneOf(sender) ?? message.phone
      if (phone !== undefined && phone === (this.#phoneOf(address) ?? earlier.phone)) return address
    }
    return sender
  }

  /**
   * @param timestamp of the message, UNIX seconds; undefined when it is not known
   * @param sameDirection whether `fromMe` of the id is certain
   * @param mayGuess whether a LID and a number of unknown persons may be one person
   */
  #find(
    id: string,
    timestamp: number | undefined,
    sameDirection: boolean,
    mayGuess = true
  ): string | undefined {
    const parsed = parseMessageId(id)
    if (parsed === undefined) return undefined
    const ids = this.#idsWith(parsed.stanza)
    if (ids.length === 0 || ids.includes(id)) return ids.length === 0 ? undefined : id
    // A message in several chats went to a broadcast list: its recipient must be known for sure.
    const isInOneChat = new Set(ids.map((each) => parseMessageId(each)?.chat)).size === 1
    return ids.find((known) => {
      const other = parseMessageId(known)
      if (other === undefined || (sameDirection && other.fromMe !== parsed.fromMe)) return false
      return this.#isSame(
        parsed,
        other,
        this.#isSameTime(known, timestamp) && isInOneChat && mayGuess
      )
    })
  }

  /**
   * The ids of messages with that stanza, in the order of the journal: of records, and of messages
   * that others react to or vote on.
   */
  #idsWith(stanza: string): string[] {
    const rows = [
      ...this.#ids.all(stanza, this.#account),
      ...this.#targets.all(stanza, this.#account)
    ]
    if (rows.length > 1) rows.sort((a, b) => Number(a['seq']) - Number(b['seq']))
    return rows.map((row) => String(row['id']))
  }

  #isSameTime(id: string, timestamp: number | undefined): boolean {
    const row = this.#first.get(id, this.#account)
    if (row === undefined) return true
    const { kind, message } = JSON.parse(String(row['record'])) as InboundRecord
    this.learn(message.lid, message.phone)
    if (timestamp === undefined || !ofMessage.has(kind)) return true
    return Math.abs(timestamp - message.timestamp) <= sameTime
  }

  /** Whether two ids with one stanza are of one message. */
  #isSame(id: MessageId, other: MessageId, mayBeSame: boolean): boolean {
    if (isAccount(id.chat) && isAccount(other.chat))
      return this.#isSamePerson(id.chat, other.chat, mayBeSame)
    if (id.chat !== other.chat) return false
    if (id.participant === undefined || other.participant === undefined) return true
    return this.#isSamePerson(id.participant, other.participant, mayBeSame)
  }

  /**
   * Whether two addresses are of one person.
   * @param mayBeSame the result for a LID and a number of which nothing is known
   */
  #isSamePerson(one: string, other: string, mayBeSame: boolean): boolean {
    const [a, b] = [accountAddress(one), accountAddress(other)]
    if (a === b) return true
    if (!isAccount(a) || !isAccount(b)) return false
    const [phoneA, phoneB] = [this.#phoneOf(a), this.#phoneOf(b)]
    if (phoneA !== undefined && phoneB !== undefined) return phoneA === phoneB
    // Each message of a broadcast list has one stanza in the chats of all its recipients.
    const isOneKind = a.endsWith('@lid') === b.endsWith('@lid')
    // This is a guess about one message. It does not make the two addresses known as one person.
    return !isOneKind && mayBeSame
  }

  #isKnownPerson(one: string, other: string): boolean {
    return this.#isSamePerson(one, other, false)
  }

  #phoneOf(address: string): string | undefined {
    return phoneOf(address) ?? this.#phones.get(accountAddress(address))
  }
}

import { createHmac, randomBytes } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CapturedMessage, ErasedRecord, InboundRecord } from '../../contract/record.ts'
import { sameSecret } from '../../platform/http/auth.ts'
import { fileBytes, type Rewriting } from '../../platform/sqlite.ts'
import { accountAddress, isAccount, lidOf, parseMessageId, phoneOf } from './address.ts'
import {
  createMessageIndexes,
  idsWithStanza,
  isAboutMessages,
  isOfMessages,
  type Identities
} from './identities.ts'
import { AdoptedErasures, type ErasedPerson } from './adopted-erasures.ts'
import type { NewRecord } from './journal.ts'
import { createRawModels } from './raw-models.ts'

/**
 * Erasing records of the journal for good. What stays of one is a tombstone in its place, and keyed
 * hashes by which the same message is known when WhatsApp shows it again: neither tells of anybody,
 * for ids hold phone numbers.
 */

const schema = `
  CREATE TABLE IF NOT EXISTS erasure (secret TEXT NOT NULL, scrub_due INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS erased (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS erased_people (
    hash TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    has_lid INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS erased_media (sha256 TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS latest_erasure (id TEXT NOT NULL) STRICT;
`
const member = (name: string): string => `record ->> '$.message.${name}'`
const sumOf = member('media.sha256')
const indexes = `
  CREATE INDEX IF NOT EXISTS records_by_media ON records (${sumOf}) WHERE ${sumOf} IS NOT NULL;
  CREATE INDEX IF NOT EXISTS records_by_chat ON records (${member('chat_id')}) WHERE message_id <> '';
  CREATE INDEX IF NOT EXISTS records_by_lid ON records (${member('lid')}) WHERE ${member('lid')} IS NOT NULL;
  CREATE INDEX IF NOT EXISTS records_by_phone ON records (${member('phone')}) WHERE ${member('phone')} IS NOT NULL;
`

// The unary plus stops SQLite from using the index on account, which matches every row.
const found = `
  SELECT seq, key, message_id, ${member('chat_id')} AS chat_id, ${sumOf} AS sha256 FROM records
  WHERE +account = ?1 AND message_id <> ''`
/**
 * What is erased with messages: their records, and those about them. By indexes alone, whatever the
 * journal holds: the hub erases what it retires by the hundred thousand, five hundred in each
 * request.
 */
export const ofMessages = `
  ${found} AND ${isOfMessages('json_each(?2)')}
  UNION ${found} AND ${isAboutMessages('json_each(?2)')}`
/**
 * Keeps media that were erased with one message and belong to another, too. The plus takes the
 * column's affinity away: the index, of what JSON gives, has none, and SQLite would not go by it.
 */
export const keepMediaInUse = `DELETE FROM erased_media WHERE EXISTS (SELECT 1 FROM records WHERE ${sumOf} = +erased_media.sha256)`

/** Records of one transaction, some 30 ms: everything else waits for it. */
export const groupSize = 200
const isIn = (name: string, list: number): string =>
  `${member(name)} IS NOT NULL AND ${member(name)} IN (SELECT value FROM json_each(?${list}))`
const some = `AND seq <= ?3 LIMIT ${groupSize}`
const isNotOfChat = (server: string): string => `${member('chat_id')} NOT LIKE '%@${server}'`
/**
 * A record of a person, by chat, by LID, and by number. A chat with a person says itself whose it
 * is; and what has another LID is of another person, who has the number now, or had it before.
 */
export const ofPerson = [
  `${found} AND ${member('chat_id')} IN (SELECT value FROM json_each(?2)) ${some}`,
  `${found} AND ${isIn('lid', 2)} AND ${isNotOfChat('lid')} ${some}`,
  `${found} AND ${isIn('phone', 2)} AND ${isNotOfChat('c.us')}
    AND (?4 = '[]' OR ${member('lid')} IS NULL OR ${member('lid')} IN (SELECT value FROM json_each(?4))) ${some}`
] as const
export const lidsOfPhones = `
  SELECT DISTINCT ${member('lid')} AS address FROM records
  WHERE +account = ?1 AND ${isIn('phone', 2)} AND ${member('lid')} IS NOT NULL`
const phonesOfLids = `
  SELECT DISTINCT ${member('phone')} AS address FROM records
  WHERE +account = ?1 AND ${isIn('lid', 2)} AND ${member('phone')} IS NOT NULL`
const quoting = `
  SELECT seq, record FROM records
  WHERE +account = ?1 AND message_id <> '' AND ${member('chat_id')} = ?2 AND ${member('quoted_id')} IS NOT NULL`

/**
 * What was captured before a time. By the clock, or by WhatsApp's own time of the message,
 * whichever is the later: a clock that was behind makes nothing old. A time that has not come yet
 * (?5) is of a clock that was ahead, and does not count.
 */
const capturedBefore = `
  ${found} AND seq > ?3 AND seq <= ?4 AND ?2 > (
    SELECT coalesce(max(at), 9e15) FROM (
      SELECT unixepoch(record ->> '$.captured_at', 'subsec') * 1000 AS at UNION ALL SELECT ${member('timestamp')} * 1000
    ) WHERE at <= ?5)`

const rememberPerson = `
  INSERT INTO erased_people (hash, until, has_lid) VALUES (?, ?, ?)
  ON CONFLICT (hash) DO UPDATE SET until = max(until, excluded.until), has_lid = excluded.has_lid`
const nextRecords = `
  SELECT seq, key, message_id, record, ${sumOf} AS sha256 FROM records WHERE seq > ? ORDER BY seq LIMIT ${groupSize}`

/** A person whose records are erased, by every address that is known. */
export interface Person {
  /** Of chats. */
  addresses: string[]
  /** E.164. */
  phones: string[]
  lids: string[]
}

/** Of groups in which messages were erased: their stanzas. */
export type Quoted = Map<string, Set<string>>

type Row = Record<string, unknown>

/** What of a message tells whether it was erased. */
type Identifying = Pick<CapturedMessage, 'id' | 'chat_id' | 'from' | 'timestamp'> &
  Partial<Pick<CapturedMessage, 'author' | 'phone' | 'lid' | 'reaction' | 'vote'>>

/**
 * What the ids of one message have in common under each address of its person; undefined for what
 * is no message id.
 */
const underAnyAddress = (id: string): string | undefined => {
  const parsed = parseMessageId(id)
  if (parsed === undefined) return undefined
  return `stanza:${parsed.fromMe}:${isAccount(parsed.chat) ? '' : parsed.chat}:${parsed.stanza}`
}

/** What the hash of a chat is made of. No key of a record begins like this. */
const chatKey = (chatId: string): string => `chat:${chatId}`

const addressOfPhone = (phone: string): string => `${phone.slice(1)}@c.us`

/** The addresses that a message has of a person, but the number. */
const addressesIn = ({ chat_id, lid, author, from }: Identifying): string[] => [
  ...new Set(
    [chat_id, lid, author, from].flatMap((address) =>
      address === undefined ? [] : accountAddress(address)
    )
  )
]

/** Of a clock that only goes on: for how long what was heard may wait to be written, ms. */
const heardForMs = 86_400_000

/** Of a message in a group: others there may quote it, by its id. */
const noteQuoted = (quoted: Quoted, messageId: string, chatId: string): void => {
  const stanza = parseMessageId(messageId)?.stanza
  if (stanza === undefined || isAccount(chatId)) return
  quoted.set(chatId, (quoted.get(chatId) ?? new Set()).add(stanza))
}

/** The tables and hashes of what was erased. */
export class Erasure {
  readonly #db: DatabaseSync
  readonly #account: string
  readonly #secret: Buffer
  readonly #rewriting: Rewriting
  readonly #identities: Identities
  readonly #isErased: StatementSync
  readonly #until: StatementSync
  readonly #remember: StatementSync
  readonly #bury: StatementSync
  readonly #dropPending: StatementSync
  readonly #dropRaw: StatementSync
  readonly #addMedia: StatementSync
  readonly #withStanza: StatementSync
  /** When a person was erased by this process, by address: of a clock that only goes on, ms. */
  readonly #erasedAt = new Map<string, number>()
  /** What other hosts of the account were asked to erase. */
  readonly #adopted: AdoptedErasures
  /** Most journals never have anything erased, and then a new record costs no hash. */
  #isEmpty: boolean

  /** @param db the journal's database, which has its own tables already */
  constructor(db: DatabaseSync, account: string, rewriting: Rewriting, identities: Identities) {
    db.exec(schema + indexes)
    const columns = db
      .prepare('PRAGMA table_info(erased)')
      .all()
      .map(({ name }) => name)
    // 1: its erasure was asked for, so that it goes from NATS, too; 0: it had become too old.
    if (!columns.includes('asked'))
      db.exec('ALTER TABLE erased ADD COLUMN asked INTEGER NOT NULL DEFAULT 0')
    createMessageIndexes(db)
    createRawModels(db)
    db.prepare(
      'INSERT INTO erasure (secret) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM erasure)'
    ).run(randomBytes(32).toString('hex'))
    this.#db = db
    this.#account = account
    this.#secret = Buffer.from(
      String(db.prepare('SELECT secret FROM erasure').get()?.['secret']),
      'hex'
    )
    this.#rewriting = rewriting
    this.#identities = identities
    this.#isErased = db.prepare('SELECT asked FROM erased WHERE hash = ?')
    this.#until = db.prepare('SELECT until, has_lid FROM erased_people WHERE hash = ?')
    this.#remember = db.prepare(`
      INSERT INTO erased (hash, asked) VALUES (?, ?)
      ON CONFLICT (hash) DO UPDATE SET asked = max(asked, excluded.asked)`)
    this.#bury = db.prepare(
      "UPDATE records SET key = 'erased:' || seq, message_id = '', record = ? WHERE seq = ?"
    )
    this.#dropPending = db.prepare('DELETE FROM pending_media WHERE seq = ?')
    this.#dropRaw = db.prepare('DELETE FROM raw_models WHERE seq = ?')
    this.#addMedia = db.prepare(
      'INSERT INTO erased_media (sha256) VALUES (?) ON CONFLICT DO NOTHING'
    )
    this.#withStanza = db.prepare(idsWithStanza)
    this.#adopted = new AdoptedErasures(db, account)
    this.#isEmpty = this.#hasNothing()
  }

  #hasNothing(): boolean {
    return (
      this.#adopted.isEmpty && this.#db.prepare('SELECT 1 FROM erased LIMIT 1').get() === undefined
    )
  }

  /** Another one after each erasure that was asked for; undefined before the first. */
  latest(): string | undefined {
    const row = this.#db.prepare('SELECT id FROM latest_erasure').get()
    return row === undefined ? undefined : String(row['id'])
  }

  /**
   * Inside a transaction: an erasure that was asked for is done, so that hubs with stores of their
   * own follow it.
   */
  setLatest(): void {
    this.#db.exec('DELETE FROM latest_erasure')
    this.#db
      .prepare('INSERT INTO latest_erasure (id) VALUES (?)')
      .run(randomBytes(8).toString('hex'))
  }

  /**
   * Whether a new record is about something erased, so that it must not come back: the message
   * itself, what a person wrote before all of theirs was erased and is read back now, and what was
   * heard before that and waited to be written.
   */
  covers(newRecord: NewRecord, source: InboundRecord['source'] = 'live'): boolean {
    if (this.#isEmpty) return false
    const { key, message, heardAt } = newRecord
    if ([key, ...this.#idsIn(message)].some((text) => this.#known(text))) return true
    if (heardAt !== undefined && this.#wasHeardBefore(message, heardAt)) return true
    return source === 'backfill' && this.#isBeforeErasure(message)
  }

  /** Whether a record, of this journal or another one, tells of what was erased on request. */
  wasAskedFor({ message }: { message: Identifying }): boolean {
    if (this.#isEmpty) return false
    return (
      this.#idsIn(message).some((text) => this.#known(text, 1)) || this.#isBeforeErasure(message)
    )
  }

  /**
   * Whether a record quotes a message that was erased on request: the id of that holds a number.
   */
  quotesErased({ message: { quoted_id } }: InboundRecord): boolean {
    if (this.#isEmpty || quoted_id === undefined) return false
    return [quoted_id, underAnyAddress(quoted_id)].some((text) => this.#known(text, 1))
  }

  hasErased({ id }: { id: string }): boolean {
    return !this.#isEmpty && [id, underAnyAddress(id)].some((text) => this.#known(text))
  }

  /** Whether the erasure of this chat was asked for, whatever came in it since. */
  hasErasedChat(chatId: string): boolean {
    return (
      !this.#isEmpty &&
      (this.#known(chatKey(chatId)) || this.#adopted.find(chatKey(chatId)).length > 0)
    )
  }

  /**
   * Inside a transaction: notes whose records are erased, so that none of them comes back.
   * @param until what they wrote up to then does not come back, UNIX seconds
   * @returns the persons of these chats, by every address that the journal knows
   */
  begin(chatIds: readonly string[], until: number): Person {
    const person = this.#personOf(chatIds)
    for (const [address, at] of this.#erasedAt)
      if (performance.now() - at > heardForMs) this.#erasedAt.delete(address)
    const remember = this.#db.prepare(rememberPerson)
    for (const address of person.addresses) {
      // The id of a chat is a phone number: by its hash it is known, and not written again.
      this.#forget(chatKey(address), 1)
      remember.run(this.#hash(chatKey(address)), until, person.lids.length > 0 ? 1 : 0)
      this.#erasedAt.set(address, performance.now())
    }
    const dropUnread = this.#db.prepare(
      'DELETE FROM unread_chats WHERE chat_id IN (SELECT value FROM json_each(?))'
    )
    if (dropUnread.run(JSON.stringify(person.addresses)).changes > 0) this.#setScrub(1)
    return person
  }

  /**
   * Inside a transaction: makes tombstones of some records of a person up to one, and of what
   * refers to these messages.
   * @param quoted is given what was erased in groups
   * @returns how many; 0 when there are no more
   */
  eraseSome(
    { addresses, phones, lids }: Person,
    upTo: number,
    now: number,
    quoted: Quoted
  ): number {
    const lists = [addresses, lids, phones]
    for (const [at, sql] of ofPerson.entries()) {
      const values = [JSON.stringify(lists[at]), upTo, ...(at === 2 ? [JSON.stringify(lids)] : [])]
      const rows = this.#select(sql, ...values)
      if (rows.length > 0) return this.#eraseWith(rows, now, quoted)
    }
    return 0
  }

  /**
   * Inside a transaction: makes tombstones of the records of these messages, and of what refers to
   * them. Messages that are not in the journal are kept out of it from now on, too. @returns how
   * many records
   */
  eraseMessages(messageIds: readonly string[], now: number): number {
    const ids = new Set([...messageIds, ...messageIds.flatMap((id) => this.#idsOfSame(id))])
    for (const id of messageIds) this.#forgetMessage(id, 1)
    return this.#buryAll(this.#select(ofMessages, JSON.stringify([...ids])), now, true)
  }

  /**
   * Inside a transaction: the same for the records captured before a time (ms), of those after one
   * up to another; a message of which the journal has no `message` record may still come. @param
   * certain this time has come for sure, ms
   * @returns how many
   */
  eraseBefore(
    {
      before,
      after = 0,
      upTo = Number.MAX_SAFE_INTEGER,
      certain = Number.MAX_SAFE_INTEGER
    }: BeforeTime,
    now: number
  ): number {
    // Of a message that could not be decrypted only that goes: its text may come days later, and is
    // none that was erased.
    return this.#buryAll(this.#select(capturedBefore, before, after, upTo, certain), now, false)
  }

  /**
   * Inside a transaction: takes over what was erased on request from a newer copy of this journal.
   * @returns false when that is another journal
   */
  adopt(newer: DatabaseSync): boolean {
    const secret = (db: DatabaseSync): unknown =>
      db.prepare('SELECT secret FROM erasure').get()?.['secret']
    if (secret(newer) !== secret(this.#db)) return false
    const people = this.#db.prepare(rememberPerson)
    for (const { hash } of newer.prepare('SELECT hash FROM erased WHERE asked = 1').all())
      this.#remember.run(String(hash), 1)
    for (const { hash, until, has_lid } of newer.prepare('SELECT * FROM erased_people').all())
      people.run(String(hash), Number(until), Number(has_lid))
    this.#adopted.copyFrom(newer)
    this.#isEmpty = this.#hasNothing()
    return true
  }

  /** Persons erased here of whom the other hosts do not know yet. */
  toTell(): ErasedPerson[] {
    return this.#adopted.toTell(this.#secret.toString('hex'))
  }

  /** Inside a transaction: the other hosts know of these. */
  told(people: readonly ErasedPerson[]): void {
    this.#adopted.told(people)
  }

  /**
   * Inside a transaction: notes persons that another host has erased. @returns whether there is one
   * that was not known
   */
  adoptPeople(people: readonly ErasedPerson[]): boolean {
    const own = this.#secret.toString('hex')
    if (!this.#adopted.add(people.filter(({ secret }) => !sameSecret(secret, own)))) return false
    this.#isEmpty = false
    const drop = this.#db.prepare('DELETE FROM unread_chats WHERE chat_id = ?')
    for (const { chat_id } of this.#db.prepare('SELECT chat_id FROM unread_chats').all()) {
      if (!this.hasErasedChat(String(chat_id))) continue
      drop.run(String(chat_id))
      this.#setScrub(1)
    }
    return true
  }

  /**
   * Inside a transaction: makes tombstones of those of the next records after one that were erased
   * on request.
   * @param quoted is given what was erased in groups
   * @returns the last one looked at; undefined when there are no more
   */
  eraseAgain(
    after: number,
    now: number,
    quoted: Quoted
  ): { last: number; records: number } | undefined {
    const rows = this.#db.prepare(nextRecords).all(after)
    const last = rows.at(-1)?.['seq']
    if (last === undefined) return undefined
    const gone = rows.filter(
      ({ record, message_id }) =>
        message_id !== '' && this.wasAskedFor(JSON.parse(String(record)) as InboundRecord)
    )
    for (const { message_id, record } of gone)
      noteQuoted(
        quoted,
        String(message_id),
        (JSON.parse(String(record)) as InboundRecord).message.chat_id
      )
    return { last: Number(last), records: this.#buryAll(gone, now, true) }
  }

  /**
   * Inside a transaction: takes the ids of erased messages out of what quotes them in a group: they
   * hold numbers.
   */
  dropQuotes(chatId: string, stanzas: ReadonlySet<string>): void {
    const update = this.#db.prepare('UPDATE records SET record = ? WHERE seq = ?')
    for (const { seq, record } of this.#select(quoting, chatId)) {
      const { message, ...rest } = JSON.parse(String(record)) as InboundRecord
      const { quoted_id = '', ...kept } = message
      if (!stanzas.has(parseMessageId(quoted_id)?.stanza ?? '')) continue
      update.run(JSON.stringify({ ...rest, message: kept }), Number(seq))
      this.#dropRaw.run(Number(seq))
      this.#setScrub(1)
    }
  }

  /**
   * Outside of one: rewrites the file, so that no byte of what was erased is left in it. Does
   * nothing when none is.
   */
  scrub(): void {
    if (this.#db.prepare('SELECT scrub_due FROM erasure').get()?.['scrub_due'] !== 1) return
    const over = this.#rewriting(Number(this.#db.prepare(fileBytes).get()?.['bytes']))
    try {
      // pages keep copies of what moved between them, and the log what was written before: only a
      // new file has neither
      this.#db.exec('VACUUM')
      const { busy } = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {}
      if (busy !== 0)
        throw new Error(
          'the journal is being read by another program: what was erased is still in its log'
        )
    } finally {
      over()
    }
    this.#setScrub(0)
  }

  /**
   * SHA-256 sums of media that erased records had and no other record refers to: their files are to
   * be deleted.
   */
  mediaToDelete(): string[] {
    const media = this.#db.prepare('SELECT sha256 FROM erased_media')
    if (media.get() === undefined) return []
    this.#db.prepare(keepMediaInUse).run()
    return media.all().map((row) => String(row['sha256']))
  }

  mediaDeleted(sha256: readonly string[]): void {
    this.#db
      .prepare('DELETE FROM erased_media WHERE sha256 IN (SELECT value FROM json_each(?))')
      .run(JSON.stringify(sha256))
  }

  /**
   * Has media of this sum deleted unless a record refers to it: it was fetched for a message erased
   * meanwhile.
   */
  dropMedia(sha256: string): void {
    this.#addMedia.run(sha256)
  }

  #personOf(chatIds: readonly string[]): Person {
    const addresses = [...new Set(chatIds.flatMap((chatId) => [chatId, accountAddress(chatId)]))]
    const lids = addresses.flatMap((address) => lidOf(address) ?? [])
    const phones = addresses.flatMap((address) => phoneOf(address) ?? [])
    const known = (sql: string, values: readonly string[]): string[] =>
      this.#select(sql, JSON.stringify(values)).map(({ address }) => String(address))
    // With a LID the number is known by that alone: it may have been another person's before.
    if (lids.length === 0) lids.push(...known(lidsOfPhones, phones))
    else if (phones.length === 0) phones.push(...known(phonesOfLids, lids))
    return {
      addresses: [...new Set([...addresses, ...lids, ...phones.map(addressOfPhone)])],
      phones,
      lids
    }
  }

  #eraseWith(rows: readonly Row[], now: number, quoted: Quoted): number {
    const named = [...new Set(rows.map((row) => String(row['message_id'])))]
    const ids = [...new Set([...named, ...named.flatMap((id) => this.#idsOfSame(id))])]
    for (const { message_id, chat_id } of rows)
      noteQuoted(quoted, String(message_id), String(chat_id))
    const records = this.#buryAll(rows, now, true)
    return records + this.#buryAll(this.#select(ofMessages, JSON.stringify(ids)), now, true)
  }

  /** @param isAsked what there is of their messages is not to come later either */
  #buryAll(rows: readonly Row[], now: number, isAsked: boolean): number {
    const tombstone: Omit<ErasedRecord, 'seq'> = {
      kind: 'erased',
      erased_at: new Date(now).toISOString(),
      account: this.#account
    }
    const content = JSON.stringify(tombstone)
    const asked = isAsked ? 1 : 0
    for (const { seq, key, message_id, sha256 } of rows) {
      this.#forget(String(key), asked)
      if (isAsked || key === `message:${String(message_id)}`)
        this.#forgetMessage(String(message_id), asked)
      if (typeof sha256 === 'string') this.dropMedia(sha256)
      this.#dropPending.run(Number(seq))
      this.#dropRaw.run(Number(seq))
      this.#bury.run(content, Number(seq))
    }
    if (rows.length > 0) this.#setScrub(1)
    return rows.length
  }

  /**
   * Other ids that differ by the address of the person alone. A journal of an earlier release may
   * have a message under two.
   */
  #otherIds(id: string): { id: string; isMessage: boolean }[] {
    return this.#withStanza
      .all(id, this.#account)
      .map((row) => ({ id: String(row['id']), isMessage: row['is_message'] === 1 }))
      .filter((other) => other.id !== id && underAnyAddress(other.id) === underAnyAddress(id))
  }

  /** An own message to a broadcast list has other ids in the chats of other people: those stay. */
  #idsOfSame(id: string): string[] {
    return this.#otherIds(id)
      .map((other) => other.id)
      .filter((other) => id.startsWith('false_') || this.#identities.isWithOnePerson(id, other))
  }

  #forgetMessage(id: string, asked: number): void {
    this.#forget(id, asked)
    const anywhere = underAnyAddress(id)
    // One's own message to a broadcast list is in the chat of each recipient: in the others it
    // stays.
    const isOfMany = id.startsWith('true_') && this.#otherIds(id).some(({ isMessage }) => isMessage)
    if (anywhere !== undefined && !isOfMany) this.#forget(anywhere, asked)
  }

  #forget(text: string, asked: number): void {
    this.#remember.run(this.#hash(text), asked)
    this.#isEmpty = false
  }

  #idsIn({ id, reaction, vote }: Identifying): (string | undefined)[] {
    const about = reaction?.message_id ?? vote?.message_id
    return [id, about, underAnyAddress(about ?? id)]
  }

  #known(text: string | undefined, asked = 0): boolean {
    return (
      text !== undefined && Number(this.#isErased.get(this.#hash(text))?.['asked'] ?? -1) >= asked
    )
  }

  #isBeforeErasure(message: Identifying): boolean {
    const isCovered = (address: string, hasOwnLid: boolean): boolean => {
      const row = this.#until.get(this.#hash(chatKey(address)))
      const found = this.#adopted.find(chatKey(address))
      if (row !== undefined)
        found.push({ until: Number(row['until']), hasLid: row['has_lid'] === 1 })
      return found.some(({ until, hasLid }) => message.timestamp <= until && !(hasOwnLid && hasLid))
    }
    const { lid, phone } = message
    if (
      addressesIn(message).some((address) =>
        isCovered(address, lid !== undefined && phoneOf(address) !== undefined)
      )
    )
      return true
    return phone !== undefined && isCovered(addressOfPhone(phone), lid !== undefined)
  }

  #wasHeardBefore(message: CapturedMessage, heardAt: number): boolean {
    const { lid, phone } = message
    const addresses = addressesIn(message)
    if (phone !== undefined && lid === undefined) addresses.push(addressOfPhone(phone))
    return addresses.some((address) => heardAt <= (this.#erasedAt.get(address) ?? -Infinity))
  }

  #hash(text: string): string {
    return createHmac('sha256', this.#secret).update(`${this.#account}\0${text}`).digest('hex')
  }

  #setScrub(due: 0 | 1): void {
    this.#db.prepare('UPDATE erasure SET scrub_due = ?').run(due)
  }

  #select(sql: string, ...values: (string | number)[]): Row[] {
    return this.#db.prepare(sql).all(this.#account, ...values)
  }
}

export interface BeforeTime {
  before: number
  after?: number
  upTo?: number
  certain?: number
}

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
 * Erases records of the journal for good. A tombstone stays in the place of a record, and keyed
 * hashes, by which the same message is known when WhatsApp shows it again. Neither identifies a
 * person: ids, which hold phone numbers, are not kept.
 */

const schema = `
  CREATE TABLE IF NOT EXISTS erasure (
    secret TEXT NOT NULL,
    scrub_due INTEGER NOT NULL DEFAULT 0
  ) STRICT;
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
  CREATE INDEX IF NOT EXISTS records_by_chat ON records (${member('chat_id')})
    WHERE message_id <> '';
  CREATE INDEX IF NOT EXISTS records_by_lid ON records (${member('lid')})
    WHERE ${member('lid')} IS NOT NULL;
  CREATE INDEX IF NOT EXISTS records_by_phone ON records (${member('phone')})
    WHERE ${member('phone')} IS NOT NULL;
`

// The unary plus stops SQLite from using the index on account, which matches every row.
const selectRecords = `
  SELECT seq, key, message_id, ${member('chat_id')} AS chat_id, ${sumOf} AS sha256 FROM records
  WHERE +account = ?1 AND message_id <> ''`
/**
 * What is erased with messages: their records, and the records about them. SQLite uses indexes
 * alone for it: the hub erases what it retires by the hundred thousand, five hundred in each
 * request.
 */
export const ofMessages = `
  ${selectRecords} AND ${isOfMessages('json_each(?2)')}
  UNION ${selectRecords} AND ${isAboutMessages('json_each(?2)')}`
/**
 * Keeps media that were erased with one message and belong to another, too. The unary plus removes
 * the affinity of the column. The index is of a JSON value, which has no affinity, and SQLite would
 * not use it.
 */
export const keepMediaInUse = `
  DELETE FROM erased_media
  WHERE EXISTS (SELECT 1 FROM records WHERE ${sumOf} = +erased_media.sha256)`

/** Records of one transaction. It takes some 30 ms, and everything else waits for it. */
const groupSize = 200
const isIn = (name: string, list: number): string =>
  `${member(name)} IS NOT NULL AND ${member(name)} IN (SELECT value FROM json_each(?${list}))`
const firstGroup = `AND seq <= ?3 LIMIT ${groupSize}`
const isNotOfChat = (server: string): string => `${member('chat_id')} NOT LIKE '%@${server}'`
/**
 * Records of a person, by chat, by LID, and by number. The id of a chat names its person. A record
 * with another LID is of another person, who has the number now or had it before.
 */
export const ofPerson = [
  `${selectRecords} AND ${member('chat_id')} IN (SELECT value FROM json_each(?2)) ${firstGroup}`,
  `${selectRecords} AND ${isIn('lid', 2)} AND ${isNotOfChat('lid')} ${firstGroup}`,
  `${selectRecords} AND ${isIn('phone', 2)} AND ${isNotOfChat('c.us')}
    AND (
      ?4 = '[]' OR ${member('lid')} IS NULL
      OR ${member('lid')} IN (SELECT value FROM json_each(?4))
    ) ${firstGroup}`
] as const
export const lidsOfPhones = `
  SELECT DISTINCT ${member('lid')} AS address FROM records
  WHERE +account = ?1 AND ${isIn('phone', 2)} AND ${member('lid')} IS NOT NULL`
const phonesOfLids = `
  SELECT DISTINCT ${member('phone')} AS address FROM records
  WHERE +account = ?1 AND ${isIn('lid', 2)} AND ${member('phone')} IS NOT NULL`
const quoting = `
  SELECT seq, record FROM records
  WHERE +account = ?1 AND message_id <> '' AND ${member('chat_id')} = ?2
  AND ${member('quoted_id')} IS NOT NULL`

/**
 * Records captured before a time, by the later of two times: that of the clock, and WhatsApp's own
 * time of the message. So a clock that was behind makes nothing old. A time that has not come yet
 * (?5) is of a clock that was ahead, and does not count.
 */
const capturedBefore = `
  ${selectRecords} AND seq > ?3 AND seq <= ?4 AND ?2 > (
    SELECT coalesce(max(at), 9e15) FROM (
      SELECT unixepoch(record ->> '$.captured_at', 'subsec') * 1000 AS at
      UNION ALL SELECT ${member('timestamp')} * 1000
    ) WHERE at <= ?5)`

const rememberPerson = `
  INSERT INTO erased_people (hash, until, has_lid) VALUES (?, ?, ?)
  ON CONFLICT (hash) DO UPDATE SET until = max(until, excluded.until), has_lid = excluded.has_lid`
const nextRecords = `
  SELECT seq, key, message_id, record, ${sumOf} AS sha256 FROM records
  WHERE seq > ? ORDER BY seq LIMIT ${groupSize}`

/** A person whose records are erased, by every address that is known. */
export interface Person {
  /** Of chats. */
  addresses: string[]
  /** E.164. */
  phones: string[]
  lids: string[]
}

/** The stanzas of messages that were erased in groups, by the id of the group. */
export type Quoted = Map<string, Set<string>>

type Row = Record<string, unknown>

/** The members of a message by which it is known as erased. */
type Identifying = Pick<CapturedMessage, 'id' | 'chat_id' | 'from' | 'timestamp'> &
  Partial<Pick<CapturedMessage, 'author' | 'phone' | 'lid' | 'reaction' | 'vote'>>

/**
 * The common part of the ids that one message has under each address of its person; undefined for a
 * text that is not a message id.
 */
const underAnyAddress = (id: string): string | undefined => {
  const parsed = parseMessageId(id)
  if (parsed === undefined) return undefined
  return `stanza:${parsed.fromMe}:${isAccount(parsed.chat) ? '' : parsed.chat}:${parsed.stanza}`
}

/** The text of a chat that is hashed. No key of a record begins like this. */
const chatKey = (chatId: string): string => `chat:${chatId}`

const addressOfPhone = (phone: string): string => `${phone.slice(1)}@c.us`

/** The addresses in a message, except the phone number. */
const addressesIn = ({ chat_id, lid, author, from }: Identifying): string[] => [
  ...new Set(
    [chat_id, lid, author, from].flatMap((address) =>
      address === undefined ? [] : accountAddress(address)
    )
  )
]

/** How long a record may wait to be written after the page reported it, ms. */
const heardForMs = 86_400_000

/** Notes a message in a group: other messages there may quote it, by its id. */
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
  readonly #makeTombstone: StatementSync
  readonly #dropPending: StatementSync
  readonly #dropRaw: StatementSync
  readonly #addMedia: StatementSync
  readonly #withStanza: StatementSync
  /** When this process erased a person, by address, in ms of a clock that only goes on. */
  readonly #erasedAt = new Map<string, number>()
  /** Erasures of other hosts of the account. */
  readonly #adopted: AdoptedErasures
  /** Most journals have no erasures. Then a new record costs no hash. */
  #isEmpty: boolean

  /** @param db the journal's database, which has its own tables already */
  constructor(db: DatabaseSync, account: string, rewriting: Rewriting, identities: Identities) {
    db.exec(schema + indexes)
    const columns = db
      .prepare('PRAGMA table_info(erased)')
      .all()
      .map(({ name }) => name)
    // 1: its erasure was asked for, so that it leaves NATS, too. 0: it had become too old.
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
    this.#makeTombstone = db.prepare(
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

  /**
   * The id of the last erasure that was asked for; undefined before the first. Each has another id.
   */
  latest(): string | undefined {
    const row = this.#db.prepare('SELECT id FROM latest_erasure').get()
    return row === undefined ? undefined : String(row['id'])
  }

  /**
   * Inside a transaction: notes that an erasure that was asked for is done. Hubs with stores of
   * their own follow it then.
   */
  setLatest(): void {
    this.#db.exec('DELETE FROM latest_erasure')
    this.#db
      .prepare('INSERT INTO latest_erasure (id) VALUES (?)')
      .run(randomBytes(8).toString('hex'))
  }

  /**
   * Whether a new record is about something erased, so that it must not come back. That is the
   * message itself; a message that its person wrote before all of theirs was erased and that is
   * read back now; and a message that the page had reported before that.
   */
  covers(newRecord: NewRecord, source: InboundRecord['source'] = 'live'): boolean {
    if (this.#isEmpty) return false
    const { key, message, heardAt } = newRecord
    if ([key, ...this.#idsIn(message)].some((text) => this.#isErasedText(text))) return true
    if (heardAt !== undefined && this.#wasHeardBefore(message, heardAt)) return true
    return source === 'backfill' && this.#isBeforeErasure(message)
  }

  /** Whether a record, of this journal or another one, was erased on request. */
  wasAskedFor({ message }: { message: Identifying }): boolean {
    if (this.#isEmpty) return false
    return (
      this.#idsIn(message).some((text) => this.#isErasedText(text, 1)) ||
      this.#isBeforeErasure(message)
    )
  }

  /**
   * Whether a record quotes a message that was erased on request. The quoted id holds a phone
   * number.
   */
  quotesErased({ message: { quoted_id } }: InboundRecord): boolean {
    if (this.#isEmpty || quoted_id === undefined) return false
    return [quoted_id, underAnyAddress(quoted_id)].some((text) => this.#isErasedText(text, 1))
  }

  hasErased({ id }: { id: string }): boolean {
    return !this.#isEmpty && [id, underAnyAddress(id)].some((text) => this.#isErasedText(text))
  }

  /** Whether the erasure of this chat was asked for. Later messages in it do not matter. */
  hasErasedChat(chatId: string): boolean {
    return (
      !this.#isEmpty &&
      (this.#isErasedText(chatKey(chatId)) || this.#adopted.find(chatKey(chatId)).length > 0)
    )
  }

  /**
   * Inside a transaction: notes the persons whose records are erased, so that their messages do not
   * come back.
   * @param until covers what they wrote up to this time, UNIX seconds
   * @returns the persons of these chats, by every address that the journal knows
   */
  begin(chatIds: readonly string[], until: number): Person {
    const person = this.#personOf(chatIds)
    for (const [address, at] of this.#erasedAt)
      if (performance.now() - at > heardForMs) this.#erasedAt.delete(address)
    const remember = this.#db.prepare(rememberPerson)
    for (const address of person.addresses) {
      // The id of a chat is a phone number. Only its hash is kept, and it is not written again.
      this.#rememberErased(chatKey(address), 1)
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
   * Inside a transaction: makes tombstones of some records of a person up to a seq, and of the
   * records that refer to these messages.
   * @param quoted collects the messages that were erased in groups
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
   * Inside a transaction: makes tombstones of the records of these messages, and of the records
   * that refer to these messages. Messages that the journal does not have are kept out from now on,
   * too.
   * @returns how many records
   */
  eraseMessages(messageIds: readonly string[], now: number): number {
    const ids = new Set([...messageIds, ...messageIds.flatMap((id) => this.#idsOfSame(id))])
    for (const id of messageIds) this.#rememberErasedMessage(id, 1)
    return this.#makeTombstones(this.#select(ofMessages, JSON.stringify([...ids])), now, true)
  }

  /**
   * Inside a transaction: makes tombstones of the records captured before a time. A message without
   * a `message` record in the journal may still come.
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
    // Of a message that could not be decrypted only its placeholder is erased. Its text may come
    // days later, and was not erased.
    return this.#makeTombstones(
      this.#select(capturedBefore, before, after, upTo, certain),
      now,
      false
    )
  }

  /**
   * Inside a transaction: takes over the erasures on request of a newer copy of this journal.
   * @returns false when `newer` is another journal
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

  /** Persons erased here that the other hosts do not know yet. */
  peopleToShare(): ErasedPerson[] {
    return this.#adopted.toShare(this.#secret.toString('hex'))
  }

  /** Inside a transaction: notes that the other hosts know these persons. */
  shared(people: readonly ErasedPerson[]): void {
    this.#adopted.shared(people)
  }

  /**
   * Inside a transaction: notes persons that another host has erased.
   * @returns whether any was not known yet
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
   * Inside a transaction: goes through the next records after a seq, and makes tombstones of those
   * that were erased on request.
   * @param quoted collects the messages that were erased in groups
   * @returns the last record looked at; undefined when there are no more
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
    return { last: Number(last), records: this.#makeTombstones(gone, now, true) }
  }

  /**
   * Inside a transaction: removes the ids of erased messages, which hold phone numbers, from the
   * messages that quote them in a group.
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
   * Outside a transaction: rewrites the file, so that no erased byte is left in it. Does nothing
   * when nothing was erased.
   */
  scrub(): void {
    if (this.#db.prepare('SELECT scrub_due FROM erasure').get()?.['scrub_due'] !== 1) return
    const onRewritten = this.#rewriting(Number(this.#db.prepare(fileBytes).get()?.['bytes']))
    try {
      // Pages keep copies of what moved between them, and the log keeps what was written before.
      // Only a new file has neither.
      this.#db.exec('VACUUM')
      const { busy } = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {}
      if (busy !== 0)
        throw new Error(
          'the journal is being read by another program: what was erased is still in its log'
        )
    } finally {
      onRewritten()
    }
    this.#setScrub(0)
  }

  /**
   * SHA-256 sums of media that erased records had and no other record refers to. Their files are to
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
   * Notes media of this sum to be deleted, unless a record refers to the sum: they were fetched for
   * a message that was erased in between.
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
    // With a LID, the number is taken from the LID alone: it may have been another person's before.
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
    const records = this.#makeTombstones(rows, now, true)
    return records + this.#makeTombstones(this.#select(ofMessages, JSON.stringify(ids)), now, true)
  }

  /** @param isAsked their messages are not to come later either */
  #makeTombstones(rows: readonly Row[], now: number, isAsked: boolean): number {
    const tombstone: Omit<ErasedRecord, 'seq'> = {
      kind: 'erased',
      erased_at: new Date(now).toISOString(),
      account: this.#account
    }
    const content = JSON.stringify(tombstone)
    const asked = isAsked ? 1 : 0
    for (const { seq, key, message_id, sha256 } of rows) {
      this.#rememberErased(String(key), asked)
      if (isAsked || key === `message:${String(message_id)}`)
        this.#rememberErasedMessage(String(message_id), asked)
      if (typeof sha256 === 'string') this.dropMedia(sha256)
      this.#dropPending.run(Number(seq))
      this.#dropRaw.run(Number(seq))
      this.#makeTombstone.run(content, Number(seq))
    }
    if (rows.length > 0) this.#setScrub(1)
    return rows.length
  }

  /**
   * Other ids that differ only by the address of the person. A journal of an earlier release may
   * have a message under two ids.
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

  #rememberErasedMessage(id: string, asked: number): void {
    this.#rememberErased(id, asked)
    const anywhere = underAnyAddress(id)
    // An own message to a broadcast list is in the chat of each recipient. It stays in the others.
    const isOfMany = id.startsWith('true_') && this.#otherIds(id).some(({ isMessage }) => isMessage)
    if (anywhere !== undefined && !isOfMany) this.#rememberErased(anywhere, asked)
  }

  #rememberErased(text: string, asked: number): void {
    this.#remember.run(this.#hash(text), asked)
    this.#isEmpty = false
  }

  #idsIn({ id, reaction, vote }: Identifying): (string | undefined)[] {
    const about = reaction?.message_id ?? vote?.message_id
    return [id, about, underAnyAddress(about ?? id)]
  }

  #isErasedText(text: string | undefined, asked = 0): boolean {
    return (
      text !== undefined && Number(this.#isErased.get(this.#hash(text))?.['asked'] ?? -1) >= asked
    )
  }

  #isBeforeErasure(message: Identifying): boolean {
    const isCovered = (address: string, hasOwnLid: boolean): boolean => {
      const row = this.#until.get(this.#hash(chatKey(address)))
      const erasures = this.#adopted.find(chatKey(address))
      if (row !== undefined)
        erasures.push({ until: Number(row['until']), hasLid: row['has_lid'] === 1 })
      return erasures.some(
        ({ until, hasLid }) => message.timestamp <= until && !(hasOwnLid && hasLid)
      )
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

/** Records to erase because of their age. */
export interface BeforeTime {
  /** Captured before this time, ms. */
  before: number
  /** Only records after this seq. */
  after?: number
  /** Only records up to this seq. */
  upTo?: number
  /** This time has come for sure, ms. */
  certain?: number
}

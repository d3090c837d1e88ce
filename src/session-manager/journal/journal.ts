import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type {
  CapturedMessage,
  InboundRecord,
  JournalRecord,
  RecordKind
} from '../../contract/record.ts'
import type { ErasedMessage } from '../../contract/session.ts'
import { openSqlite, type Rewriting } from '../../platform/sqlite.ts'
import type { ErasedPerson } from './adopted-erasures.ts'
import { Erasure, type BeforeTime, type Quoted } from './erasure.ts'
import { Identities } from './identities.ts'
import { PendingMediaTable, type MediaFailures, type PendingMedia } from './pending-media.ts'
import { createUnreadChatTable, UnreadChatTable } from './unread-chat-table.ts'
import { RawModels, type RawModel, type Remappable } from './raw-models.ts'
import { canChange, goesOn, isNews, Known, refreshedMessage, updatedMessage } from './updates.ts'

/**
 * A record that is to be captured. The journal gives it its `seq`. `key` is the idempotency key
 * within the account.
 */
export interface NewRecord {
  key: string
  kind: RecordKind
  message: CapturedMessage
  /** The model that it was mapped from. It is kept beside the record. */
  raw?: RawModel
  /** Of a message to a broadcast list, which has one stanza in the chats of all its recipients. */
  isListCopy?: boolean
  /**
   * When the page reported it, by a clock that only goes on, ms. It may wait before it is written.
   */
  heardAt?: number
  /** Mapped from the few fields that reading back has where WhatsApp Web cannot make its model. */
  isPartial?: boolean
}

/** A message as it is mapped now, for a record that the journal has. */
export interface NewVersion {
  message: CapturedMessage
  source: InboundRecord['source']
}

/** What must outlive a restart: times, in ms, and how far others are. */
export type Mark =
  /** Every message that was sent before this is captured. */
  | 'complete_until'
  /**
   * Since when the session is off on request. It stays off over restarts, until it is asked to
   * connect.
   */
  | 'off_since'
  /** When the device was linked. */
  | 'linked_at'
  /** `complete_until` at the linking of the device: history goes on arriving for a while after. */
  | 'link_floor'
  /** `complete_until` when everything in the journal was in NATS, too. */
  | 'forwarded_until'
  /** Backups of the linked device made before this are of a device that is not linked any more. */
  | 'backup_void'
  /** When the backup was made that the linked device was restored from. */
  | 'restored_from'
  /** The last record that is in NATS, its place in the stream, and when that stream was made. */
  | 'forwarded'
  | 'forwarded_place'
  | 'forwarded_stream'
  /** This time has come for sure, see platform/certain-time.ts. */
  | 'certain_until'
  /**
   * The latest version of the mapper that mapped what an earlier version had mapped, and the last
   * record that it has done.
   */
  | 'mapped_by'
  | 'mapped_to'
  /** When something was erased that NATS may still have. */
  | 'purge_due'

/**
 * What is to be erased on request: what was captured of these chats, of the people they are with,
 * and of these messages.
 */
interface EraseScope {
  chatIds: readonly string[]
  messageIds: readonly string[]
}

/** What is to be erased, on request or because of its age. With `more`, another request follows. */
type EraseRequest = (EraseScope | BeforeTime) & { more?: boolean }

const schema = `
  CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    message_id TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (account, key)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
`

const daySeconds = 86_400

/** The kinds of record by which a message comes. */
const comings = ['message', 'ciphertext', 'ciphertext_failed'] as const

type Statements = ReturnType<typeof prepareStatements>

const prepareStatements = (db: DatabaseSync) => ({
  insert: db.prepare(
    'INSERT INTO records (seq, account, key, message_id, record) VALUES (?, ?, ?, ?, ?) ' +
      'ON CONFLICT (account, key) DO NOTHING'
  ),
  page: db.prepare('SELECT seq, record FROM records WHERE seq > ? ORDER BY seq LIMIT ?'),
  confirmed: db.prepare(`
    SELECT max(min(
      unixepoch(record ->> '$.captured_at') * 1000, record ->> '$.message.timestamp' * 1000
    )) AS at
    FROM (SELECT record FROM records ORDER BY seq DESC LIMIT 1000)
    WHERE record ->> '$.kind' = 'message'`),
  getMark: db.prepare('SELECT at FROM marks WHERE name = ?'),
  putMark: db.prepare(
    'INSERT INTO marks (name, at) VALUES (?, ?) ' +
      'ON CONFLICT (name) DO UPDATE SET at = excluded.at'
  ),
  deleteMark: db.prepare('DELETE FROM marks WHERE name = ?'),
  sources: db.prepare(
    "SELECT record ->> '$.source' AS source FROM records WHERE account = ? AND key IN (?, ?, ?)"
  ),
  // Both conditions on keys are ranges of the index on keys.
  undecrypted: db.prepare(`
    SELECT message_id FROM records AS placeholder
    WHERE account = ? AND key >= 'ciphertext:' AND key < 'ciphertext;'
    AND NOT EXISTS (
      SELECT 1 FROM records
      WHERE account = placeholder.account AND key = 'message:' || placeholder.message_id
    )
    ORDER BY seq DESC LIMIT ?`)
})

/**
 * The durable, append-only log of what was captured. A record counts once it is on disk, and each
 * record is there once. Only erasing takes anything out: it takes content, never a place.
 */
export class Journal {
  readonly #db: DatabaseSync
  readonly #account: string
  readonly #now: () => number
  readonly #statements: Statements
  readonly #media: PendingMediaTable
  readonly #unreadChats: UnreadChatTable
  readonly #identities: Identities
  readonly #erasure: Erasure
  readonly #raws: RawModels
  readonly #known: Known
  readonly #subscribers = new Set<() => void>()
  #id: string
  #lastSeq: number
  #lastMessageAt: number | undefined

  /**
   * @param file the SQLite file; its directory must exist and be writable
   * @param rewriting called before the file is rewritten as a whole, which erasing needs
   */
  constructor(file: string, account: string, now: () => number, rewriting: Rewriting) {
    const db = openSqlite(file)
    db.exec(schema)
    createUnreadChatTable(db)
    db.prepare('INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)').run(
      randomUUID()
    )
    this.#db = db
    this.#account = account
    this.#now = now
    this.#id = String(db.prepare('SELECT id FROM identity').get()?.['id'])
    this.#statements = prepareStatements(db)
    this.#media = new PendingMediaTable(db, account, now)
    this.#identities = new Identities(db, account)
    this.#erasure = new Erasure(db, account, rewriting, this.#identities)
    this.#unreadChats = new UnreadChatTable(db, this.#erasure)
    this.#raws = new RawModels(db)
    this.#known = new Known(db, account)
    this.#lastSeq = Number(
      db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records').get()?.['seq']
    )
    this.#lastMessageAt = readLastMessageAt(db)
  }

  /** Drawn when the journal was made, so that a reader notices another journal in its place. */
  get id(): string {
    return this.#id
  }

  /**
   * Draws another id: to its readers this is another journal from now on, because what they know by
   * the old id is not what is here.
   */
  renew(): void {
    const drawn = randomUUID()
    this.#db.prepare('UPDATE identity SET id = ?').run(drawn)
    this.#id = drawn
  }

  /**
   * Appends records as one group with one fsync: all are on disk when this returns, or none is and
   * it throws. A record whose key is there already is left out, or becomes an update when it says
   * something new of its message. A record that was erased is left out.
   * @returns the records that were new
   */
  append(newRecords: readonly NewRecord[], source: InboundRecord['source']): InboundRecord[] {
    const written: InboundRecord[] = []
    this.#atomically(() => {
      for (const newRecord of newRecords) {
        const record = this.#write(newRecord, this.#lastSeq + written.length + 1, source)
        if (record) written.push(record)
      }
    })
    this.#lastSeq += written.length
    for (const { kind, message } of written) {
      if (kind === 'message')
        this.#lastMessageAt = Math.max(this.#lastMessageAt ?? 0, message.timestamp)
    }
    if (written.length > 0) for (const onAppend of this.#subscribers) onAppend()
    return written
  }

  /**
   * Appends an `update` record for each message that differs from what the journal has.
   * @param messages as they are known now
   * @returns how many differ; with `isTrial` none is written
   */
  update(messages: readonly NewVersion[], isTrial: boolean): number {
    const newRecords = messages.map(({ message, source }) => ({
      source,
      newRecord: { kind: 'update' as const, key: 'update', message }
    }))
    if (isTrial)
      return newRecords.filter(
        ({ newRecord }) => this.#newsOf(this.#identities.resolve(newRecord), 0) !== undefined
      ).length
    let changed = 0
    for (const source of ['live', 'backfill'] as const) {
      changed += this.append(
        newRecords.filter((each) => each.source === source).map(({ newRecord }) => newRecord),
        source
      ).length
    }
    return changed
  }

  /** Records after a cursor with the models that they were mapped from, as far as kept. */
  remappable(after: number, limit: number): Remappable[] {
    return this.#raws.read(after, limit)
  }

  /** Notes that these records were mapped by this version of the mapper. */
  remapped(seqs: readonly number[], version: number): void {
    this.#atomically(() => this.#raws.setVersion(seqs, version))
  }

  /**
   * Deletes some of the raw models kept before this time, ms.
   * @returns how many; 0 when there are no more
   */
  expireRaw(before: number): number {
    return this.#raws.expire(before)
  }

  /** Records after a cursor, oldest first. */
  read(after: number, limit: number): JournalRecord[] {
    return this.#statements.page.all(after, limit).map((row) => ({
      ...(JSON.parse(String(row['record'])) as JournalRecord),
      seq: Number(row['seq'])
    }))
  }

  lastSeq(): number {
    return this.#lastSeq
  }

  /** UNIX seconds of the newest message of a person, undefined without messages. */
  lastMessageAt(): number | undefined {
    return this.#lastMessageAt
  }

  /** The latest time that both WhatsApp and the clock have confirmed, ms; 0 without messages. */
  confirmedUntil(): number {
    return Number(this.#statements.confirmed.get()?.['at'] ?? 0)
  }

  /** Calls back after each append; returns what ends it. */
  subscribe(onAppend: () => void): () => void {
    this.#subscribers.add(onAppend)
    return () => this.#subscribers.delete(onAppend)
  }

  mark(name: Mark): number | undefined {
    const row = this.#statements.getMark.get(name)
    return row === undefined ? undefined : Number(row['at'])
  }

  setMark(name: Mark, at: number | undefined): void {
    if (at === undefined) this.#statements.deleteMark.run(name)
    else this.#statements.putMark.run(name, Math.round(at))
  }

  /** Sets all of these marks, or none. */
  setMarks(marks: Readonly<Partial<Record<Mark, number>>>): void {
    this.#atomically(() => {
      for (const [name, at] of Object.entries(marks))
        this.#statements.putMark.run(name, Math.round(at))
    })
  }

  /** Chats that could not be read back, each with the time since when it is to be read, ms. */
  unreadChats(): Map<string, number> {
    return this.#unreadChats.all()
  }

  /** Sets that time of a chat, or deletes the chat from these. */
  setUnreadChat(chatId: string, since: number | undefined): void {
    this.#unreadChats.set(chatId, since)
  }

  /**
   * The mark `complete_until`, but with the chats that could not be read back: everything before it
   * was captured, ms.
   */
  completeUntil(): number | undefined {
    const complete = this.mark('complete_until')
    return complete === undefined ? undefined : Math.min(complete, this.#unreadChats.earliest())
  }

  /** As the table of pending media has it. */
  pendingMedia(limit: number, dueBy?: number): PendingMedia[] {
    return this.#media.due(limit, dueBy)
  }

  pendingMediaCount(): number {
    return this.#media.count()
  }

  /** When the next media are due, ms; undefined without pending media. */
  nextMediaAt(): number | undefined {
    return this.#media.nextAt()
  }

  /** As the table of pending media has it. */
  postponeMedia(messageId: string, until: number, counts: boolean): MediaFailures | undefined {
    return this.#media.postpone(messageId, until, counts)
  }

  /** As the table of pending media has it. */
  trustNoLaterThan(now: number, maxMs: number): void {
    this.#media.trustNoLaterThan(now, maxMs)
  }

  /**
   * Makes tombstones of records and deletes their pending media. Then it rewrites the file (some 6
   * s for a million records), so that it has no byte of these records when this returns. While more
   * follows, the last call rewrites the file. If it throws or is cut short, the next call or
   * `finishErasing` does the rest.
   * @returns how many records
   */
  erase(request: EraseRequest): number {
    let records = 0
    if ('before' in request)
      records = this.#atomically(() => this.#erasure.eraseBefore(request, this.#now()))
    else for (const count of this.eraseInGroups(request)) records += count
    if (request.more !== true) this.#erasure.scrub()
    return records
  }

  /**
   * Erases without rewriting the file, in small groups, each in a transaction of its own. Yields
   * how many records a group had.
   * @returns the addresses of the persons whose chats were named
   */
  *eraseInGroups({ chatIds, messageIds }: EraseScope): Generator<number, string[]> {
    const [upTo, quoted]: [number, Quoted] = [this.#lastSeq, new Map()]
    const person = this.#atomically(() => this.#erasure.begin(chatIds, this.#erasedUntil()))
    this.#unreadChats.deleteErased(person.addresses)
    for (let count = 1; count > 0; ) {
      count = this.#atomically(() => this.#erasure.eraseSome(person, upTo, this.#now(), quoted))
      yield count
    }
    this.#dropQuotes(quoted)
    yield this.#atomically(() => this.#erasure.eraseMessages(messageIds, this.#now()))
    return person.addresses
  }

  /**
   * Erases what another host of the account was asked to erase, in small groups as `eraseInGroups`,
   * and keeps it out.
   * @returns whether any of these persons was new
   */
  *eraseAdopted(people: readonly ErasedPerson[]): Generator<number, boolean> {
    if (!this.#atomically(() => this.#erasure.adoptPeople(people))) return false
    yield* this.#eraseAllAgain()
    return true
  }

  /**
   * For a restored journal: erases what was erased on request in a newer copy.
   * @returns how many records; undefined when `newer` is another journal
   */
  eraseAsIn(newer: DatabaseSync): number | undefined {
    if (!this.#atomically(() => this.#erasure.adopt(newer))) return undefined
    let records = 0
    for (const count of this.#eraseAllAgain()) records += count
    this.#erasure.scrub()
    return records
  }

  /** Rewrites the file, if an erasure has not done so yet. */
  finishErasing(): void {
    this.#erasure.scrub()
  }

  /** Persons erased here that the other hosts of the account do not know yet. */
  erasuresToShare(): ErasedPerson[] {
    return this.#erasure.peopleToShare()
  }

  /** Notes that the other hosts know these persons. */
  erasuresShared(people: readonly ErasedPerson[]): void {
    this.#atomically(() => this.#erasure.shared(people))
  }

  /**
   * The id of the last erasure on request that is done; undefined before the first. Each erasure
   * has another id.
   */
  latestErasure(): string | undefined {
    return this.#erasure.latest()
  }

  /** Notes that an erasure on request is done: hubs with stores of their own follow it. */
  noteErasure(): void {
    this.#atomically(() => this.#erasure.setLatest())
  }

  /** Whether a record quotes a message that was erased on request. */
  quotesErased(record: InboundRecord): boolean {
    return this.#erasure.quotesErased(record)
  }

  /** Whether a message was erased on request, by its identifying members. */
  hasErasedMessage(message: ErasedMessage): boolean {
    return this.#erasure.wasAskedFor({ message })
  }

  /** Whether a record, of this journal or another, was erased on request. */
  wasErasedOnRequest(record: InboundRecord): boolean {
    return this.#erasure.wasAskedFor(record)
  }

  /** Whether the erasure of this chat was asked for. Later messages in it do not matter. */
  hasErasedChat(chatId: string): boolean {
    return this.#erasure.hasErasedChat(chatId)
  }

  hasErased(message: CapturedMessage): boolean {
    return this.#erasure.hasErased(message)
  }

  /** As the erasure has it. */
  mediaToDelete(): string[] {
    return this.#erasure.mediaToDelete()
  }

  mediaDeleted(sha256: readonly string[]): void {
    this.#erasure.mediaDeleted(sha256)
  }

  /** As the erasure has it. */
  dropMedia(sha256: string): void {
    this.#erasure.dropMedia(sha256)
  }

  /**
   * Ids of messages that could not be decrypted when they came and have not come since, newest
   * first.
   */
  undecrypted(limit: number): string[] {
    return this.#statements.undecrypted
      .all(this.#account, limit)
      .map((row) => String(row['message_id']))
  }

  /** The phone number of a LID, in E.164, as far as appended records have shown it. */
  phone(lid: string): string | undefined {
    return this.#identities.phone(lid)
  }

  /**
   * How a message came, by its id under any address: 'told' as it happened (an erased message
   * counts as that), or 'read back'; undefined when it did not come.
   */
  arrival(messageId: string): 'told' | 'read back' | undefined {
    if (this.#erasure.hasErased({ id: messageId })) return 'told'
    const id = this.#identities.idOf(messageId)
    const rows = this.#statements.sources.all(
      this.#account,
      ...comings.map((kind) => `${kind}:${id}`)
    )
    if (rows.length === 0) return undefined
    return rows.some(({ source }) => source === 'live') ? 'told' : 'read back'
  }

  /** Folds the write-ahead log into the file. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  close(): void {
    this.#db.close()
  }

  /** Runs `act` in one transaction: everything is written, or nothing. */
  #atomically<T>(act: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const result = act()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #write(
    captured: NewRecord,
    seq: number,
    source: InboundRecord['source']
  ): InboundRecord | undefined {
    const newRecord = this.#identities.resolve(captured)
    const { kind, message } = newRecord
    // Media with an outcome are not fetched again, even when this record is known already or its
    // message was erased in between.
    if (kind === 'media') this.#media.delete(message.id)
    if (this.#erasure.covers(newRecord, source)) return undefined
    if (kind === 'update') return this.#writeUpdate(newRecord, seq, source)
    const record = this.#insert(newRecord, seq, source)
    if (record === undefined)
      return kind === 'message' && canChange(message)
        ? this.#writeUpdate(newRecord, seq, source)
        : undefined
    if (kind === 'message' && message.media?.state === 'pending') this.#media.add(message.id, seq)
    return record
  }

  /** @returns undefined when a record with this key is there already */
  #insert(
    newRecord: NewRecord,
    seq: number,
    source: InboundRecord['source']
  ): InboundRecord | undefined {
    const { key, kind, message, raw } = newRecord
    const [at, account] = [this.#now(), this.#account]
    const record = { kind, captured_at: new Date(at).toISOString(), source, account, message }
    const content = JSON.stringify(record)
    const { changes } = this.#statements.insert.run(seq, account, key, message.id, content)
    if (changes === 0) return undefined
    if (raw !== undefined) this.#raws.add(seq, at, raw)
    return { seq, ...record }
  }

  #writeUpdate(
    newRecord: NewRecord,
    seq: number,
    source: InboundRecord['source']
  ): InboundRecord | undefined {
    const before = this.#known.latest(newRecord.message)
    const news = this.#newsOf(newRecord, seq, before)
    if (news === undefined) return undefined
    const record = this.#insert(news, seq, source)
    // Mapped again from its first model, the message would go back to how it began.
    if (
      record !== undefined &&
      newRecord.kind === 'message' &&
      newRecord.isPartial !== true &&
      goesOn(newRecord.message) &&
      newRecord.raw !== undefined
    )
      this.#raws.replace(this.#account, `message:${news.message.id}`, newRecord.raw)
    if (before?.media === undefined && news.message.media?.state === 'pending')
      this.#media.add(news.message.id, seq)
    return record
  }

  /** An update of a message that the journal has; undefined when it brings nothing new. */
  #newsOf(
    newRecord: NewRecord,
    seq: number,
    before = this.#known.latest(newRecord.message)
  ): NewRecord | undefined {
    if (before === undefined) return undefined
    const message = (newRecord.kind === 'update' ? updatedMessage : refreshedMessage)(
      before,
      newRecord.message
    )
    return isNews(before, message)
      ? { kind: 'update', key: `update:${message.id}:${seq}`, message }
      : undefined
  }

  /**
   * An erasure covers what a person wrote up to this time, UNIX seconds: now, as far as messages
   * confirm the clock. With a clock that is ahead, later messages of the person would not be read
   * back.
   */
  #erasedUntil(): number {
    const seconds = Math.floor(this.#now() / 1_000)
    const lastMessageAt = this.#lastMessageAt
    return lastMessageAt === undefined
      ? seconds
      : Math.min(Math.max(seconds, lastMessageAt), lastMessageAt + daySeconds)
  }

  /** Makes tombstones of all records that were erased on request, here or at another host. */
  *#eraseAllAgain(): Generator<number, void> {
    const quoted: Quoted = new Map()
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after
      const part = this.#atomically(() => this.#erasure.eraseAgain(from, this.#now(), quoted))
      yield part?.records ?? 0
      after = part?.last
    }
    this.#dropQuotes(quoted)
  }

  #dropQuotes(quoted: Quoted): void {
    for (const [chatId, stanzas] of quoted)
      this.#atomically(() => this.#erasure.dropQuotes(chatId, stanzas))
  }
}

export const openJournal = (
  file: string,
  account: string,
  now: () => number = Date.now,
  rewriting: Rewriting = () => () => undefined
): Journal => new Journal(file, account, now, rewriting)

const readLastMessageAt = (db: DatabaseSync): number | undefined => {
  const row = db
    .prepare(
      `SELECT max(record ->> '$.message.timestamp') AS at
      FROM (SELECT record FROM records ORDER BY seq DESC LIMIT 1000)
      WHERE record ->> '$.kind' = 'message'`
    )
    .get()
  return row?.['at'] == null ? undefined : Number(row['at'])
}

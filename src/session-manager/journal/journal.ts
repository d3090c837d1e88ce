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
import { preparePendingMedia, type PendingMediaTable } from './pending-media.ts'
import { RawModels, type RawModel, type Remappable } from './raw-models.ts'
import { canChange, goesOn, isNews, Known, refreshedMessage, updatedMessage } from './updates.ts'

/**
 * What is to be captured; the journal gives it its `seq`. `key` is the idempotency key within the
 * account.
 */
export interface NewRecord {
  key: string
  kind: RecordKind
  message: CapturedMessage
  /** What it was mapped from, to be kept beside the record. */
  raw?: RawModel
  /** Of a message to a broadcast list, which has one stanza in the chats of all its recipients. */
  isListCopy?: boolean
  /**
   * When the page told of it, of a clock that only goes on, ms: it may wait before it is written.
   */
  heardAt?: number
  /** Mapped from the few fields that reading back has where WhatsApp Web cannot make its model. */
  isPartial?: boolean
}

/** A message as it is mapped now, for a record that is there. */
export interface NewVersion {
  message: CapturedMessage
  source: InboundRecord['source']
}

/** What must outlive a restart: times, in ms, and how far others are. */
export type Mark =
  /** Everything written before this was captured. */
  | 'complete_until'
  /**
   * Since when the session is off on request: it stays so over restarts, until it is asked to
   * connect.
   */
  | 'off_since'
  /** When the device was linked. */
  | 'linked_at'
  /**
   * What `complete_until` was when the device was linked: history goes on arriving for a while
   * after.
   */
  | 'link_floor'
  /** What `complete_until` was when everything in the journal was in NATS, too. */
  | 'forwarded_until'
  /** Backups of the linked device made before this are of one that is linked no more. */
  | 'backup_void'
  /** When the backup was made that the linked device was restored from. */
  | 'restored_from'
  /** The last record that is in NATS, its place in the stream, and when that was made. */
  | 'forwarded'
  | 'forwarded_place'
  | 'forwarded_stream'
  /** This time has come for sure, see platform/certain-time.ts. */
  | 'certain_until'
  /**
   * The latest version of the mapper that mapped what an earlier one had mapped, and the last
   * record that it has done.
   */
  | 'mapped_by'
  | 'mapped_to'
  /** When something was erased that NATS may still have. */
  | 'purge_due'

/**
 * What is to be erased on request: what was captured of these chats, of those they are with, and of
 * these messages.
 */
export interface Asked {
  chatIds: readonly string[]
  messageIds: readonly string[]
}

/** What is to be erased, on request or because it is old; with `more`, more follows. */
type Erase = (Asked | BeforeTime) & { more?: boolean }

/**
 * The durable, append-only log of what was captured: on disk before it counts, and each thing once.
 * Only erasing takes anything out of it: content, never a place.
 */
export interface Journal
  extends Pick<Erasure, 'mediaToDelete' | 'mediaDeleted' | 'dropMedia'>,
    PendingMediaTable {
  /** Drawn when the journal was made, so that a reader notices another one in its place. */
  readonly id: string
  /**
   * Draws another id: to its readers this is another journal from now on, because what they know by
   * the old id is not what is here.
   */
  renew(): void
  /**
   * Appends as one group, one fsync: all of it is on disk when this returns, or none of it and it
   * throws. What is there already, by its key, is left out, and so is what was erased. @returns the
   * records that were new
   */
  append(newRecords: readonly NewRecord[], source: InboundRecord['source']): InboundRecord[]
  /**
   * Messages as they are known now. Appends an `update` record for each that differs from what the
   * journal has of it.
   * @returns how many differ; with `isTrial` none is written
   */
  update(messages: readonly NewVersion[], isTrial: boolean): number
  /** Records after a cursor with what they were mapped from, as far as that is kept. */
  remappable(after: number, limit: number): Remappable[]
  /** Notes that these were mapped by this version of the mapper. */
  remapped(seqs: readonly number[], version: number): void
  /**
   * Deletes some of the raw models kept before this time, ms. @returns how many; 0 when there are
   * no more
   */
  expireRaw(before: number): number
  /** Records after a cursor, oldest first. */
  read(after: number, limit: number): JournalRecord[]
  lastSeq(): number
  /** UNIX seconds of the newest message of a person, undefined when there is none. */
  lastMessageAt(): number | undefined
  /** The latest time that both WhatsApp and the clock have confirmed, ms; 0: there is none. */
  confirmedUntil(): number
  /** Calls back after each append; returns what ends it. */
  subscribe(onAppend: () => void): () => void
  mark(name: Mark): number | undefined
  setMark(name: Mark, at: number | undefined): void
  /** All of them, or none. */
  setMarks(marks: Readonly<Partial<Record<Mark, number>>>): void
  /** Chats that could not be read back, each with the time since when it is to be read, ms. */
  unreadChats(): Map<string, number>
  /**
   * Sets that time, or forgets the chat. A chat that was erased is kept in memory only: its id is a
   * phone number.
   */
  setUnreadChat(chatId: string, since: number | undefined): void
  /**
   * What `complete_until` is with the chats that could not be read back: everything before it was
   * captured, ms.
   */
  completeUntil(): number | undefined
  /**
   * Makes tombstones of records and forgets their pending media. Then the file is rewritten (some 6
   * s for a million records), so that nothing of them is in it when this returns; while more
   * follows, that is left to the last. Should it throw or be cut short, the next call or
   * `finishErasing` does the rest. @returns how many records
   */
  erase(what: Erase): number
  /**
   * The same, but without rewriting the file, in small groups, each in a transaction of its own.
   * Yields how many records a group had, and returns the addresses of the persons whose chats were
   * named.
   */
  eraseInGroups(asked: Asked): Generator<number, string[]>
  /** Whether a record quotes a message that was erased on request. */
  quotesErased(record: InboundRecord): boolean
  /**
   * Erases what another host of the account was asked to erase, in small groups as `eraseInGroups`,
   * and keeps it out. Returns whether any of these persons was new.
   */
  eraseAdopted(people: readonly ErasedPerson[]): Generator<number, boolean>
  /**
   * Persons erased here of whom the other hosts of the account do not know yet; and that they do by
   * now.
   */
  erasuresToTell(): ErasedPerson[]
  erasuresTold(people: readonly ErasedPerson[]): void
  /** Whether a message was erased on request, by what identifies it. */
  hasErasedMessage(message: ErasedMessage): boolean
  /**
   * Another one after each erasure that was asked for, when it is done; undefined before the first.
   */
  latestErasure(): string | undefined
  /** An erasure that was asked for is done: hubs with stores of their own follow it. */
  noteErasure(): void
  /** Whether a record, of this journal or of another one, tells of what was erased on request. */
  wasErasedOnRequest(record: InboundRecord): boolean
  finishErasing(): void
  /**
   * For a journal that was restored: erases what has been erased on request in a newer copy of it.
   * @returns how many records; undefined when that is another journal
   */
  eraseAsIn(newer: DatabaseSync): number | undefined
  /** Whether the erasure of this chat was asked for, whatever came in it since. */
  hasErasedChat(chatId: string): boolean
  /** Whether this message was erased. */
  hasErased(message: CapturedMessage): boolean
  /**
   * Ids of messages that could not be decrypted when they came and have not come since, the newest
   * first.
   */
  undecrypted(limit: number): string[]
  /** The phone number of a LID, in E.164, as far as what was appended has told it. */
  phone(lid: string): string | undefined
  /**
   * How a message came, by its id or any other address of it: told of as it happened (what was
   * erased counts as that), or read back; undefined: not at all.
   */
  arrival(messageId: string): 'told' | 'read back' | undefined
  /** Folds the write-ahead log into the file. */
  checkpoint(): void
  close(): void
}

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
  CREATE TABLE IF NOT EXISTS unread_chats (chat_id TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT;
`

/** In seconds. */
const daySeconds = 86_400

/** The kinds of record by which a message comes. */
const comings = ['message', 'ciphertext', 'ciphertext_failed'] as const

/**
 * @param file the SQLite file; its directory must exist and be writable @param rewriting for what
 * is erased the file is rewritten as a whole
 */
export const openJournal = (
  file: string,
  account: string,
  now: () => number = Date.now,
  rewriting: Rewriting = () => () => undefined
): Journal => {
  const db = openSqlite(file)
  db.exec(schema)
  db.prepare('INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)').run(
    randomUUID()
  )
  let id = String(db.prepare('SELECT id FROM identity').get()?.['id'])
  const insert = db.prepare(
    'INSERT INTO records (seq, account, key, message_id, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, key) DO NOTHING'
  )
  const page = db.prepare('SELECT seq, record FROM records WHERE seq > ? ORDER BY seq LIMIT ?')
  const last = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records')
  const confirmed = db.prepare(`
    SELECT max(min(unixepoch(record ->> '$.captured_at') * 1000, record ->> '$.message.timestamp' * 1000)) AS at
    FROM (SELECT record FROM records ORDER BY seq DESC LIMIT 1000) WHERE record ->> '$.kind' = 'message'`)
  const getMark = db.prepare('SELECT at FROM marks WHERE name = ?')
  const putMark = db.prepare(
    'INSERT INTO marks (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at'
  )
  const dropMark = db.prepare('DELETE FROM marks WHERE name = ?')
  const unreadChats = db.prepare('SELECT chat_id, since FROM unread_chats')
  const leastUnread = db.prepare('SELECT min(since) AS since FROM unread_chats')
  const putUnread = db.prepare(
    'INSERT INTO unread_chats (chat_id, since) VALUES (?, ?) ON CONFLICT (chat_id) DO UPDATE SET since = excluded.since'
  )
  const dropUnread = db.prepare('DELETE FROM unread_chats WHERE chat_id = ?')
  const sources = db.prepare(
    "SELECT record ->> '$.source' AS source FROM records WHERE account = ? AND key IN (?, ?, ?)"
  )
  // both sides are ranges of the index on keys
  const undecrypted = db.prepare(`
    SELECT message_id FROM records AS placeholder WHERE account = ? AND key >= 'ciphertext:' AND key < 'ciphertext;'
    AND NOT EXISTS (SELECT 1 FROM records WHERE account = placeholder.account AND key = 'message:' || placeholder.message_id) ORDER BY seq DESC LIMIT ?`)

  const media = preparePendingMedia(db, account, now)
  const identities = new Identities(db, account)
  const erasure = new Erasure(db, account, rewriting, identities)
  /** Chats that were erased and cannot be read back, as `unreadChats`. */
  const unreadErased = new Map<string, number>()
  const raws = new RawModels(db)
  const known = new Known(db, account)
  const subscribers = new Set<() => void>()
  let lastSeq = Number(last.get()?.['seq'])
  let lastMessageAt = newestMessage(db)

  /** All of it, or nothing. */
  const atomically = <T>(act: () => T): T => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = act()
      db.exec('COMMIT')
      return result
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  /** @returns undefined when it is there already */
  const insertRecord = (
    newRecord: NewRecord,
    seq: number,
    source: InboundRecord['source']
  ): InboundRecord | undefined => {
    const { key, kind, message, raw } = newRecord
    const at = now()
    const record = { kind, captured_at: new Date(at).toISOString(), source, account, message }
    const { changes } = insert.run(seq, account, key, message.id, JSON.stringify(record))
    if (changes === 0) return undefined
    if (raw !== undefined) raws.add(seq, at, raw)
    return { seq, ...record }
  }

  /** An update of a message that the journal has; undefined when there is nothing new in it. */
  const newsOf = (
    newRecord: NewRecord,
    seq: number,
    before = known.latest(newRecord.message)
  ): NewRecord | undefined => {
    if (before === undefined) return undefined
    const message = (newRecord.kind === 'update' ? updatedMessage : refreshedMessage)(
      before,
      newRecord.message
    )
    return isNews(before, message)
      ? { kind: 'update', key: `update:${message.id}:${seq}`, message }
      : undefined
  }

  const writeUpdate = (
    newRecord: NewRecord,
    seq: number,
    source: InboundRecord['source']
  ): InboundRecord | undefined => {
    const before = known.latest(newRecord.message)
    const news = newsOf(newRecord, seq, before)
    if (news === undefined) return undefined
    const record = insertRecord(news, seq, source)
    // Mapped again from its first model, the message would go back to how it began.
    if (
      record !== undefined &&
      newRecord.kind === 'message' &&
      newRecord.isPartial !== true &&
      goesOn(newRecord.message)
    ) {
      if (newRecord.raw !== undefined)
        raws.replace(account, `message:${news.message.id}`, newRecord.raw)
    }
    if (before?.media === undefined && news.message.media?.state === 'pending')
      media.add(news.message.id, seq)
    return record
  }

  const write = (
    given: NewRecord,
    seq: number,
    source: InboundRecord['source']
  ): InboundRecord | undefined => {
    const newRecord = identities.resolve(given)
    const { kind, message } = newRecord
    // Media that have an outcome are not fetched again, whether it is new or not, or of a message
    // erased meanwhile.
    if (kind === 'media') media.drop(message.id)
    if (erasure.covers(newRecord, source)) return undefined
    if (kind === 'update') return writeUpdate(newRecord, seq, source)
    const record = insertRecord(newRecord, seq, source)
    if (record === undefined)
      return kind === 'message' && canChange(message)
        ? writeUpdate(newRecord, seq, source)
        : undefined
    if (kind === 'message' && message.media?.state === 'pending') media.add(message.id, seq)
    return record
  }

  const append = (
    newRecords: readonly NewRecord[],
    source: InboundRecord['source']
  ): InboundRecord[] => {
    const written: InboundRecord[] = []
    atomically(() => {
      for (const newRecord of newRecords) {
        const record = write(newRecord, lastSeq + written.length + 1, source)
        if (record) written.push(record)
      }
    })
    lastSeq += written.length
    for (const { kind, message } of written) {
      if (kind === 'message') lastMessageAt = Math.max(lastMessageAt ?? 0, message.timestamp)
    }
    if (written.length > 0) for (const onAppend of subscribers) onAppend()
    return written
  }

  const update = (messages: readonly NewVersion[], isTrial: boolean): number => {
    const newRecords = messages.map(({ message, source }) => ({
      source,
      newRecord: { kind: 'update' as const, key: 'update', message }
    }))
    if (isTrial)
      return newRecords.filter(
        ({ newRecord }) => newsOf(identities.resolve(newRecord), 0) !== undefined
      ).length
    let changed = 0
    for (const source of ['live', 'backfill'] as const) {
      changed += append(
        newRecords.filter((each) => each.source === source).map(({ newRecord }) => newRecord),
        source
      ).length
    }
    return changed
  }

  /**
   * Up to when what a person wrote goes with an erasure, UNIX seconds: now, as far as messages
   * confirm what the clock says. Were it ahead, what the person writes later would not be read
   * back.
   */
  const erasedUntil = (): number => {
    const seconds = Math.floor(now() / 1_000)
    return lastMessageAt === undefined
      ? seconds
      : Math.min(Math.max(seconds, lastMessageAt), lastMessageAt + daySeconds)
  }

  function* eraseInGroups({ chatIds, messageIds }: Asked): Generator<number, string[]> {
    const [upTo, quoted]: [number, Quoted] = [lastSeq, new Map()]
    const person = atomically(() => erasure.begin(chatIds, erasedUntil()))
    for (const address of person.addresses) unreadErased.delete(address)
    for (let count = 1; count > 0; ) {
      count = atomically(() => erasure.eraseSome(person, upTo, now(), quoted))
      yield count
    }
    for (const [chatId, stanzas] of quoted) atomically(() => erasure.dropQuotes(chatId, stanzas))
    yield atomically(() => erasure.eraseMessages(messageIds, now()))
    return person.addresses
  }

  /** Makes tombstones of all records that were erased on request, here or at another host. */
  function* eraseAllAgain(): Generator<number, void> {
    const quoted: Quoted = new Map()
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after
      const part = atomically(() => erasure.eraseAgain(from, now(), quoted))
      yield part?.records ?? 0
      after = part?.last
    }
    for (const [chatId, stanzas] of quoted) atomically(() => erasure.dropQuotes(chatId, stanzas))
  }

  function* eraseAdopted(people: readonly ErasedPerson[]): Generator<number, boolean> {
    if (!atomically(() => erasure.adoptPeople(people))) return false
    yield* eraseAllAgain()
    return true
  }

  const mark = (name: Mark): number | undefined => {
    const row = getMark.get(name)
    return row === undefined ? undefined : Number(row['at'])
  }

  return {
    get id() {
      return id
    },
    renew: () => {
      const drawn = randomUUID()
      db.prepare('UPDATE identity SET id = ?').run(drawn)
      id = drawn
    },
    append,
    update,
    remappable: (after, limit) => raws.read(after, limit),
    remapped: (seqs, version) => atomically(() => raws.setVersion(seqs, version)),
    expireRaw: (before) => raws.expire(before),
    read: (after, limit) =>
      page.all(after, limit).map((row) => ({
        ...(JSON.parse(String(row['record'])) as JournalRecord),
        seq: Number(row['seq'])
      })),
    lastSeq: () => lastSeq,
    lastMessageAt: () => lastMessageAt,
    confirmedUntil: () => Number(confirmed.get()?.['at'] ?? 0),
    subscribe: (onAppend) => {
      subscribers.add(onAppend)
      return () => subscribers.delete(onAppend)
    },
    mark,
    setMark: (name, at) =>
      void (at === undefined ? dropMark.run(name) : putMark.run(name, Math.round(at))),
    setMarks: (marks) =>
      atomically(() => {
        for (const [name, at] of Object.entries(marks)) putMark.run(name, Math.round(at))
      }),
    unreadChats: () =>
      new Map([
        ...unreadChats.all().map((row) => [String(row['chat_id']), Number(row['since'])] as const),
        ...unreadErased
      ]),
    setUnreadChat: (chatId, since) => {
      unreadErased.delete(chatId)
      if (since === undefined) dropUnread.run(chatId)
      else if (erasure.hasErasedChat(chatId)) unreadErased.set(chatId, Math.round(since))
      else putUnread.run(chatId, Math.round(since))
    },
    completeUntil: () => {
      const complete = mark('complete_until')
      if (complete === undefined) return undefined
      const least = leastUnread.get()?.['since'] ?? Infinity
      return Math.min(complete, Number(least), ...unreadErased.values())
    },
    pendingMedia: media.pendingMedia,
    pendingMediaCount: media.pendingMediaCount,
    nextMediaAt: media.nextMediaAt,
    postponeMedia: media.postponeMedia,
    trustNoLaterThan: media.trustNoLaterThan,
    erase: (what) => {
      let records = 0
      if ('before' in what) records = atomically(() => erasure.eraseBefore(what, now()))
      else for (const count of eraseInGroups(what)) records += count
      if (what.more !== true) erasure.scrub()
      return records
    },
    eraseInGroups,
    hasErasedMessage: (message) => erasure.wasAskedFor({ message }),
    eraseAdopted,
    quotesErased: (record) => erasure.quotesErased(record),
    erasuresToTell: () => erasure.toTell(),
    erasuresTold: (people) => atomically(() => erasure.told(people)),
    latestErasure: () => erasure.latest(),
    noteErasure: () => atomically(() => erasure.setLatest()),
    wasErasedOnRequest: (record) => erasure.wasAskedFor(record),
    finishErasing: () => erasure.scrub(),
    eraseAsIn: (newer) => {
      if (!atomically(() => erasure.adopt(newer))) return undefined
      let records = 0
      for (const count of eraseAllAgain()) records += count
      erasure.scrub()
      return records
    },
    hasErasedChat: (chatId) => erasure.hasErasedChat(chatId),
    hasErased: (message) => erasure.hasErased(message),
    undecrypted: (limit) => undecrypted.all(account, limit).map((row) => String(row['message_id'])),
    phone: (lid) => identities.phone(lid),
    arrival: (messageId) => {
      if (erasure.hasErased({ id: messageId })) return 'told'
      const id = identities.idOf(messageId)
      const found = sources.all(account, ...comings.map((kind) => `${kind}:${id}`))
      if (found.length === 0) return undefined
      return found.some(({ source }) => source === 'live') ? 'told' : 'read back'
    },
    mediaToDelete: () => erasure.mediaToDelete(),
    mediaDeleted: (sha256) => erasure.mediaDeleted(sha256),
    dropMedia: (sha256) => erasure.dropMedia(sha256),
    checkpoint: () => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
    close: () => db.close()
  }
}

const newestMessage = (db: DatabaseSync): number | undefined => {
  const row = db
    .prepare(
      "SELECT max(record ->> '$.message.timestamp') AS at FROM (SELECT record FROM records ORDER BY seq DESC LIMIT 1000) WHERE record ->> '$.kind' = 'message'"
    )
    .get()
  return row?.['at'] == null ? undefined : Number(row['at'])
}

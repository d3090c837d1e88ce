import { createHmac, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { ErasedRecord } from '../contract/record.ts'
import { fileBytes, type Rewriting } from '../platform/sqlite.ts'
import { isAccount, parseMessageId } from './address.ts'
import { createMessageIndexes, idsWithStanza, isAboutMessages, isOfMessages, type Identities } from './identities.ts'
import type { Draft } from './journal.ts'
import { createRawModels } from './raw-models.ts'

/**
 * Erasing records of the journal for good. What stays of one is a tombstone in its place, and keyed hashes by which
 * the same message is known when WhatsApp shows it again: neither tells of anybody, for ids hold phone numbers.
 */
export interface Erasure {
  /** Whether what a draft tells of was erased, so that it must not come back. */
  covers(draft: Draft): boolean
  hasErased(message: { id: string }): boolean
  /** Whether the erasure of this chat was asked for, whatever came in it since. */
  hasErasedChat(chatId: string): boolean
  /**
   * Inside a transaction: makes tombstones of the records of these chats and messages, and of what refers to the
   * messages. Messages that are not in the journal are kept out of it from now on, too. @returns how many records
   */
  erase(chatIds: readonly string[], messageIds: readonly string[], now: number): number
  /**
   * Inside a transaction: the same for the records captured before a time (ms), of those after one up to another; a message
   * of which the journal has no `message` record may still come. @returns how many
   */
  eraseBefore(what: { before: number; after?: number; upTo?: number }, now: number): number
  /** Outside of one: rewrites the file, so that no byte of what was erased is left in it. Does nothing when none is. */
  scrub(): void
  /** SHA-256 sums of media that erased records had and no other record refers to: their files are to be deleted. */
  mediaToDelete(): string[]
  mediaDeleted(sha256: readonly string[]): void
  /** Has media of this sum deleted unless a record refers to it: it was fetched for a message erased meanwhile. */
  dropMedia(sha256: string): void
}

const schema = `
  CREATE TABLE IF NOT EXISTS erasure (secret TEXT NOT NULL, scrub_due INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS erased (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS erased_media (sha256 TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`
const sumOf = "record ->> '$.message.media.sha256'"
const indexes = `
  CREATE INDEX IF NOT EXISTS records_by_media ON records (${sumOf}) WHERE ${sumOf} IS NOT NULL;
`

// by its account everything would be found: the plus keeps SQLite from going by that
const found = `SELECT seq, key, message_id, ${sumOf} AS sha256 FROM records WHERE +account = ?1 AND message_id <> ''`
const ofChats = `${found} AND record ->> '$.message.chat_id' IN (SELECT value FROM json_each(?2))`
/**
 * What is erased with messages: their records, and those about them. By indexes alone, whatever the journal holds: the
 * hub erases what it retires by the hundred thousand, five hundred in each request.
 */
export const ofMessages = `
  ${found} AND ${isOfMessages('json_each(?2)')}
  UNION ${found} AND ${isAboutMessages('json_each(?2)')}`
/** Keeps media that were erased with one message and belong to another, too. The plus takes the column's affinity away: the index, of what JSON gives, has none, and SQLite would not go by it. */
export const keepMediaInUse = `DELETE FROM erased_media WHERE EXISTS (SELECT 1 FROM records WHERE ${sumOf} = +erased_media.sha256)`
const capturedBefore = `${found} AND record ->> '$.captured_at' < ?2 AND seq > ?3 AND seq <= ?4`

/** What the ids of one message have in common under each address of its person; undefined for what is no message id. */
const underAnyAddress = (id: string): string | undefined => {
  const parsed = parseMessageId(id)
  if (parsed === undefined) return undefined
  return `stanza:${parsed.fromMe}:${isAccount(parsed.chat) ? '' : parsed.chat}:${parsed.stanza}`
}

/** What the hash of a chat is made of. No key of a record begins like this. */
const chatKey = (chatId: string): string => `chat:${chatId}`

/** @param db the journal's database, which has its own tables already */
export const prepareErasure = (
  db: DatabaseSync, account: string, rewriting: Rewriting, identities: Identities
): Erasure => {
  db.exec(schema + indexes)
  createMessageIndexes(db)
  createRawModels(db)
  db.prepare('INSERT INTO erasure (secret) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM erasure)').run(randomBytes(32).toString('hex'))
  const secret = Buffer.from(String(db.prepare('SELECT secret FROM erasure').get()?.['secret']), 'hex')
  const isErased = db.prepare('SELECT 1 FROM erased WHERE hash = ?')
  const remember = db.prepare('INSERT INTO erased (hash) VALUES (?) ON CONFLICT DO NOTHING')
  const bury = db.prepare("UPDATE records SET key = 'erased:' || seq, message_id = '', record = ? WHERE seq = ?")
  const dropPending = db.prepare('DELETE FROM pending_media WHERE seq = ?')
  const dropUnread = db.prepare('DELETE FROM unread_chats WHERE chat_id IN (SELECT value FROM json_each(?))')
  const dropRaw = db.prepare('DELETE FROM raw_models WHERE seq = ?')
  const addMedia = db.prepare('INSERT INTO erased_media (sha256) VALUES (?) ON CONFLICT DO NOTHING')
  const mediaGone = db.prepare('DELETE FROM erased_media WHERE sha256 IN (SELECT value FROM json_each(?))')
  const keepInUse = db.prepare(keepMediaInUse)
  const media = db.prepare('SELECT sha256 FROM erased_media')
  const withStanza = db.prepare(idsWithStanza)
  const setScrub = db.prepare('UPDATE erasure SET scrub_due = ?')
  const scrubDue = db.prepare('SELECT scrub_due FROM erasure')
  // most journals never have anything erased, and then a draft costs no hash
  let none = db.prepare('SELECT 1 FROM erased LIMIT 1').get() === undefined

  const hash = (text: string): string => createHmac('sha256', secret).update(`${account}\0${text}`).digest('hex')
  const forget = (text: string): void => {
    remember.run(hash(text))
    none = false
  }
  /** Other ids that differ by the address of the person alone. A journal of an earlier release may have a message under two. */
  const otherIds = (id: string): { id: string; isMessage: boolean }[] =>
    withStanza.all(id, account)
      .map((row) => ({ id: String(row['id']), isMessage: row['is_message'] === 1 }))
      .filter((other) => other.id !== id && underAnyAddress(other.id) === underAnyAddress(id))
  /** An own message to a broadcast list has other ids in the chats of other people: those stay. */
  const idsOfSame = (id: string): string[] =>
    otherIds(id)
      .map((other) => other.id)
      .filter((other) => id.startsWith('false_') || identities.isWithOnePerson(id, other))
  const forgetMessage = (id: string): void => {
    forget(id)
    const anywhere = underAnyAddress(id)
    // One's own message to a broadcast list is in the chat of each recipient: in the others it stays.
    const isOfMany = id.startsWith('true_') && otherIds(id).some(({ isMessage }) => isMessage)
    if (anywhere !== undefined && !isOfMany) forget(anywhere)
  }

  /** @param wholly what there is of their messages is not to come later either */
  const buryAll = (rows: Iterable<Record<string, unknown>>, now: number, wholly: boolean): number => {
    let records = 0
    const tombstone: Omit<ErasedRecord, 'seq'> = { kind: 'erased', erased_at: new Date(now).toISOString(), account }
    const content = JSON.stringify(tombstone)
    for (const { seq, key, message_id, sha256 } of rows) {
      forget(String(key))
      if (wholly || key === `message:${String(message_id)}`) forgetMessage(String(message_id))
      if (typeof sha256 === 'string') addMedia.run(sha256)
      dropPending.run(Number(seq))
      dropRaw.run(Number(seq))
      bury.run(content, Number(seq))
      records += 1
    }
    if (records > 0) setScrub.run(1)
    return records
  }
  const select = (sql: string, ...values: (string | number)[]): Record<string, unknown>[] => db.prepare(sql).all(account, ...values)

  const known = (text: string | undefined): boolean => text !== undefined && isErased.get(hash(text)) !== undefined

  return {
    covers: ({ key, message: { id, reaction, vote } }) => {
      if (none) return false
      const about = reaction?.message_id ?? vote?.message_id
      return [key, id, about, underAnyAddress(about ?? id)].some(known)
    },
    hasErased: ({ id }) => !none && (known(id) || known(underAnyAddress(id))),
    hasErasedChat: (chatId) => !none && known(chatKey(chatId)),
    erase: (chatIds, messageIds, now) => {
      const chats = chatIds.length === 0 ? [] : select(ofChats, JSON.stringify(chatIds))
      const named = [...new Set([...messageIds, ...chats.map((row) => String(row['message_id']))])]
      const ids = [...new Set([...named, ...named.flatMap(idsOfSame)])]
      // The id of a chat is a phone number: by its hash it is known, and not written again.
      for (const chatId of chatIds) forget(chatKey(chatId))
      if (dropUnread.run(JSON.stringify(chatIds)).changes > 0) setScrub.run(1)
      const records = buryAll(chats, now, true)
      for (const id of messageIds) forgetMessage(id)
      return records + buryAll(select(ofMessages, JSON.stringify(ids)), now, true)
    },
    // of a message that could not be decrypted only that goes: its text may come days later, and is none that was erased
    eraseBefore: ({ before, after = 0, upTo = Number.MAX_SAFE_INTEGER }, now) => buryAll(select(capturedBefore, new Date(before).toISOString(), after, upTo), now, false),
    scrub: () => {
      if (scrubDue.get()?.['scrub_due'] !== 1) return
      const over = rewriting(Number(db.prepare(fileBytes).get()?.['bytes']))
      try {
        // pages keep copies of what moved between them, and the log what was written before: only a new file has neither
        db.exec('VACUUM')
        if (db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] !== 0) throw new Error('the journal is being read by another program: what was erased is still in its log')
      } finally {
        over()
      }
      setScrub.run(0)
    },
    mediaToDelete: () => {
      if (media.get() === undefined) return []
      keepInUse.run()
      return media.all().map((row) => String(row['sha256']))
    },
    mediaDeleted: (sha256) => void mediaGone.run(JSON.stringify(sha256)),
    dropMedia: (sha256) => void addMedia.run(sha256)
  }
}

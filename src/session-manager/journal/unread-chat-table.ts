import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Erasure } from './erasure.ts'

const schema = `
  CREATE TABLE IF NOT EXISTS unread_chats (chat_id TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT;
`

export const createUnreadChatTable = (db: DatabaseSync): void => db.exec(schema)

/**
 * Chats that could not be read back, each with the time since when it is to be read, ms. It is part
 * of the journal, so that a restart keeps them.
 */
export class UnreadChatTable {
  readonly #all: StatementSync
  readonly #earliest: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #erasure: Pick<Erasure, 'hasErasedChat'>
  /** Chats that were erased. They are kept in memory only: the id of a chat is a phone number. */
  readonly #erased = new Map<string, number>()

  constructor(db: DatabaseSync, erasure: Pick<Erasure, 'hasErasedChat'>) {
    this.#erasure = erasure
    this.#all = db.prepare('SELECT chat_id, since FROM unread_chats')
    this.#earliest = db.prepare('SELECT min(since) AS since FROM unread_chats')
    this.#put = db.prepare(
      'INSERT INTO unread_chats (chat_id, since) VALUES (?, ?) ' +
        'ON CONFLICT (chat_id) DO UPDATE SET since = excluded.since'
    )
    this.#delete = db.prepare('DELETE FROM unread_chats WHERE chat_id = ?')
  }

  all(): Map<string, number> {
    const stored = this.#all
      .all()
      .map((row) => [String(row['chat_id']), Number(row['since'])] as const)
    return new Map([...stored, ...this.#erased])
  }

  /** Sets the time of a chat, or deletes the chat. */
  set(chatId: string, since: number | undefined): void {
    this.#erased.delete(chatId)
    if (since === undefined) this.#delete.run(chatId)
    else if (this.#erasure.hasErasedChat(chatId)) this.#erased.set(chatId, Math.round(since))
    else this.#put.run(chatId, Math.round(since))
  }

  /** Deletes what is in memory of chats that are erased now. */
  deleteErased(chatIds: readonly string[]): void {
    for (const chatId of chatIds) this.#erased.delete(chatId)
  }

  /** The earliest time of all, ms; Infinity without chats. */
  earliest(): number {
    const stored = this.#earliest.get()?.['since'] ?? Infinity
    return Math.min(Number(stored), ...this.#erased.values())
  }
}

import { randomInt } from 'node:crypto'
import type { Db } from '../database/schema.ts'

/** The hub's position in an account's journal: the last record whose effects are in the store. */
export interface Cursor {
  account: string
  /** A cursor belongs to one journal: `Status.journal.id`. */
  journalId: string
  seq: number
  /**
   * It changes with each deletion, and is 0 before the first. What was read from the journal in an
   * earlier epoch may have been erased there since, so it is not taken, but read again.
   */
  epoch?: number
}

/** Records were erased at session-manager after these were read: they are to be read once more. */
export class ReadTooEarly extends Error {
  constructor(account: string) {
    super(
      `records of account ${account} were erased since these were read: they are read once more`
    )
  }
}

export const epochOf = (cursor: Cursor | null | undefined): number => cursor?.epoch ?? 0

export const readCursor = async (db: Db, account: string): Promise<Cursor | undefined> => {
  const row = await db
    .selectFrom('cursors')
    .selectAll()
    .where('account', '=', account)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const cursor: Cursor = { account, journalId: row.journal_id, seq: row.seq }
  if (row.epoch !== 0) cursor.epoch = row.epoch
  return cursor
}

export const writeCursor = async (db: Db, { account, journalId, seq }: Cursor): Promise<void> => {
  const values = { journal_id: journalId, seq }
  await db
    .insertInto('cursors')
    .values({ account, ...values })
    .onConflict((on) => on.column('account').doUpdateSet(values))
    .execute()
}

/**
 * After session-manager has erased, before the store does: nothing that was read before it is taken
 * by any hub.
 */
export const beginEpoch = async (db: Db, account: string): Promise<void> => {
  await db
    .updateTable('cursors')
    .set({ epoch: randomInt(1, 2 ** 48 - 1) })
    .where('account', '=', account)
    .execute()
}

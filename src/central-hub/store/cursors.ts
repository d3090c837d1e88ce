import type { Db } from './schema.ts'

/** Where the hub stands in an account's journal: the last record whose effects are in the store. */
export interface Cursor {
  account: string
  /** A cursor belongs to one journal: `Status.journal.id`. */
  journalId: string
  seq: number
}

export const readCursor = async (db: Db, account: string): Promise<Cursor | undefined> => {
  const row = await db.selectFrom('cursors').selectAll().where('account', '=', account).executeTakeFirst()
  return row && { account, journalId: row.journal_id, seq: row.seq }
}

export const writeCursor = async (db: Db, { account, journalId, seq }: Cursor): Promise<void> => {
  const values = { journal_id: journalId, seq }
  await db.insertInto('cursors').values({ account, ...values }).onConflict((on) => on.column('account').doUpdateSet(values)).execute()
}

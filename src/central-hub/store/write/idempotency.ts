import type { Db } from '../database/schema.ts'

/**
 * Answers to requests that came with an Idempotency-Key, kept for a day so that a repeated one
 * changes nothing.
 */
interface KeptAnswer {
  /** Of the request. */
  fingerprint: string
  status: number
  body: string
}

const keepMs = 86_400_000

/** Drops those older than a day, for they hold what leads are. */
export const pruneAnswers = async (db: Db, now = Date.now()): Promise<void> => {
  await db
    .deleteFrom('idempotency')
    .where('created_at', '<', now - keepMs)
    .execute()
}

export const answeredBefore = async (
  db: Db,
  key: string,
  now = Date.now()
): Promise<KeptAnswer | undefined> => {
  await pruneAnswers(db, now)
  return db
    .selectFrom('idempotency')
    .select(['fingerprint', 'status', 'body'])
    .where('key', '=', key)
    .executeTakeFirst()
}

export const keepAnswer = async (
  db: Db,
  key: string,
  answer: KeptAnswer,
  now = Date.now()
): Promise<void> => {
  await db
    .insertInto('idempotency')
    .values({ key, ...answer, created_at: now })
    .execute()
}

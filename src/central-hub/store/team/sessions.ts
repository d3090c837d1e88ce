import type { OperatorSession } from '../../../contract/team.ts'
import type { Db } from '../database/schema.ts'
import { drawSecret, hashSecret } from './secrets.ts'

/** Sessions of operators: who is signed in, in which browser. */

/** How long a session lasts from its sign-in, ms. */
export const sessionMs = 30 * 86_400_000
/** More of one operator end the oldest ones. */
const maxSessions = 50
const maxUserAgent = 300

interface SignedIn {
  /** What was found at the username when the password was right. */
  operatorId: number
  passwordHash: string
  userAgent: string
}

/**
 * Begins a session, in a transaction of the caller's.
 * @returns its secret; undefined when the operator was disabled, removed or given another password
 * while this one was compared
 */
export const beginSession = async (
  db: Db,
  { operatorId, passwordHash, userAgent }: SignedIn,
  now = Date.now()
): Promise<string | undefined> => {
  const { numUpdatedRows } = await db
    .updateTable('operators')
    .set({ last_sign_in_at: now })
    .where('id', '=', operatorId)
    .where('password_hash', '=', passwordHash)
    .where('enabled', '=', 1)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return undefined
  const secret = drawSecret('session')
  await db
    .insertInto('operator_sessions')
    .values({
      operator_id: operatorId,
      secret_hash: hashSecret(secret),
      created_at: now,
      last_used_at: now,
      expires_at: now + sessionMs,
      user_agent: userAgent.slice(0, maxUserAgent)
    })
    .execute()
  await endOldest(db, operatorId)
  return secret
}

const endOldest = async (db: Db, operatorId: number): Promise<void> => {
  const kept = db
    .selectFrom('operator_sessions')
    .select('id')
    .where('operator_id', '=', operatorId)
    .orderBy('id', 'desc')
    .limit(maxSessions)
  await db
    .deleteFrom('operator_sessions')
    .where('operator_id', '=', operatorId)
    .where('id', 'not in', kept)
    .execute()
}

/** The last one first. @param currentId operator_sessions.id of the request's own */
export const listSessions = async (
  db: Db,
  operatorId: number,
  currentId: number | undefined
): Promise<OperatorSession[]> => {
  const rows = await db
    .selectFrom('operator_sessions')
    .selectAll()
    .where('operator_id', '=', operatorId)
    .where('expires_at', '>', Date.now())
    .orderBy('id', 'desc')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    created_at: new Date(row.created_at).toISOString(),
    last_used_at: new Date(row.last_used_at).toISOString(),
    expires_at: new Date(row.expires_at).toISOString(),
    user_agent: row.user_agent,
    current: row.id === currentId
  }))
}

/** @returns whether the operator had such a session */
export const endSession = async (db: Db, operatorId: number, id: number): Promise<boolean> => {
  const { numDeletedRows } = await db
    .deleteFrom('operator_sessions')
    .where('operator_id', '=', operatorId)
    .where('id', '=', id)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** @param keptId operator_sessions.id of one that goes on; undefined: none does */
export const endSessionsOf = async (db: Db, operatorId: number, keptId?: number): Promise<void> => {
  const all = db.deleteFrom('operator_sessions').where('operator_id', '=', operatorId)
  await (keptId === undefined ? all : all.where('id', '!=', keptId)).execute()
}

/** Drops sessions that have expired: nobody gets in by them any more. */
export const pruneSessions = async (db: Db, now = Date.now()): Promise<void> => {
  await db.deleteFrom('operator_sessions').where('expires_at', '<=', now).execute()
}

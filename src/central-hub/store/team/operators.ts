import type { Selectable } from 'kysely'
import type { Role } from '../../../contract/access.ts'
import type { Operator, OperatorPatch } from '../../../contract/team.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import type { Db, OperatorTable } from '../database/schema.ts'
import { endSessionsOf } from './sessions.ts'

/**
 * Operators. Each function that writes runs inside a transaction of the caller's in which no other
 * hub writes, as `changeLeads` gives: the last admin is counted.
 */

type Row = Selectable<OperatorTable>

/** Why a change was not made. */
export type Refusal = 'username-taken' | 'last-admin'

interface NewOperator {
  username: string
  name: string
  passwordHash: string
  role: Role
  enabled: boolean
}

const toOperator = (row: Row): Operator => ({
  id: row.id,
  username: row.username,
  name: row.name,
  role: row.role,
  enabled: row.enabled === 1,
  created_at: new Date(row.created_at).toISOString(),
  last_sign_in_at: row.last_sign_in_at === null ? null : new Date(row.last_sign_in_at).toISOString()
})

/** A username as it is stored and compared. */
const folded = (username: string): string => username.toLowerCase()

const isTaken = async (db: Db, username: string, butId = 0): Promise<boolean> => {
  const row = await db
    .selectFrom('operators')
    .select('id')
    .where('username', '=', folded(username))
    .where('id', '!=', butId)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether nobody else could do what an admin does. */
const isLastAdmin = async (db: Db, { id, role, enabled }: Row): Promise<boolean> => {
  if (role !== 'admin' || enabled === 0) return false
  const other = await db
    .selectFrom('operators')
    .select('id')
    .where('role', '=', 'admin')
    .where('enabled', '=', 1)
    .where('id', '!=', id)
    .executeTakeFirst()
  return other === undefined
}

const rowOf = (db: Db, id: number): Promise<Row> =>
  db.selectFrom('operators').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** By name. */
export const listOperators = async (db: Db): Promise<Operator[]> => {
  const rows = await db.selectFrom('operators').selectAll().orderBy('id').execute()
  return rows.map(toOperator).sort((a, b) => a.name.localeCompare(b.name))
}

export const getOperator = async (db: Db, id: number): Promise<Operator | undefined> => {
  const row = await db.selectFrom('operators').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toOperator(row)
}

export const createOperator = async (
  db: Db,
  { username, name, passwordHash, role, enabled }: NewOperator
): Promise<Operator | Refusal> => {
  if (await isTaken(db, username)) return 'username-taken'
  const row = await db
    .insertInto('operators')
    .values({
      username: folded(username),
      name,
      password_hash: passwordHash,
      role,
      enabled: enabled ? 1 : 0,
      created_at: Date.now()
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toOperator(row)
}

/** Disabling ends all sessions. @throws when no operator has that id */
export const patchOperator = async (
  db: Db,
  id: number,
  { username, name, role, enabled }: OperatorPatch
): Promise<Operator | Refusal> => {
  const before = await rowOf(db, id)
  if (username !== undefined && (await isTaken(db, username, id))) return 'username-taken'
  const staysAdmin = (role ?? before.role) === 'admin' && enabled !== false
  if (!staysAdmin && (await isLastAdmin(db, before))) return 'last-admin'
  const columns = omitUndefined({
    name,
    role,
    username: username === undefined ? undefined : folded(username),
    enabled: enabled === undefined ? undefined : Number(enabled)
  })
  const row = await db
    .updateTable('operators')
    .set(columns)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (enabled === false) await endSessionsOf(db, id)
  return toOperator(row)
}

/**
 * Removes an operator with all sessions.
 * @returns why not; undefined: it is done
 * @throws when no operator has that id
 */
export const deleteOperator = async (db: Db, id: number): Promise<Refusal | undefined> => {
  if (await isLastAdmin(db, await rowOf(db, id))) return 'last-admin'
  await db.deleteFrom('operators').where('id', '=', id).execute()
  return undefined
}

/**
 * Ends all sessions of the operator but one.
 * @param keptSession operator_sessions.id; undefined: none is kept
 */
export const setPasswordHash = async (
  db: Db,
  id: number,
  passwordHash: string,
  keptSession?: number
): Promise<void> => {
  await db
    .updateTable('operators')
    .set({ password_hash: passwordHash })
    .where('id', '=', id)
    .execute()
  await endSessionsOf(db, id, keptSession)
}

/** What a password is compared with; undefined: there is nobody of that username, or id. */
export const findPassword = async (
  db: Db,
  who: { username: string } | { id: number }
): Promise<{ id: number; name: string; passwordHash: string; enabled: boolean } | undefined> => {
  const query = db.selectFrom('operators').select(['id', 'name', 'password_hash', 'enabled'])
  const row = await ('id' in who
    ? query.where('id', '=', who.id)
    : query.where('username', '=', folded(who.username))
  ).executeTakeFirst()
  if (row === undefined) return undefined
  const { id, name, password_hash, enabled } = row
  return { id, name, passwordHash: password_hash, enabled: enabled === 1 }
}

import type { Scope } from '../../../contract/access.ts'
import type { Db } from '../database/schema.ts'
import type { Actor } from './actor.ts'
import { hashSecret, kindOfSecret } from './secrets.ts'

/**
 * Whose a secret is, and whether it still is. The store is asked each time, so that a secret that
 * was revoked at any hub is refused at all hubs from the next request on.
 */

/** Actors that can be revoked. */
export type RevocableActor = Exclude<Actor, { kind: 'token' }>

const sessionsOf = (db: Db) =>
  db
    .selectFrom('operator_sessions')
    .innerJoin('operators', 'operators.id', 'operator_sessions.operator_id')
    .select([
      'operator_sessions.id as sessionId',
      'operators.id',
      'operators.name',
      'operators.role'
    ])
    .where('operators.enabled', '=', 1)
    .where('operator_sessions.expires_at', '>', Date.now())

/** The actor whose secret it is; undefined: nobody's, or not any more. */
export const findActor = async (db: Db, secret: string): Promise<RevocableActor | undefined> => {
  const kind = kindOfSecret(secret)
  if (kind === undefined) return undefined
  if (kind === 'session') {
    const session = await sessionsOf(db)
      .where('operator_sessions.secret_hash', '=', hashSecret(secret))
      .executeTakeFirst()
    return session && { kind: 'operator', ...session }
  }
  const key = await db
    .selectFrom('api_keys')
    .select(['id', 'name', 'scopes'])
    .where('secret_hash', '=', hashSecret(secret))
    .executeTakeFirst()
  return key && { kind: 'key', ...key, scopes: JSON.parse(key.scopes) as Scope[] }
}

/** Names an actor's credential in maps. */
const nameOf = (actor: RevocableActor): string =>
  actor.kind === 'operator' ? `session ${actor.sessionId} ${actor.role}` : `key ${actor.id}`

/** How many credentials one statement asks for. */
const batchSize = 500

/** Those whose session or key is gone or expired, or who have another role now. */
export const revokedOf = async (
  db: Db,
  actors: readonly RevocableActor[]
): Promise<RevocableActor[]> => {
  const revoked: RevocableActor[] = []
  for (let at = 0; at < actors.length; at += batchSize) {
    const batch = actors.slice(at, at + batchSize)
    const valid = await validNames(db, batch)
    revoked.push(...batch.filter((actor) => !valid.has(nameOf(actor))))
  }
  return revoked
}

const validNames = async (db: Db, actors: readonly RevocableActor[]): Promise<Set<string>> => {
  const sessionIds = actors.flatMap((actor) => (actor.kind === 'operator' ? actor.sessionId : []))
  const keyIds = actors.flatMap((actor) => (actor.kind === 'key' ? actor.id : []))
  const sessions =
    sessionIds.length === 0
      ? []
      : await sessionsOf(db).where('operator_sessions.id', 'in', sessionIds).execute()
  const keys =
    keyIds.length === 0
      ? []
      : await db.selectFrom('api_keys').select('id').where('id', 'in', keyIds).execute()
  return new Set([
    ...sessions.map(({ sessionId, role }) => `session ${sessionId} ${role}`),
    ...keys.map(({ id }) => `key ${id}`)
  ])
}

/** When a credential was used, ms. */
export interface Use {
  actor: RevocableActor
  at: number
}

const writeUse = async (db: Db, { actor, at }: Use): Promise<void> => {
  if (actor.kind === 'operator') {
    await db
      .updateTable('operator_sessions')
      .set({ last_used_at: at })
      .where('id', '=', actor.sessionId)
      .where('last_used_at', '<', at)
      .execute()
    return
  }
  await db
    .updateTable('api_keys')
    .set({ last_used_at: at })
    .where('id', '=', actor.id)
    .where(({ or, eb }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', at)]))
    .execute()
}

/** Writes when sessions and keys were used last. A later time that another hub wrote stays. */
export const writeUses = (db: Db, uses: readonly Use[]): Promise<void> => {
  // In one order at all hubs, so that none waits for a row that another one has.
  const sorted = uses.toSorted((a, b) => (nameOf(a.actor) < nameOf(b.actor) ? -1 : 1))
  return db.transaction().execute(async (trx) => {
    for (const use of sorted) await writeUse(trx, use)
  })
}

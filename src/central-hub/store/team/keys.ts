import type { Selectable } from 'kysely'
import type { Scope } from '../../../contract/access.ts'
import type { ApiKey, ApiKeyCreate, ApiKeyWithSecret } from '../../../contract/team.ts'
import type { ApiKeyTable, Db } from '../database/schema.ts'
import { drawSecret, hashSecret, prefixOf } from './secrets.ts'

/** API keys: programs with scopes of their own. */

/** How many there may be at most. */
export const maxKeys = 100

const toKey = (row: Selectable<ApiKeyTable>): ApiKey => ({
  id: row.id,
  name: row.name,
  scopes: JSON.parse(row.scopes) as Scope[],
  prefix: row.prefix,
  created_at: new Date(row.created_at).toISOString(),
  last_used_at: row.last_used_at === null ? null : new Date(row.last_used_at).toISOString()
})

/** By id. */
export const listKeys = async (db: Db): Promise<ApiKey[]> => {
  const rows = await db.selectFrom('api_keys').selectAll().orderBy('id').execute()
  return rows.map(toKey)
}

/** @returns undefined when there are as many as there may be */
export const createKey = async (
  db: Db,
  { name, scopes }: ApiKeyCreate
): Promise<ApiKeyWithSecret | undefined> => {
  const { keys } = await db
    .selectFrom('api_keys')
    .select(({ fn }) => fn.countAll<number>().as('keys'))
    .executeTakeFirstOrThrow()
  if (keys >= maxKeys) return undefined
  const key = drawSecret('key')
  const row = await db
    .insertInto('api_keys')
    .values({
      name,
      scopes: JSON.stringify(scopes),
      secret_hash: hashSecret(key),
      prefix: prefixOf(key),
      created_at: Date.now()
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { ...toKey(row), key }
}

/** @returns whether there was one of that id */
export const deleteKey = async (db: Db, id: number): Promise<boolean> => {
  const { numDeletedRows } = await db.deleteFrom('api_keys').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

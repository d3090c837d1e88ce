import type { Db } from '../database/schema.ts'
import { addressesOf } from '../database/message-id.ts'
import { phoneKey } from '../database/phone.ts'

/**
 * What WhatsApp knows persons by: a LID, which stays with a person, and a phone number, which may
 * go to somebody else. A lead has one identity, and one more for each lead that a person merged
 * into it.
 */

/** Where an identity is kept: with its lead, or in merged_identities under this id. */
export interface Identity {
  lead_id: number
  /** merged_identities.id; undefined: the lead's own. */
  merged_id: number | undefined
  phone: string | null
  lid: string | null
  /** When a message told phone and LID together last, UNIX seconds. */
  phone_at: number
}

/**
 * A number that somebody was seen with, until `at` (UNIX seconds); lid is '' where none was known.
 */
export interface Claim {
  phone: string
  lid: string
  lead_id: number
  at: number
}

/**
 * Whose a message is that tells a number and no LID: of who was seen with the number at that time
 * or after it, the one who was seen with it soonest. undefined: of who has the number now.
 * @param claims of those who have it no more
 * @param timestamp of the message, UNIX seconds
 */
export const formerOwner = (claims: readonly Claim[], timestamp: number): Claim | undefined =>
  claims.filter(({ at }) => at >= timestamp).toSorted((a, b) => a.at - b.at)[0]

export const identityBy = async (
  db: Db,
  account: string,
  by: 'phone' | 'lid',
  key: string
): Promise<Identity | undefined> => {
  const lead = await db
    .selectFrom('leads')
    .select(['id as lead_id', 'phone', 'lid', 'phone_at'])
    .where('account', '=', account)
    .where(by, '=', key)
    .executeTakeFirst()
  if (lead !== undefined) return { ...lead, merged_id: undefined }
  return db
    .selectFrom('merged_identities')
    .select(['lead_id', 'id as merged_id', 'phone', 'lid', 'phone_at'])
    .where('account', '=', account)
    .where(by, '=', key)
    .executeTakeFirst()
}

export const writeIdentity = async (
  db: Db,
  { lead_id, merged_id, phone, lid, phone_at }: Identity
): Promise<void> => {
  const values = { phone, lid, phone_at }
  if (merged_id === undefined)
    await db.updateTable('leads').set(values).where('id', '=', lead_id).execute()
  else await db.updateTable('merged_identities').set(values).where('id', '=', merged_id).execute()
}

/** All identities of leads, each lead's own first. */
export const identitiesOf = async (db: Db, leadIds: readonly number[]): Promise<Identity[]> => {
  if (leadIds.length === 0) return []
  const own = await db
    .selectFrom('leads')
    .select(['id as lead_id', 'phone', 'lid', 'phone_at'])
    .where('id', 'in', leadIds)
    .execute()
  const merged = await db
    .selectFrom('merged_identities')
    .select(['lead_id', 'id as merged_id', 'phone', 'lid', 'phone_at'])
    .where('lead_id', 'in', leadIds)
    .orderBy('id')
    .execute()
  return [...own.map((row) => ({ ...row, merged_id: undefined })), ...merged]
}

/** The addresses of leads, under all of their identities, by leads.id. */
export const addressesOfLeads = async (
  db: Db,
  leadIds: Iterable<number>
): Promise<Map<number, string[]>> => {
  const identities = await identitiesOf(db, [...new Set(leadIds)])
  const byLead = Map.groupBy(identities, ({ lead_id }) => lead_id)
  return new Map(
    [...byLead].map(([id, all]) => [id, all.flatMap((identity) => addressesOf(identity))])
  )
}

/**
 * leads.id of those who have a number now, whichever way it is spelt: each its own, or one that a
 * person merged into it.
 * @param phone E.164
 * @param account only of this one
 */
export const leadsOfPhone = async (db: Db, phone: string, account?: string): Promise<number[]> => {
  const key = phoneKey(phone)
  let own = db.selectFrom('leads').select('id').where('phone_key', '=', key)
  if (account !== undefined) own = own.where('account', '=', account)
  let merged = db
    .selectFrom('merged_identities')
    .select('lead_id as id')
    .where('phone_key', '=', key)
  if (account !== undefined) merged = merged.where('account', '=', account)
  const rows = [...(await own.execute()), ...(await merged.execute())]
  return [...new Set(rows.map(({ id }) => id))]
}

/** Numbers of leads that a person merged into others, by leads.id of those. */
export const readOtherPhones = async (
  db: Db,
  leadIds: readonly number[]
): Promise<Map<number, string[]>> => {
  if (leadIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('merged_identities')
    .select(['lead_id', 'phone'])
    .where('lead_id', 'in', leadIds)
    .orderBy('id')
    .execute()
  const byLead = Map.groupBy(rows, ({ lead_id }) => lead_id)
  return new Map([...byLead].map(([id, all]) => [id, all.flatMap(({ phone }) => phone ?? [])]))
}

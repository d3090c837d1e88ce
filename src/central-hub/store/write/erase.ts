import { randomInt } from 'node:crypto'
import { sql } from 'kysely'
import { beginEpoch } from './cursors.ts'
import { addEvents, deleteEvents } from '../outbox/events.ts'
import { eraseWordsElsewhere, isOfPerson, personOf, type Person } from './erase-person.ts'
import { addressesOfLeads, identitiesOf } from '../read/identities.ts'
import { leadRow, type LeadRow } from '../read/leads.ts'
import { phoneKey, spellingsOf } from '../database/phone.ts'
import { eraseMessages } from './erase-messages.ts'
import { eraseDeliveries } from '../outbox/outbox.ts'
import type { Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'

/**
 * Deletes for good. PRAGMA secure_delete and the secure-delete of the search write over what is
 * deleted. `scrub` of the store removes what these leave.
 */

/** A lead, and the chats to have erased at session-manager before the hub's own. */
export interface Erasure {
  lead: LeadRow
  chatIds: string[]
}

/**
 * Under all numbers and LIDs that a lead is known by: a person may have merged several leads into
 * it.
 */
const addressesOfLead = async (db: Db, { id }: LeadRow): Promise<string[]> =>
  (await addressesOfLeads(db, [id])).get(id) ?? []

/**
 * Names imported for the numbers of a lead; of a number that is somebody else's now, only the name
 * of this lead.
 */
const eraseNames = async (db: Db, lead: LeadRow): Promise<void> => {
  const merged = await db
    .selectFrom('merged_identities')
    .select('phone_key')
    .where('lead_id', '=', lead.id)
    .execute()
  const keys = [lead, ...merged].flatMap(({ phone_key }) => phone_key ?? [])
  if (keys.length > 0) await db.deleteFrom('names').where('phone_key', 'in', keys).execute()
  const former = await db
    .selectFrom('former_phones')
    .select('phone')
    .where('lead_id', '=', lead.id)
    .execute()
  if (former.length === 0 || lead.imported_name === null) return
  const formerKeys = former.map(({ phone }) => phoneKey(phone))
  await db
    .deleteFrom('names')
    .where('phone_key', 'in', formerKeys)
    .where('name', '=', lead.imported_name)
    .execute()
}

/** undefined when there is no lead of that id. */
export const erasureOf = async (db: Db, id: number): Promise<Erasure | undefined> => {
  const lead = await leadRow(db, id)
  if (lead === undefined) return undefined
  const chats = await db
    .selectFrom('messages')
    .select('chat_id')
    .distinct()
    .where('lead_id', '=', lead.id)
    .execute()
  // a chat of which only session-manager holds anything goes as well
  const own = [lead.chat_id, ...(await addressesOfLead(db, lead))]
  return { lead, chatIds: [...new Set([...own, ...chats.map(({ chat_id }) => chat_id)])] }
}

/**
 * Deletes what other tables have of a lead: kept answers, imported names, and deliveries of
 * webhooks.
 */
export const eraseWhatWasSaid = async (db: Db, lead: LeadRow): Promise<void> => {
  const identities = await identitiesOf(db, [lead.id])
  // A lead that was entered under another spelling may be in an answer under that.
  const digits = identities.flatMap(({ phone }) =>
    phone === null ? [] : spellingsOf(phone).map((spelling) => spelling.slice(1))
  )
  const shown = [lead.chat_id, ...digits, ...identities.flatMap(({ lid }) => lid ?? [])]
  await db
    .deleteFrom('idempotency')
    .where((row) =>
      row.or(
        shown.map(
          (text) => sql<boolean>`replace(${row.ref('body')}, ${text}, '') <> ${row.ref('body')}`
        )
      )
    )
    .execute()
  await eraseNames(db, lead)
  await eraseDeliveries(db, lead.id)
}

/**
 * Deletes a lead that has no messages any more, with what people said about the lead and what other
 * tables have of the lead. It runs inside a transaction of the caller.
 */
export const eraseLeadAlone = async (db: Db, lead: LeadRow): Promise<void> => {
  await eraseWhatWasSaid(db, lead)
  await db.deleteFrom('merged_leads').where('lead_id', '=', lead.id).execute()
  await deleteEvents(db, 'lead', [lead.id])
  await db.deleteFrom('leads').where('id', '=', lead.id).execute()
  await addEvents(db, 'lead_removed', [lead.id])
}

/**
 * Notes that bytes may be left in the file. Each deletion sets another value, so that a scrub knows
 * which it covered.
 */
export const setScrubDue = async (db: Db): Promise<void> => {
  await db
    .updateTable('store')
    .set({ scrub_due: randomInt(1, 2 ** 48 - 1) })
    .execute()
}

/** Messages of one transaction: everything else waits for it. */
const batchSize = 500

const eraseSome = async (db: Db, leadId: number): Promise<number> => {
  const messages = await db
    .selectFrom('messages')
    .select(['pk', 'account', 'id', 'lead_id'])
    .where('lead_id', '=', leadId)
    .limit(batchSize)
    .execute()
  await eraseMessages(db, messages)
  return messages.length
}

/** leads.id of those into which a number or LID of a person was merged. */
const mergedLeads = async (db: Db, account: string, person: Person): Promise<Set<number>> => {
  const rows = await db
    .selectFrom('merged_identities')
    .select(['lead_id', 'lid'])
    .where('account', '=', account)
    .where((row) =>
      row.or([row('lid', 'in', [...person.lids, '']), row('phone', 'in', [...person.phones, ''])])
    )
    .execute()
  return new Set(rows.filter(({ lid }) => isOfPerson(lid, person)).map(({ lead_id }) => lead_id))
}

/**
 * Leads of the same person beside this one: their records were read before it was known that they
 * are one.
 */
const otherLeads = async (db: Db, lead: LeadRow, person: Person): Promise<LeadRow[]> => {
  const { addresses, phones, lids } = person
  const merged = await mergedLeads(db, lead.account, person)
  const rows = await db
    .selectFrom('leads')
    .selectAll()
    .where('account', '=', lead.account)
    .where('id', '<>', lead.id)
    .where((row) =>
      row.or([
        row('chat_id', 'in', addresses),
        row('lid', 'in', [...lids, '']),
        row('phone', 'in', [...phones, '']),
        row('id', 'in', [...merged, 0])
      ])
    )
    .execute()
  return rows.filter(({ id, lid }) => merged.has(id) || isOfPerson(lid, person))
}

/**
 * All chats of a person whose lead is to be deleted: a further lead of theirs may have chats that
 * the given ones do not name.
 * @param addresses of the person that are known so far
 */
export const chatsOfPerson = async (
  db: Db,
  lead: LeadRow,
  addresses: readonly string[]
): Promise<string[]> => {
  const others = await otherLeads(db, lead, personOf(addresses))
  const known = await Promise.all(others.map(({ id }) => erasureOf(db, id)))
  return [...new Set([...addresses, ...known.flatMap((other) => other?.chatIds ?? [])])]
}

/**
 * Deletes all leads of a person, with their messages and what the person wrote in groups. Many
 * messages go in several transactions: one that fails leaves the rest to the next request. A scrub
 * of the store is due after it.
 * @param addresses of the person, as far as session-manager knows them, beside those of the lead
 * @param finish runs in the last transaction, with how many there were
 */
export const erasePerson = async <T>(
  db: Db,
  lead: LeadRow,
  addresses: readonly string[],
  finish: (trx: Db, erased: { leads: number; messages: number }) => Promise<T>
): Promise<T> => {
  await changeLeads(db, (trx) => beginEpoch(trx, lead.account))
  const person = personOf([...addresses, lead.chat_id, ...(await addressesOfLead(db, lead))])
  const others = await otherLeads(db, lead, person)
  let messages = await eraseWordsElsewhere(db, lead.account, person)
  for (const other of others) messages += await eraseLead(db, other, async (_trx, count) => count)
  return eraseLead(db, lead, (trx, count) =>
    finish(trx, { leads: 1 + others.length, messages: messages + count })
  )
}

/**
 * Deletes a lead and its messages. Many messages take several transactions, and one that fails
 * leaves the rest to the next request. A scrub of the store is then due.
 * @param finish runs in the last transaction, with how many messages there were
 */
export const eraseLead = async <T>(
  db: Db,
  lead: LeadRow,
  finish: (trx: Db, messages: number) => Promise<T>
): Promise<T> => {
  let messages = 0
  for (;;) {
    const erased = await changeLeads(db, (trx) => eraseSome(trx, lead.id))
    messages += erased
    if (erased < batchSize) break
  }
  return changeLeads(db, async (trx) => {
    // what came in between
    const late = await eraseSome(trx, lead.id)
    await eraseLeadAlone(trx, lead)
    await setScrubDue(trx)
    return finish(trx, messages + late)
  })
}

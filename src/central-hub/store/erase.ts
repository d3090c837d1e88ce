import { randomInt } from 'node:crypto'
import { sql } from 'kysely'
import { addEvents } from './events.ts'
import { leadRow, type LeadRow } from './leads.ts'
import { eraseDeliveries } from './outbox.ts'
import { eraseResponses } from './responses.ts'
import type { Db } from './schema.ts'
import { changeLeads } from './transaction.ts'

/**
 * Deleting for good. PRAGMA secure_delete and the secure-delete of the search write
 * over what is deleted; `scrub` of the store sees to what is left of it.
 */

/** A lead, and the chats to have erased at session-manager before the hub's own. */
export interface Erasure {
  lead: LeadRow
  chatIds: string[]
}

/** undefined when there is no lead of that id. */
export const erasureOf = async (db: Db, id: number): Promise<Erasure | undefined> => {
  const lead = await leadRow(db, id)
  if (lead === undefined) return undefined
  const chats = await db.selectFrom('messages').select('chat_id').distinct().where('lead_id', '=', lead.id).execute()
  // a chat of which only session-manager holds anything goes as well
  const own = [lead.chat_id, ...(lead.lid === null ? [] : [lead.lid]), ...(lead.phone === null ? [] : [`${lead.phone.slice(1)}@c.us`])]
  return { lead, chatIds: [...new Set([...own, ...chats.map(({ chat_id }) => chat_id)])] }
}

/** What identifies a message here and in WhatsApp. */
export interface MessageKey {
  pk: number
  account: string
  id: string
  lead_id: number | null
}

/** Deletes messages with what belongs to them, inside a transaction of the caller's. */
export const eraseMessages = async (db: Db, messages: readonly MessageKey[]): Promise<void> => {
  if (messages.length === 0) return
  const pks = messages.map(({ pk }) => pk)
  await eraseResponses(db, messages)
  await db.deleteFrom('events').where('type', '=', 'message').where('ref', 'in', pks).execute()
  await db.deleteFrom('messages').where('pk', 'in', pks).execute()
}

/** Deletes a lead that has no messages any more, with what people said of it, and what shows it elsewhere; inside a transaction of the caller's. */
export const eraseLeadAlone = async (db: Db, lead: LeadRow): Promise<void> => {
  const shown = [lead.chat_id, lead.phone, lead.lid].filter((text) => text !== null)
  await db.deleteFrom('idempotency').where((row) => row.or(shown.map((text) => sql<boolean>`replace(${row.ref('body')}, ${text}, '') <> ${row.ref('body')}`))).execute()
  if (lead.phone_key !== null) await db.deleteFrom('names').where('phone_key', '=', lead.phone_key).execute()
  await eraseDeliveries(db, lead.id)
  await db.deleteFrom('merged_leads').where('lead_id', '=', lead.id).execute()
  await db.deleteFrom('events').where('type', '=', 'lead').where('ref', '=', lead.id).execute()
  await db.deleteFrom('leads').where('id', '=', lead.id).execute()
  await addEvents(db, 'lead_removed', [lead.id])
}

/** Notes that bytes may be left in the file. Each deletion sets another value, so that a scrub knows which it covered. */
export const setScrubDue = async (db: Db): Promise<void> => {
  await db.updateTable('store').set({ scrub_due: randomInt(1, 2 ** 48 - 1) }).execute()
}

/** Messages of one transaction: everything else waits for it. */
const atOnce = 500

const eraseSome = async (db: Db, leadId: number): Promise<number> => {
  const messages = await db.selectFrom('messages').select(['pk', 'account', 'id', 'lead_id']).where('lead_id', '=', leadId).limit(atOnce).execute()
  await eraseMessages(db, messages)
  return messages.length
}

/**
 * Deletes a lead and its messages, many of them in several transactions: one that fails leaves the rest to the next
 * request. A scrub of the store is due after it.
 * @param finish runs in the last transaction, with how many messages there were
 */
export const eraseLead = async <T>(db: Db, lead: LeadRow, finish: (trx: Db, messages: number) => Promise<T>): Promise<T> => {
  let messages = 0
  for (;;) {
    const erased = await changeLeads(db, (trx) => eraseSome(trx, lead.id))
    messages += erased
    if (erased < atOnce) break
  }
  return changeLeads(db, async (trx) => {
    // what came in between
    const late = await eraseSome(trx, lead.id)
    await eraseLeadAlone(trx, lead)
    await setScrubDue(trx)
    return finish(trx, messages + late)
  })
}

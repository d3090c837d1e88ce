import type { CapturedMessage } from '../../contract/record.ts'
import { mergeLeads } from './merge-lead.ts'
import { phoneKey } from './phone.ts'
import type { Db } from './schema.ts'

/** What a captured message makes of its lead. All of it runs inside the transaction of the ingest. */

/** A chat with one person: not a group, a channel, a status update, or WhatsApp's own 0@c.us. */
const withPerson = (chatId: string): boolean => /^\d{5,}(:\d+)?@(c\.us|s\.whatsapp\.net|lid)$/.test(chatId)

/** Whether a message belongs to a lead; notes to oneself do not. */
export const hasLead = ({ chat_id, from, to, phone, lid }: CapturedMessage): boolean =>
  withPerson(chat_id) && from !== to && (phone !== undefined || lid !== undefined)

/** The lead of a message. */
export interface WrittenLead {
  id: number
  isNew: boolean
  /** The id of a lead that turned out to be the same person, and is part of this one now. */
  merged?: number
}

/** The name that was imported for a number before anyone wrote from it. */
const importedName = async (db: Db, phone: string | null): Promise<string | null> => {
  if (phone === null) return null
  const row = await db.selectFrom('names').select('name').where('phone_key', '=', phoneKey(phone)).executeTakeFirst()
  return row?.name ?? null
}

/** The lead a message belongs to, made or brought up to date. */
export const writeLead = async (db: Db, account: string, message: CapturedMessage): Promise<WrittenLead> => {
  const { phone = null, lid = null, chat_id, timestamp } = message
  const name = message.name ?? null
  const known = await db
    .selectFrom('leads')
    .selectAll()
    .where('account', '=', account)
    .where((lead) => lead.or([...(phone ? [lead('phone', '=', phone)] : []), ...(lid ? [lead('lid', '=', lid)] : [])]))
    .orderBy('id')
    .execute()
  const [first, second] = known
  if (first === undefined) {
    const imported_name = await importedName(db, phone)
    const { id } = await db
      .insertInto('leads')
      .values({ account, phone, lid, chat_id, name, imported_name, state: 'new', note: '', first_seen: timestamp, last_seen: timestamp, waiting_since: null, updated_at: Date.now() })
      .returning('id')
      .executeTakeFirstOrThrow()
    return { id, isNew: true }
  }
  // of two leads that WhatsApp now says are one person, the older one stays
  const lead = second === undefined ? first : await mergeLeads(db, first, second)
  const latest = timestamp >= lead.last_seen
  await db
    .updateTable('leads')
    .set({
      // a phone number that WhatsApp gave once is not taken back by a message that does not tell it
      phone: phone ?? lead.phone,
      lid: lid ?? lead.lid,
      chat_id: latest ? chat_id : lead.chat_id,
      name: latest ? (name ?? lead.name) : (lead.name ?? name),
      first_seen: Math.min(lead.first_seen, timestamp),
      last_seen: Math.max(lead.last_seen, timestamp),
      ...(lead.phone === null && lead.imported_name === null ? { imported_name: await importedName(db, phone) } : {})
    })
    .where('id', '=', lead.id)
    .execute()
  return { id: lead.id, isNew: false, ...(second === undefined ? {} : { merged: second.id }) }
}

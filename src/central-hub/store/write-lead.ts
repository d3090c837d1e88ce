import { sql, type Selectable } from 'kysely'
import type { CapturedMessage } from '../../contract/record.ts'
import type { Db, LeadTable } from './schema.ts'

/** What a captured message makes of its lead. All of it runs inside the transaction of the ingest. */

type Row = Selectable<LeadTable>

/** A chat with one person: not a group, a channel, a status update, or WhatsApp's own 0@c.us. */
const withPerson = (chatId: string): boolean => /^\d{5,}(:\d+)?@(c\.us|s\.whatsapp\.net|lid)$/.test(chatId)

/** Whether a message belongs to a lead; notes to oneself do not. */
export const hasLead = ({ chat_id, from, to, phone, lid }: CapturedMessage): boolean =>
  withPerson(chat_id) && from !== to && (phone !== undefined || lid !== undefined)

/**
 * Of two leads that WhatsApp now says are one person, the older one stays: it takes over the other's messages, and what
 * a person noted of either is kept.
 */
const merge = async (db: Db, kept: Row, other: Row): Promise<Row> => {
  await db.updateTable('messages').set({ lead_id: kept.id }).where('lead_id', '=', other.id).execute()
  await db.updateTable('merged_leads').set({ lead_id: kept.id }).where('lead_id', '=', other.id).execute()
  await db.deleteFrom('leads').where('id', '=', other.id).execute()
  await db.insertInto('merged_leads').values({ old_id: other.id, lead_id: kept.id }).execute()
  const latest = other.last_seen > kept.last_seen ? other : kept
  return db
    .updateTable('leads')
    .set({
      phone: kept.phone ?? other.phone,
      lid: kept.lid ?? other.lid,
      chat_id: latest.chat_id,
      name: latest.name ?? kept.name ?? other.name,
      state: kept.state === 'new' ? other.state : kept.state,
      note: [kept.note, other.note].filter((note) => note !== '').join('\n'),
      first_seen: Math.min(kept.first_seen, other.first_seen),
      last_seen: latest.last_seen
    })
    .where('id', '=', kept.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** The lead a message belongs to, made or brought up to date. @returns its id */
export const writeLead = async (db: Db, account: string, message: CapturedMessage): Promise<number> => {
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
    const { id } = await db
      .insertInto('leads')
      .values({ account, phone, lid, chat_id, name, state: 'new', note: '', first_seen: timestamp, last_seen: timestamp, waiting_since: null })
      .returning('id')
      .executeTakeFirstOrThrow()
    return id
  }
  const lead = second === undefined ? first : await merge(db, first, second)
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
      last_seen: Math.max(lead.last_seen, timestamp)
    })
    .where('id', '=', lead.id)
    .execute()
  return lead.id
}

/**
 * Sets since when a lead waits: the first inbound message after the latest reply of a person. It is worked out from the
 * messages themselves, so that the order in which they were captured does not matter. WhatsApp's times are whole
 * seconds; within one, the journal's order decides.
 */
export const writeWaiting = async (db: Db, leadId: number): Promise<void> => {
  const personal = db.selectFrom('messages').where('lead_id', '=', leadId).where('personal', '=', 1)
  const reply = await personal
    .select(['timestamp', 'seq'])
    .where('from_me', '=', 1)
    .orderBy('timestamp', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  let unanswered = personal.select('timestamp').where('from_me', '=', 0)
  if (reply) unanswered = unanswered.where(sql<boolean>`(timestamp, seq) > (${reply.timestamp}, ${reply.seq})`)
  const first = await unanswered.orderBy('timestamp').orderBy('seq').limit(1).executeTakeFirst()
  await db.updateTable('leads').set({ waiting_since: first?.timestamp ?? null }).where('id', '=', leadId).execute()
}

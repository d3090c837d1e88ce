import { moveAlarms } from './alarms.ts'
import { addChanges } from '../read/history.ts'
import type { LeadRow } from '../read/leads.ts'
import type { Db } from '../database/schema.ts'
import { earlierSource } from '../read/source.ts'
import { readTags, writeTags } from '../read/tags.ts'

type Own = Pick<LeadRow, 'phone' | 'lid' | 'phone_at'>

const isNone = ({ phone, lid }: Own): boolean => phone === null && lid === null

/** Whether each identity has only what the other one lacks. */
const fitTogether = (a: Own, b: Own): boolean =>
  (a.phone === null || b.phone === null) && (a.lid === null || b.lid === null)

/**
 * Gives what identifies a lead after it took over another one. A second number or LID is kept as a
 * merged identity.
 */
const mergeIdentities = async (db: Db, kept: LeadRow, other: LeadRow): Promise<Own> => {
  const { account, phone, lid, phone_at } = other
  const own = { phone: kept.phone, lid: kept.lid, phone_at: kept.phone_at }
  if (isNone(other)) return own
  if (fitTogether(kept, other))
    return {
      phone: kept.phone ?? phone,
      lid: kept.lid ?? lid,
      phone_at: Math.max(kept.phone_at, phone_at)
    }
  await db
    .insertInto('merged_identities')
    .values({ account, lead_id: kept.id, phone, lid, phone_at })
    .execute()
  return own
}

/**
 * A lead that a person entered and that has no message was not seen, and is never the later one.
 */
const isLater = (a: LeadRow, b: LeadRow): boolean => {
  const [isSilent, wasSilent] = [a, b].map(
    ({ entered_at, last_pk }) => entered_at !== null && last_pk === null
  )
  if (isSilent !== wasSilent) return wasSilent === true
  return a.last_seen > b.last_seen
}

/** Of two leads the source that was first, and the reminder that comes first. */
const earlierOf = (a: LeadRow, b: LeadRow) => {
  const isOfB = (b.remind_at ?? Infinity) < (a.remind_at ?? Infinity)
  const { remind_at, remind_from, reminded } = isOfB ? b : a
  return { ...earlierSource(a, b), remind_at, remind_from, reminded }
}

/**
 * Makes one lead of two that are one person. The kept lead takes over the messages of the other,
 * and what people noted of either is kept. The caller then counts its messages again.
 * @returns the row of the kept lead
 */
export const mergeLeads = async (db: Db, kept: LeadRow, other: LeadRow): Promise<LeadRow> => {
  const tags = await readTags(db, [kept.id, other.id])
  await db
    .updateTable('messages')
    .set({ lead_id: kept.id })
    .where('lead_id', '=', other.id)
    .execute()
  await db
    .updateTable('merged_leads')
    .set({ lead_id: kept.id })
    .where('lead_id', '=', other.id)
    .execute()
  await db
    .updateTable('lead_changes')
    .set({ lead_id: kept.id })
    .where('lead_id', '=', other.id)
    .execute()
  for (const table of ['former_phones', 'merged_identities'] as const) {
    await db.updateTable(table).set({ lead_id: kept.id }).where('lead_id', '=', other.id).execute()
  }
  await moveAlarms(db, kept.id, other.id)
  await db.deleteFrom('leads').where('id', '=', other.id).execute()
  await db.insertInto('merged_leads').values({ old_id: other.id, lead_id: kept.id }).execute()
  await writeTags(db, kept.id, [...new Set([...tags.values()].flat())])
  await addChanges(db, kept.id, [{ field: 'merged', from: String(other.id), to: null }], Date.now())
  const identity = await mergeIdentities(db, kept, other)
  const latest = isLater(other, kept) ? other : kept
  return db
    .updateTable('leads')
    .set({
      ...identity,
      chat_id: latest.chat_id,
      name: latest.name ?? kept.name ?? other.name,
      given_name: kept.given_name ?? other.given_name,
      imported_name: kept.imported_name ?? other.imported_name,
      state: kept.state === 'new' ? other.state : kept.state,
      note: [kept.note, other.note].filter((note) => note !== '').join('\n'),
      assignee: kept.assignee ?? other.assignee,
      first_seen: Math.min(kept.first_seen, other.first_seen),
      last_seen: latest.last_seen,
      entered_at: kept.entered_at ?? other.entered_at,
      // What was read of one lead alone may be shown as unread again, but nothing unread as read.
      read_until: Math.min(kept.read_until, other.read_until),
      ...earlierOf(kept, other)
    })
    .where('id', '=', kept.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

import type { CapturedMessage } from '../../contract/record.ts'
import { addChanges } from './history.ts'
import type { LeadRow } from './leads.ts'
import type { Db } from './schema.ts'
import { identityOf } from './message-id.ts'
import { earlierSource } from './source.ts'
import { readTags, writeTags } from './tags.ts'

/**
 * Makes one lead of two that are one person: the kept one takes over the other's messages, and what people noted of
 * either is kept. Counts are to be worked out after it. @returns the kept one's row
 */
export const mergeLeads = async (db: Db, kept: LeadRow, other: LeadRow): Promise<LeadRow> => {
  const tags = await readTags(db, [kept.id, other.id])
  await db.updateTable('messages').set({ lead_id: kept.id }).where('lead_id', '=', other.id).execute()
  await db.updateTable('merged_leads').set({ lead_id: kept.id }).where('lead_id', '=', other.id).execute()
  await db.updateTable('lead_changes').set({ lead_id: kept.id }).where('lead_id', '=', other.id).execute()
  await db.deleteFrom('leads').where('id', '=', other.id).execute()
  await db.insertInto('merged_leads').values({ old_id: other.id, lead_id: kept.id }).execute()
  await writeTags(db, kept.id, [...new Set([...tags.values()].flat())])
  await addChanges(db, kept.id, [{ field: 'merged', from: String(other.id), to: null }], Date.now())
  const latest = other.last_seen > kept.last_seen ? other : kept
  return db
    .updateTable('leads')
    .set({
      phone: kept.phone ?? other.phone,
      lid: kept.lid ?? other.lid,
      chat_id: latest.chat_id,
      name: latest.name ?? kept.name ?? other.name,
      given_name: kept.given_name ?? other.given_name,
      imported_name: kept.imported_name ?? other.imported_name,
      state: kept.state === 'new' ? other.state : kept.state,
      note: [kept.note, other.note].filter((note) => note !== '').join('\n'),
      assignee: kept.assignee ?? other.assignee,
      first_seen: Math.min(kept.first_seen, other.first_seen),
      last_seen: latest.last_seen,
      // what was read of one alone may be shown as unread again, but nothing unread as read
      read_until: Math.min(kept.read_until, other.read_until),
      ...earlierSource(kept, other)
    })
    .where('id', '=', kept.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

type Identity = Pick<CapturedMessage, 'phone' | 'lid'>

const isNone = ({ phone, lid }: Identity): boolean => phone === undefined && lid === undefined

/** The leads of a person, the oldest first. */
const leadsOf = (db: Db, account: string, { phone, lid }: Identity): Promise<LeadRow[]> =>
  db
    .selectFrom('leads')
    .selectAll()
    .where('account', '=', account)
    .where((lead) =>
      lead.or([
        ...(phone === undefined ? [] : [lead('phone', '=', phone)]),
        ...(lid === undefined ? [] : [lead('lid', '=', lid)])
      ])
    )
    .orderBy('id')
    .execute()

/** The lead that is kept, and the one that is no more. */
export interface Settled {
  id: number
  merged?: number
}

const becomeOne = async (db: Db, [first, second]: readonly LeadRow[], { phone, lid }: Identity): Promise<Settled> => {
  if (first === undefined) throw new Error('there is no lead to settle')
  if (second !== undefined) await mergeLeads(db, first, second)
  const now: { phone?: string; lid?: string } = {}
  if (phone !== undefined) now.phone = phone
  if (lid !== undefined) now.lid = lid
  await db.updateTable('leads').set(now).where('id', '=', first.id).execute()
  return second === undefined ? { id: first.id } : { id: first.id, merged: second.id }
}

/**
 * What a message tells of who its leads are. Of two that WhatsApp now says are one person, the older one stays; a number
 * that it gives anew takes the place of the one before. When it says that somebody's number changed, the lead of the old
 * number goes on under the new one.
 */
export const settleLead = async (db: Db, account: string, message: CapturedMessage): Promise<Settled> => {
  const { phone, lid, number_change } = message
  const [from, to] = [identityOf(number_change?.from), identityOf(number_change?.to)]
  const moved = isNone(from) || isNone(to) ? [] : await leadsOf(db, account, from)
  if (moved.length === 0) {
    const now = { ...(phone === undefined ? {} : { phone }), ...(lid === undefined ? {} : { lid }) }
    return becomeOne(db, await leadsOf(db, account, now), now)
  }
  const both = [...moved, ...(await leadsOf(db, account, to))].sort((a, b) => a.id - b.id)
  return becomeOne(db, both, to)
}

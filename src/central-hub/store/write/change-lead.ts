import { sql } from 'kysely'
import type { Lead, LeadPatch, LeadState } from '../../../contract/lead.ts'
import { isClosing, mayWait, type Moment } from '../../../contract/waiting.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import { findMessages } from '../read/find-message.ts'
import { addChanges, type Change } from '../read/history.ts'
import { getLead, leadRow, shownName, type LeadRow } from '../read/leads.ts'
import type { Db } from '../database/schema.ts'
import { readTags, writeTags } from '../read/tags.ts'
import {
  latestLine,
  latestOf,
  noReminder,
  unansweredOf,
  writeCounts,
  writeWaiting
} from './waiting.ts'

/** What people change in a lead. Each runs inside a transaction of the caller's. */

/** The lead as it is now, and whether anything in it was changed. */
export interface Changed {
  lead: Lead
  changed: boolean
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

const columnsOf = (row: LeadRow, { state, note, assignee, name }: LeadPatch) => {
  const columns = omitUndefined({ state, note, assignee })
  if (name === undefined || name === shownName(row)) return columns
  // without a given one it is WhatsApp's again, not the imported one that it may have replaced
  return { ...columns, given_name: name, imported_name: name === null ? null : row.imported_name }
}

/**
 * What a change does to the reminder of a lead. Being won, lost or ignored ends it, unless the same
 * change sets another one.
 * @returns undefined when nothing changes
 */
const reminderColumns = async (
  db: Db,
  row: LeadRow,
  { state, remind_at }: LeadPatch,
  now: number
) => {
  const isEnd = state !== undefined && state !== row.state && (isClosing(state) || !mayWait(state))
  if (remind_at === undefined) return isEnd && row.remind_at !== null ? noReminder : undefined
  if (remind_at === null) return row.remind_at === null ? undefined : noReminder
  const at = Date.parse(remind_at)
  if (at === row.remind_at && row.reminded === 0) return undefined
  // What WhatsApp's clock gives to the present second may have come to us already, or not.
  const asking = await latestOf(db, row.id, 1)
  const remind_from = Math.max(Math.floor(now / 1_000) - 1, asking?.timestamp ?? 0)
  return { remind_at: at, remind_from, reminded: 0 }
}

/**
 * Changes what people say of a lead. Each field that really changes is kept as history.
 * @param now ms
 * @returns undefined when no lead has that id
 */
export const patchLead = async (
  db: Db,
  id: number,
  patch: LeadPatch,
  now = Date.now()
): Promise<Changed | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const tagsBefore = (await readTags(db, [row.id])).get(row.id) ?? []
  const reminder = await reminderColumns(db, row, patch, now)
  const columns = { ...columnsOf(row, patch), ...reminder }
  if (Object.keys(columns).length > 0)
    await db.updateTable('leads').set(columns).where('id', '=', row.id).execute()
  if (patch.tags !== undefined) await writeTags(db, row.id, [...new Set(patch.tags)])
  if (patch.state !== undefined) await changeWait(db, row, patch.state, now)
  if (reminder !== undefined) await writeCounts(db, row.id)
  const lead = await getLead(db, row.id)
  if (lead === undefined) return undefined

  const changes: Change[] = [
    { field: 'state', from: row.state, to: lead.state },
    { field: 'note', from: row.note, to: lead.note },
    { field: 'tags', from: tagsBefore.join(','), to: lead.tags.join(',') },
    { field: 'assignee', from: row.assignee, to: lead.assignee },
    { field: 'name', from: shownName(row), to: lead.name },
    { field: 'remind_at', from: iso(row.remind_at), to: lead.remind_at }
  ]
  const real = changes.filter(({ from, to }) => from !== to)
  await addChanges(db, row.id, real, now)
  // The same time again, after it had come and the clock was set back, ends the wait as well.
  return { lead, changed: real.length > 0 || reminder !== undefined }
}

/** The latest message that asks and is not answered. @param until only up to this message */
const latestUnanswered = (
  db: Db,
  leadId: number,
  line: Moment | undefined,
  until?: Moment
): Promise<{ pk: number } | undefined> => {
  let asking = unansweredOf(db, leadId, line)
  if (until !== undefined)
    asking = asking.where(sql<boolean>`(timestamp, seq) <= (${until.timestamp}, ${until.seq})`)
  return asking
    .select('pk')
    .orderBy('timestamp', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/**
 * What waits stops waiting when the lead is won or lost, waits again when that is taken back, and
 * never waits of an ignored lead.
 */
const changeWait = async (
  db: Db,
  { id, state: before }: LeadRow,
  state: LeadState,
  now: number
): Promise<void> => {
  if (state === before || ![before, state].some((each) => isClosing(each) || !mayWait(each))) return
  // the wait as it is without the state of before
  await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
  if (!isClosing(state)) return
  const latest = await latestUnanswered(db, id, await latestLine(db, id))
  if (latest === undefined) return
  await db.updateTable('messages').set({ closed_at: now }).where('pk', '=', latest.pk).execute()
  await writeCounts(db, id)
}

/** A message of the lead, by any id it has. */
const momentOf = async (
  db: Db,
  { id, account }: LeadRow,
  messageId: string
): Promise<Moment | undefined> => {
  const [found] = await findMessages(db, messageId, account)
  if (found === undefined) return undefined
  return db
    .selectFrom('messages')
    .select(['timestamp', 'seq'])
    .where('pk', '=', found.pk)
    .where('lead_id', '=', id)
    .executeTakeFirst()
}

/** The lead after its wait was changed, with the change in its history. */
const changedWait = async (db: Db, before: LeadRow, now: number): Promise<Changed | undefined> => {
  await writeCounts(db, before.id)
  const lead = await getLead(db, before.id)
  if (lead === undefined) return undefined
  await addChanges(
    db,
    before.id,
    [
      { field: 'handled' as const, from: iso(before.handled_at), to: lead.handled_at },
      { field: 'remind_at' as const, from: iso(before.remind_at), to: lead.remind_at }
    ].filter(({ from, to }) => from !== to),
    now
  )
  return { lead, changed: true }
}

const unchanged = async (db: Db, id: number): Promise<Changed | undefined> => {
  const lead = await getLead(db, id)
  return lead && { lead, changed: false }
}

/**
 * Ends the wait of a lead without an answer: what it wrote up to a message is handled, and so is a
 * reminder that has come back. A lead that does not wait is left as it is.
 * @param until the id of that message; without it, the latest
 * @returns `no-message` when the lead has no such message, undefined when no lead has that id
 */
export const handleLead = async (
  db: Db,
  id: number,
  until?: string
): Promise<Changed | 'no-message' | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const moment = until === undefined ? undefined : await momentOf(db, row, until)
  if (until !== undefined && moment === undefined) return 'no-message'
  const now = Date.now()
  const line = await latestLine(db, row.id)
  // Until its reminder, a lead does not wait.
  const isLater = row.remind_at !== null && row.reminded === 0
  const latest =
    mayWait(row.state) && !isLater ? await latestUnanswered(db, row.id, line, moment) : undefined
  const isReminded = row.reminded === 1
  if (latest === undefined && !isReminded) return unchanged(db, row.id)
  if (latest !== undefined)
    await db.updateTable('messages').set({ handled_at: now }).where('pk', '=', latest.pk).execute()
  if (isReminded) await db.updateTable('leads').set(noReminder).where('id', '=', row.id).execute()
  return changedWait(db, row, now)
}

/**
 * Takes back the latest mark as handled, while it is the reason that the lead does not wait.
 * @returns undefined when no lead has that id
 */
export const unhandleLead = async (db: Db, id: number): Promise<Changed | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const line = await latestLine(db, row.id)
  if (row.handled_at === null || line === undefined) return unchanged(db, row.id)
  await db.updateTable('messages').set({ handled_at: null }).where('pk', '=', line.pk).execute()
  return changedWait(db, row, Date.now())
}

/**
 * Marks the present messages as read, in LeadMaster alone.
 * @returns undefined when no lead has that id
 */
export const readLead = async (db: Db, id: number): Promise<Changed | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const changed = row.unread_count > 0 || row.read_until < 0
  if (changed) {
    const { last } = await db
      .selectFrom('messages')
      .select(({ fn }) => fn.max('pk').as('last'))
      .where('lead_id', '=', row.id)
      .executeTakeFirstOrThrow()
    await db
      .updateTable('leads')
      .set({ read_until: last ?? 0, unread_count: 0 })
      .where('id', '=', row.id)
      .execute()
  }
  const lead = await getLead(db, row.id)
  return lead && { lead, changed }
}

/**
 * Marks a lead as unread, in LeadMaster alone: all that waits counts as unread again.
 * @returns undefined when no lead has that id
 */
export const unreadLead = async (db: Db, id: number): Promise<Changed | undefined> => {
  const row = await leadRow(db, id)
  if (row === undefined) return undefined
  const changed = row.read_until >= 0
  if (changed) {
    await db.updateTable('leads').set({ read_until: -1 }).where('id', '=', row.id).execute()
    await writeCounts(db, row.id)
  }
  const lead = await getLead(db, row.id)
  return lead && { lead, changed }
}

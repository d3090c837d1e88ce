import { sql, type Insertable } from 'kysely'
import { writeAnswers } from './answers.ts'
import type { LeadRow } from './leads.ts'
import { piecesOf } from './pieces.ts'
import type { Database, Db } from './schema.ts'
import { changeLeads } from './transaction.ts'
import type { Turn } from './turn.ts'

/** What of a lead's messages is new, so that only what can follow from it is worked out. */
export interface NewInLead {
  /** messages.pk of new ones. */
  fresh: number[]
  /** Something else was changed, too: all is worked out anew. */
  whole: boolean
  /** Some are an album, or of one: what waits is counted anew. */
  albums: boolean
}

interface Moment {
  timestamp: number
  seq: number
}

const isAfter = (a: Moment, b: Moment): boolean => a.timestamp > b.timestamp || (a.timestamp === b.timestamp && a.seq > b.seq)

const personalOf = (db: Db, leadId: number) => db.selectFrom('messages').where('lead_id', '=', leadId).where('personal', '=', 1)

const latestReply = (db: Db, leadId: number): Promise<Moment | undefined> =>
  personalOf(db, leadId).select(['timestamp', 'seq']).where('turn', '=', 2).orderBy('timestamp', 'desc').orderBy('seq', 'desc').limit(1).executeTakeFirst()

/** The latest message, and when it was looked up. */
const latest = async (db: Db, leadId: number): Promise<{ last_pk: number | null; updated_at: number }> => {
  const last = await personalOf(db, leadId).select('pk').orderBy('timestamp', 'desc').orderBy('pk', 'desc').limit(1).executeTakeFirst()
  return { last_pk: last?.pk ?? null, updated_at: Date.now() }
}

/** Counts anew what is unanswered and unread, whatever was counted before. */
export const writeCounts = async (db: Db, leadId: number): Promise<void> => {
  const reply = await latestReply(db, leadId)
  const { read_until } = await db.selectFrom('leads').select('read_until').where('id', '=', leadId).executeTakeFirstOrThrow()
  let waiting = personalOf(db, leadId).where('turn', '=', 1)
  // several media that were sent as one wait as one
  const thing = piecesOf(db).thing()
  if (reply) waiting = waiting.where(sql<boolean>`(timestamp, seq) > (${reply.timestamp}, ${reply.seq})`)
  const counts = await waiting
    .select([sql<number | null>`min(timestamp)`.as('since'), sql<number>`count(distinct ${thing})`.as('unanswered'), sql<number>`count(distinct ${thing}) filter (where pk > ${read_until})`.as('unread')])
    .executeTakeFirstOrThrow()
  await db
    .updateTable('leads')
    .set({ ...(await latest(db, leadId)), waiting_since: counts.since, unanswered_count: counts.unanswered, unread_count: counts.unread })
    .where('id', '=', leadId)
    .execute()
}

/**
 * Brings up to date what a lead shows of its messages: since when it waits, how many are unanswered and unread, the
 * latest one, and which replies ended a wait. It is worked out from the messages themselves, so that the order in which
 * they were captured does not matter. It waits from the first inbound message, or call that nobody took, after the latest reply of a person.
 * WhatsApp's times are whole seconds; within one, the journal's order decides.
 */
export const writeWaiting = async (db: Db, leadId: number, { fresh, whole, albums }: NewInLead): Promise<void> => {
  const reply = await latestReply(db, leadId)
  const added = fresh.length === 0 ? [] : await personalOf(db, leadId).select(['timestamp', 'seq', 'turn']).where('pk', 'in', fresh).where('turn', '>', 0).execute()
  const unanswered = added.filter((message) => message.turn === 1 && (reply === undefined || isAfter(message, reply)))
  // a new reply, or a new message from before one, moves the line between what is answered and what is not
  if (!whole && !albums && unanswered.length === added.length) {
    const first = unanswered.length === 0 ? null : Math.min(...unanswered.map(({ timestamp }) => timestamp))
    const shown = await latest(db, leadId)
    await db
      .updateTable('leads')
      .set((lead) => ({
        ...shown,
        ...(first === null ? {} : { waiting_since: sql<number>`case when waiting_since < ${first} then waiting_since else ${first} end` }),
        unanswered_count: lead('unanswered_count', '+', unanswered.length),
        unread_count: lead('unread_count', '+', unanswered.length)
      }))
      .where('id', '=', leadId)
      .execute()
    return
  }
  await writeCounts(db, leadId)
  if (whole || added.length > 0) await writeAnswers(db, leadId, whole ? 0 : Math.min(...added.map(({ timestamp }) => timestamp)))
}

/** A new message of a person, in a lead. */
export interface FreshMessage extends Moment {
  pk: number
  account: string
  turn: Turn
  inAlbum: boolean
}

/** A lead's wait as it is kept with it, and the moment of its latest message. */
type Wait = Pick<LeadRow, 'waiting_since' | 'unanswered_count' | 'unread_count' | 'last_pk'> & { last_timestamp: number | null; last_seq: number | null }

/**
 * The same as writeWaiting from the lead alone, as long as its new messages are later than all before, as most are.
 * @returns the lead's wait after them and the replies that ended one, undefined when the messages have to be read
 */
export const followWait = (wait: Wait, fresh: readonly FreshMessage[]): { wait: Wait; answers: Insertable<Database['answers']>[] } | undefined => {
  const answers: Insertable<Database['answers']>[] = []
  let now = wait
  for (const message of fresh) {
    const { pk, account, turn, inAlbum, timestamp, seq } = message
    // another part of the album may be counted already
    if (inAlbum && turn === 1) return undefined
    const last = now.last_timestamp === null || now.last_seq === null ? undefined : { timestamp: now.last_timestamp, seq: now.last_seq }
    // among those of the same second that were there before, the last one by number need not be the last by the journal
    if (last !== undefined && (now === wait ? timestamp <= last.timestamp : !isAfter(message, last))) return undefined
    const shown = { last_pk: pk, last_timestamp: timestamp, last_seq: seq }
    if (turn === 0) now = { ...now, ...shown }
    else if (turn === 2) {
      if (now.waiting_since !== null) answers.push({ reply_pk: pk, account, answered_at: timestamp, seconds: timestamp - now.waiting_since })
      now = { ...shown, waiting_since: null, unanswered_count: 0, unread_count: 0 }
    } else {
      now = { ...shown, waiting_since: now.waiting_since ?? timestamp, unanswered_count: now.unanswered_count + 1, unread_count: now.unread_count + 1 }
    }
  }
  return { wait: now, answers }
}

/** Leads counted in one transaction. */
const atOnce = 200

/**
 * Leads that got messages from the release before, which does not count: after it was rolled back to, they are counted
 * once. A lead's own change is younger than its messages are.
 */
export const writeUncounted = async (db: Db): Promise<void> => {
  const uncounted = await db.selectFrom('leads').select('id').where(sql<boolean>`last_seen * 1000 > updated_at`).execute()
  for (let start = 0; start < uncounted.length; start += atOnce) {
    await changeLeads(db, async (trx) => {
      for (const { id } of uncounted.slice(start, start + atOnce)) await writeWaiting(trx, id, { fresh: [], whole: true, albums: false })
    })
  }
}

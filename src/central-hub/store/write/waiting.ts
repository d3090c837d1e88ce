import { sql, type Insertable } from 'kysely'
import {
  isAfter,
  isClosing,
  isReminderOver,
  mayWait,
  waitOf,
  type Moment,
  type Reminder,
  type Turn
} from '../../../contract/waiting.ts'
import { acknowledgeIn } from './acknowledge.ts'
import { writeAnswers } from './answers.ts'
import type { LeadRow } from '../read/leads.ts'
import { dialectOf } from '../database/dialect-queries.ts'
import type { Database, Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'
import { markUpdated } from '../read/updated.ts'

/**
 * The rule of contract/waiting.ts, kept with each lead: read as far as it has to be, and brought up
 * to date.
 */

/** What is new among a lead's messages, so that only what can follow from that is worked out. */
interface NewInLead {
  /** messages.pk of new ones. */
  fresh: number[]
  /** Something else was changed, too: everything is worked out again. */
  whole: boolean
  /** Some are an album or part of one: what waits is counted again. */
  albums: boolean
}

/** Of one turn; written out, because the index is by it. */
const turnIn = (db: Db, leadId: number, turn: Turn) =>
  db.selectFrom('messages').where('lead_id', '=', leadId).where('turn', '=', sql.lit(turn))

/** The latest message that ended a wait: an answer, or one at which a person ended it. */
interface Line extends Moment {
  pk: number
  turn: number
  handled_at: number | null
}

/** The latest message of a lead that is this turn. */
export const latestOf = (db: Db, leadId: number, turn: Turn): Promise<Line | undefined> =>
  turnIn(db, leadId, turn)
    .select(['pk', 'timestamp', 'seq', 'turn', 'handled_at'])
    .orderBy('timestamp', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()

export const latestLine = async (db: Db, leadId: number): Promise<Line | undefined> => {
  const [answer, mark] = [await latestOf(db, leadId, 2), await latestOf(db, leadId, 3)]
  if (answer === undefined || mark === undefined) return answer ?? mark
  return isAfter(answer, mark) ? answer : mark
}

/** Messages that ask, after the latest one that ended a wait. */
export const unansweredOf = (db: Db, leadId: number, line: Moment | undefined) => {
  const asking = turnIn(db, leadId, 1)
  return line === undefined
    ? asking
    : asking.where(sql<boolean>`(timestamp, seq) > (${line.timestamp}, ${line.seq})`)
}

const latest = async (db: Db, leadId: number): Promise<{ last_pk: number | null }> => {
  const last = await db
    .selectFrom('messages')
    .select('pk')
    .where('lead_id', '=', leadId)
    .where('personal', '=', 1)
    .orderBy('timestamp', 'desc')
    .orderBy('pk', 'desc')
    .limit(1)
    .executeTakeFirst()
  return { last_pk: last?.pk ?? null }
}

type WaitState = Pick<
  LeadRow,
  'state' | 'read_until' | 'handled_at' | 'remind_at' | 'remind_from' | 'reminded'
>

const waitStateOf = (db: Db, leadId: number): Promise<WaitState> =>
  db
    .selectFrom('leads')
    .select(['state', 'read_until', 'handled_at', 'remind_at', 'remind_from', 'reminded'])
    .where('id', '=', leadId)
    .executeTakeFirstOrThrow()

/** The reminder of a lead; undefined without one, or once it is over. */
const reminderOf = async (
  db: Db,
  leadId: number,
  { state, remind_at, remind_from, reminded }: WaitState
): Promise<Reminder | undefined> => {
  if (remind_at === null) return undefined
  const at = Math.floor(remind_at / 1_000)
  const reminder: Reminder = { at, from: remind_from, isBack: reminded === 1 }
  const asking = await latestOf(db, leadId, 1)
  const answer = await latestOf(db, leadId, 2)
  const isOver = isReminderOver(reminder, state, asking?.timestamp ?? 0, answer?.timestamp ?? 0)
  return isOver ? undefined : reminder
}

/** What is written to a lead whose reminder is over. */
export const noReminder = { remind_at: null, remind_from: 0, reminded: 0 }

/** Counts again what is unanswered and unread, whatever was counted before. */
export const writeCounts = async (db: Db, leadId: number): Promise<void> => {
  const line = await latestLine(db, leadId)
  const waitState = await waitStateOf(db, leadId)
  const { state, read_until } = waitState
  const reminder = await reminderOf(db, leadId, waitState)
  // Several media that were sent as one wait as one
  const thing = dialectOf(db).thing()
  const unanswered = await unansweredOf(db, leadId, line)
    .select(['pk', 'timestamp', thing.as('thing')])
    .execute()
  const wait = waitOf(
    state,
    unanswered.map(({ pk, timestamp, thing }) => ({ timestamp, thing, isRead: pk <= read_until })),
    reminder
  )
  const isMarked = unanswered.length === 0 && wait.waiting_since === null
  const handled_at = isMarked && line?.turn === 3 ? line.handled_at : null
  const ended = waitState.remind_at !== null && reminder === undefined ? noReminder : {}
  const shown = await latest(db, leadId)
  await db
    .updateTable('leads')
    .set({ ...shown, ...wait, handled_at, ...ended })
    .where('id', '=', leadId)
    .execute()
}

/**
 * Brings what ended waits without a reply up to date with the lead's state and with what was
 * reacted to.
 */
const writeEnds = async (db: Db, leadId: number): Promise<void> => {
  const { state } = await waitStateOf(db, leadId)
  await acknowledgeIn(db, leadId)
  if (isClosing(state)) return
  await db
    .updateTable('messages')
    .set({ closed_at: null })
    .where('lead_id', '=', leadId)
    .where('closed_at', 'is not', null)
    .execute()
}

/**
 * Brings up to date what a lead shows of its messages: since when it waits, how many are unanswered
 * and unread, the latest one, and which replies ended a wait. It is worked out from the messages
 * themselves, so that the order in which they were captured does not matter.
 */
export const writeWaiting = async (
  db: Db,
  leadId: number,
  { fresh, whole, albums }: NewInLead
): Promise<void> => {
  if (whole) {
    await writeEnds(db, leadId)
    await writeCounts(db, leadId)
    return writeAnswers(db, leadId, 0)
  }
  const line = await latestLine(db, leadId)
  const { state, handled_at, remind_at } = await waitStateOf(db, leadId)
  const added = await turnsOf(db, leadId, fresh)
  const unanswered = added.filter(
    (message) => message.turn === 1 && (line === undefined || isAfter(message, line))
  )
  // a new reply, or a new message from before one, moves the line between what is answered and what
  // is not
  const isPlain =
    !albums &&
    unanswered.length === added.length &&
    mayWait(state) &&
    handled_at === null &&
    remind_at === null
  if (isPlain) return addUnanswered(db, leadId, unanswered)
  await writeCounts(db, leadId)
  if (added.length > 0)
    await writeAnswers(db, leadId, Math.min(...added.map(({ timestamp }) => timestamp)))
}

/** The messages that do anything to a wait. */
const turnsOf = async (
  db: Db,
  leadId: number,
  pks: readonly number[]
): Promise<(Moment & { turn: number })[]> => {
  if (pks.length === 0) return []
  return db
    .selectFrom('messages')
    .select(['timestamp', 'seq', 'turn'])
    .where('lead_id', '=', leadId)
    .where('pk', 'in', pks)
    .where('turn', '>', 0)
    .execute()
}

/** Counts messages that ask, to those that were counted before. */
const addUnanswered = async (
  db: Db,
  leadId: number,
  unanswered: readonly Moment[]
): Promise<void> => {
  const shown = await latest(db, leadId)
  const first = Math.min(...unanswered.map(({ timestamp }) => timestamp))
  const since = sql<number>`case when waiting_since < ${first} then waiting_since else ${first} end`
  await db
    .updateTable('leads')
    .set((lead) => {
      const counts = {
        unanswered_count: lead('unanswered_count', '+', unanswered.length),
        unread_count: lead('unread_count', '+', unanswered.length)
      }
      return unanswered.length === 0 ? shown : { ...shown, ...counts, waiting_since: since }
    })
    .where('id', '=', leadId)
    .execute()
}

/** A new message of a person, in a lead. */
export interface FreshMessage extends Moment {
  pk: number
  account: string
  turn: Turn
  inAlbum: boolean
}

/** What may have the last word in a lead's wait. */
export interface LatestOfWait {
  /** The latest message of a person. */
  last_timestamp: number | null
  last_seq: number | null
  /**
   * The latest message at which a person ended a wait without writing, UNIX seconds. It is later
   * than the one before when it turned out to be a notice of WhatsApp.
   */
  marked_timestamp: number | null
}

/** A lead's wait as it is kept with it. */
type KeptWait = Pick<
  LeadRow,
  | 'state'
  | 'waiting_since'
  | 'unanswered_count'
  | 'unread_count'
  | 'handled_at'
  | 'remind_at'
  | 'last_pk'
> &
  LatestOfWait

/**
 * The same as writeWaiting from the lead alone, as long as its new messages are later than all
 * before, as most are.
 * @returns the lead's wait after them and the replies that ended one, undefined when the messages
 * have to be read
 */
export const followWait = (
  wait: KeptWait,
  fresh: readonly FreshMessage[]
): { wait: KeptWait; answers: Insertable<Database['answers']>[] } | undefined => {
  const answers: Insertable<Database['answers']>[] = []
  let now = wait
  for (const message of fresh) {
    const { pk, account, turn, inAlbum, timestamp, seq } = message
    // another part of the album may be counted already
    if (inAlbum && turn === 1) return undefined
    const isMarked = now.handled_at !== null || now.remind_at !== null
    if (turn > 0 && (!mayWait(now.state) || isMarked)) return undefined
    if (now.marked_timestamp !== null && timestamp <= now.marked_timestamp) return undefined
    const last =
      now.last_timestamp === null || now.last_seq === null
        ? undefined
        : { timestamp: now.last_timestamp, seq: now.last_seq }
    // among those of the same second that were there before, the last one by number need not be the
    // last by the journal
    if (
      last !== undefined &&
      (now === wait ? timestamp <= last.timestamp : !isAfter(message, last))
    )
      return undefined
    const shown = { last_pk: pk, last_timestamp: timestamp, last_seq: seq }
    if (turn === 0) now = { ...now, ...shown }
    else if (turn === 2) {
      if (now.waiting_since !== null)
        answers.push({
          reply_pk: pk,
          account,
          answered_at: timestamp,
          seconds: timestamp - now.waiting_since
        })
      now = { ...now, ...shown, waiting_since: null, unanswered_count: 0, unread_count: 0 }
    } else {
      now = {
        ...now,
        ...shown,
        waiting_since: now.waiting_since ?? timestamp,
        unanswered_count: now.unanswered_count + 1,
        unread_count: now.unread_count + 1
      }
    }
  }
  return { wait: now, answers }
}

/** Leads counted in one transaction. */
const batchSize = 200

/**
 * Leads that got messages from the release before, which does not count: after it was rolled back
 * to, they are counted once. A lead's own change is younger than its messages are. So are those
 * that a step of the schema chose.
 * @param onProgress called before each transaction
 */
export const writeUncounted = async (
  db: Db,
  onProgress: () => void = () => undefined
): Promise<void> => {
  const uncounted = await db
    .selectFrom('leads')
    .select('id')
    .where(sql<boolean>`last_seen * 1000 > updated_at`)
    .execute()
  for (let start = 0; start < uncounted.length; start += batchSize) {
    onProgress()
    await changeLeads(db, async (trx) => {
      const ids = uncounted.slice(start, start + batchSize).map(({ id }) => id)
      for (const id of ids) await writeWaiting(trx, id, { fresh: [], whole: true, albums: false })
      await markUpdated(trx, ids)
    })
  }
}

import { sql } from 'kysely'
import { writeAnswers } from './answers.ts'
import type { Db } from './schema.ts'

/** What of a lead's messages is new, so that only what can follow from it is worked out. */
export interface NewInLead {
  /** messages.pk of new ones. */
  fresh: number[]
  /** Something else was changed, too: all is worked out anew. */
  whole: boolean
}

interface Moment {
  timestamp: number
  seq: number
}

const isAfter = (a: Moment, b: Moment): boolean => a.timestamp > b.timestamp || (a.timestamp === b.timestamp && a.seq > b.seq)

/**
 * Brings up to date what a lead shows of its messages: since when it waits, how many are unanswered and unread, the
 * latest one, and which replies ended a wait. It is worked out from the messages themselves, so that the order in which
 * they were captured does not matter. It waits from the first inbound message after the latest reply of a person.
 * WhatsApp's times are whole seconds; within one, the journal's order decides.
 */
export const writeWaiting = async (db: Db, leadId: number, { fresh, whole }: NewInLead): Promise<void> => {
  const personal = db.selectFrom('messages').where('lead_id', '=', leadId).where('personal', '=', 1)
  const reply = await personal.select(['timestamp', 'seq']).where('from_me', '=', 1).orderBy('timestamp', 'desc').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  const added = await personal.select(['pk', 'timestamp', 'seq', 'from_me']).where('pk', 'in', fresh).execute()
  const unanswered = reply ? added.filter((message) => message.from_me === 0 && isAfter(message, reply)) : added.filter(({ from_me }) => from_me === 0)

  let waiting = personal.where('from_me', '=', 0)
  if (reply) waiting = waiting.where(sql<boolean>`(timestamp, seq) > (${reply.timestamp}, ${reply.seq})`)
  const first = await waiting.select('timestamp').orderBy('timestamp').orderBy('seq').limit(1).executeTakeFirst()
  const last = await personal.select('pk').orderBy('timestamp', 'desc').orderBy('pk', 'desc').limit(1).executeTakeFirst()
  const { read_until } = await db.selectFrom('leads').select('read_until').where('id', '=', leadId).executeTakeFirstOrThrow()

  // a new reply, or a new message from before one, moves the line between what is answered and what is not
  const moved = whole || unanswered.length < added.length
  const counts = moved
    ? await waiting.select([sql<number>`count(*)`.as('unanswered'), sql<number>`count(*) filter (where pk > ${read_until})`.as('unread')]).executeTakeFirstOrThrow()
    : undefined
  await db
    .updateTable('leads')
    .set((lead) => ({
      waiting_since: first?.timestamp ?? null,
      last_pk: last?.pk ?? null,
      unanswered_count: counts?.unanswered ?? lead('unanswered_count', '+', unanswered.length),
      unread_count: counts?.unread ?? lead('unread_count', '+', unanswered.length),
      updated_at: Date.now()
    }))
    .where('id', '=', leadId)
    .execute()
  if (moved) await writeAnswers(db, leadId, whole ? 0 : Math.min(...added.map(({ timestamp }) => timestamp)))
}

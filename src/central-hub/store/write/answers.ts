import { sql } from 'kysely'
import type { Turn } from '../../../contract/waiting.ts'
import type { Db } from '../database/schema.ts'

/**
 * Works out again which replies to a lead, answered calls among them, ended a wait, and how long
 * the wait was. It begins with the first message after the end of the wait before, which was a
 * reply or a person who marked the lead.
 * @param since UNIX seconds: replies from then on
 */
export const writeAnswers = async (db: Db, leadId: number, since: number): Promise<void> => {
  await db
    .deleteFrom('answers')
    .where(
      'reply_pk',
      'in',
      db
        .selectFrom('messages')
        .select('pk')
        .where('lead_id', '=', leadId)
        .where('timestamp', '>=', since)
    )
    .execute()
  const latest = (turn: Turn) => sql`
    select before.timestamp, before.seq from messages before
    where before.lead_id = reply.lead_id and before.turn = ${sql.lit(turn)}
      and (before.timestamp, before.seq) < (reply.timestamp, reply.seq)
    order by before.timestamp desc, before.seq desc limit 1`
  // One after the other, so that each is the end of a part of the index.
  const before = (column: 'timestamp' | 'seq') => sql`coalesce((
    select ended.${sql.raw(column)} from (
      select * from (${latest(2)}) as answered
      union all select * from (${latest(3)}) as marked) as ended
    order by ended.timestamp desc, ended.seq desc limit 1), -1)`
  await sql`
    insert into answers (reply_pk, account, answered_at, seconds)
    select pk, account, timestamp, timestamp - since from (
      select reply.pk, reply.account, reply.timestamp, (
        select asked.timestamp from messages asked
        where asked.lead_id = reply.lead_id and asked.turn = 1 and asked.personal = 1
          and (asked.timestamp, asked.seq) > (${before('timestamp')}, ${before('seq')})
          and (asked.timestamp, asked.seq) < (reply.timestamp, reply.seq)
        order by asked.timestamp, asked.seq limit 1) as since
      from messages reply
      where reply.lead_id = ${leadId} and reply.turn = 2 and reply.personal = 1
        and reply.timestamp >= ${since}) as replies
    where since is not null`.execute(db)
}

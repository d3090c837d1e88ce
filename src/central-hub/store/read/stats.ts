import { sql } from 'kysely'
import type { Stats } from '../../../contract/lead.ts'
import type { Day } from './days.ts'
import { countAds } from './ads.ts'
import { dialectOf } from '../database/dialect-queries.ts'
import type { Db } from '../database/schema.ts'

/** Figures for charts, out of what is counted as messages come: none of it reads messages. */

/** As message_counts has it, s. */
const quarterS = 900

/**
 * By account that is followed: how many leads wait, and since when the first of them, UNIX seconds.
 */
export const waitingByAccount = async (
  db: Db
): Promise<{ account: string; waiting: number; since: number | null }[]> => {
  const { rows } = await sql<{ account: string; waiting: number; since: number | null }>`
    select cursors.account, count(leads.id) as waiting, min(leads.waiting_since) as since
    from cursors left join leads on leads.account = cursors.account and leads.waiting_since is not null
    group by cursors.account`.execute(db)
  return rows
}

/** @param days in order; times before 1970 do not occur */
export const readStats = async (db: Db, days: readonly Day[], account?: string): Promise<Stats> => {
  const { percentile } = dialectOf(db)
  const of = account === undefined ? sql`` : sql`and account = ${account}`
  const day = sql`day (n, since, until) as (values ${sql.join(days.map(({ since, until }, n) => sql`(${sql.lit(n)}, cast(${since} as bigint), cast(${until} as bigint))`))})`
  const counts = await sql<{ n: number; inbound: number; outbound: number }>`
    with ${day} select n, sum(inbound) as inbound, sum(outbound) as outbound
    from day cross join message_counts where quarter >= since / ${quarterS} and quarter < until / ${quarterS} ${of} group by n`.execute(
    db
  )
  const fresh = await sql<{ n: number; leads: number }>`
    with ${day} select n, count(*) as leads from day cross join leads where first_seen >= since and first_seen < until ${of} group by n`.execute(
    db
  )
  const answered = await sql<{ n: number; median: number }>`
    with ${day} select n, ${percentile('seconds', 0.5)} as median from day cross join answers where answered_at >= since and answered_at < until ${of} group by n`.execute(
    db
  )
  const response = await sql<{ answered: number; median: number | null; p90: number | null }>`
    select count(*) as answered, ${percentile('seconds', 0.5)} as median, ${percentile('seconds', 0.9)} as p90
    from answers where answered_at >= ${days[0]?.since ?? 0} and answered_at < ${days.at(-1)?.until ?? 0} ${of}`.execute(
    db
  )
  const waiting = await sql<{ now: number; since: number | null }>`
    select count(*) as now, min(waiting_since) as since from leads where waiting_since is not null ${of}`.execute(
    db
  )
  const states = await sql<{ state: keyof Stats['states']; leads: number }>`
    select state, count(*) as leads from leads where true ${of} group by state`.execute(db)

  const [byDay, leadsByDay, medianByDay] = [
    new Map(counts.rows.map((row) => [row.n, row])),
    new Map(fresh.rows.map((row) => [row.n, row.leads])),
    new Map(answered.rows.map((row) => [row.n, row.median]))
  ]
  const since = waiting.rows[0]?.since ?? null
  return {
    days: days.map(({ date }, n) => ({
      date,
      inbound: byDay.get(n)?.inbound ?? 0,
      outbound: byDay.get(n)?.outbound ?? 0,
      new_leads: leadsByDay.get(n) ?? 0,
      first_response_s: medianByDay.get(n) ?? null
    })),
    first_response: {
      answered: response.rows[0]?.answered ?? 0,
      median_s: response.rows[0]?.median ?? null,
      p90_s: response.rows[0]?.p90 ?? null
    },
    waiting: {
      now: waiting.rows[0]?.now ?? 0,
      longest_since: since === null ? null : new Date(since * 1_000).toISOString()
    },
    states: {
      new: 0,
      open: 0,
      won: 0,
      lost: 0,
      ignored: 0,
      ...Object.fromEntries(states.rows.map(({ state, leads }) => [state, leads]))
    },
    ads: await countAds(db, days[0]?.since ?? 0, days.at(-1)?.until ?? 0, account)
  }
}

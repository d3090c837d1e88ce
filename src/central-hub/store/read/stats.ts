import { sql, type RawBuilder } from 'kysely'
import type { Stats } from '../../../contract/lead.ts'
import type { Day } from './days.ts'
import { countAds } from './ads.ts'
import { dialectOf } from '../database/dialect-queries.ts'
import type { Db } from '../database/schema.ts'

/** Figures for charts. They come from counts that are kept, and never from reading messages. */

/** The width of a count in message_counts, s. */
const quarterS = 900

/**
 * Counts, by account that is followed, the leads that wait. `since` is the beginning of the oldest
 * wait, UNIX seconds.
 */
export const waitingByAccount = async (
  db: Db
): Promise<{ account: string; waiting: number; since: number | null }[]> => {
  const { rows } = await sql<{ account: string; waiting: number; since: number | null }>`
    select cursors.account, count(leads.id) as waiting, min(leads.waiting_since) as since
    from cursors
    left join leads on leads.account = cursors.account and leads.waiting_since is not null
    group by cursors.account`.execute(db)
  return rows
}

/** The days and the account that are asked for, as SQL. */
interface Span {
  /** A common table expression `day (n, since, until)`. */
  day: RawBuilder<unknown>
  /** `and account = …`, or nothing. */
  ofAccount: RawBuilder<unknown>
  since: number
  until: number
}

const spanOf = (days: readonly Day[], account: string | undefined): Span => {
  const rows = days.map(
    ({ since, until }, n) =>
      sql`(${sql.lit(n)}, cast(${since} as bigint), cast(${until} as bigint))`
  )
  return {
    day: sql`day (n, since, until) as (values ${sql.join(rows)})`,
    ofAccount: account === undefined ? sql`` : sql`and account = ${account}`,
    since: days[0]?.since ?? 0,
    until: days.at(-1)?.until ?? 0
  }
}

/** The figures of each day. */
const readDays = async (db: Db, days: readonly Day[], span: Span): Promise<Stats['days']> => {
  const { percentile } = dialectOf(db)
  const { day, ofAccount } = span
  const counts = await sql<{ n: number; inbound: number; outbound: number }>`
    with ${day} select n, sum(inbound) as inbound, sum(outbound) as outbound
    from day cross join message_counts
    where quarter >= since / ${quarterS} and quarter < until / ${quarterS} ${ofAccount}
    group by n`.execute(db)
  const leads = await sql<{ n: number; leads: number }>`
    with ${day} select n, count(*) as leads
    from day cross join leads where first_seen >= since and first_seen < until ${ofAccount}
    group by n`.execute(db)
  const answers = await sql<{ n: number; median: number }>`
    with ${day} select n, ${percentile('seconds', 0.5)} as median
    from day cross join answers where answered_at >= since and answered_at < until ${ofAccount}
    group by n`.execute(db)
  const countsByDay = new Map(counts.rows.map((row) => [row.n, row]))
  const leadsByDay = new Map(leads.rows.map((row) => [row.n, row.leads]))
  const medianByDay = new Map(answers.rows.map((row) => [row.n, row.median]))
  return days.map(({ date }, n) => ({
    date,
    inbound: countsByDay.get(n)?.inbound ?? 0,
    outbound: countsByDay.get(n)?.outbound ?? 0,
    new_leads: leadsByDay.get(n) ?? 0,
    first_response_s: medianByDay.get(n) ?? null
  }))
}

const readFirstResponse = async (
  db: Db,
  { ofAccount, since, until }: Span
): Promise<Stats['first_response']> => {
  const { percentile } = dialectOf(db)
  const { rows } = await sql<{ answered: number; median: number | null; p90: number | null }>`
    select count(*) as answered, ${percentile('seconds', 0.5)} as median,
      ${percentile('seconds', 0.9)} as p90
    from answers where answered_at >= ${since} and answered_at < ${until} ${ofAccount}`.execute(db)
  const [row] = rows
  return {
    answered: row?.answered ?? 0,
    median_s: row?.median ?? null,
    p90_s: row?.p90 ?? null
  }
}

const readWaiting = async (db: Db, { ofAccount }: Span): Promise<Stats['waiting']> => {
  const { rows } = await sql<{ now: number; since: number | null }>`
    select count(*) as now, min(waiting_since) as since
    from leads where waiting_since is not null ${ofAccount}`.execute(db)
  const later = await sql<{ leads: number }>`
    select count(*) as leads
    from leads where remind_at is not null and reminded = 0 ${ofAccount}`.execute(db)
  const since = rows[0]?.since ?? null
  return {
    now: rows[0]?.now ?? 0,
    longest_since: since === null ? null : new Date(since * 1_000).toISOString(),
    later: later.rows[0]?.leads ?? 0
  }
}

const readStates = async (db: Db, { ofAccount }: Span): Promise<Stats['states']> => {
  const { rows } = await sql<{ state: keyof Stats['states']; leads: number }>`
    select state, count(*) as leads from leads where true ${ofAccount} group by state`.execute(db)
  return {
    new: 0,
    open: 0,
    won: 0,
    lost: 0,
    ignored: 0,
    ...Object.fromEntries(rows.map(({ state, leads }) => [state, leads]))
  }
}

/** @param days in order; times before 1970 do not occur */
export const readStats = async (db: Db, days: readonly Day[], account?: string): Promise<Stats> => {
  const span = spanOf(days, account)
  return {
    days: await readDays(db, days, span),
    first_response: await readFirstResponse(db, span),
    waiting: await readWaiting(db, span),
    states: await readStates(db, span),
    ads: await countAds(db, span.since, span.until, account)
  }
}

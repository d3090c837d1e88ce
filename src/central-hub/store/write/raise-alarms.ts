import { sql } from 'kysely'
import type { AlarmRule } from '../../../contract/alarm.ts'
import type { Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'
import { addAlarmNews } from '../outbox/outbox.ts'
import { readTags } from '../read/tags.ts'

/**
 * Raises alarms and ends them. An alarm and what webhooks are sent are one transaction, and
 * the database has at most one open alarm of each step and subject: none comes twice, whichever hub
 * raises it, and after a crash none is missing.
 */

/** Leads that are read together. */
const batchSize = 500
/** Alarms of one transaction, for which all other writes wait. */
const raiseSize = 100

/** By after_minutes of a step: since when something must have lasted at the latest, ms. */
type Cutoffs = (rule: AlarmRule) => ReadonlyMap<number, number>

/** A lead that waits, or an account whose session is down. */
interface Subject {
  leadId: number | null
  account: string | null
  /** ms. */
  since: number
}

interface Due extends Subject {
  rule: AlarmRule
  step: number
  afterMinutes: number
}

interface WaitingLead {
  id: number
  account: string
  state: AlarmRule['states'][number]
  assignee: string | null
  tags: readonly string[]
  /** UNIX seconds. */
  waiting_since: number
}

const isAmong = <T>(wanted: readonly T[], value: T): boolean =>
  wanted.length === 0 || wanted.includes(value)

const concerns = ({ accounts, states, tags, assignees }: AlarmRule, lead: WaitingLead): boolean =>
  isAmong(accounts, lead.account) &&
  isAmong(states, lead.state) &&
  isAmong(assignees, lead.assignee ?? '') &&
  (tags.length === 0 || tags.some((tag) => lead.tags.includes(tag)))

/** Which steps of each rule are open for each subject, and which rules were acknowledged. */
class OpenAlarms {
  readonly #steps = new Set<string>()
  readonly #acknowledged = new Set<string>()

  static async read(db: Db): Promise<OpenAlarms> {
    const open = new OpenAlarms()
    const rows = await db
      .selectFrom('alarms')
      .select(['rule_id', 'step', 'lead_id', 'account', 'acknowledged_at'])
      .where('over_at', 'is', null)
      .execute()
    for (const row of rows) {
      const of = `${row.rule_id} ${row.lead_id ?? `of ${row.account}`}`
      open.#steps.add(`${of} ${row.step}`)
      if (row.acknowledged_at !== null) open.#acknowledged.add(of)
    }
    return open
  }

  /** The steps of a rule that are due and not raised. */
  missing(rule: AlarmRule, subject: Subject, cutoffs: ReadonlyMap<number, number>): Due[] {
    const of = `${rule.id} ${subject.leadId ?? `of ${subject.account}`}`
    if (this.#acknowledged.has(of)) return []
    return rule.steps.flatMap(({ after_minutes: afterMinutes }, index) => {
      const step = index + 1
      const isDue = subject.since <= (cutoffs.get(afterMinutes) ?? -Infinity)
      if (!isDue || this.#steps.has(`${of} ${step}`)) return []
      return { ...subject, rule, step, afterMinutes }
    })
  }
}

/** Leads after this id that have waited since then, ms, by id. */
const waitingLeads = async (db: Db, after: number, until: number): Promise<WaitingLead[]> => {
  const rows = await db
    .selectFrom('leads')
    .select(['id', 'account', 'state', 'assignee', 'waiting_since'])
    .where('id', '>', after)
    .where('waiting_since', '<=', Math.floor(until / 1_000))
    .orderBy('id')
    .limit(batchSize)
    .execute()
  const tags = await readTags(
    db,
    rows.map(({ id }) => id)
  )
  return rows.map((row) => ({
    ...row,
    waiting_since: row.waiting_since ?? 0,
    tags: tags.get(row.id) ?? []
  }))
}

/** Whether it still is as it was read, inside the transaction that raises the alarm. */
const stillLasts = async (db: Db, { leadId, account, since }: Due): Promise<boolean> => {
  if (leadId === null) {
    const session = await db
      .selectFrom('session_states')
      .select('down_since')
      .where('account', '=', account)
      .executeTakeFirst()
    return session?.down_since === since
  }
  const lead = await db
    .selectFrom('leads')
    .select('waiting_since')
    .where('id', '=', leadId)
    .executeTakeFirst()
  return lead?.waiting_since != null && lead.waiting_since * 1_000 <= since
}

/** @returns the alarm's id; undefined when the step is open already */
const insert = async (
  db: Db,
  { rule, step, afterMinutes, leadId, account, since }: Due,
  now: number
): Promise<number | undefined> => {
  const row = await db
    .insertInto('alarms')
    .values({
      rule_id: rule.id,
      event: rule.event,
      step,
      after_minutes: afterMinutes,
      lead_id: leadId,
      account,
      since,
      raised_at: now
    })
    .onConflict((on) => on.doNothing())
    .returning('id')
    .executeTakeFirst()
  return row?.id
}

/** Of the rules that are on now, inside the transaction that raises alarms. */
const enabledRules = async (db: Db): Promise<Set<number>> => {
  const rows = await db.selectFrom('alarm_rules').select('id').where('enabled', '=', 1).execute()
  return new Set(rows.map(({ id }) => id))
}

/** @returns how many were raised */
const raise = async (db: Db, due: readonly Due[], now: number): Promise<number> => {
  let count = 0
  for (let start = 0; start < due.length; start += raiseSize) {
    const part = due.slice(start, start + raiseSize)
    count += await changeLeads(db, async (trx) => {
      const raised: number[] = []
      const enabled = await enabledRules(trx)
      for (const each of part) {
        if (!enabled.has(each.rule.id) || !(await stillLasts(trx, each))) continue
        const id = await insert(trx, each, now)
        if (id !== undefined) raised.push(id)
      }
      await addAlarmNews(trx, raised)
      return raised.length
    })
  }
  return count
}

/** Raises what is due of leads that wait. @param now ms */
const raiseOfLeads = async (
  db: Db,
  rules: readonly AlarmRule[],
  cutoffs: Cutoffs,
  now: number
): Promise<number> => {
  const byRule = new Map(rules.map((rule) => [rule, cutoffs(rule)]))
  const latest = Math.max(-Infinity, ...[...byRule.values()].flatMap((of) => [...of.values()]))
  if (latest === -Infinity) return 0
  const open = await OpenAlarms.read(db)
  let count = 0
  for (let after = 0; ; ) {
    const leads = await waitingLeads(db, after, latest)
    const due = leads.flatMap((lead) => {
      const subject = { leadId: lead.id, account: null, since: lead.waiting_since * 1_000 }
      return [...byRule].flatMap(([rule, of]) =>
        concerns(rule, lead) ? open.missing(rule, subject, of) : []
      )
    })
    count += await raise(db, due, now)
    const last = leads.at(-1)
    if (last === undefined || leads.length < batchSize) return count
    after = last.id
  }
}

/** Raises what is due of sessions that are down. @param now ms */
const raiseOfSessions = async (
  db: Db,
  rules: readonly AlarmRule[],
  cutoffs: Cutoffs,
  now: number
): Promise<number> => {
  if (rules.length === 0) return 0
  const sessions = await db
    .selectFrom('session_states')
    .select(['account', 'name', 'down_since'])
    .where('down_since', 'is not', null)
    // The release before does not write since when it is down.
    .where('status', '!=', 'READY')
    .execute()
  const open = await OpenAlarms.read(db)
  const due = sessions.flatMap(({ account, name, down_since }) =>
    rules.flatMap((rule) =>
      isAmong(rule.accounts, name)
        ? open.missing(rule, { leadId: null, account, since: down_since ?? now }, cutoffs(rule))
        : []
    )
  )
  return raise(db, due, now)
}

/**
 * Ends the alarms of leads that wait no longer, or wait for another answer since, and those of
 * sessions that are READY or went down once more since.
 * @param now ms
 * @returns how many ended
 */
const endOver = (db: Db, now: number): Promise<number> =>
  changeLeads(db, async (trx) => {
    const ofLeads = await trx
      .updateTable('alarms')
      .set({ over_at: now })
      .where('over_at', 'is', null)
      .where('lead_id', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('leads')
              .select('leads.id')
              .whereRef('leads.id', '=', 'alarms.lead_id')
              .where('leads.waiting_since', 'is not', null)
              .where(sql<boolean>`leads.waiting_since * 1000 <= alarms.raised_at`)
          )
        )
      )
      .returning('id')
      .execute()
    const ofSessions = await trx
      .updateTable('alarms')
      .set({ over_at: now })
      .where('over_at', 'is', null)
      .where('account', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('session_states')
              .select('session_states.account')
              .whereRef('session_states.account', '=', 'alarms.account')
              .whereRef('session_states.down_since', '<=', 'alarms.raised_at')
          )
        )
      )
      .returning(['id', 'account'])
      .execute()
    // One of each outage, however many rules and steps raised an alarm.
    const ends = new Map(ofSessions.map(({ id, account }) => [account, id]))
    await addAlarmNews(trx, [...ends.values()])
    return ofLeads.length + ofSessions.length
  })

/**
 * Ends the alarms that are over, and raises those that are due.
 * @param now ms
 * @returns how many changed
 */
export const lookAfterAlarms = async (
  db: Db,
  rules: readonly AlarmRule[],
  cutoffs: Cutoffs,
  now: number
): Promise<number> => {
  const [ofLeads, ofSessions] = (['lead.waiting', 'session.down'] as const).map((event) =>
    rules.filter((rule) => rule.enabled && rule.event === event)
  )
  return (
    (await endOver(db, now)) +
    (await raiseOfLeads(db, ofLeads ?? [], cutoffs, now)) +
    (await raiseOfSessions(db, ofSessions ?? [], cutoffs, now))
  )
}

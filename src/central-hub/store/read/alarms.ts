import type { Selectable } from 'kysely'
import type { Alarm } from '../../../contract/alarm.ts'
import type { AlarmTable, Db } from '../database/schema.ts'
import { toPage, type Page, type Position } from './page.ts'

/** Alarms that were raised. */

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

type Row = Selectable<AlarmTable> & { rule_name: string; account_name: string | null }

const toAlarm = (row: Row): Alarm => ({
  id: row.id,
  rule_id: row.rule_id,
  rule_name: row.rule_name,
  event: row.event,
  step: row.step,
  after_minutes: row.after_minutes,
  lead_id: row.lead_id,
  // The first account is named by its session-manager.
  account: row.account_name || row.account,
  since: new Date(row.since).toISOString(),
  raised_at: new Date(row.raised_at).toISOString(),
  acknowledged_at: iso(row.acknowledged_at),
  acknowledged_by: row.acknowledged_by,
  over_at: iso(row.over_at)
})

const withRules = (db: Db) =>
  db
    .selectFrom('alarms')
    .innerJoin('alarm_rules', 'alarm_rules.id', 'alarms.rule_id')
    .leftJoin('session_states', 'session_states.account', 'alarms.account')
    .selectAll('alarms')
    .select(['alarm_rules.name as rule_name', 'session_states.name as account_name'])

/** Latest first. @param open undefined: those that are over, too */
export const listAlarms = async (
  db: Db,
  open: boolean | undefined,
  limit: number,
  after?: Position
): Promise<Page<Alarm>> => {
  let query = withRules(db)
  if (open !== undefined) query = query.where('alarms.over_at', open ? 'is' : 'is not', null)
  if (after) query = query.where('alarms.id', '<', after.id)
  const rows = await query
    .orderBy('alarms.id', 'desc')
    .limit(limit + 1)
    .execute()
  const page = toPage(rows, limit, ({ id }) => ({ order: 'alarms', key: 0, id }))
  return { ...page, items: page.items.map(toAlarm) }
}

/** Those of these ids that are there, by id. */
export const getAlarms = async (db: Db, ids: readonly number[]): Promise<Map<number, Alarm>> => {
  const rows = await withRules(db).where('alarms.id', 'in', ids).orderBy('alarms.id').execute()
  return new Map(rows.map((row) => [row.id, toAlarm(row)]))
}

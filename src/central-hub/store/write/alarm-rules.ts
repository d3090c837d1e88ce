import type { Selectable } from 'kysely'
import type {
  AlarmRule,
  AlarmRuleCreate,
  AlarmRulePatch,
  BusinessHours
} from '../../../contract/alarm.ts'
import type { AlarmRuleTable, Db } from '../database/schema.ts'

/** Rules of alarms, and the business hours they count by. */

/** How many there may be: each is looked at every few seconds. */
export const maxAlarmRules = 100

/** Always open, in UTC: what holds until a team says otherwise. */
export const alwaysOpen: BusinessHours = {
  time_zone: 'UTC',
  weekly: {
    monday: [{ from: '00:00', until: '24:00' }],
    tuesday: [{ from: '00:00', until: '24:00' }],
    wednesday: [{ from: '00:00', until: '24:00' }],
    thursday: [{ from: '00:00', until: '24:00' }],
    friday: [{ from: '00:00', until: '24:00' }],
    saturday: [{ from: '00:00', until: '24:00' }],
    sunday: [{ from: '00:00', until: '24:00' }]
  },
  holidays: []
}

type Given = Omit<AlarmRule, 'id' | 'created_at'>

const toRule = (row: Selectable<AlarmRuleTable>): AlarmRule => ({
  id: row.id,
  name: row.name,
  event: row.event,
  enabled: row.enabled === 1,
  steps: JSON.parse(row.steps) as AlarmRule['steps'],
  during: row.during,
  accounts: JSON.parse(row.accounts) as string[],
  states: JSON.parse(row.states) as AlarmRule['states'],
  tags: JSON.parse(row.tags) as string[],
  assignees: JSON.parse(row.assignees) as string[],
  created_at: new Date(row.created_at).toISOString()
})

const toColumns = ({ enabled, steps, accounts, states, tags, assignees, ...rest }: Given) => ({
  ...rest,
  enabled: enabled ? 1 : 0,
  steps: JSON.stringify(steps),
  accounts: JSON.stringify(accounts),
  states: JSON.stringify(states),
  tags: JSON.stringify(tags),
  assignees: JSON.stringify(assignees)
})

/** By id. */
export const listRules = async (db: Db): Promise<AlarmRule[]> =>
  (await db.selectFrom('alarm_rules').selectAll().orderBy('id').execute()).map(toRule)

export const getRule = async (db: Db, id: number): Promise<AlarmRule | undefined> => {
  const row = await db.selectFrom('alarm_rules').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toRule(row)
}

/**
 * Inside a transaction of the caller's. @returns undefined when there are as many as there may be
 */
export const createRule = async (
  db: Db,
  given: AlarmRuleCreate
): Promise<AlarmRule | undefined> => {
  const { rules } = await db
    .selectFrom('alarm_rules')
    .select(({ fn }) => fn.countAll<number>().as('rules'))
    .executeTakeFirstOrThrow()
  if (rules >= maxAlarmRules) return undefined
  const rule: Given = {
    enabled: true,
    during: 'always',
    accounts: [],
    states: [],
    tags: [],
    assignees: [],
    ...given
  }
  const row = await db
    .insertInto('alarm_rules')
    .values({ ...toColumns(rule), created_at: Date.now() })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toRule(row)
}

/** Inside a transaction of the caller's. @returns undefined when there is no such rule */
export const patchRule = async (
  db: Db,
  id: number,
  patch: AlarmRulePatch
): Promise<AlarmRule | undefined> => {
  const before = await getRule(db, id)
  if (before === undefined) return undefined
  const { id: _id, created_at: _at, ...rule } = { ...before, ...patch }
  const row = await db
    .updateTable('alarm_rules')
    .set(toColumns(rule))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return toRule(row)
}

/** With its alarms. @returns whether there was one of that id */
export const deleteRule = async (db: Db, id: number): Promise<boolean> => {
  const { numDeletedRows } = await db
    .deleteFrom('alarm_rules')
    .where('id', '=', id)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

export const readBusinessHours = async (db: Db): Promise<BusinessHours> => {
  const { business_hours } = await db
    .selectFrom('store')
    .select('business_hours')
    .executeTakeFirstOrThrow()
  return business_hours === null ? alwaysOpen : (JSON.parse(business_hours) as BusinessHours)
}

export const writeBusinessHours = async (db: Db, hours: BusinessHours): Promise<void> => {
  await db
    .updateTable('store')
    .set({ business_hours: JSON.stringify(hours) })
    .execute()
}

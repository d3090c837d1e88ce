import type { AlarmRule, BusinessHours } from '../../contract/alarm.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { minuteOf, OpenHours } from '../alarms/business-hours.ts'
import { listAlarms } from '../store/read/alarms.ts'
import { acknowledgeAlarm } from '../store/write/alarms.ts'
import {
  createRule,
  deleteRule,
  getRule,
  listRules,
  maxAlarmRules,
  patchRule,
  readBusinessHours,
  writeBusinessHours
} from '../store/write/alarm-rules.ts'
import type { Db } from '../store/database/schema.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import { actorOf } from './actor.ts'
import type { Serve } from './serve.ts'

interface AlarmRoutes {
  serve: Serve
  db: Db
}

const fault = (field: string, message: string): ProblemError =>
  invalid({ in: 'body', field, message })

/** @throws {ProblemError} not-found */
const there = <T>(what: string, id: number, value: T | undefined): T => {
  if (value === undefined) throw new ProblemError('not-found', `there is no ${what} ${id}`)
  return value
}

/** @throws {ProblemError} invalid-parameters */
const ensureSteps = (steps: AlarmRule['steps'] = []): void => {
  for (const [index, { after_minutes }] of steps.entries()) {
    const before = steps[index - 1]?.after_minutes ?? 0
    if (after_minutes <= before)
      throw fault(
        `/steps/${index}/after_minutes`,
        `expected more than the ${before} minutes of the step before`
      )
  }
}

const isDate = (day: string): boolean =>
  !Number.isNaN(Date.parse(day)) && new Date(day).toISOString().startsWith(day)

/** @throws {ProblemError} invalid-parameters */
const ensureHours = (hours: BusinessHours): void => {
  for (const [day, spans] of Object.entries(hours.weekly))
    for (const [index, { from, until }] of spans.entries())
      if (minuteOf(until) <= minuteOf(from))
        throw fault(`/weekly/${day}/${index}/until`, `expected a time after ${from}`)
  for (const [index, holiday] of hours.holidays.entries())
    if (!isDate(holiday)) throw fault(`/holidays/${index}`, 'expected a day that there is')
  try {
    new OpenHours(hours)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw fault('/time_zone', 'expected an IANA time zone, such as America/Mexico_City')
  }
}

const addRuleRoutes = ({ serve, db }: AlarmRoutes): void => {
  serve.read('listAlarmRules', async () => ({ rules: await listRules(db) }))

  serve.write('createAlarmRule', async ({ body, trx }) => {
    ensureSteps(body.steps)
    const rule = await createRule(trx, body)
    if (rule !== undefined) return rule
    throw new ProblemError(
      'conflict',
      `there are ${maxAlarmRules} rules, as many as there may be: remove one first`
    )
  })

  serve.write(
    'patchAlarmRule',
    async ({ params: { id }, body, trx }) => {
      ensureSteps(body.steps)
      return there('rule', id, await patchRule(trx, id, body))
    },
    { current: async ({ params: { id }, trx }) => there('rule', id, await getRule(trx, id)) }
  )

  serve.write('deleteAlarmRule', async ({ params: { id }, trx }) => {
    there('rule', id, (await deleteRule(trx, id)) || undefined)
    return undefined
  })
}

/** Alarms, their rules and business hours; src/contract/api/alarms.ts describes each route. */
export const addAlarmRoutes = (options: AlarmRoutes): void => {
  const { serve, db } = options
  serve.read('getBusinessHours', () => readBusinessHours(db))

  serve.write(
    'patchBusinessHours',
    async ({ body, trx }) => {
      const hours = { ...(await readBusinessHours(trx)), ...body }
      ensureHours(hours)
      await writeBusinessHours(trx, hours)
      return hours
    },
    { current: ({ trx }) => readBusinessHours(trx) }
  )

  addRuleRoutes(options)

  serve.read('listAlarms', async ({ query: { open, limit, cursor } }) => {
    const { items, next } = await listAlarms(db, open, limit, fromCursor(cursor, 'alarms'))
    return { alarms: items, next_cursor: toCursor(next) }
  })

  serve.write('acknowledgeAlarm', async ({ params: { id }, req, trx }) => {
    const actor = actorOf(req)
    const by = actor.kind === 'token' ? null : actor.name
    return there('alarm', id, await acknowledgeAlarm(trx, id, by))
  })
}

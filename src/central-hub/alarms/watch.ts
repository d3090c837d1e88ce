import type { Log } from '../../platform/log.ts'
import { readBusinessHours, listRules } from '../store/write/alarm-rules.ts'
import { lookAfterAlarms } from '../store/write/raise-alarms.ts'
import type { StopWork } from '../store/database/cluster.ts'
import type { Db } from '../store/database/schema.ts'
import { OpenHours } from './business-hours.ts'

/** How late an alarm may come, ms. */
const intervalMs = 15_000
const minuteMs = 60_000

/**
 * Ends the alarms that are over, and raises those that are due.
 * @param now ms
 * @returns how many changed
 */
export const watchOnce = async (db: Db, now: number): Promise<number> => {
  const rules = await listRules(db)
  const minutes = rules.flatMap(({ steps }) => steps.map(({ after_minutes }) => after_minutes))
  const hours = new OpenHours(await readBusinessHours(db))
  const withinHours = rules.some(({ during }) => during === 'business_hours')
    ? hours.cutoffs(minutes, now)
    : new Map<number, number>()
  const always = new Map(minutes.map((each) => [each, now - each * minuteMs]))
  return lookAfterAlarms(
    db,
    rules,
    ({ during }) => (during === 'always' ? always : withinHours),
    now
  )
}

interface WatchOptions {
  db: Db
  /** Called when there is something to deliver. */
  onChanged: () => void
  log: Pick<Log, 'error'>
}

/** Looks after alarms every few seconds. @returns what ends it */
export const watchAlarms = ({ db, onChanged, log }: WatchOptions): StopWork => {
  let running: Promise<void> | undefined
  const run = async (): Promise<void> => {
    try {
      if ((await watchOnce(db, Date.now())) > 0) onChanged()
    } catch (error) {
      log.error(
        { event: 'alarms_failed', err: error },
        'alarms were not looked after; tried again in 15 seconds'
      )
    }
  }
  const begin = (): void => {
    running ??= run().finally(() => (running = undefined))
  }
  begin()
  const timer = setInterval(begin, intervalMs)
  return async () => {
    clearInterval(timer)
    await running
  }
}

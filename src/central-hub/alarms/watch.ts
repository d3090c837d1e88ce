import { runRepeatedly } from '../../platform/async.ts'
import type { Log } from '../../platform/log.ts'
import { readBusinessHours, listRules } from '../store/write/alarm-rules.ts'
import { lookAfterAlarms } from '../store/write/raise-alarms.ts'
import type { StopWork } from '../store/database/cluster.ts'
import type { Db } from '../store/database/schema.ts'
import { OpenHours } from './business-hours.ts'

/** How late an alarm may come, ms. */
const intervalMs = 15_000
/** How often it is looked after a start whether the store is up to date, ms. */
const pollMs = 250
/** How long that is waited for, ms. */
const patienceMs = 120_000
const minuteMs = 60_000

/**
 * Ends the alarms that are over, and raises those that are due.
 * @param now ms
 * @returns how many changed
 */
export const watchOnce = async (db: Db, now: number): Promise<number> => {
  const rules = await listRules(db)
  const minutes = rules.flatMap(({ steps }) => steps.map(({ after_minutes }) => after_minutes))
  const withinHours = rules.some(({ during }) => during === 'business_hours')
    ? new OpenHours(await readBusinessHours(db)).cutoffs(minutes, now)
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
  /** Whether what came while no hub ran is in the store. */
  isCurrent: () => boolean
  /** Called when there is something to deliver. */
  onChanged: () => void
  log: Pick<Log, 'error'>
}

/**
 * Looks after alarms every few seconds, once the store is up to date: a lead may have been answered
 * while no hub ran. A session-manager that does not answer holds up no alarm for longer than two
 * minutes.
 * @returns what ends it
 */
export const watchAlarms = ({ db, isCurrent, onChanged, log }: WatchOptions): StopWork => {
  const startedAt = performance.now()
  let stop: StopWork | undefined
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
  const first = (): void => {
    if (!isCurrent() && performance.now() - startedAt < patienceMs) return
    clearInterval(timer)
    stop = runRepeatedly(run, intervalMs)
  }
  const timer = setInterval(first, pollMs)
  return async () => {
    clearInterval(timer)
    await stop?.()
  }
}

import { runRepeatedly } from '../../platform/async.ts'
import { Retention, type RetentionOptions } from './retention.ts'
import type { StopWork } from '../store/database/cluster.ts'
import { pruneAlarms } from '../store/write/alarms.ts'
import { pruneEvents } from '../store/outbox/events.ts'
import type { Db } from '../store/database/schema.ts'
import { pruneAudit } from '../store/team/audit.ts'
import { pruneSessions } from '../store/team/sessions.ts'
import { confirmedUntil } from '../store/write/expire.ts'
import { pruneAnswers } from '../store/write/idempotency.ts'
import { bringBackReminded } from '../store/write/reminders.ts'

const hourMs = 3_600_000
/** How late a reminder may come, ms. The time is read again each time, because it may be set. */
const reminderMs = 15_000
/** The first run waits until the accounts that are followed are known, ms. */
const firstRetentionMs = 60_000

/** Brings leads back at the time of their reminders. @returns what ends it */
const startReminders = ({ store, onChanged, log }: RetentionOptions): StopWork => {
  const run = async (): Promise<void> => {
    try {
      if ((await bringBackReminded(store.db, Date.now())) > 0) onChanged()
    } catch (error) {
      log.error(
        { event: 'reminders_failed', err: error },
        'leads did not come back at the time of their reminders; tried again in 15 seconds'
      )
    }
  }
  return runRepeatedly(run, reminderMs)
}

/**
 * Deletes what is too old of the list of who did what. A clock that is ahead makes nothing old.
 * @param keepMs AUDIT_RETENTION; 0: all is kept
 */
export const expireAudit = async (db: Db, keepMs: number): Promise<void> => {
  if (keepMs === 0) return
  await pruneAudit(db, (await certainNow(db)) - keepMs)
}

/** Alarms that are over are kept for this long, ms. */
const keepAlarmsMs = 90 * 86_400_000

/** Deletes alarms that were over long ago. */
const expireAlarms = async (db: Db): Promise<void> =>
  pruneAlarms(db, (await certainNow(db)) - keepAlarmsMs)

/** The time that has certainly come, ms: a clock that is ahead makes nothing old. */
const certainNow = async (db: Db): Promise<number> => {
  const { certain_until } = await db
    .selectFrom('store')
    .select('certain_until')
    .executeTakeFirstOrThrow()
  return Math.min(Date.now(), Math.max(certain_until, await confirmedUntil(db)))
}

/**
 * Drops old events, kept answers and expired sessions, scrubs what was deleted, and deletes what is
 * too old, every hour; brings leads back at the time of their reminders. @returns what ends it
 * @param options.keepMs RETENTION; 0: messages are kept for good
 * @param options.keepAuditMs AUDIT_RETENTION; 0: it is kept for good
 */
export const startHousekeeping = (
  options: RetentionOptions & { keepAuditMs: number }
): StopWork => {
  const { store, keepMs, keepAuditMs, log } = options
  const retention = keepMs > 0 ? new Retention(options) : undefined
  const prune = (): void =>
    void Promise.all([
      pruneEvents(store.db),
      pruneAnswers(store.db),
      pruneSessions(store.db),
      expireAudit(store.db, keepAuditMs),
      expireAlarms(store.db)
    ]).catch((error: unknown) =>
      log.warn(
        { event: 'prune_failed', err: error },
        'old events, answers, sessions, audit entries or alarms were not dropped; ' +
          'tried again in an hour'
      )
    )
  const scrub = (): void =>
    void store
      .scrub()
      .catch((error: unknown) =>
        log.error(
          { event: 'scrub_failed', err: error },
          'bytes of what was deleted are still in the file of the store; tried again in an hour'
        )
      )
  const expire = (): void =>
    void retention
      ?.run()
      .catch((error: unknown) =>
        log.error(
          { event: 'retention_failed', err: error },
          'what is older than RETENTION was not deleted; tried again in an hour'
        )
      )
  const reminders = startReminders(options)
  const timers = [
    ...[prune, scrub, expire].map((run) => setInterval(run, hourMs)),
    setTimeout(expire, firstRetentionMs)
  ]
  return async () => {
    for (const timer of timers) clearInterval(timer)
    await retention?.stop()
    await reminders()
  }
}

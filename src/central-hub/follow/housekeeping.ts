import { Retention, type RetentionOptions } from './retention.ts'
import type { StopWork } from '../store/database/cluster.ts'
import { pruneEvents } from '../store/outbox/events.ts'
import { pruneSessions } from '../store/team/sessions.ts'
import { pruneAnswers } from '../store/write/idempotency.ts'

const hourMs = 3_600_000
/** The first run waits until the accounts that are followed are known, ms. */
const firstRetentionMs = 60_000

/**
 * Drops old events, kept answers and expired sessions, scrubs what was deleted, and deletes what is
 * too old, every hour. @returns what ends it
 * @param options.keepMs RETENTION; 0: messages are kept for good
 */
export const startHousekeeping = (options: RetentionOptions): StopWork => {
  const { store, keepMs, log } = options
  const retention = keepMs > 0 ? new Retention(options) : undefined
  const prune = (): void =>
    void Promise.all([
      pruneEvents(store.db),
      pruneAnswers(store.db),
      pruneSessions(store.db)
    ]).catch((error: unknown) =>
      log.warn(
        { event: 'prune_failed', err: error },
        'old events, kept answers and expired sessions were not dropped; tried again in an hour'
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
  const timers = [
    ...[prune, scrub, expire].map((run) => setInterval(run, hourMs)),
    setTimeout(expire, firstRetentionMs)
  ]
  return async () => {
    for (const timer of timers) clearInterval(timer)
    await retention?.stop()
  }
}

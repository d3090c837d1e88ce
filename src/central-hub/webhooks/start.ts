import type { Registry } from 'prom-client'
import type { Problem } from '../../contract/problem.ts'
import type { Status } from '../../contract/session.ts'
import { limitConcurrency } from '../../platform/async.ts'
import { CertainTime } from '../../platform/certain-time.ts'
import type { Log } from '../../platform/log.ts'
import type { Proxy } from '../../platform/proxy.ts'
import type { Live } from '../store/outbox/live.ts'
import { confirmedUntil } from '../store/write/expire.ts'
import { tellSession } from '../store/outbox/outbox.ts'
import { giveUpOff, pruneDeliveries } from '../store/outbox/prune-deliveries.ts'
import type { Hubs } from '../store/database/hubs.ts'
import type { Db } from '../store/database/schema.ts'
import { systemClock } from './clock.ts'
import { Deliverer } from './deliverer.ts'
import { DeliveringTime } from './delivering-time.ts'
import { createGuard, type Guard } from './guard.ts'
import { addWebhookMetrics } from './metrics.ts'
import { createPost } from './post.ts'

/**
 * Webhooks as the daemon runs them: what is told of messages, leads and sessions is delivered, and
 * dropped in time.
 */
export interface Webhooks {
  guard: Guard
  /** A webhook or its deliveries were changed. */
  wake(): void
  /**
   * What is known of a session now; the same status again is no news. @param account '' for the
   * first session-manager
   */
  session(account: string, now: Status | Problem): void
  /** @param graceMs for what is under way */
  stop(graceMs: number): Promise<void>
}

interface WebhooksOptions {
  db: Db
  /** One of them delivers at a time. */
  hubs: Hubs
  live: Live
  log: Log
  registry: Registry
  version: string
  /** Networks that are not public and may be reached all the same. */
  privateAddresses: readonly string[]
  envFile: string
  /** PUBLIC_URL; empty: there are no links. */
  publicUrl?: string
  /** By which they reach the outside. */
  proxy?: Proxy | undefined
  /** How long messages are kept, ms; 0: for good. */
  retentionMs: number
}

const pruneMs = 3_600_000

/**
 * @returns gives the time that has come for sure, ms: a clock that is ahead for a while drops no
 * delivery early
 */
const createCertainNow = (): ((db: Db) => Promise<number>) => {
  let certain: CertainTime | undefined
  return async (db) => {
    const { certain_until } = await db
      .selectFrom('store')
      .select('certain_until')
      .executeTakeFirstOrThrow()
    certain ??= new CertainTime(certain_until)
    return certain.look(Math.max(certain_until, await confirmedUntil(db)), Date.now())
  }
}

export const startWebhooks = ({
  db,
  hubs,
  live,
  log,
  registry,
  version,
  privateAddresses,
  envFile,
  publicUrl = '',
  proxy,
  retentionMs
}: WebhooksOptions): Webhooks => {
  const guard = createGuard({ allowed: privateAddresses, envFile, hasProxy: proxy !== undefined })
  const onSettled = addWebhookMetrics(registry, db)
  const certainNow = createCertainNow()
  let [deliverer, grace]: [Deliverer | undefined, number] = [undefined, 0]
  const prune = async (time: DeliveringTime): Promise<void> => {
    try {
      await giveUpOff(db, await time.now(), Date.now())
      await time.save()
      await pruneDeliveries(db, await certainNow(db), retentionMs || Infinity)
    } catch (error) {
      log.warn(
        { event: 'prune_failed', err: error },
        'old deliveries were not dropped; tried again in an hour'
      )
    }
  }
  const job = hubs.job('webhooks', () => {
    const post = createPost({ guard, proxy, envFile, userAgent: `LeadMaster/${version}` })
    const time = new DeliveringTime(db, systemClock.steady)
    const mine = new Deliverer({ db, log, post, time, publicUrl, onSettled })
    const endChanges = live.onChanged(() => mine.wake())
    const pruning = setInterval(() => void prune(time), pruneMs)
    deliverer = mine
    return async () => {
      deliverer = undefined
      endChanges()
      clearInterval(pruning)
      await mine.stop(grace)
    }
  })
  const wake = (): void => {
    deliverer?.wake()
    hubs
      .changed()
      .catch((error: unknown) =>
        log.warn(
          { event: 'hubs_untold', err: error },
          'another hub was not told that there is something to deliver; it sees it with the next change'
        )
      )
  }
  /** One after the other: of several connections to the store, the last told might write first. */
  const inTurn = limitConcurrency(1)
  return {
    guard,
    wake,
    session: (account, now) =>
      void inTurn(() => tellSession(db, account, now)).then(
        (told) => (told ? wake() : undefined),
        (error: unknown) =>
          log.warn(
            { event: 'session_untold', err: error },
            'webhooks were not told of the session; they are when it changes again'
          )
      ),
    stop: (graceMs) => {
      grace = graceMs
      return job.stop()
    }
  }
}

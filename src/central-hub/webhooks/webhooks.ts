import type { Registry } from 'prom-client'
import type { Problem } from '../../contract/problem.ts'
import type { Status } from '../../contract/session.ts'
import { limitConcurrency } from '../../platform/async.ts'
import { CertainTime } from '../../platform/certain-time.ts'
import type { Log } from '../../platform/log.ts'
import type { Proxy } from '../../platform/proxy.ts'
import type { ChangeNotifier } from '../store/outbox/change-notifier.ts'
import { confirmedUntil } from '../store/write/expire.ts'
import { addSessionEvent } from '../store/outbox/outbox.ts'
import { giveUpOff, pruneDeliveries } from '../store/outbox/prune-deliveries.ts'
import type { Cluster, Leadership, StopWork } from '../store/database/cluster.ts'
import type { Db } from '../store/database/schema.ts'
import { systemClock } from './clock.ts'
import { Deliverer } from './deliverer.ts'
import { DeliveringTime } from './delivering-time.ts'
import { SsrfGuard } from './guard.ts'
import { addWebhookMetrics } from './metrics.ts'
import { createPost } from './post.ts'

interface WebhooksOptions {
  db: Db
  /** One of its hubs delivers at a time. */
  cluster: Cluster
  notifier: ChangeNotifier
  log: Log
  registry: Registry
  version: string
  /** Networks that are not public and may be reached all the same. */
  privateAddresses: readonly string[]
  envFile: string
  /** PUBLIC_URL; empty: there are no links. */
  publicUrl?: string
  /** The way of requests to the outside; undefined: they go directly. */
  proxy?: Proxy | undefined
  /** How long messages are kept, ms; 0: for good. */
  retentionMs: number
}

const pruneMs = 3_600_000

/** Delivers events of messages, leads and sessions, and drops old deliveries in time. */
export class Webhooks {
  readonly guard: SsrfGuard
  readonly #options: WebhooksOptions
  readonly #onSettled: ReturnType<typeof addWebhookMetrics>
  readonly #leadership: Leadership
  /**
   * Writes one session at a time. Of several connections to the store, the one with the newest
   * session might write first.
   */
  readonly #inTurn = limitConcurrency(1)
  /** Set while this hub delivers. */
  #deliverer: Deliverer | undefined
  #graceMs = 0
  #certainTime: CertainTime | undefined

  constructor(options: WebhooksOptions) {
    const { privateAddresses, envFile, proxy, registry, db, cluster } = options
    this.#options = options
    this.guard = new SsrfGuard({
      allowed: privateAddresses,
      envFile,
      hasProxy: proxy !== undefined
    })
    this.#onSettled = addWebhookMetrics(registry, db)
    this.#leadership = cluster.runAsLeader('webhooks', () => this.#deliver())
  }

  /**
   * A webhook or its deliveries were changed. An arrow function, because it is handed over as a
   * callback.
   */
  readonly wake = (): void => {
    const { cluster, log } = this.#options
    this.#deliverer?.wake()
    cluster
      .notifyChanged()
      .catch((error: unknown) =>
        log.warn(
          { event: 'hubs_untold', err: error },
          'another hub was not told that there is something to deliver; ' +
            'it sees it with the next change'
        )
      )
  }

  /**
   * What is known of a session now. The same status again is no news.
   * @param account '' for the first session-manager
   */
  onSession(account: string, now: Status | Problem): void {
    const { db, log } = this.#options
    void this.#inTurn(() => addSessionEvent(db, account, now)).then(
      (isAdded) => (isAdded ? this.wake() : undefined),
      (error: unknown) =>
        log.warn(
          { event: 'session_untold', err: error },
          'webhooks were not told of the session; they are when it changes again'
        )
    )
  }

  /** @param graceMs the time for requests under way */
  stop(graceMs: number): Promise<void> {
    this.#graceMs = graceMs
    return this.#leadership.stop()
  }

  #deliver(): StopWork {
    const { db, log, notifier, version, envFile, proxy, publicUrl = '' } = this.#options
    const userAgent = `LeadMaster/${version}`
    const post = createPost({ guard: this.guard, proxy, envFile, userAgent })
    const time = new DeliveringTime(db, systemClock.steady)
    const onSettled = this.#onSettled
    const deliverer = new Deliverer({ db, log, post, time, publicUrl, onSettled })
    const endChanges = notifier.onChanged(() => deliverer.wake())
    const pruning = setInterval(() => void this.#prune(time), pruneMs)
    this.#deliverer = deliverer
    return async () => {
      this.#deliverer = undefined
      endChanges()
      clearInterval(pruning)
      await deliverer.stop(this.#graceMs)
    }
  }

  async #prune(time: DeliveringTime): Promise<void> {
    const { db, log, retentionMs } = this.#options
    try {
      await giveUpOff(db, await time.now(), Date.now())
      await time.save()
      await pruneDeliveries(db, await this.#certainNow(), retentionMs || Infinity)
    } catch (error) {
      log.warn(
        { event: 'prune_failed', err: error },
        'old deliveries were not dropped; tried again in an hour'
      )
    }
  }

  /**
   * The time that has certainly come, ms: a clock that is ahead for a while drops nothing early.
   */
  async #certainNow(): Promise<number> {
    const { db } = this.#options
    const { certain_until } = await db
      .selectFrom('store')
      .select('certain_until')
      .executeTakeFirstOrThrow()
    this.#certainTime ??= new CertainTime(certain_until)
    const until = Math.max(certain_until, await confirmedUntil(db))
    return this.#certainTime.look(until, Date.now())
  }
}

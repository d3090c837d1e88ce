import type { Log } from '../../platform/log.ts'
import {
  nextDelivery,
  settleDelivered,
  settleFailed,
  waitingWebhooks,
  type NextDelivery
} from '../store/outbox/deliveries.ts'
import { deliverForMs } from '../store/outbox/outbox.ts'
import type { Db } from '../store/database/schema.ts'
import { hasFailedLately } from '../store/outbox/webhooks.ts'
import { bodyOf, signedHeaders } from './body.ts'
import { Circuit } from './circuit.ts'
import { systemClock, type Clock } from './clock.ts'
import type { DeliveringTime } from './delivering-time.ts'
import type { Outcome, Post } from './post.ts'
import { delayOf } from './retry.ts'
import { Worker } from './worker.ts'

/** A `failed` delivery is tried again. A `dead` one was given up. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'dead'

interface CourierOptions {
  db: Db
  post: Post
  log: Log
  time: DeliveringTime
  publicUrl: string
  onSettled: (outcome: DeliveryOutcome, deliveries: number) => void
  clock: Clock
  random: () => number
  /** Ends the requests under way. */
  cut: AbortSignal
}

/** The pause after an error of the store, ms. */
const pauseMs = 5_000
const gone = 410
/** The most concurrent deliveries of one webhook, each of another lead. */
const maxConcurrent = 4
/** The most concurrent deliveries that failed before. */
const maxRetries = 2

/** What a log may say of a webhook. Paths and queries of such URLs hold secrets. */
const loggable = ({ webhookId, url }: NextDelivery): { webhook: number; origin: string } => ({
  webhook: webhookId,
  origin: new URL(url).origin
})

/**
 * Delivers what waits for one webhook. It takes the first delivery of each queue, so that the order
 * of each lead holds. It takes several queues concurrently, so that none waits for another. An
 * outcome is written before the next delivery of its queue starts. After a kill of the hub, every
 * delivery without an outcome is tried again.
 */
class Courier {
  readonly #id: number
  readonly #options: CourierOptions
  readonly #circuit = new Circuit()
  readonly #underWay = new Map<
    string,
    { outboxId: number; isRetry: boolean; done: Promise<void> }
  >()
  readonly #worker: Worker
  /** The end of the pause after an error of the store, by the clock that only goes on, ms. */
  #pausedUntil = 0

  constructor(id: number, options: CourierOptions) {
    this.#id = id
    this.#options = options
    this.#worker = new Worker({
      clock: options.clock,
      work: (stopping) => this.#startDue(stopping)
    })
  }

  wake(): void {
    this.#worker.wake()
  }

  /** Starts nothing further. Resolves once the deliveries under way are settled or cut off. */
  async stop(): Promise<void> {
    await this.#worker.stop()
    await Promise.all([...this.#underWay.values()].map(({ done }) => done))
  }

  /**
   * Starts the deliveries that are due.
   * @returns when there is more to start, ms since 1970; undefined when a wake will say so
   */
  async #startDue(stopping: () => boolean): Promise<number | undefined> {
    const { clock } = this.#options
    try {
      while (!stopping()) {
        const remainingMs = this.#pausedUntil - clock.steady()
        if (remainingMs > 0) return clock.now() + remainingMs
        if (this.#underWay.size >= (this.#circuit.isOpen ? 1 : maxConcurrent)) return undefined
        const waitMs = await this.#startNext(stopping)
        if (waitMs !== 'started') return waitMs === undefined ? undefined : clock.now() + waitMs
      }
    } catch (error) {
      this.#pause(error)
      return clock.now() + pauseMs
    }
    return undefined
  }

  /** @returns how long until there is more to start, ms, if that is known */
  async #startNext(stopping: () => boolean): Promise<'started' | number | undefined> {
    const { db, clock } = this.#options
    // A webhook that was changed begins without its earlier failures.
    if (this.#circuit.isOpen && !(await hasFailedLately(db, this.#id))) this.#circuit.close()
    const { retriesMs, freshMs } = this.#circuit.waits(clock.steady())
    const retries = [...this.#underWay.values()].filter(({ isRetry }) => isRetry).length
    const delivery = await nextDelivery(db, this.#id, clock.now(), {
      busy: new Map([...this.#underWay].map(([queue, { outboxId }]) => [queue, outboxId])),
      fresh: freshMs === 0,
      retries: retriesMs === 0 && retries < maxRetries
    })
    const waits = [retriesMs, freshMs].filter((ms) => ms > 0)
    if (delivery === undefined) return waits.length > 0 ? Math.min(...waits) : undefined
    const dueInMs = delivery.dueAt - clock.now()
    if (dueInMs > 0) return Math.min(dueInMs, ...waits)
    if (stopping()) return undefined
    this.#start(delivery)
    return 'started'
  }

  #start(delivery: NextDelivery): void {
    const { queue, outboxId, dueAt } = delivery
    const done = this.#deliver(delivery)
      .catch((error: unknown) => this.#pause(error))
      .finally(() => {
        this.#underWay.delete(queue)
        this.#worker.wake()
      })
    this.#underWay.set(queue, { outboxId, isRetry: dueAt > 0, done })
  }

  #pause(error: unknown): void {
    const { log, clock } = this.#options
    // Several deliveries may meet the same error.
    if (this.#pausedUntil > clock.steady()) return
    this.#pausedUntil = clock.steady() + pauseMs
    log.error(
      { event: 'delivering_failed', webhook: this.#id, err: error },
      `delivering to webhook ${this.#id} failed; tried again in ${pauseMs / 1_000} s`
    )
  }

  async #deliver(delivery: NextDelivery): Promise<void> {
    const { post, clock, publicUrl, cut } = this.#options
    const body = bodyOf(delivery, publicUrl)
    const headers = signedHeaders({ ...delivery, body }, clock.now())
    const outcome = await post.send({ url: delivery.url, headers, body }, cut)
    if (cut.aborted && outcome.status === null) return
    await (outcome.error === undefined
      ? this.#delivered(delivery, outcome)
      : this.#failed(delivery, outcome))
  }

  async #delivered(delivery: NextDelivery, { status }: Outcome): Promise<void> {
    const { db, log, clock, onSettled } = this.#options
    const recovered = await settleDelivered(db, delivery, { at: clock.now(), status })
    this.#circuit.close()
    onSettled('delivered', 1)
    if (recovered === undefined) return
    const facts = {
      ...loggable(delivery),
      failing_ms: clock.now() - recovered.since,
      failures: recovered.failures
    }
    log.info(
      { event: 'webhook_mended', ...facts },
      `webhook ${delivery.webhookId} takes deliveries again`
    )
  }

  async #failed(
    delivery: NextDelivery,
    { status, error = '', retryAfterMs }: Outcome
  ): Promise<void> {
    const { db, clock, time, random, onSettled } = this.#options
    const { ping } = delivery
    const [at, deliveringMs, jitter] = [clock.now(), await time.now(), random()]
    const disable = status === gone
    const isDead = !disable && delivery.givesUpAt !== null && deliveringMs >= delivery.givesUpAt
    if (!ping) this.#circuit.failed(delivery.queue, clock.steady(), retryAfterMs, jitter)
    // An endpoint that accepts nothing is not asked for each delivery whose time is up.
    const all = isDead && !ping && (status === null || this.#circuit.isOpen)
    const giveUpAt = deliveringMs + deliverForMs
    const retry =
      ping || isDead ? {} : { retryAt: at + delayOf(delivery.attempts + 1, retryAfterMs, jitter) }
    const { dead, isFirst } = await settleFailed(
      db,
      delivery,
      { at, status, error },
      { ...retry, all, disable, deliveringMs, giveUpAt }
    )
    await time.save()
    onSettled(ping || isDead ? 'dead' : 'failed', Math.max(1, dead))
    this.#logFailure(
      delivery,
      { status, error },
      { disable, isFirst, givenUp: isDead && !ping ? dead : 0 }
    )
  }

  #logFailure(
    delivery: NextDelivery,
    { status, error }: Pick<Outcome, 'status' | 'error'>,
    { disable, isFirst, givenUp }: { disable: boolean; isFirst: boolean; givenUp: number }
  ): void {
    const { log } = this.#options
    const line = { ...loggable(delivery), status, error }
    const name = `webhook ${delivery.webhookId}`
    if (disable)
      log.warn(
        { event: 'webhook_disabled', ...line },
        `${name} is gone (HTTP 410): it was turned off`
      )
    else if (isFirst)
      log.warn(
        { event: 'webhook_failing', ...line },
        `${name} does not take deliveries: they are tried again for 3 days`
      )
    if (givenUp > 0)
      log.warn(
        { event: 'deliveries_dead', ...line, deliveries: givenUp },
        `deliveries of ${name} were given up; they can be replayed`
      )
  }
}

interface DelivererOptions extends Pick<CourierOptions, 'db' | 'post' | 'log' | 'time'> {
  /** PUBLIC_URL; empty: there are no links. */
  publicUrl?: string
  onSettled?: CourierOptions['onSettled']
  clock?: Clock
  /** From 0 to 1, for the jitter. */
  random?: () => number
}

/** Delivers what waits in the outbox. Each webhook has its own courier: none delays another. */
export class Deliverer {
  readonly #options: CourierOptions
  readonly #couriers = new Map<number, Courier>()
  readonly #cut = new AbortController()
  readonly #worker: Worker

  constructor({
    publicUrl = '',
    onSettled = () => undefined,
    clock = systemClock,
    random = Math.random,
    ...rest
  }: DelivererOptions) {
    this.#options = { ...rest, publicUrl, onSettled, clock, random, cut: this.#cut.signal }
    this.#worker = new Worker({ clock, work: () => this.#wakeCouriers() })
    this.wake()
  }

  /** There may be something new in the outbox, or a webhook was changed. */
  wake(): void {
    this.#worker.wake()
  }

  /**
   * Stops taking deliveries and waits up to `graceMs` for those in progress. The rest are retried
   * after the next start.
   */
  async stop(graceMs: number): Promise<void> {
    const late = setTimeout(() => this.#cut.abort(), graceMs)
    await this.#worker.stop()
    await Promise.all([...this.#couriers.values()].map((courier) => courier.stop()))
    clearTimeout(late)
    this.#cut.abort()
    this.#options.post.close()
  }

  async #wakeCouriers(): Promise<number | undefined> {
    const { db, log, clock } = this.#options
    try {
      for (const id of await waitingWebhooks(db)) this.#courierOf(id).wake()
      return undefined
    } catch (error) {
      log.error(
        { event: 'outbox_silent', err: error },
        `the outbox could not be read; tried again in ${pauseMs / 1_000} s`
      )
      return clock.now() + pauseMs
    }
  }

  #courierOf(id: number): Courier {
    const courier = this.#couriers.get(id) ?? new Courier(id, this.#options)
    this.#couriers.set(id, courier)
    return courier
  }
}

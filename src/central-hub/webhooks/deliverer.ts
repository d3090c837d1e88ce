import type { Log } from '../../platform/log.ts'
import { nextDelivery, settleDelivered, settleFailed, waitingWebhooks, type NextDelivery } from '../store/deliveries.ts'
import type { Db } from '../store/schema.ts'
import { bodyOf } from './body.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Outcome, Post } from './post.ts'
import { isOver, retryAt, type Failed } from './retry.ts'
import { signedHeaders } from './sign.ts'
import { createWorker, type Worker } from './worker.ts'

/**
 * Takes what waits in the outbox to the webhooks. Each has a worker of its own, so that none holds up another, with one
 * delivery under way at a time, so that the order holds and, with as many webhooks as there may be, memory is bounded.
 * An outcome is written before the next one starts: whenever the hub is killed, what was not settled is tried again.
 */
export interface Deliverer {
  /** There may be something new in the outbox, or a webhook was changed. */
  wake(): void
  /** Starts nothing new, gives what is under way `graceMs` to end, and cuts off the rest, which is tried again after the next start. */
  stop(graceMs: number): Promise<void>
}

/** `failed`: it is tried again; `dead`: it was given up. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'dead'

export interface DelivererOptions {
  db: Db
  post: Post
  log: Log
  /** PUBLIC_URL; empty: there are no links. */
  publicUrl?: string
  onSettled?: (outcome: DeliveryOutcome, deliveries: number) => void
  clock?: Clock
  /** From 0 to 1, for the jitter. */
  random?: () => number
}

/** After an error of the store's, ms. */
const troubleMs = 5_000
const gone = 410

export const createDeliverer = ({ db, post, log, publicUrl = '', onSettled = () => undefined, clock = systemClock, random = Math.random }: DelivererOptions): Deliverer => {
  const workers = new Map<number, Worker>()
  const cut = new AbortController()

  /** What a log may tell of a webhook: paths and queries of such URLs hold secrets. */
  const named = ({ webhookId, url }: NextDelivery): { webhook: number; origin: string } => ({ webhook: webhookId, origin: new URL(url).origin })

  const delivered = async (delivery: NextDelivery, { status }: Outcome): Promise<void> => {
    const well = await settleDelivered(db, delivery, { at: clock.now(), status })
    onSettled('delivered', 1)
    if (delivery.failingSince === null || !well) return
    log.info({ event: 'webhook_mended', ...named(delivery), failing_ms: clock.now() - delivery.failingSince, failures: delivery.failures }, `webhook ${delivery.webhookId} takes deliveries again`)
  }

  const failed = async (delivery: NextDelivery, { status, error = '', retryAfterMs }: Outcome): Promise<void> => {
    const now = clock.now()
    const facts: Failed = { now, failures: delivery.failures + 1, failingSince: delivery.failingSince ?? now, expiresAt: delivery.expiresAt, retryAfterMs }
    const disable = status === gone
    const over = delivery.ping || (!disable && isOver(facts))
    // an endpoint that does not even answer is not asked once for each of those that have had their time
    const all = over && !delivery.ping && status === null
    const dead = await settleFailed(db, delivery, { at: now, status, error }, { all, disable, ...(over ? {} : { retryAt: retryAt(facts, random()) }) })
    onSettled(over ? 'dead' : 'failed', Math.max(1, dead))
    const line = { ...named(delivery), status, error }
    if (disable) log.warn({ event: 'webhook_disabled', ...line }, `webhook ${delivery.webhookId} is gone (HTTP 410): it was turned off`)
    else if (delivery.failingSince === null) log.warn({ event: 'webhook_failing', ...line }, `webhook ${delivery.webhookId} does not take deliveries: they are tried again for 3 days`)
    if (over && !delivery.ping) log.warn({ event: 'deliveries_dead', ...line, deliveries: dead }, `deliveries of webhook ${delivery.webhookId} were given up; they can be replayed`)
  }

  /** Delivers in order for as long as something is due. */
  const deliver = async (webhookId: number, stopping: () => boolean): Promise<number | undefined> => {
    while (!stopping()) {
      const delivery = await nextDelivery(db, webhookId, clock.now())
      if (delivery === undefined || delivery.dueAt > clock.now()) return delivery?.dueAt
      const body = bodyOf(delivery, publicUrl)
      const outcome = await post.send({ url: delivery.url, headers: signedHeaders({ ...delivery, body }, clock.now()), body }, cut.signal)
      if (cut.signal.aborted && outcome.status === null) return undefined
      await (outcome.error === undefined ? delivered(delivery, outcome) : failed(delivery, outcome))
    }
    return undefined
  }

  const workerOf = (webhookId: number): Worker => {
    const known = workers.get(webhookId)
    if (known !== undefined) return known
    const work = async (stopping: () => boolean): Promise<number | undefined> => {
      try {
        return await deliver(webhookId, stopping)
      } catch (error) {
        log.error({ event: 'delivering_failed', webhook: webhookId, err: error }, `delivering to webhook ${webhookId} failed; tried again in ${troubleMs / 1_000} s`)
        return clock.now() + troubleMs
      }
    }
    const worker = createWorker({ clock, work })
    workers.set(webhookId, worker)
    return worker
  }

  const all = createWorker({
    clock,
    work: async () => {
      try {
        for (const id of await waitingWebhooks(db)) workerOf(id).wake()
        return undefined
      } catch (error) {
        log.error({ event: 'outbox_silent', err: error }, `the outbox could not be read; tried again in ${troubleMs / 1_000} s`)
        return clock.now() + troubleMs
      }
    }
  })
  all.wake()

  return {
    wake: all.wake,
    stop: async (graceMs) => {
      const late = setTimeout(() => cut.abort(), graceMs)
      await all.stop()
      await Promise.all([...workers.values()].map((worker) => worker.stop()))
      clearTimeout(late)
      cut.abort()
      post.close()
    }
  }
}

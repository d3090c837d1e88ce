import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { hostname, uptime } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import type { Nats } from '../../platform/nats/nats.ts'
import { withTimeout } from '../../platform/async.ts'
import { openLeaseKey, type LeaseKey, type LeaseSight, type LeaseValue } from './lease-bucket.ts'
import { LeaseGuard } from './lease-guard.ts'
import {
  newLease,
  stepLease,
  wakeAt,
  type Lease,
  type LeaseEffect,
  type LeaseEvent
} from './lease.ts'

interface LeaseKeeperOptions {
  account: string
  nats: Pick<Nats, 'connected' | 'fault'>
  ttlMs: number
  replicas: number
  profile: string
  /** Called when this host has the account no more: close the browser. */
  onLost: (reason: string) => void
  log: Log
}

const retryMs = 1_000
const releaseMs = 2_000

/** ms since boot, sleep included. Nobody sets this clock. */
const sinceBoot = (): number => Math.round(uptime() * 1_000)

/**
 * Keeps the lease of an account for as long as this process runs, or waits for it. It carries out
 * what lease.ts decides.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  /** How other hosts see this process. */
  readonly #value: LeaseValue
  /** Emits 'change' when the lease changes. */
  readonly #changes = new EventEmitter().setMaxListeners(0)
  readonly #stopping = new AbortController()
  #guard: LeaseGuard
  #sparedUntil = 0
  #key: LeaseKey | undefined
  #lease: Lease | undefined
  #holder: LeaseValue | undefined
  #timer: NodeJS.Timeout | undefined
  #terms = 0
  /** The request to NATS under way. */
  #request: Promise<void> = Promise.resolve()
  /** The newest revision that this process put, acknowledged or not. */
  #revision: number | undefined

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#value = {
      owner: `${hostname()}-${process.pid}-${randomUUID()}`,
      host: hostname(),
      since: new Date().toISOString()
    }
    this.#guard = this.#startGuard()
    void this.#follow()
  }

  isHeld(): boolean {
    this.#dispatch({ type: 'tick' })
    return this.#lease?.held !== undefined
  }

  /** Counts the times that the lease was acquired, from 1; undefined while it is not held. */
  fencingTerm(): number | undefined {
    return this.isHeld() ? this.#terms : undefined
  }

  /**
   * Resolves once this host has the account.
   * @param onWaiting takes the reason of the wait, each time it changes
   * @throws when `signal` aborts
   */
  async acquire(onWaiting: (waitingFor: string) => void, signal: AbortSignal): Promise<void> {
    let reported: string | undefined
    while (!this.isHeld()) {
      const reason = this.#whyNotHeld()
      if (reported !== reason) onWaiting((reported = reason))
      const either = new AbortController()
      const until = { signal: AbortSignal.any([signal, either.signal]) }
      await Promise.race([
        once(this.#changes, 'change', until),
        delay(retryMs, undefined, until)
      ]).finally(() => either.abort())
    }
  }

  /**
   * Gives the lease up, so that another host can take it. This host does not hold it from the call
   * on. Its browser must be closed, and the records of the journal must be forwarded, or left for
   * the next time that this host holds it.
   */
  async release(): Promise<void> {
    const wasHeld = this.#lease?.held !== undefined || this.#lease?.pending !== undefined
    this.#stopping.abort()
    clearTimeout(this.#timer)
    if (this.#lease !== undefined) this.#lease = { ...this.#lease, held: undefined }
    if (wasHeld) await this.#giveUp()
    await this.#guard.stop()
  }

  /** Starts the guard, and starts another one if it ends. */
  #startGuard(): LeaseGuard {
    const { profile, log } = this.#options
    return new LeaseGuard(profile, (reason) => {
      log.error(
        { event: 'lease_guard_ended', reason, retry_ms: retryMs },
        `what kills Chromium when the lease is over has ended: ${reason}`
      )
      setTimeout(() => {
        if (this.#stopping.signal.aborted) return
        this.#guard = this.#startGuard()
        this.#guard.spare(this.#sparedUntil)
      }, retryMs)
    })
  }

  /**
   * Follows the key until this stops. After a failure it waits and tries again: NATS may be down
   * when this begins, and a watch may end.
   */
  async #follow(): Promise<void> {
    const { account, nats, ttlMs, replicas, log } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        this.#key ??= await openLeaseKey(await nats.connected, account, { ttlMs, replicas })
        this.#lease ??= newLease(this.#value.owner, this.#key.ttlMs, sinceBoot())
        this.#dispatch({ type: 'tick' })
        for await (const sight of await this.#key.watch()) this.#onSight(sight)
      } catch (error) {
        if (signal.aborted) return
        log.warn(
          { event: 'lease_unwatched', reason: reasonOf(error), retry_ms: retryMs },
          `who runs the account ${account} cannot be followed for now`
        )
      }
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  #onSight({ revision, value }: LeaseSight): void {
    this.#holder = value
    this.#dispatch({ type: 'seen', revision, owner: value?.owner })
  }

  #whyNotHeld(): string {
    const { account, nats } = this.#options
    const holder = this.#holder
    if (holder !== undefined && holder.owner !== this.#value.owner)
      return (
        `the account ${account} is run by ${holder.host} since ${holder.since}: ` +
        'this host takes it over when that one stops'
      )
    return (
      `which host runs the account ${account} cannot be told: ` +
      (nats.fault() ?? 'NATS has not answered yet')
    )
  }

  #dispatch(event: LeaseEvent): void {
    if (this.#lease === undefined || this.#stopping.signal.aborted) return
    const step = stepLease(this.#lease, event, sinceBoot())
    const wasHeld = this.#lease.held !== undefined
    const isChanged = step.lease !== this.#lease
    this.#lease = step.lease
    for (const effect of step.effects) this.#carryOut(effect, wasHeld)
    clearTimeout(this.#timer)
    const wake = wakeAt(this.#lease)
    // While a request is under way, its answer, or the lack of an answer, comes first.
    if (wake < Infinity)
      this.#timer = setTimeout(
        () => this.#dispatch({ type: 'tick' }),
        Math.max(1, wake - sinceBoot())
      )
    // Only a change is emitted. Otherwise two callers that wait would wake each other without end.
    if (isChanged) this.#changes.emit('change')
  }

  #carryOut(effect: LeaseEffect, wasHeld: boolean): void {
    if (effect.do === 'put') {
      this.#request = this.#put(effect.request, effect.revision)
      return
    }
    if (effect.do === 'extend') return this.#extend(effect.killAt, wasHeld)
    this.#revoke(effect.now)
  }

  #extend(killAt: number, wasHeld: boolean): void {
    const { account, log } = this.#options
    this.#spare(killAt)
    if (wasHeld) return
    this.#terms += 1
    log.info({ event: 'lease_taken', account }, `the account ${account} is this host's`)
  }

  #revoke(isNow: boolean): void {
    const { account, nats, onLost, log } = this.#options
    if (isNow) this.#spare(0)
    const why = isNow
      ? `the account ${account} is this host's no more`
      : `the account ${account} could not be kept for this host: ` +
        (nats.fault() ?? 'NATS does not answer')
    log.warn({ event: 'lease_lost', account, reason: why }, why)
    onLost(why)
  }

  #spare(until: number): void {
    this.#sparedUntil = until
    this.#guard.spare(until)
  }

  async #put(request: number, revision: number | undefined): Promise<void> {
    const key = this.#key as LeaseKey
    const timeoutMs = key.ttlMs / 6
    try {
      const acknowledged = await withTimeout(key.put(this.#value, revision), timeoutMs)
      if (acknowledged !== undefined) {
        this.#revision = acknowledged
        return this.#dispatch({ type: 'acknowledged', request, revision: acknowledged })
      }
      const sight = await withTimeout(key.look(), timeoutMs)
      this.#holder = sight?.value
      const holder =
        sight?.value === undefined
          ? undefined
          : { owner: sight.value.owner, revision: sight.revision }
      this.#dispatch({ type: 'refused', request, holder })
    } catch (error) {
      this.#options.log.debug(
        { event: 'lease_unanswered', err: error },
        'NATS did not answer for the lease'
      )
      this.#dispatch({ type: 'failed', request })
    }
  }

  /**
   * Removes the key. A renewal under way is awaited first: it would give the key another revision,
   * or put it again.
   */
  async #giveUp(): Promise<void> {
    const { account, log } = this.#options
    try {
      await withTimeout(this.#request, releaseMs)
      if (this.#revision !== undefined)
        await withTimeout((this.#key as LeaseKey).remove(this.#revision), releaseMs)
    } catch (error) {
      log.warn(
        { event: 'lease_left', err: error },
        `the account ${account} stays this host's until its time is over`
      )
    }
  }
}

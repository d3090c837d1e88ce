import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { hostname, uptime } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import type { Nats } from '../../platform/nats/nats.ts'
import { withTimeout } from '../../platform/async.ts'
import { openLeaseKey, type LeaseKey, type LeaseSight, type LeaseValue } from './lease-bucket.ts'
import { startGuard } from './lease-guard.ts'
import {
  newLease,
  stepLease,
  wakeAt,
  type Lease,
  type LeaseEffect,
  type LeaseEvent
} from './lease.ts'

/**
 * Keeps the lease of an account for as long as this process runs, or waits for it: carries out what
 * lease.ts decides.
 */
export interface LeaseKeeper {
  /**
   * Resolves once the account is this host's. @param tell what that waits for. @throws when it is
   * not wanted any more
   */
  admit(tell: (waitingFor: string) => void, signal: AbortSignal): Promise<void>
  isHeld(): boolean
  /** Which time it is that it is held, from 1; undefined while it is not. */
  term(): number | undefined
  /**
   * Gives it up, so that another host can take it. From the call on this host does not hold it. Its
   * browser must be closed, and what the journal has must be forwarded or left for the next time
   * that this host holds it.
   */
  release(): Promise<void>
}

interface LeaseKeeperOptions {
  account: string
  nats: Pick<Nats, 'connected' | 'fault'>
  ttlMs: number
  replicas: number
  profile: string
  /** The account is this host's no more: close the browser. */
  onLost: (reason: string) => void
  log: Log
}

const retryMs = 1_000
const releaseMs = 2_000

/** ms since boot, sleep included; nobody sets it. */
const sinceBoot = (): number => Math.round(uptime() * 1_000)

export const createLeaseKeeper = ({
  account,
  nats,
  ttlMs,
  replicas,
  profile,
  onLost,
  log
}: LeaseKeeperOptions): LeaseKeeper => {
  const value: LeaseValue = {
    owner: `${hostname()}-${process.pid}-${randomUUID()}`,
    host: hostname(),
    since: new Date().toISOString()
  }
  const news = new EventEmitter().setMaxListeners(0)
  const over = new AbortController()
  let key: LeaseKey | undefined
  let lease: Lease | undefined
  let holder: LeaseValue | undefined
  let timer: NodeJS.Timeout | undefined
  let sparedUntil = 0
  let terms = 0
  /** The request to NATS under way, and the newest revision that is ours, acknowledged or not. */
  let putting: Promise<void> = Promise.resolve()
  let newest: number | undefined

  const guarded = (): ReturnType<typeof startGuard> =>
    startGuard(profile, (reason) => {
      log.error(
        { event: 'lease_guard_ended', reason, retry_ms: retryMs },
        `what kills Chromium when the lease is over has ended: ${reason}`
      )
      setTimeout(() => {
        if (over.signal.aborted) return
        guard = guarded()
        guard.spare(sparedUntil)
      }, retryMs)
    })
  let guard = guarded()

  const reason = (): string =>
    holder !== undefined && holder.owner !== value.owner
      ? `the account ${account} is run by ${holder.host} since ${holder.since}: this host takes it over when that one stops`
      : `which host runs the account ${account} cannot be told: ${nats.fault() ?? 'NATS has not answered yet'}`

  const dispatch = (event: LeaseEvent): void => {
    if (lease === undefined || over.signal.aborted) return
    const step = stepLease(lease, event, sinceBoot())
    const was = lease.held !== undefined
    const isChanged = step.lease !== lease
    lease = step.lease
    for (const effect of step.effects) carryOut(effect, was)
    clearTimeout(timer)
    const wake = wakeAt(lease)
    // while a request is under way its answer, or that there was none, comes first
    if (wake < Infinity)
      timer = setTimeout(() => dispatch({ type: 'tick' }), Math.max(1, wake - sinceBoot()))
    // Two that wait for the account would wake each other without end if each look at it were news.
    if (isChanged) news.emit('change')
  }

  const carryOut = (effect: LeaseEffect, was: boolean): void => {
    if (effect.do === 'put') return void (putting = put(effect.request, effect.revision))
    if (effect.do === 'extend') {
      guard.spare((sparedUntil = effect.killAt))
      if (was) return
      terms += 1
      log.info({ event: 'lease_taken', account }, `the account ${account} is this host's`)
      return
    }
    if (effect.now) guard.spare((sparedUntil = 0))
    const why = effect.now
      ? `the account ${account} is this host's no more`
      : `the account ${account} could not be kept for this host: ${nats.fault() ?? 'NATS does not answer'}`
    log.warn({ event: 'lease_lost', account, reason: why }, why)
    onLost(why)
  }

  const put = async (request: number, revision: number | undefined): Promise<void> => {
    const { ttlMs: lasting } = key as LeaseKey
    try {
      const made = await withTimeout((key as LeaseKey).put(value, revision), lasting / 6)
      if (made !== undefined) {
        newest = made
        return dispatch({ type: 'acknowledged', request, revision: made })
      }
      const seen = await withTimeout((key as LeaseKey).look(), lasting / 6)
      holder = seen?.value
      dispatch({
        type: 'refused',
        request,
        holder:
          seen?.value === undefined
            ? undefined
            : { owner: seen.value.owner, revision: seen.revision }
      })
    } catch (error) {
      log.debug({ event: 'lease_unanswered', err: error }, 'NATS did not answer for the lease')
      dispatch({ type: 'failed', request })
    }
  }

  const see = (seen: LeaseSight): void => {
    holder = seen.value
    dispatch({ type: 'seen', revision: seen.revision, owner: seen.value?.owner })
  }

  /**
   * Until this is over, each failure after a wait: NATS may be down when this begins, and a watch
   * may end.
   */
  const follow = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        key ??= await openLeaseKey(await nats.connected, account, { ttlMs, replicas })
        lease ??= newLease(value.owner, key.ttlMs, sinceBoot())
        dispatch({ type: 'tick' })
        for await (const seen of await key.watch()) see(seen)
      } catch (error) {
        if (over.signal.aborted) return
        log.warn(
          { event: 'lease_unwatched', reason: reasonOf(error), retry_ms: retryMs },
          `who runs the account ${account} cannot be followed for now`
        )
      }
      await delay(retryMs, undefined, { signal: over.signal }).catch(() => undefined)
    }
  }
  void follow()

  const isHeld = (): boolean => {
    dispatch({ type: 'tick' })
    return lease?.held !== undefined
  }

  /**
   * Removes the key. A renewal under way is awaited: it would give the key another revision, or put
   * it again.
   */
  const giveUp = async (): Promise<void> => {
    try {
      await withTimeout(putting, releaseMs)
      if (newest !== undefined) await withTimeout((key as LeaseKey).remove(newest), releaseMs)
    } catch (error) {
      log.warn(
        { event: 'lease_left', err: error },
        `the account ${account} stays this host's until its time is over`
      )
    }
  }

  return {
    isHeld,
    term: () => (isHeld() ? terms : undefined),
    admit: async (tell, signal) => {
      let told: string | undefined
      while (!isHeld()) {
        if (told !== reason()) tell((told = reason()))
        const either = new AbortController()
        const until = { signal: AbortSignal.any([signal, either.signal]) }
        await Promise.race([once(news, 'change', until), delay(retryMs, undefined, until)]).finally(
          () => either.abort()
        )
      }
    },
    release: async () => {
      const wasHeld = lease?.held !== undefined || lease?.pending !== undefined
      over.abort()
      clearTimeout(timer)
      if (lease !== undefined) lease = { ...lease, held: undefined }
      if (wasHeld) await giveUp()
      await guard.stop()
    }
  }
}

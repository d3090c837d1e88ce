/**
 * Who runs an account: a lease that one host at a time has, kept as a key of NATS that goes by
 * itself unless it is renewed. A pure state machine: what happens comes in as events, what to do
 * goes out as effects, which lease-keeper.ts carries out.
 *
 * It never has two owners at a time, for what counts is counted from safe sides: the server lets
 * the key go one TTL after it got a put, while the owner counts from before it sent that put,
 * closes its browser at two thirds and has it killed at five sixths. Only an answer to a put of its
 * own makes it owner, never what it sees.
 *
 * All times are ms of one clock that is never set and goes on while the machine sleeps.
 */
export interface Lease {
  /** What this process is called: no other, and no earlier one, is called so. */
  readonly self: string
  readonly ttlMs: number
  /** The last put of ours that was acknowledged, while it counts. */
  readonly held?: { revision: number; sentAt: number } | undefined
  /** The request under way; an answer to another one comes too late to mean anything. */
  readonly pending?: { request: number; sentAt: number } | undefined
  /** The newest put of another host, and when it was first seen. */
  readonly other?: (Holder & { seenAt: number }) | undefined
  readonly requests: number
  /** When the next request is due. */
  readonly dueAt: number
}

export interface Holder {
  owner: string
  revision: number
}

export type LeaseEvent =
  /** The key has changed; no owner: it was given up. */
  | { type: 'seen'; revision: number; owner?: string | undefined }
  /** A put was acknowledged. */
  | { type: 'acknowledged'; request: number; revision: number }
  /** A put was refused, for the key is not what it was thought to be, but this. */
  | { type: 'refused'; request: number; holder?: Holder | undefined }
  /** No answer: it may have been put or not. */
  | { type: 'failed'; request: number }
  | { type: 'tick' }

export type LeaseEffect =
  /** Puts the key where there is none, or in place of the revision given. */
  | { do: 'put'; request: number; revision?: number | undefined }
  /**
   * The account is this host's; whatever it runs must be dead by then, unless this is said again.
   */
  | { do: 'extend'; killAt: number }
  /** The account is this host's no more. `now`: another one may have it already. */
  | { do: 'revoke'; now: boolean }

/**
 * Of the TTL: when the lease is renewed, when the browser is closed in order, when it is killed,
 * and between attempts.
 */
const renewAfter = 1 / 3
const closeAfter = 2 / 3
const killAfter = 5 / 6
const retryAfter = 1 / 20

interface LeaseStep {
  lease: Lease
  effects: LeaseEffect[]
}

export const newLease = (self: string, ttlMs: number, now: number): Lease => ({
  self,
  ttlMs,
  requests: 0,
  dueAt: now
})

/** When something must be done next without anything happening. */
export const wakeAt = ({ held, pending, dueAt, ttlMs }: Lease): number => {
  const close = held === undefined ? Infinity : held.sentAt + ttlMs * closeAfter
  return Math.min(close, pending === undefined ? dueAt : Infinity)
}

const put = (lease: Lease, now: number, revision: number | undefined): LeaseStep => {
  const request = lease.requests + 1
  return {
    lease: { ...lease, requests: request, pending: { request, sentAt: now } },
    effects: [{ do: 'put', request, revision }]
  }
}

const after = (first: LeaseStep, next: (lease: Lease) => LeaseStep): LeaseStep => {
  const second = next(first.lease)
  return { lease: second.lease, effects: [...first.effects, ...second.effects] }
}

const revoke = (lease: Lease, at: { now: boolean; dueAt: number }): LeaseStep =>
  lease.held === undefined
    ? { lease: { ...lease, dueAt: at.dueAt }, effects: [] }
    : {
        lease: { ...lease, held: undefined, dueAt: at.dueAt },
        effects: [{ do: 'revoke', now: at.now }]
      }

/** What becomes of the lease when something happens, and what is to be done about it. */
export const stepLease = (lease: Lease, event: LeaseEvent, now: number): LeaseStep => {
  const { held, ttlMs } = lease
  // before anything else: this process may have slept for long
  const overdue = held !== undefined && now >= held.sentAt + ttlMs * closeAfter
  const first = overdue
    ? revoke(lease, { now: now >= held.sentAt + ttlMs * killAfter, dueAt: now })
    : { lease, effects: [] }
  return after(
    after(first, (current) => happen(current, event, now)),
    (current) => attempt(current, now)
  )
}

const attempt = (lease: Lease, now: number): LeaseStep =>
  lease.pending === undefined && now >= lease.dueAt
    ? put(lease, now, lease.held?.revision)
    : { lease, effects: [] }

const happen = (lease: Lease, event: LeaseEvent, now: number): LeaseStep => {
  const same: LeaseStep = { lease, effects: [] }
  if (event.type === 'tick') return same
  if (event.type === 'seen') return onSeen(lease, event, now)
  const { pending, ttlMs } = lease
  if (pending?.request !== event.request) return same
  const free = { ...lease, pending: undefined }
  if (event.type === 'failed')
    return { lease: { ...free, dueAt: now + ttlMs * retryAfter }, effects: [] }
  if (event.type === 'refused') return onRefused(free, event.holder, now)
  // an answer that comes so late is worth no more than the sight of it: put again, which is counted
  // from now
  if (now >= pending.sentAt + ttlMs * closeAfter) return put(free, now, event.revision)
  return {
    lease: {
      ...free,
      other: undefined,
      held: { revision: event.revision, sentAt: pending.sentAt },
      dueAt: pending.sentAt + ttlMs * renewAfter
    },
    effects: [{ do: 'extend', killAt: pending.sentAt + ttlMs * killAfter }]
  }
}

const onSeen = (
  lease: Lease,
  { revision, owner }: { revision: number; owner?: string | undefined },
  now: number
): LeaseStep => {
  const { self, held, other, ttlMs } = lease
  const isNew = revision > Math.max(held?.revision ?? 0, other?.revision ?? 0)
  if (owner === self || !isNew) return { lease, effects: [] }
  if (owner === undefined) return revoke({ ...lease, other: undefined }, { now: true, dueAt: now })
  return revoke(
    { ...lease, other: { owner, revision, seenAt: now } },
    { now: true, dueAt: now + ttlMs }
  )
}

const onRefused = (lease: Lease, holder: Holder | undefined, now: number): LeaseStep => {
  const { self, other, ttlMs } = lease
  // an answer of before was lost
  if (holder?.owner === self) return put(lease, now, holder.revision)
  if (holder === undefined)
    return revoke({ ...lease, other: undefined }, { now: true, dueAt: now + ttlMs * retryAfter })
  // one that was seen before is about to go
  const known = other?.revision === holder.revision
  const seen = known ? other : { ...holder, seenAt: now }
  return revoke(
    { ...lease, other: seen },
    { now: true, dueAt: now + ttlMs * (known ? retryAfter : 1) }
  )
}

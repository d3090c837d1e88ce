/**
 * The lease of an account. One host at a time has it. It is a key in NATS that expires unless it is
 * renewed. This is a pure state machine: events come in, and effects go out, which lease-keeper.ts
 * carries out.
 *
 * The lease never has two owners at a time, because both sides count time safely. The server
 * deletes the key one TTL after it got a put. The owner counts from before it sent that put, closes
 * its browser at two thirds and has it killed at five sixths. Only an answer to a put of its own
 * makes a process the owner, never what it sees.
 *
 * All times are ms of one clock that is never set and goes on while the machine sleeps.
 */
export interface Lease {
  /** The name of this process. No other process, and no earlier one, has it. */
  readonly self: string
  readonly ttlMs: number
  /** The last put of this process that was acknowledged, while it counts. */
  readonly held?: { revision: number; sentAt: number } | undefined
  /** The request under way. An answer to another request comes too late and is ignored. */
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
  /** The key has changed. Without an owner it was given up. */
  | { type: 'seen'; revision: number; owner?: string | undefined }
  /** A put was acknowledged. */
  | { type: 'acknowledged'; request: number; revision: number }
  /** A put was refused, because the key has another revision. This is its holder. */
  | { type: 'refused'; request: number; holder?: Holder | undefined }
  /** There was no answer: the key may have been put or not. */
  | { type: 'failed'; request: number }
  | { type: 'tick' }

export type LeaseEffect =
  /** Puts the key: as a new one, or in place of the revision. */
  | { do: 'put'; request: number; revision?: number | undefined }
  /** This host has the account. Its browser is killed at that time, unless this comes again. */
  | { do: 'extend'; killAt: number }
  /** This host has the account no more. `now`: another host may have it already. */
  | { do: 'revoke'; now: boolean }

/**
 * Parts of the TTL: when the lease is renewed, when the browser is closed in order, when it is
 * killed, and the wait between attempts.
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

/** When the next tick is due, if no other event comes before. */
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

/** The lease after an event, and the effects of that event. */
export const stepLease = (lease: Lease, event: LeaseEvent, now: number): LeaseStep => {
  const { held, ttlMs } = lease
  // This comes first: the process may have slept for long.
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
  // An answer that comes so late does not make this process the owner. It puts the key again, and
  // counts from now.
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
  // The answer to an earlier put was lost.
  if (holder?.owner === self) return put(lease, now, holder.revision)
  if (holder === undefined)
    return revoke({ ...lease, other: undefined }, { now: true, dueAt: now + ttlMs * retryAfter })
  // A put that was seen before is about to expire.
  const known = other?.revision === holder.revision
  const seen = known ? other : { ...holder, seenAt: now }
  return revoke(
    { ...lease, other: seen },
    { now: true, dueAt: now + ttlMs * (known ? retryAfter : 1) }
  )
}

import type { LimitSource } from '../whatsapp/client-events.ts'
import type { Me, SessionStatus } from '../../contract/session.ts'
import { passkeyReason, type PasskeyState } from '../whatsapp/passkey-state.ts'

/**
 * The life of the session with WhatsApp: a pure state machine. What happens comes in as events.
 * What to do goes out as effects, which connection.ts carries out. All times are ms.
 */
export interface Session {
  status: SessionStatus
  since: number
  reason?: string
  /** An operator turned the session off. */
  off: boolean
  /** A browser is up or coming up. */
  running: boolean
  /** Failed attempts in a row. */
  failures: number
  /**
   * Refusals of the account or the device by WhatsApp, since the session last was READY for a day
   * or an operator connected it.
   */
  refusals?: number
  nextAttemptAt?: number
  qr?: { code: string; generatedAt: number; expiresAt: number }
  /** Codes shown since the last connection. */
  qrAttempt: number
  /** WhatsApp Web was asked for more codes: the next code is the first of a new row. */
  qrRenewed?: boolean
  /** Progress of linking by the account's passkey, while PASSKEY_REQUIRED. It holds secrets. */
  passkey?: PasskeyState
  me?: Me
  syncPercent?: number
  version?: string
  /** What does not work while READY, and why: the texts of `limits`, joined. */
  limited?: string
  /** The same, by the part of session-manager that reported it. */
  limits?: Readonly<Partial<Record<LimitSource, string>>>
}

export type SessionEvent =
  | { type: 'connect' }
  /** `unlinked`: there is no linked device any more. */
  | { type: 'disconnect'; unlinked?: boolean }
  | { type: 'retry' }
  /** The browser may not start yet; why, in plain words. */
  | { type: 'waiting'; reason: string }
  /** The browser may start now. */
  | { type: 'acquired' }
  | { type: 'qr'; code: string }
  /** WhatsApp Web stopped showing codes, and is asked for more. */
  | { type: 'qr-renewal' }
  /** WhatsApp asks for the account's passkey; without a state: no longer. */
  | { type: 'passkey'; passkey: PasskeyState | undefined }
  | { type: 'syncing'; percent: number }
  | { type: 'authenticated' }
  | { type: 'ready'; me: Me; version: string }
  /** READY, but a part does not work; without a reason: it works again. */
  | { type: 'limited'; source: LimitSource; reason: string | undefined }
  /** The state of WhatsApp Web's own socket changed: a WAState of whatsapp-web.js. */
  | { type: 'socket'; state: string }
  /** The connection is gone. An operator should look at a `fault`; anything else passes. */
  | { type: 'lost'; reason: string; fault: boolean; isRefused?: boolean }
  /** READY, but messages are not reported; without a reason: they are reported again. */
  | { type: 'stalled'; reason: string | undefined }
  /** The page has to be reloaded in the same browser. */
  | { type: 'reload'; reason: string }
  /** The phone unlinked this device; with a reason: WhatsApp Web did. */
  | { type: 'logout'; reason?: string | undefined }
  | { type: 'overdue' }

type LostEvent = Extract<SessionEvent, { type: 'lost' }>

export type Effect =
  | { do: 'start' }
  | { do: 'stop' }
  /** Reloads the page. */
  | { do: 'reload' }
  /** Deletes the linked device's profile, once the browser is closed. */
  | { do: 'delete-device' }
  | { do: 'retry'; afterMs: number }
  | { do: 'cancel-retry' }
  /** Sends an `overdue` event after this time. Replaces the deadline before. */
  | { do: 'deadline'; afterMs: number }
  | { do: 'cancel-deadline' }
  | { do: 'backfill' }

export interface Policy {
  startTimeoutMs: number
  readyTimeoutMs: number
  minDelayMs: number
  maxDelayMs: number
  /** From 0 to 1. */
  random: () => number
}

/** WhatsApp Web shows the first code of a row for 60 s and each later one for 20 s. */
const qrLifetime = (isFirst: boolean): number => (isFirst ? 60_000 : 20_000)

/** After a connection that lasted this long, a failure is the first of a new row. */
const goodAfterMs = 60_000
/** A fault that returns a minute after each READY must not restart Chromium every minute. */
const goodAfterFaultMs = 30 * 60_000

/** After READY for so long, a refusal is the first of a new row. */
const goodAfterRefusalMs = 24 * 3_600_000
/** The longest wait after refusals in a row, unless RECONNECT_MAX_DELAY is longer. */
const maxRefusedMs = 6 * 3_600_000

/** States in which a session may stay: it works, or waits for a person. */
const goodStates: ReadonlySet<SessionStatus> = new Set(['READY', 'QR_REQUIRED', 'PASSKEY_REQUIRED'])

/** States in which WhatsApp Web itself is busy connecting again. */
const selfHealing = new Set(['OPENING', 'PAIRING', 'TIMEOUT', 'UNLAUNCHED'])

export const initialSession = (now: number): Session => ({
  status: 'DISCONNECTED',
  since: now,
  reason: 'not started yet',
  off: false,
  running: false,
  failures: 0,
  qrAttempt: 0
})

/** Exponential backoff with jitter: min·2ⁿ times 0.5 to 1, capped. */
export const backoff = (failures: number, { minDelayMs, maxDelayMs, random }: Policy): number =>
  Math.round(
    Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + random() / 2)
  )

/**
 * The wait after a refusal by WhatsApp. It is four times as long each time: two hosts with one
 * profile, or a blocked account, must not log in all day.
 */
export const refusedBackoff = (
  refusals: number,
  { minDelayMs, maxDelayMs, random }: Policy
): number => {
  const whole = Math.min(
    Math.max(maxDelayMs, maxRefusedMs),
    minDelayMs * 4 ** Math.min(refusals - 1, 15)
  )
  return Math.round(whole * (0.5 + random() / 2))
}

interface Step {
  session: Session
  effects: Effect[]
}

const enter = (session: Session, status: SessionStatus, now: number, reason?: string): Session => {
  const {
    reason: _reason,
    qr: _qr,
    passkey: _passkey,
    nextAttemptAt: _next,
    syncPercent: _percent,
    ...rest
  } = session
  const since = status === session.status ? session.since : now
  const entered = { ...rest, status, since }
  return reason === undefined ? entered : { ...entered, reason }
}

/** The account is unknown once the linked device is gone. */
const nobody = ({ me: _me, ...rest }: Session): Session => rest

/** The limits belong to the page that is closed. */
const unlimited = ({ limited: _limited, limits: _limits, ...rest }: Session): Session => rest

/** An operator who connects has looked at the refusals. */
const unrefused = ({ refusals: _refusals, ...rest }: Session): Session => rest

/** Adds, replaces or removes the limit that one source reports. */
const limit = (session: Session, source: LimitSource, reason: string | undefined): Session => {
  if (session.limits?.[source] === reason) return session
  const { [source]: _before, ...others } = session.limits ?? {}
  const limits = reason === undefined ? others : { ...others, [source]: reason }
  const reasons = Object.values(limits)
  if (reasons.length === 0) return unlimited(session)
  return { ...session, limits, limited: reasons.join('; ') }
}

const begin = (session: Session, now: number, policy: Policy): Step => ({
  session: { ...enter(unlimited(session), 'INIT', now), off: false, running: true, qrAttempt: 0 },
  effects: [
    { do: 'cancel-retry' },
    { do: 'start' },
    { do: 'deadline', afterMs: policy.startTimeoutMs }
  ]
})

const fail = (
  session: Session,
  now: number,
  policy: Policy,
  { reason, fault, isRefused = false }: Omit<LostEvent, 'type'>
): Step => {
  const goodMs = fault && session.status === 'READY' ? goodAfterFaultMs : goodAfterMs
  const good = goodStates.has(session.status) && now - session.since >= goodMs
  const failures = good ? 1 : session.failures + 1
  const isNewRow = session.status === 'READY' && now - session.since >= goodAfterRefusalMs
  const refusals = (isNewRow ? 0 : (session.refusals ?? 0)) + (isRefused ? 1 : 0)
  const afterMs = isRefused ? refusedBackoff(refusals, policy) : backoff(failures, policy)
  const left = {
    ...enter(unlimited(session), fault ? 'ERROR' : 'DISCONNECTED', now, reason),
    running: false,
    failures,
    nextAttemptAt: now + afterMs
  }
  if (refusals > 0) left.refusals = refusals
  else delete left.refusals
  return {
    session: left,
    effects: [{ do: 'cancel-deadline' }, { do: 'stop' }, { do: 'retry', afterMs }]
  }
}

const unchanged = (session: Session): Step => ({ session, effects: [] })

/** @returns the session after the event, and what to do */
export const step = (session: Session, event: SessionEvent, now: number, policy: Policy): Step => {
  switch (event.type) {
    case 'connect':
      return session.running ? unchanged(session) : begin(unrefused(session), now, policy)
    case 'retry':
      if (session.running || session.off) return unchanged(session)
      return begin(session, now, policy)
    case 'disconnect':
      return onDisconnect(session, event.unlinked === true, now)
    default:
      return session.running ? whileRunning(session, event, now, policy) : unchanged(session)
  }
}

const onDisconnect = (session: Session, isUnlinked: boolean, now: number): Step => {
  const kept = isUnlinked ? nobody(session) : session
  if (session.off) return unchanged(kept)
  return {
    session: {
      ...enter(unlimited(kept), 'DISCONNECTED', now, 'disconnected on request'),
      off: true,
      running: false,
      failures: 0
    },
    effects: [{ do: 'cancel-retry' }, { do: 'cancel-deadline' }, { do: 'stop' }]
  }
}

type RunningEvent = Exclude<SessionEvent, { type: 'connect' | 'retry' | 'disconnect' }>

const whileRunning = (session: Session, event: RunningEvent, now: number, policy: Policy): Step => {
  switch (event.type) {
    case 'waiting':
      return onWaiting(session, event.reason, now)
    case 'acquired':
      return onAdmitted(session, now, policy)
    case 'qr':
      return onQr(session, event.code, now)
    case 'passkey':
      return onPasskey(session, event.passkey, now, policy)
    case 'qr-renewal':
      return { session: { ...session, qrRenewed: true }, effects: [] }
    case 'syncing':
      return onSyncing(session, event.percent, now, policy)
    case 'authenticated':
      if (session.status === 'READY') return unchanged(session)
      return {
        session: enter(session, 'AUTHENTICATED', now),
        effects: [{ do: 'deadline', afterMs: policy.readyTimeoutMs }]
      }
    case 'ready':
      return onReady(session, event, now)
    case 'limited':
      return { session: limit(session, event.source, event.reason), effects: [] }
    case 'socket':
      return onSocket(session, event.state, now, policy)
    case 'stalled':
      return session.status === 'READY' && session.reason !== event.reason
        ? { session: enter(session, 'READY', now, event.reason), effects: [] }
        : unchanged(session)
    case 'reload':
      if (session.status !== 'READY') return unchanged(session)
      return {
        session: enter(unlimited(session), 'INIT', now, event.reason),
        effects: [{ do: 'reload' }, { do: 'deadline', afterMs: policy.startTimeoutMs }]
      }
    case 'lost':
      return fail(session, now, policy, event)
    case 'logout':
      return onLogout(session, event.reason, now)
    case 'overdue':
      return fail(session, now, policy, {
        reason: describeOverdue(session, policy),
        fault: session.status === 'AUTHENTICATED'
      })
  }
}

/** While the start waits for its acquisition, no deadline runs. */
const onWaiting = (session: Session, reason: string, now: number): Step => {
  if (session.status !== 'INIT') return unchanged(session)
  return { session: enter(session, 'INIT', now, reason), effects: [{ do: 'cancel-deadline' }] }
}

const onAdmitted = (session: Session, now: number, policy: Policy): Step => {
  if (session.status !== 'INIT') return unchanged(session)
  return {
    session: enter(session, 'INIT', now),
    effects: [{ do: 'deadline', afterMs: policy.startTimeoutMs }]
  }
}

const onQr = (session: Session, code: string, now: number): Step => {
  // A code after the device was linked is WhatsApp Web rotating one that nobody needs.
  if (session.status !== 'INIT' && session.status !== 'QR_REQUIRED') return unchanged(session)
  const qrAttempt = session.qrAttempt + 1
  const { qrRenewed = qrAttempt === 1, ...rest } = session
  const qr = { code, generatedAt: now, expiresAt: now + qrLifetime(qrRenewed) }
  const shown = { ...enter(nobody(rest), 'QR_REQUIRED', now), qr, qrAttempt }
  return { session: shown, effects: [{ do: 'cancel-deadline' }] }
}

const onSyncing = (session: Session, percent: number, now: number, policy: Policy): Step => {
  if (session.status === 'READY' || session.syncPercent === percent) return unchanged(session)
  return {
    session: { ...enter(session, 'AUTHENTICATED', now), syncPercent: percent },
    effects: [{ do: 'deadline', afterMs: policy.readyTimeoutMs }]
  }
}

const onReady = (
  session: Session,
  { me, version }: Extract<SessionEvent, { type: 'ready' }>,
  now: number
): Step => ({
  session: { ...enter(session, 'READY', now), me, version, qrAttempt: 0 },
  effects: [{ do: 'cancel-deadline' }, { do: 'backfill' }]
})

/** The linked device is gone. Its profile is deleted, and a new browser shows a QR. */
const onLogout = (
  session: Session,
  reason = 'the phone unlinked this device',
  now: number
): Step => ({
  session: {
    ...enter(unlimited(nobody(session)), 'DISCONNECTED', now, reason),
    running: false,
    failures: 1,
    nextAttemptAt: now
  },
  effects: [
    { do: 'cancel-deadline' },
    { do: 'stop' },
    { do: 'delete-device' },
    { do: 'retry', afterMs: 0 }
  ]
})

/**
 * WhatsApp asks only a session without a linked device for the passkey. After that WhatsApp Web
 * shows codes again.
 */
const onPasskey = (
  session: Session,
  passkey: PasskeyState | undefined,
  now: number,
  policy: Policy
): Step => {
  if (passkey === undefined) {
    if (session.status !== 'PASSKEY_REQUIRED') return { session, effects: [] }
    return {
      session: enter(session, 'INIT', now),
      effects: [{ do: 'deadline', afterMs: policy.startTimeoutMs }]
    }
  }
  if (
    session.status !== 'INIT' &&
    session.status !== 'QR_REQUIRED' &&
    session.status !== 'PASSKEY_REQUIRED'
  )
    return { session, effects: [] }
  const entered = enter(nobody(session), 'PASSKEY_REQUIRED', now, passkeyReason(passkey))
  return { session: { ...entered, passkey }, effects: [{ do: 'cancel-deadline' }] }
}

/** Matters only to a session that was READY. Until then the start deadline watches. */
const onSocket = (session: Session, state: string, now: number, policy: Policy): Step => {
  if (state === 'CONNECTED' && session.status === 'DISCONNECTED') {
    return {
      session: enter(session, 'READY', now),
      effects: [{ do: 'cancel-deadline' }, { do: 'backfill' }]
    }
  }
  if (session.status === 'READY' && selfHealing.has(state)) {
    const reason = `WhatsApp Web lost its connection (${state}) and is connecting again`
    return {
      session: enter(session, 'DISCONNECTED', now, reason),
      effects: [{ do: 'deadline', afterMs: policy.startTimeoutMs }]
    }
  }
  return { session, effects: [] }
}

const describeOverdue = (session: Session, policy: Policy): string => {
  if (session.status === 'AUTHENTICATED') {
    return `WhatsApp Web authenticated but was not ready within ${policy.readyTimeoutMs / 1_000} s`
  }
  return `WhatsApp Web did not connect within ${policy.startTimeoutMs / 1_000} s`
}

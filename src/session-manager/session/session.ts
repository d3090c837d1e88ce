import type { LimitSource } from '../whatsapp/client-events.ts'
import type { Me, SessionStatus } from '../../contract/session.ts'
import { passkeyReason, type PasskeyState } from '../whatsapp/passkey-state.ts'

/**
 * The life of the session with WhatsApp: a pure state machine. What happens comes in as events;
 * what to do about it goes out as effects, which connection.ts carries out. All times are ms.
 */
export interface Session {
  status: SessionStatus
  since: number
  reason?: string
  /** An operator asked for it to be off. */
  off: boolean
  /** A browser is up or coming up. */
  running: boolean
  /** Attempts that failed in a row. */
  failures: number
  /**
   * How often WhatsApp refused the account or the device since it last was READY for a day, or an
   * operator connected it.
   */
  refusals?: number
  nextAttemptAt?: number
  qr?: { code: string; generatedAt: number; expiresAt: number }
  /** Codes shown since the last connection. */
  qrAttempt: number
  /** WhatsApp Web was asked for more codes: the next one is the first of a new row. */
  qrRenewed?: boolean
  /**
   * How far linking by the account's passkey is, while the status is PASSKEY_REQUIRED. It holds
   * secrets.
   */
  passkey?: PasskeyState
  me?: Me
  syncPercent?: number
  version?: string
  /** What does not work though it is READY, and why: the texts of `limits`, joined. */
  limited?: string
  /** The same, by the part that reported it. */
  limits?: Readonly<Partial<Record<LimitSource, string>>>
}

export type SessionEvent =
  | { type: 'connect' }
  /** `unlinked`: for good, there is no linked device any more. */
  | { type: 'disconnect'; unlinked?: boolean }
  | { type: 'retry' }
  /** The browser may not start yet; why, in plain words. */
  | { type: 'waiting'; reason: string }
  /** The browser may start now. */
  | { type: 'admitted' }
  | { type: 'qr'; code: string }
  /** WhatsApp Web stopped showing codes, and is asked for more. */
  | { type: 'qr-renewal' }
  /** WhatsApp asks for the account's passkey; without a state: it does not any more. */
  | { type: 'passkey'; passkey: PasskeyState | undefined }
  | { type: 'syncing'; percent: number }
  | { type: 'authenticated' }
  | { type: 'ready'; me: Me; version: string }
  /** READY, but not all works; without a reason: all does again. */
  | { type: 'limited'; source: LimitSource; reason: string | undefined }
  /** WhatsApp Web's own socket changed its state, WAState of whatsapp-web.js. */
  | { type: 'socket'; state: string }
  /** The connection is gone. A `fault` is one an operator should look at; the rest passes. */
  | { type: 'lost'; reason: string; fault: boolean; isRefused?: boolean }
  /** READY, but messages are not told of; without a reason: they are again. */
  | { type: 'stalled'; reason: string | undefined }
  /** The page is to be loaded anew, in the same browser. */
  | { type: 'reload'; reason: string }
  /** The phone unlinked this device, or WhatsApp Web did, for a reason that it gives. */
  | { type: 'logout'; reason?: string | undefined }
  | { type: 'overdue' }

type LostEvent = Extract<SessionEvent, { type: 'lost' }>

export type Effect =
  | { do: 'start' }
  | { do: 'stop' }
  /** Loads the page anew. */
  | { do: 'reload' }
  /** Deletes the linked device's profile, once the browser is closed. */
  | { do: 'forget' }
  | { do: 'retry'; afterMs: number }
  | { do: 'cancel-retry' }
  /** An `overdue` event is due after this time, instead of any set before. */
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

/**
 * A connection that lasted this long was a good one: what breaks it starts a new row of failures.
 */
const goodAfterMs = 60_000
/** A fault that comes back a minute after each READY must not restart Chromium every minute. */
const goodAfterFaultMs = 30 * 60_000

/** READY for so long: a refusal that comes after that is the first of a new row. */
const goodAfterRefusalMs = 24 * 3_600_000
/** How long it waits at most after refusals in a row, unless RECONNECT_MAX_DELAY is longer. */
const maxRefusedMs = 6 * 3_600_000

/** Where a session may stay: it works, or waits for a person. */
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

/** Exponential backoff with jitter: from half to the whole of min·2ⁿ, capped. */
export const backoff = (failures: number, { minDelayMs, maxDelayMs, random }: Policy): number =>
  Math.round(
    Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + random() / 2)
  )

/**
 * After a refusal by WhatsApp it waits four times as long each time: two hosts with one profile, or
 * a blocked account, must not log in all day.
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

/** Whose account it was is over with the linked device. */
const nobody = ({ me: _me, ...rest }: Session): Session => rest

/** What did not work belongs to the page that is closed. */
const unlimited = ({ limited: _limited, limits: _limits, ...rest }: Session): Session => rest

/** An operator who connects has seen to it. */
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

/** What becomes of the session when something happens, and what is to be done about it. */
export const step = (session: Session, event: SessionEvent, now: number, policy: Policy): Step => {
  const same: Step = { session, effects: [] }
  switch (event.type) {
    case 'connect':
      return session.running ? same : begin(unrefused(session), now, policy)
    case 'retry':
      return session.running || session.off ? same : begin(session, now, policy)
    case 'disconnect':
      if (session.off) return event.unlinked ? { session: nobody(session), effects: [] } : same
      return {
        session: {
          ...enter(
            unlimited(event.unlinked ? nobody(session) : session),
            'DISCONNECTED',
            now,
            'disconnected on request'
          ),
          off: true,
          running: false,
          failures: 0
        },
        effects: [{ do: 'cancel-retry' }, { do: 'cancel-deadline' }, { do: 'stop' }]
      }
    default:
      return session.running ? whileRunning(session, event, now, policy) : same
  }
}

type RunningEvent = Exclude<SessionEvent, { type: 'connect' | 'retry' | 'disconnect' }>

const whileRunning = (session: Session, event: RunningEvent, now: number, policy: Policy): Step => {
  const same: Step = { session, effects: [] }
  switch (event.type) {
    case 'waiting':
      return session.status === 'INIT'
        ? {
            session: enter(session, 'INIT', now, event.reason),
            effects: [{ do: 'cancel-deadline' }]
          }
        : same
    case 'admitted':
      return session.status === 'INIT'
        ? {
            session: enter(session, 'INIT', now),
            effects: [{ do: 'deadline', afterMs: policy.startTimeoutMs }]
          }
        : same
    case 'qr': {
      // a code after the device was linked is WhatsApp Web rotating one nobody needs
      if (session.status !== 'INIT' && session.status !== 'QR_REQUIRED') return same
      const qrAttempt = session.qrAttempt + 1
      const { qrRenewed = qrAttempt === 1, ...rest } = session
      const qr = { code: event.code, generatedAt: now, expiresAt: now + qrLifetime(qrRenewed) }
      const shown = { ...enter(nobody(rest), 'QR_REQUIRED', now), qr, qrAttempt }
      return { session: shown, effects: [{ do: 'cancel-deadline' }] }
    }
    case 'passkey':
      return onPasskey(session, event.passkey, now, policy)
    case 'qr-renewal':
      return { session: { ...session, qrRenewed: true }, effects: [] }
    case 'syncing':
      if (session.status === 'READY' || session.syncPercent === event.percent) return same
      return {
        session: { ...enter(session, 'AUTHENTICATED', now), syncPercent: event.percent },
        effects: [{ do: 'deadline', afterMs: policy.readyTimeoutMs }]
      }
    case 'authenticated':
      if (session.status === 'READY') return same
      return {
        session: enter(session, 'AUTHENTICATED', now),
        effects: [{ do: 'deadline', afterMs: policy.readyTimeoutMs }]
      }
    case 'ready':
      return {
        session: {
          ...enter(session, 'READY', now),
          me: event.me,
          version: event.version,
          qrAttempt: 0
        },
        effects: [{ do: 'cancel-deadline' }, { do: 'backfill' }]
      }
    case 'limited':
      return { session: limit(session, event.source, event.reason), effects: [] }
    case 'socket':
      return onSocket(session, event.state, now, policy)
    case 'stalled':
      return session.status === 'READY' && session.reason !== event.reason
        ? { session: enter(session, 'READY', now, event.reason), effects: [] }
        : same
    case 'reload':
      if (session.status !== 'READY') return same
      return {
        session: enter(unlimited(session), 'INIT', now, event.reason),
        effects: [{ do: 'reload' }, { do: 'deadline', afterMs: policy.startTimeoutMs }]
      }
    case 'lost':
      return fail(session, now, policy, event)
    case 'logout':
      return {
        session: {
          ...enter(
            unlimited(nobody(session)),
            'DISCONNECTED',
            now,
            event.reason ?? 'the phone unlinked this device'
          ),
          running: false,
          failures: 1,
          nextAttemptAt: now
        },
        effects: [
          { do: 'cancel-deadline' },
          { do: 'stop' },
          { do: 'forget' },
          { do: 'retry', afterMs: 0 }
        ]
      }
    case 'overdue':
      return fail(session, now, policy, {
        reason: overdue(session, policy),
        fault: session.status === 'AUTHENTICATED'
      })
  }
}

/**
 * Only a session without a linked device can be asked for the passkey; when that is over, WhatsApp
 * Web shows codes again.
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

/**
 * Only a session that was ready has anything to lose here; before that the start deadline watches.
 */
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

const overdue = (session: Session, policy: Policy): string => {
  if (session.status === 'AUTHENTICATED') {
    return `WhatsApp Web authenticated but was not ready within ${policy.readyTimeoutMs / 1_000} s`
  }
  return `WhatsApp Web did not connect within ${policy.startTimeoutMs / 1_000} s`
}

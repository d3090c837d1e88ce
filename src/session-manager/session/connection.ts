import type { PageFindings } from '../../contract/page-report.ts'
import { PlainError } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { createShutdownQueue } from './shutdown-queue.ts'
import type { NewRecord, Journal } from '../journal/journal.ts'
import { createPairing, type Pairing } from './pairing.ts'
import { PasskeyDesk } from './passkey.ts'
import { createHealthProbe } from './health-probe.ts'
import { logSession } from './session-log.ts'
import {
  initialSession,
  step,
  type Effect,
  type Policy,
  type Session,
  type SessionEvent
} from './session.ts'
import type { Step } from './stall.ts'
import { createRecovery } from './stall-recovery.ts'
import type { LimitSource } from '../whatsapp/client-events.ts'
import type { GuardStates } from '../whatsapp/guards.ts'
import type { Listener, ListenerEvent } from '../whatsapp/listener.ts'
import { explain, explainState, isLibraryError } from '../whatsapp/reason.ts'
import type { StanzaCount } from '../whatsapp/wire-guard.ts'

/** Carries out what session.ts and stall.ts decide: one browser at a time, and timers. */
export interface Connection {
  session(): Session
  connect(): void
  /**
   * Closes the browser and keeps the linked device, unless `logout`, which unlinks it.
   * @returns with `logout`, whether WhatsApp confirmed it; false: the phone goes on listing the
   * device
   */
  disconnect(logout: boolean): Promise<boolean>
  /**
   * A code by which a phone number (E.164) links this device while a QR is required; `connect`
   * voids it. @throws why there is none
   */
  pairingCode: Pairing['ask']
  /** Linking by the account's passkey. */
  passkey: PasskeyDesk
  /** The listener while the session is READY. */
  ready(): Listener | undefined
  /** What the open page is made of, READY or not. @throws why there is no page to look at */
  pageReport(): Promise<PageFindings>
  /** Attempts to send that the guard refused since the start of this process. */
  outboundBlocked(): number
  /** Which fences of the send guard hold; undefined while no page was looked at. */
  guard(): GuardStates | undefined
  /** Whether the timers of the connection still run: false means this process is stuck. */
  isAlive(): boolean
  /**
   * Something does not work though the session is READY, by the part that reports it; without a
   * reason it works again.
   */
  limit(source: LimitSource, reason: string | undefined): void
  /** The session may not go on: its browser is closed, and it begins anew. */
  fail(reason: string): void
  /**
   * An error that nobody awaited. @returns whether it is one of whatsapp-web.js, and so costs only
   * the session
   */
  onUnhandledError(error: unknown): boolean
  stop(): Promise<void>
}

export interface ConnectionOptions {
  policy: Policy
  probeIntervalMs: number
  /**
   * Before each start of a browser: resolves once it may start. @param tell what that waits for, in
   * plain words
   * @param signal that it is not wanted any more. @throws why it may not start
   */
  admit?: ((tell: (waitingFor: string) => void, signal: AbortSignal) => Promise<void>) | undefined
  createListener: (onEvent: (event: ListenerEvent) => void) => Listener
  /** Deletes the linked device's profile. */
  forget: () => Promise<void>
  onCaptured: (newRecords: NewRecord[]) => void
  /** After every transition. */
  onChange: (session: Session, before: Session) => void
  onReady: () => void
  /** How messages came, and what reads back at once those that were not told of. */
  journal: Pick<Journal, 'arrival'>
  readBack: () => void
  /** Something was done because messages were not told of. */
  onStall?: (deed: Step | 'read-back') => void
  /** What the send guard allowed and refused. */
  onOutbound?: (counts: StanzaCount[]) => void
  /** How long a pairing code is valid. */
  pairingLifetimeMs?: number
  log: Log
  now?: () => number
  /** A clock that only goes on, ms. */
  steady?: () => number
}

export const createConnection = (options: ConnectionOptions): Connection => {
  const {
    policy,
    probeIntervalMs,
    admit,
    createListener,
    forget,
    onCaptured,
    onChange,
    onReady,
    journal,
    readBack,
    onStall = () => undefined,
    onOutbound = () => undefined,
    log,
    now = Date.now,
    steady = () => performance.now()
  } = options
  let session = initialSession(now())
  let listener: Listener | undefined
  let started = false
  /** What waits to be admitted for the listener there is. */
  let admission = { abort: new AbortController(), over: Promise.resolve() }
  let retryTimer: NodeJS.Timeout | undefined
  let deadlineTimer: NodeJS.Timeout | undefined
  let blocked = 0
  let guard: GuardStates | undefined
  let over = false
  const closing = createShutdownQueue()
  const pairing = createPairing({
    listener: () => (session.status === 'QR_REQUIRED' ? listener : undefined),
    lifetimeMs: options.pairingLifetimeMs,
    log,
    now
  })

  const dispatch = (event: SessionEvent): void => {
    if (over) return
    const before = session
    const { session: after, effects } = step(before, event, now(), policy)
    session = after
    logSession(log, after, before, now())
    for (const effect of effects) carryOut(effect)
    if (after.status === 'READY' && before.status !== 'READY')
      recovery.stall.attached(before.status === 'DISCONNECTED' ? 'same' : 'new')
    if (after !== before) onChange(after, before)
  }

  const carryOut = (effect: Effect): void => {
    switch (effect.do) {
      case 'start':
        return begin()
      case 'stop':
        return end()
      case 'reload':
        return recovery.reload()
      case 'forget':
        return closing.add(() =>
          forget().catch((error: unknown) =>
            log.error(
              { event: 'forget_failed', err: error },
              'the linked device could not be deleted'
            )
          )
        )
      case 'retry':
        clearTimeout(retryTimer)
        retryTimer = setTimeout(() => dispatch({ type: 'retry' }), effect.afterMs)
        return
      case 'cancel-retry':
        return clearTimeout(retryTimer)
      case 'deadline':
        clearTimeout(deadlineTimer)
        deadlineTimer = setTimeout(() => void overdue(deadlineTimer), effect.afterMs)
        return
      case 'cancel-deadline':
        clearTimeout(deadlineTimer)
        deadlineTimer = undefined
        return
      case 'backfill':
        return onReady()
    }
  }

  /** The time is up: the page itself may show why. */
  const overdue = async (mine: NodeJS.Timeout | undefined): Promise<void> => {
    const reason = await listener?.whyNotReady(
      session.status === 'AUTHENTICATED' || session.me !== undefined ? 'linked' : 'unlinked'
    )
    if (mine === undefined || mine !== deadlineTimer) return
    dispatch(reason === undefined ? { type: 'overdue' } : { type: 'lost', reason, fault: true })
  }

  const begin = (): void => {
    log.info(
      { event: 'connect_attempt', attempt: session.failures + 1 },
      `connecting to WhatsApp (attempt ${session.failures + 1})`
    )
    const mine = createListener((event) => mine === listener && hear(event))
    listener = mine
    started = false
    probing.begin()
    guard = undefined
    // the profile is free only once the browser before is gone
    admitted(mine, closing.over())
      .then(() => (mine === listener ? mine.start() : undefined))
      .then(() => {
        if (mine === listener) started = true
      })
      .catch((error: unknown) => {
        if (mine !== listener) return
        const { reason, fault } = explain(error)
        dispatch({ type: 'lost', reason, fault })
      })
  }

  const admitted = (mine: Listener, free: Promise<void>): Promise<void> => {
    if (admit === undefined) return free
    const abort = new AbortController()
    const tell = (reason: string): void => {
      if (mine === listener) dispatch({ type: 'waiting', reason })
    }
    const asked = free.then(() => (mine === listener ? admit(tell, abort.signal) : undefined))
    admission = { abort, over: asked.catch(() => undefined) }
    return asked.then(() => {
      if (mine === listener) dispatch({ type: 'admitted' })
    })
  }

  /**
   * Takes the listener there is; `closing` then waits until nothing works on its profile any more.
   */
  const abandon = (): Listener | undefined => {
    const mine = listener
    const { abort, over: admissionOver } = admission
    listener = undefined
    guard = undefined
    abort.abort(new Error('not wanted any more'))
    closing.add(() => admissionOver)
    return mine
  }

  /** @returns whether WhatsApp confirmed it */
  const unlink = async (mine: Listener): Promise<boolean> => {
    try {
      if (await mine.unlink()) return true
      log.warn(
        { event: 'unlink_failed' },
        'WhatsApp did not confirm that this device is unlinked: remove it on the phone'
      )
    } catch (error) {
      log.warn(
        { event: 'unlink_failed', err: error },
        'WhatsApp was not told that this device unlinks: remove it on the phone'
      )
    }
    return false
  }

  const end = (): void => {
    const mine = abandon()
    if (mine !== undefined) closing.add(() => mine.stop())
  }

  const hear = (event: ListenerEvent): void => {
    if (event.type === 'outbound') return onCounts(event.counts)
    if (event.type !== 'captured') return dispatch(event)
    recovery.stall.heard(event.newRecords)
    onCaptured(event.newRecords)
  }

  const onCounts = (counts: StanzaCount[]): void => {
    for (const { isAllowed, count } of counts) if (!isAllowed) blocked += count
    onOutbound(counts)
  }

  const recovery = createRecovery({
    journal,
    readBack,
    onStall,
    probeIntervalMs,
    dispatch,
    log,
    listener: () => listener,
    explain: (error) => explain(error).reason,
    reloading: (isOver) => {
      started = isOver
      probing.begin()
    }
  })
  const probing = createHealthProbe({
    intervalMs: probeIntervalMs,
    session: () => session,
    listener: () => (started ? listener : undefined),
    dispatch,
    explainState,
    isPairing: pairing.active,
    onGuard: (states) => {
      guard = states
    },
    onNewest: recovery.stall.look,
    log,
    steady
  })

  return {
    session: () => session,
    connect: () => {
      pairing.end()
      dispatch({ type: 'connect' })
    },
    passkey: new PasskeyDesk(
      () => session,
      () => listener,
      (error) => explain(error).reason
    ),
    pairingCode: async (phone) => {
      try {
        return await pairing.ask(phone)
      } catch (error) {
        throw new PlainError(explain(error).reason, { cause: error })
      }
    },
    disconnect: async (logout) => {
      // its own report that the device is unlinked would start the session anew
      const mine = logout ? abandon() : undefined
      let isUnlinked = false
      if (mine !== undefined) {
        closing.add(async () => {
          isUnlinked = await unlink(mine)
        })
        closing.add(() => mine.stop())
      } else if (logout)
        log.warn(
          { event: 'unlink_failed' },
          'WhatsApp was not told that this device unlinks, for no page is open: remove it on the phone'
        )
      dispatch({ type: 'disconnect', unlinked: logout })
      if (logout) carryOut({ do: 'forget' })
      await closing.over()
      return isUnlinked
    },
    ready: () => (session.status === 'READY' ? listener : undefined),
    pageReport: async () => {
      if (listener === undefined) throw new Error('no page is open')
      try {
        return await listener.pageReport()
      } catch (error) {
        throw new PlainError(explain(error).reason, { cause: error })
      }
    },
    outboundBlocked: () => blocked,
    guard: () => guard,
    isAlive: probing.isAlive,
    limit: (source, reason) => dispatch({ type: 'limited', source, reason }),
    fail: (reason) => dispatch({ type: 'lost', reason, fault: false }),
    onUnhandledError: (error) => {
      if (!isLibraryError(error)) return false
      // a browser that closes leaves calls unanswered; the next one starts only after that, and is
      // not to pay for it
      if (!closing.isOver() || listener === undefined) {
        log.debug(
          { event: 'stray_error', err: error },
          'an error in whatsapp-web.js that nobody awaited, while its browser is closed anyway'
        )
        return true
      }
      log.error(
        { event: 'stray_error', err: error },
        'an error in whatsapp-web.js that nobody awaited'
      )
      dispatch({ type: 'lost', reason: explain(error).reason, fault: false })
      return true
    },
    stop: async () => {
      over = true
      clearTimeout(retryTimer)
      clearTimeout(deadlineTimer)
      probing.stop()
      pairing.end()
      await listener?.releaseHeld()
      end()
      await closing.over()
    }
  }
}

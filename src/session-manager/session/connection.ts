import type { PageFindings } from '../../contract/page-report.ts'
import { PlainError } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { NewRecord, Journal } from '../journal/journal.ts'
import { HealthProbe } from './health-probe.ts'
import { Pairing } from './pairing.ts'
import { PasskeyDesk } from './passkey.ts'
import {
  initialSession,
  step,
  type Effect,
  type Policy,
  type Session,
  type SessionEvent
} from './session.ts'
import { ShutdownQueue } from './shutdown-queue.ts'
import type { Step } from './stall.ts'
import { StallRecovery } from './stall-recovery.ts'
import type { LimitSource } from '../whatsapp/client-events.ts'
import type { GuardStates } from '../whatsapp/guards.ts'
import type { Listener, ListenerEvent } from '../whatsapp/listener.ts'
import { explain, explainState, isLibraryError } from '../whatsapp/reason.ts'
import type { StanzaCount } from '../whatsapp/wire-guard.ts'

export interface ConnectionOptions {
  policy: Policy
  probeIntervalMs: number
  /**
   * Asked before each start of a browser: resolves once it may start.
   * @param onWaiting takes what the start waits for, in plain words
   * @param signal aborts when the start is no longer wanted
   * @throws why the browser may not start
   */
  acquire?:
    | ((onWaiting: (waitingFor: string) => void, signal: AbortSignal) => Promise<void>)
    | undefined
  createListener: (onEvent: (event: ListenerEvent) => void) => Listener
  /** Deletes the linked device's profile. */
  deleteDevice: () => Promise<void>
  onCaptured: (newRecords: NewRecord[]) => void
  /** After every transition. */
  onChange: (session: Session, before: Session) => void
  onReady: () => void
  /** Says how a message arrived. */
  journal: Pick<Journal, 'arrival'>
  /** Starts reading back the messages that were not reported. */
  readBack: () => void
  /** Something was done because messages were not reported. */
  onStall?: (action: Step | 'read-back') => void
  /** What the send guard allowed and refused. */
  onOutbound?: (counts: StanzaCount[]) => void
  /** How long a pairing code is valid. */
  pairingLifetimeMs?: number
  log: Log
  now?: () => number
  /** A monotonic clock, ms. */
  steady?: () => number
}

/** Logs each change of the session once, in the words an operator needs. */
const logSession = (log: Log, after: Session, before: Session, now: number): void => {
  if (after.limited !== before.limited && after.status === 'READY') {
    if (after.limited === undefined)
      log.info({ event: 'page_whole' }, 'WhatsApp Web has all that was missing in it')
    else log.warn({ event: 'page_limited', reason: after.limited }, `READY, but ${after.limited}`)
  }
  const { status, reason, failures, nextAttemptAt, off } = after
  if (status === before.status && reason === before.reason) return
  const line = omitUndefined({
    event: 'session',
    status,
    failures,
    reason,
    retry_ms: nextAttemptAt === undefined ? undefined : Math.max(0, nextAttemptAt - now)
  })
  const text = `session ${status}${reason === undefined ? '' : `: ${reason}`}`
  if (status === 'ERROR') log.error(line, text)
  else if ((status === 'DISCONNECTED' && !off) || after.passkey?.stage === 'failed')
    log.warn(line, text)
  else log.info(line, text)
}

/**
 * Carries out what session.ts and stall.ts decide: one browser at a time, and timers. The public
 * functions are arrow fields, because main.ts hands them over as callbacks.
 */
export class Connection {
  /** Linking by the account's passkey. */
  readonly passkey: PasskeyDesk
  readonly #options: ConnectionOptions
  readonly #log: Log
  readonly #now: () => number
  readonly #pairing: Pairing
  readonly #recovery: StallRecovery
  readonly #probe: HealthProbe
  readonly #shutdown = new ShutdownQueue()
  #session: Session
  #listener: Listener | undefined
  /** The listener's page can be looked at. */
  #isStarted = false
  /** The current listener's acquisition: `done` resolves once nothing waits for it any more. */
  #acquisition = { abort: new AbortController(), done: Promise.resolve() }
  #retryTimer: NodeJS.Timeout | undefined
  #deadlineTimer: NodeJS.Timeout | undefined
  #outboundBlocked = 0
  #guard: GuardStates | undefined
  #isStopped = false

  constructor(options: ConnectionOptions) {
    const { log, now = Date.now } = options
    this.#options = options
    this.#log = log
    this.#now = now
    this.#session = initialSession(now())
    this.#pairing = new Pairing({
      listener: () => (this.#session.status === 'QR_REQUIRED' ? this.#listener : undefined),
      lifetimeMs: options.pairingLifetimeMs,
      log,
      now
    })
    this.#recovery = this.#createRecovery()
    this.#probe = this.#createProbe()
    this.passkey = new PasskeyDesk(
      () => this.#session,
      () => this.#listener,
      (error) => explain(error).reason
    )
  }

  readonly session = (): Session => this.#session

  readonly connect = (): void => {
    this.#pairing.end()
    this.#dispatch({ type: 'connect' })
  }

  /**
   * Closes the browser. It keeps the linked device, unless `logout`, which unlinks it.
   * @returns with `logout`, whether WhatsApp confirmed it; false: the phone still lists the device
   */
  readonly disconnect = async (logout: boolean): Promise<boolean> => {
    // The listener's own report that the device is unlinked would start the session again.
    const listener = logout ? this.#abandon() : undefined
    let isUnlinked = false
    if (listener !== undefined) {
      this.#shutdown.add(async () => {
        isUnlinked = await this.#unlink(listener)
      })
      this.#shutdown.add(() => listener.stop())
    } else if (logout)
      this.#log.warn(
        { event: 'unlink_failed' },
        'WhatsApp was not told that this device unlinks, for no page is open: ' +
          'remove it on the phone'
      )
    this.#dispatch({ type: 'disconnect', unlinked: logout })
    if (logout) this.#carryOut({ do: 'delete-device' })
    await this.#shutdown.done()
    return isUnlinked
  }

  /**
   * A code by which a phone number (E.164) links this device while a QR is required; `connect`
   * voids it.
   * @throws why there is no code
   */
  readonly pairingCode: Pairing['ask'] = async (phone) => {
    try {
      return await this.#pairing.ask(phone)
    } catch (error) {
      throw new PlainError(explain(error).reason, { cause: error })
    }
  }

  /** The listener while the session is READY. */
  readonly ready = (): Listener | undefined =>
    this.#session.status === 'READY' ? this.#listener : undefined

  /** What the open page is made of, READY or not. @throws why there is no page to look at */
  readonly pageReport = async (): Promise<PageFindings> => {
    if (this.#listener === undefined) throw new Error('no page is open')
    try {
      return await this.#listener.pageReport()
    } catch (error) {
      throw new PlainError(explain(error).reason, { cause: error })
    }
  }

  /** Attempts to send that the guard refused since the start of this process. */
  readonly outboundBlocked = (): number => this.#outboundBlocked

  /** Which fences of the send guard hold; undefined while no page was looked at. */
  readonly guard = (): GuardStates | undefined => this.#guard

  /** Whether the timers of the connection still run: false means this process is stuck. */
  readonly isAlive = (): boolean => this.#probe.isAlive()

  /**
   * Something does not work though the session is READY, by the part that reports it; without a
   * reason it works again.
   */
  readonly limit = (source: LimitSource, reason: string | undefined): void =>
    this.#dispatch({ type: 'limited', source, reason })

  /** Ends the session: its browser is closed, and it starts again later. */
  readonly fail = (reason: string): void => this.#dispatch({ type: 'lost', reason, fault: false })

  /**
   * Takes an error that nobody awaited.
   * @returns whether it is an error of whatsapp-web.js, which costs only the session
   */
  readonly onUnhandledError = (error: unknown): boolean => {
    if (!isLibraryError(error)) return false
    // A browser that closes leaves calls unanswered. The next browser starts only after that, and
    // must not be closed because of those calls.
    if (!this.#shutdown.isDone() || this.#listener === undefined) {
      this.#log.debug(
        { event: 'stray_error', err: error },
        'an error in whatsapp-web.js that nobody awaited, while its browser is closed anyway'
      )
      return true
    }
    this.#log.error(
      { event: 'stray_error', err: error },
      'an error in whatsapp-web.js that nobody awaited'
    )
    this.#dispatch({ type: 'lost', reason: explain(error).reason, fault: false })
    return true
  }

  readonly stop = async (): Promise<void> => {
    this.#isStopped = true
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#deadlineTimer)
    this.#probe.stop()
    this.#pairing.end()
    await this.#listener?.releaseHeld()
    this.#end()
    await this.#shutdown.done()
  }

  #createRecovery(): StallRecovery {
    const { journal, readBack, onStall = () => undefined, probeIntervalMs } = this.#options
    return new StallRecovery({
      journal,
      readBack,
      onStall,
      probeIntervalMs,
      dispatch: (event) => this.#dispatch(event),
      log: this.#log,
      listener: () => this.#listener,
      explain: (error) => explain(error).reason,
      reloading: (isDone) => {
        this.#isStarted = isDone
        this.#probe.reset()
      }
    })
  }

  #createProbe(): HealthProbe {
    const { probeIntervalMs, steady = () => performance.now() } = this.#options
    return new HealthProbe({
      intervalMs: probeIntervalMs,
      session: () => this.#session,
      listener: () => (this.#isStarted ? this.#listener : undefined),
      dispatch: (event) => this.#dispatch(event),
      explainState,
      isPairing: () => this.#pairing.isActive(),
      onGuard: (states) => {
        this.#guard = states
      },
      onNewest: (newest) => this.#recovery.stall.look(newest),
      log: this.#log,
      steady
    })
  }

  #dispatch(event: SessionEvent): void {
    if (this.#isStopped) return
    const before = this.#session
    const { session: after, effects } = step(before, event, this.#now(), this.#options.policy)
    this.#session = after
    logSession(this.#log, after, before, this.#now())
    for (const effect of effects) this.#carryOut(effect)
    if (after.status === 'READY' && before.status !== 'READY')
      this.#recovery.stall.attached(before.status === 'DISCONNECTED' ? 'same' : 'new')
    if (after !== before) this.#options.onChange(after, before)
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'start':
        return this.#begin()
      case 'stop':
        return this.#end()
      case 'reload':
        return this.#recovery.reload()
      case 'delete-device':
        return this.#deleteProfile()
      case 'retry':
        clearTimeout(this.#retryTimer)
        this.#retryTimer = setTimeout(() => this.#dispatch({ type: 'retry' }), effect.afterMs)
        return
      case 'cancel-retry':
        return clearTimeout(this.#retryTimer)
      case 'deadline':
        return this.#setDeadline(effect.afterMs)
      case 'cancel-deadline':
        clearTimeout(this.#deadlineTimer)
        this.#deadlineTimer = undefined
        return
      case 'backfill':
        return this.#options.onReady()
    }
  }

  #deleteProfile(): void {
    this.#shutdown.add(() =>
      this.#options
        .deleteDevice()
        .catch((error: unknown) =>
          this.#log.error(
            { event: 'forget_failed', err: error },
            'the linked device could not be deleted'
          )
        )
    )
  }

  #setDeadline(afterMs: number): void {
    clearTimeout(this.#deadlineTimer)
    this.#deadlineTimer = setTimeout(() => void this.#onDeadline(this.#deadlineTimer), afterMs)
  }

  /** The time is up. The page itself may show why. */
  async #onDeadline(timer: NodeJS.Timeout | undefined): Promise<void> {
    const { status, me } = this.#session
    const reason = await this.#listener?.whyNotReady(
      status === 'AUTHENTICATED' || me !== undefined ? 'linked' : 'unlinked'
    )
    if (timer === undefined || timer !== this.#deadlineTimer) return
    this.#dispatch(
      reason === undefined ? { type: 'overdue' } : { type: 'lost', reason, fault: true }
    )
  }

  #begin(): void {
    const attempt = this.#session.failures + 1
    this.#log.info(
      { event: 'connect_attempt', attempt },
      `connecting to WhatsApp (attempt ${attempt})`
    )
    const listener = this.#options.createListener((event) => {
      if (listener === this.#listener) this.#onEvent(event)
    })
    this.#listener = listener
    this.#isStarted = false
    this.#probe.reset()
    this.#guard = undefined
    // The profile is free only once the browser before is gone.
    this.#acquire(listener, this.#shutdown.done())
      .then(() => (listener === this.#listener ? listener.start() : undefined))
      .then(() => {
        if (listener === this.#listener) this.#isStarted = true
      })
      .catch((error: unknown) => {
        if (listener !== this.#listener) return
        const { reason, fault } = explain(error)
        this.#dispatch({ type: 'lost', reason, fault })
      })
  }

  /** @returns resolves once the profile is free and the browser may start */
  #acquire(listener: Listener, profileIsFree: Promise<void>): Promise<void> {
    const { acquire } = this.#options
    if (acquire === undefined) return profileIsFree
    const abort = new AbortController()
    const onWaiting = (reason: string): void => {
      if (listener === this.#listener) this.#dispatch({ type: 'waiting', reason })
    }
    const acquisition = profileIsFree.then(() =>
      listener === this.#listener ? acquire(onWaiting, abort.signal) : undefined
    )
    this.#acquisition = { abort, done: acquisition.catch(() => undefined) }
    return acquisition.then(() => {
      if (listener === this.#listener) this.#dispatch({ type: 'acquired' })
    })
  }

  /**
   * Gives up the current listener, which the caller has to stop. The shutdown queue then waits
   * until its acquisition does not work on the profile any more.
   */
  #abandon(): Listener | undefined {
    const listener = this.#listener
    const { abort, done } = this.#acquisition
    this.#listener = undefined
    this.#guard = undefined
    abort.abort(new Error('not wanted any more'))
    this.#shutdown.add(() => done)
    return listener
  }

  /** @returns whether WhatsApp confirmed it */
  async #unlink(listener: Listener): Promise<boolean> {
    try {
      if (await listener.unlink()) return true
      this.#log.warn(
        { event: 'unlink_failed' },
        'WhatsApp did not confirm that this device is unlinked: remove it on the phone'
      )
    } catch (error) {
      this.#log.warn(
        { event: 'unlink_failed', err: error },
        'WhatsApp was not told that this device unlinks: remove it on the phone'
      )
    }
    return false
  }

  #end(): void {
    const listener = this.#abandon()
    if (listener !== undefined) this.#shutdown.add(() => listener.stop())
  }

  #onEvent(event: ListenerEvent): void {
    if (event.type === 'outbound') return this.#onCounts(event.counts)
    if (event.type !== 'captured') return this.#dispatch(event)
    this.#recovery.stall.heard(event.newRecords)
    this.#options.onCaptured(event.newRecords)
  }

  #onCounts(counts: StanzaCount[]): void {
    for (const { isAllowed, count } of counts) if (!isAllowed) this.#outboundBlocked += count
    this.#options.onOutbound?.(counts)
  }
}

export const createConnection = (options: ConnectionOptions): Connection => new Connection(options)

import type { Log } from '../../platform/log.ts'
import type { Session, SessionEvent } from './session.ts'
import type { SessionStatus } from '../../contract/session.ts'
import type { Shown } from '../whatsapp/page.ts'
import type { GuardStates, GuardVerdict } from '../whatsapp/guards.ts'
import type { Listener, Look } from '../whatsapp/listener.ts'
import type { Reason } from '../whatsapp/reason.ts'

interface HealthProbeOptions {
  intervalMs: number
  session: () => Session
  /** The listener, while it has a page that can be looked at. */
  listener: () => Listener | undefined
  dispatch: (event: SessionEvent) => void
  /** Why the socket is in a state that it stays in. */
  explainState: (state: string) => Reason
  /** A pairing code is being shown: a new QR would void it. */
  isPairing: () => boolean
  /** Which fences of the send guard hold in this page. */
  onGuard: (states: GuardStates) => void
  /** The newest messages of a page that was READY before and after the look. */
  onNewest: (newest: readonly Shown[]) => void
  log: Log
  /** A monotonic clock, ms: all that is measured here are durations. */
  steady: () => number
}

const timeoutMs = 10_000
/** One missed answer may come from a page that is busy syncing. */
const maxUnanswered = 2
/**
 * States in which WhatsApp Web stays until somebody acts. whatsapp-web.js reports them from the
 * moment it listens, but not the state before that.
 */
const finalStates: readonly string[] = [
  'CONFLICT',
  'DEPRECATED_VERSION',
  'TOS_BLOCK',
  'SMB_TOS_BLOCK',
  'PROXYBLOCK',
  'SCREEN_LOCKED'
]
const qrRefreshMinMs = 1_000
const qrRefreshMaxMs = 60_000
/** A code without a successor for so long after its end was the last, whatever the socket says. */
const qrOverdueMs = 60_000
/**
 * AUTHENTICATED and synced for this long without READY: whatsapp-web.js missed the sync. Reporting
 * the sync twice would install its listeners twice, so it is reported only once.
 */
const syncOverdueMs = 60_000

const isFinal = (socket: string | null): socket is string =>
  socket !== null && finalStates.includes(socket)

const isLinking = (status: SessionStatus): boolean =>
  status === 'INIT' || status === 'QR_REQUIRED' || status === 'PASSKEY_REQUIRED'

/** The session is READY or was, and WhatsApp Web is connecting again. */
const wasReady = (status: SessionStatus): boolean => status === 'READY' || status === 'DISCONNECTED'

/**
 * Looks at the page from outside, at intervals. Only that shows a page that hangs, one that is
 * blocked from the start, a sync or messages that nobody reported, and codes that rotate no more.
 */
export class HealthProbe {
  readonly #options: HealthProbeOptions
  #unanswered = 0
  /** Looks in a row that showed a sync which whatsapp-web.js did not report. */
  #unreportedSyncs = 0
  /** The fences of the send guard that were in force in this browser's connected page. */
  #inForce = { wire: false, modules: false }
  #qrRefresh = { afterMs: qrRefreshMinMs, due: 0 }
  /** The limit of the send guard that was logged last. It is not logged after each reconnection. */
  #loggedLimit: string | undefined
  /** The code and the status that were seen last, and since when. */
  #seenQr = { code: undefined as string | undefined, at: 0 }
  #seenStatus = { since: 0, at: 0 }
  #lastProbeAt: number
  #isStopped = false
  #timer: NodeJS.Timeout

  constructor(options: HealthProbeOptions) {
    this.#options = options
    this.#lastProbeAt = options.steady()
    this.#timer = this.#schedule()
  }

  /** Starts over for another browser. */
  reset(): void {
    this.#unanswered = 0
    this.#unreportedSyncs = 0
    this.#inForce = { wire: false, modules: false }
    this.#qrRefresh = { afterMs: qrRefreshMinMs, due: 0 }
  }

  /** Whether the looks still come: false means this process is stuck. */
  isAlive(): boolean {
    const { intervalMs, steady } = this.#options
    return steady() - this.#lastProbeAt < intervalMs + maxUnanswered * timeoutMs + 30_000
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): NodeJS.Timeout {
    return setTimeout(() => void this.#probe(), this.#options.intervalMs)
  }

  async #probe(): Promise<void> {
    this.#lastProbeAt = this.#options.steady()
    const listener = this.#options.listener()
    if (listener !== undefined) {
      const { status, since } = this.#options.session()
      try {
        const look = await listener.probe(timeoutMs)
        await this.#judge(listener, look, status === 'READY' ? since : undefined)
        if (this.#isCurrent(listener)) this.#unanswered = 0
      } catch (error) {
        if (this.#isCurrent(listener)) this.#onUnanswered(error)
      }
    }
    if (!this.#isStopped) this.#timer = this.#schedule()
  }

  #isCurrent(listener: Listener): boolean {
    return listener === this.#options.listener()
  }

  #onUnanswered(error: unknown): void {
    const { dispatch, log } = this.#options
    this.#unanswered += 1
    log.warn(
      { event: 'probe_failed', unanswered: this.#unanswered, err: error },
      'the page did not answer'
    )
    if (this.#unanswered >= maxUnanswered)
      dispatch({ type: 'lost', reason: 'the page does not answer', fault: false })
  }

  /** @param readySince when the session became READY, if it was READY before the look */
  async #judge(
    listener: Listener,
    { socket, synced, guard, newest }: Look,
    readySince: number | undefined
  ): Promise<void> {
    const { session, dispatch, explainState, isPairing, onNewest } = this.#options
    if (!this.#isCurrent(listener)) return
    if (this.#isLostByGuard(guard, socket)) return
    const { status } = session()
    this.#noteChanges()
    if ((isLinking(status) || status === 'AUTHENTICATED') && isFinal(socket))
      return dispatch({ type: 'lost', ...explainState(socket) })
    if (this.#hasMissedSync(status, synced)) await this.#reportSync(listener)
    if (status === 'QR_REQUIRED' && !isPairing()) await this.#renewQr(listener, socket)
    if (wasReady(status) && isFinal(socket))
      return dispatch({ type: 'lost', ...explainState(socket) })
    if (status === 'READY' && (socket === 'UNPAIRED' || socket === 'UNPAIRED_IDLE')) {
      const reason = `this device is no longer linked (${socket})`
      return dispatch({ type: 'lost', reason, fault: true })
    }
    if (status === 'READY' && session().since === readySince) onNewest(newest)
    if (socket !== null && wasReady(session().status)) dispatch({ type: 'socket', state: socket })
  }

  /** Notes since when the status and the code are as they are. */
  #noteChanges(): void {
    const { session, steady } = this.#options
    const { since, qr } = session()
    if (since !== this.#seenStatus.since) this.#seenStatus = { since, at: steady() }
    if (qr?.code !== this.#seenQr.code) this.#seenQr = { code: qr?.code, at: steady() }
  }

  /** @returns whether the session is lost because of the send guard */
  #isLostByGuard(guard: GuardVerdict, socket: string | null): boolean {
    const { session, dispatch, onGuard, log } = this.#options
    onGuard({ wire: guard.wire, modules: guard.modules })
    const isConnected = socket === 'CONNECTED' && wasReady(session().status)
    const reason = this.#whyUnsafe(guard, isConnected)
    if (reason !== undefined) {
      log.error({ event: 'guard_open', wire: guard.wire, modules: guard.modules }, reason)
      dispatch({ type: 'lost', reason, fault: true })
      return true
    }
    if (isConnected) this.#onLimited(guard)
    return false
  }

  /** Why the session must not go on with this page. */
  #whyUnsafe(guard: GuardVerdict, isConnected: boolean): string | undefined {
    const isOpen = guard.wire === 'open' || guard.modules === 'open'
    // Before the page is connected its modules may not be made yet: then only a hole counts.
    if (!isConnected) return isOpen ? guard.unsafe : undefined
    const inForce = this.#inForce
    const isLess =
      (inForce.wire && guard.wire !== 'in_force') ||
      (inForce.modules && guard.modules !== 'in_force')
    inForce.wire ||= guard.wire === 'in_force'
    inForce.modules ||= guard.modules === 'in_force'
    if (guard.unsafe !== undefined) return guard.unsafe
    return isLess
      ? `The send guard held and holds no longer: ${guard.limited ?? 'a fence is gone'}`
      : undefined
  }

  #onLimited(guard: GuardVerdict): void {
    const { dispatch, log } = this.#options
    if (guard.limited !== undefined && guard.limited !== this.#loggedLimit) {
      log.error(
        { event: 'guard_limited', wire: guard.wire, modules: guard.modules },
        `Messages are captured, but ${guard.limited}`
      )
      this.#loggedLimit = guard.limited
    }
    dispatch({ type: 'limited', source: 'guard', reason: guard.limited })
  }

  /** Counts the looks that showed a sync. @returns whether to report it now */
  #hasMissedSync(status: SessionStatus, isSynced: boolean): boolean {
    const isOverdue =
      isLinking(status) ||
      (status === 'AUTHENTICATED' && this.#options.steady() - this.#seenStatus.at >= syncOverdueMs)
    this.#unreportedSyncs = isOverdue && isSynced ? this.#unreportedSyncs + 1 : 0
    return this.#unreportedSyncs === 2 || (isLinking(status) && this.#unreportedSyncs > 2)
  }

  #reportSync(listener: Listener): Promise<void> {
    this.#options.log.warn(
      { event: 'sync_unreported' },
      'WhatsApp Web is synced but did not say so to whatsapp-web.js: reporting it'
    )
    return listener.reportSync()
  }

  /** Asks for codes again after WhatsApp Web stopped showing new ones, until one is scanned. */
  async #renewQr(listener: Listener, socket: string | null): Promise<void> {
    const { session, dispatch, log, steady } = this.#options
    const { qr } = session()
    const isOverdue =
      qr !== undefined && steady() - this.#seenQr.at > qr.expiresAt - qr.generatedAt + qrOverdueMs
    if ((socket !== 'UNPAIRED_IDLE' && !isOverdue) || steady() < this.#qrRefresh.due) return
    const { afterMs } = this.#qrRefresh
    log.info(
      { event: 'qr_refresh', next_ms: afterMs },
      'WhatsApp Web stopped showing codes: asking for a new one'
    )
    this.#qrRefresh = { afterMs: Math.min(qrRefreshMaxMs, afterMs * 2), due: steady() + afterMs }
    // The new code may come before the call returns.
    dispatch({ type: 'qr-renewal' })
    try {
      await listener.refreshQr()
    } catch (error) {
      log.warn(
        { event: 'qr_refresh_failed', err: error },
        'WhatsApp Web could not be asked for a new code: starting Chromium again, which shows one'
      )
      if (!this.#isCurrent(listener)) return
      dispatch({
        type: 'lost',
        reason:
          'WhatsApp Web stopped showing codes, and has no function that is known to show new ones',
        fault: true
      })
    }
  }
}

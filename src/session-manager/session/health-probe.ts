import type { Log } from '../../platform/log.ts'
import type { Session, SessionEvent } from './session.ts'
import type { Shown } from '../whatsapp/page.ts'
import type { GuardStates, GuardVerdict } from '../whatsapp/guards.ts'
import type { Listener, Look } from '../whatsapp/listener.ts'
import type { Reason } from '../whatsapp/reason.ts'

/**
 * Looks at the page from outside, at intervals: what only that shows is a page that hangs, one that
 * is blocked from the start, a sync nobody reported, codes that rotate no more, messages nobody
 * told of.
 */
interface HealthProbe {
  /** There is another browser. */
  begin(): void
  /** Whether the looks still come: false means this process is stuck. */
  isAlive(): boolean
  stop(): void
}

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
  /** Whether the send guard of this page holds. */
  onGuard: (states: GuardStates) => void
  /** The newest messages of a page that was READY before and after the look. */
  onNewest: (newest: readonly Shown[]) => void
  log: Log
  /** A clock that only goes on, ms: all that is measured here are durations. */
  steady: () => number
}

const timeoutMs = 10_000
/** One missed answer may be a page that is busy syncing. */
const maxUnanswered = 2
/**
 * Where WhatsApp Web stays until somebody acts. whatsapp-web.js tells of it once it listens, and
 * not of what was before.
 */
const stays: readonly string[] = [
  'CONFLICT',
  'DEPRECATED_VERSION',
  'TOS_BLOCK',
  'SMB_TOS_BLOCK',
  'PROXYBLOCK',
  'SCREEN_LOCKED'
]
const qrRefreshMinMs = 1_000
const qrRefreshMaxMs = 60_000
/**
 * A code that is not followed by another for so long after its end was the last, whatever the
 * socket says.
 */
const qrOverdueMs = 60_000
/**
 * AUTHENTICATED and synced for this long without READY: whatsapp-web.js missed the sync. It listens
 * twice to what it is told twice, so it is told once only.
 */
const syncOverdueMs = 60_000

export const createHealthProbe = (options: HealthProbeOptions): HealthProbe => {
  const {
    intervalMs,
    session,
    listener,
    dispatch,
    explainState,
    isPairing,
    onGuard,
    onNewest,
    log,
    steady
  } = options
  let unanswered = 0
  let unheardSync = 0
  /** Which fences of the send guard held in this browser's page once it was connected. */
  let held = { wire: false, modules: false }
  let qrRefresh = { afterMs: qrRefreshMinMs, due: 0 }
  /**
   * What of the send guard was last reported as an error; it is not repeated after each
   * reconnection.
   */
  let alerted: string | undefined
  /** The code and the status that were last seen, and since when. */
  let seenQr = { code: undefined as string | undefined, at: 0 }
  let seenStatus = { since: 0, at: 0 }
  let beat = steady()
  let over = false

  /** Why the session must not go on with this page. */
  const whyUnsafe = (guard: GuardVerdict, isConnected: boolean): string | undefined => {
    const isOpen = guard.wire === 'open' || guard.modules === 'open'
    // Before the page is connected its modules may not be made yet: then only a hole counts.
    if (!isConnected) return isOpen ? guard.unsafe : undefined
    const isLess =
      (held.wire && guard.wire !== 'in_force') || (held.modules && guard.modules !== 'in_force')
    held.wire ||= guard.wire === 'in_force'
    held.modules ||= guard.modules === 'in_force'
    return (
      guard.unsafe ??
      (isLess
        ? `The send guard held and holds no longer: ${guard.limited ?? 'a fence is gone'}`
        : undefined)
    )
  }
  const onLimited = (guard: GuardVerdict): void => {
    if (guard.limited !== undefined && guard.limited !== alerted) {
      log.error(
        { event: 'guard_limited', wire: guard.wire, modules: guard.modules },
        `Messages are captured, but ${guard.limited}`
      )
      alerted = guard.limited
    }
    dispatch({ type: 'limited', source: 'guard', reason: guard.limited })
  }
  /** @returns whether the session is lost by what the send guard is like */
  const judgeGuard = (guard: GuardVerdict, socket: string | null): boolean => {
    onGuard({ wire: guard.wire, modules: guard.modules })
    const { status } = session()
    const isConnected = socket === 'CONNECTED' && (status === 'READY' || status === 'DISCONNECTED')
    const reason = whyUnsafe(guard, isConnected)
    if (reason !== undefined) {
      log.error({ event: 'guard_open', wire: guard.wire, modules: guard.modules }, reason)
      dispatch({ type: 'lost', reason, fault: true })
      return true
    }
    if (isConnected) onLimited(guard)
    return false
  }

  /**
   * Asks for codes again after WhatsApp Web stopped showing new ones, for as long as none is
   * scanned.
   */
  const renewQr = async (mine: Listener, socket: string | null): Promise<void> => {
    const { qr } = session()
    const isOverdue =
      qr !== undefined && steady() - seenQr.at > qr.expiresAt - qr.generatedAt + qrOverdueMs
    if ((socket !== 'UNPAIRED_IDLE' && !isOverdue) || steady() < qrRefresh.due) return
    log.info(
      { event: 'qr_refresh', next_ms: qrRefresh.afterMs },
      'WhatsApp Web stopped showing codes: asking for a new one'
    )
    qrRefresh = {
      afterMs: Math.min(qrRefreshMaxMs, qrRefresh.afterMs * 2),
      due: steady() + qrRefresh.afterMs
    }
    // The new code may come before the call returns.
    dispatch({ type: 'qr-renewal' })
    try {
      await mine.refreshQr()
    } catch (error) {
      log.warn(
        { event: 'qr_refresh_failed', err: error },
        'WhatsApp Web could not be asked for a new code: starting Chromium again, which shows one'
      )
      if (mine !== listener()) return
      dispatch({
        type: 'lost',
        reason:
          'WhatsApp Web stopped showing codes, and has no function that is known to show new ones',
        fault: true
      })
    }
  }

  const judge = async (
    mine: Listener,
    { socket, synced, guard, newest }: Look,
    since: number | undefined
  ): Promise<void> => {
    if (mine !== listener()) return
    if (judgeGuard(guard, socket)) return
    const { status, since: enteredAt, qr } = session()
    if (enteredAt !== seenStatus.since) seenStatus = { since: enteredAt, at: steady() }
    if (qr?.code !== seenQr.code) seenQr = { code: qr?.code, at: steady() }
    const linking = status === 'INIT' || status === 'QR_REQUIRED' || status === 'PASSKEY_REQUIRED'
    if ((linking || status === 'AUTHENTICATED') && socket !== null && stays.includes(socket))
      return dispatch({ type: 'lost', ...explainState(socket) })
    const isUnheard =
      linking || (status === 'AUTHENTICATED' && steady() - seenStatus.at >= syncOverdueMs)
    unheardSync = isUnheard && synced ? unheardSync + 1 : 0
    if (unheardSync === 2 || (linking && unheardSync > 2)) {
      log.warn(
        { event: 'sync_unreported' },
        'WhatsApp Web is synced but did not say so to whatsapp-web.js: reporting it'
      )
      await mine.reportSync()
    }
    if (status === 'QR_REQUIRED' && !isPairing()) await renewQr(mine, socket)
    if (
      (status === 'READY' || status === 'DISCONNECTED') &&
      socket !== null &&
      stays.includes(socket)
    )
      return dispatch({ type: 'lost', ...explainState(socket) })
    if (status === 'READY' && (socket === 'UNPAIRED' || socket === 'UNPAIRED_IDLE')) {
      return dispatch({
        type: 'lost',
        reason: `this device is no longer linked (${socket})`,
        fault: true
      })
    }
    if (status === 'READY' && session().since === since) onNewest(newest)
    if (socket !== null && (session().status === 'READY' || session().status === 'DISCONNECTED'))
      dispatch({ type: 'socket', state: socket })
  }

  const probe = async (): Promise<void> => {
    beat = steady()
    const mine = listener()
    if (mine !== undefined) {
      const { status, since } = session()
      try {
        await judge(mine, await mine.probe(timeoutMs), status === 'READY' ? since : undefined)
        if (mine === listener()) unanswered = 0
      } catch (error) {
        if (mine === listener()) {
          unanswered += 1
          log.warn({ event: 'probe_failed', unanswered, err: error }, 'the page did not answer')
          if (unanswered >= maxUnanswered)
            dispatch({ type: 'lost', reason: 'the page does not answer', fault: false })
        }
      }
    }
    if (!over) timer = setTimeout(() => void probe(), intervalMs)
  }
  let timer = setTimeout(() => void probe(), intervalMs)

  return {
    begin: () => {
      unanswered = 0
      unheardSync = 0
      held = { wire: false, modules: false }
      qrRefresh = { afterMs: qrRefreshMinMs, due: 0 }
    },
    isAlive: () => steady() - beat < intervalMs + maxUnanswered * timeoutMs + 30_000,
    stop: () => {
      over = true
      clearTimeout(timer)
    }
  }
}

import type { Log } from '../../platform/log.ts'
import type { Journal } from '../journal/journal.ts'
import type { SessionEvent } from './session.ts'
import type { Step } from './stall.ts'
import { StallWatch } from './stall-watch.ts'
import type { Listener } from '../whatsapp/listener.ts'

interface RecoveryOptions {
  journal: Pick<Journal, 'arrival'>
  readBack: () => void
  onStall: (action: Step | 'read-back') => void
  probeIntervalMs: number
  listener: () => Listener | undefined
  dispatch: (event: SessionEvent) => void
  /** Nothing may be asked of the page while it is being reloaded. */
  reloading: (isDone: boolean) => void
  /** Why something failed, in plain words. */
  explain: (error: unknown) => string
  log: Log
  /** ms of a monotonic clock. */
  now?: () => number
}

/** A message is missing when it is not reported in so many looks, and for so long. */
const looks = 3
const minMs = 2_000

/**
 * Takes the steps that stall.ts decides on, so that messages which reach the page in silence are
 * reported again.
 */
export class StallRecovery {
  readonly stall: StallWatch
  readonly #options: RecoveryOptions

  constructor(options: RecoveryOptions) {
    const { journal, readBack, onStall, probeIntervalMs, dispatch, log } = options
    const { now = () => performance.now() } = options
    this.#options = options
    this.stall = new StallWatch({
      journal,
      readBack,
      takeStep: (step, reason) => this.#takeStep(step, reason),
      log,
      now,
      onReason: (reason) => dispatch({ type: 'stalled', reason }),
      onAction: onStall,
      grace: { looks, ms: Math.max(minMs, looks * probeIntervalMs) }
    })
  }

  /** Reloads the page in the same browser. */
  reload(): void {
    const { dispatch, explain, reloading } = this.#options
    const listener = this.#options.listener()
    reloading(false)
    listener
      ?.reload()
      .then(() => {
        if (this.#isCurrent(listener)) reloading(true)
      })
      .catch((error: unknown) => {
        if (this.#isCurrent(listener))
          dispatch({
            type: 'lost',
            reason: `WhatsApp Web could not be loaded anew: ${explain(error)}`,
            fault: false
          })
      })
  }

  #isCurrent(listener: Listener): boolean {
    return listener === this.#options.listener()
  }

  #takeStep(step: Step, reason: string): void {
    const { dispatch } = this.#options
    if (step === 're-inject') this.#reinject()
    else
      dispatch(
        step === 'reload' ? { type: 'reload', reason } : { type: 'lost', reason, fault: false }
      )
  }

  #reinject(): void {
    const { log, readBack } = this.#options
    const listener = this.#options.listener()
    listener
      ?.reinject()
      .then(() => {
        if (!this.#isCurrent(listener)) return
        this.stall.attached('same again')
        // What came in between is not judged, but it must not be lost.
        readBack()
      })
      .catch((error: unknown) => {
        if (!this.#isCurrent(listener)) return
        log.warn({ event: 'reinject_failed', err: error }, 'the page could not be listened to anew')
        this.stall.failed()
      })
  }
}

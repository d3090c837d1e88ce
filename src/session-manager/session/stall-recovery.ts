import type { Log } from '../../platform/log.ts'
import type { Journal } from '../journal/journal.ts'
import type { SessionEvent } from './session.ts'
import type { Step } from './stall.ts'
import { createStallWatch, type StallWatch } from './stall-watch.ts'
import type { Listener } from '../whatsapp/listener.ts'

/**
 * Has messages told of again that reach the page in silence: the steps that stall.ts decides on,
 * taken on the browser there is.
 */
interface Recovery {
  stall: StallWatch
  /** Loads the page anew, in the same browser. */
  reload(): void
}

interface RecoveryOptions {
  journal: Pick<Journal, 'arrival'>
  readBack: () => void
  onStall: (deed: Step | 'read-back') => void
  probeIntervalMs: number
  listener: () => Listener | undefined
  dispatch: (event: SessionEvent) => void
  /** While the page is loaded anew nothing is to be asked of the old one. */
  reloading: (isOver: boolean) => void
  /** Why something failed, in plain words. */
  explain: (error: unknown) => string
  log: Log
  /** ms of a clock that nobody sets. */
  now?: () => number
}

/** A message that is not told of in so many looks, and for so long, is missing. */
const looks = 3
const minMs = 2_000

export const createRecovery = (options: RecoveryOptions): Recovery => {
  const {
    journal,
    readBack,
    onStall,
    probeIntervalMs,
    listener,
    dispatch,
    reloading,
    explain,
    log,
    now = () => performance.now()
  } = options

  const reinject = (): void => {
    const mine = listener()
    mine
      ?.reinject()
      .then(() => {
        if (mine !== listener()) return
        stall.attached('same again')
        // what came meanwhile is nobody's to judge, but not to be lost
        readBack()
      })
      .catch((error: unknown) => {
        if (mine !== listener()) return
        log.warn({ event: 'reinject_failed', err: error }, 'the page could not be listened to anew')
        stall.failed()
      })
  }
  const reload = (): void => {
    const mine = listener()
    reloading(false)
    mine
      ?.reload()
      .then(() => {
        if (mine === listener()) reloading(true)
      })
      .catch((error: unknown) => {
        if (mine === listener())
          dispatch({
            type: 'lost',
            reason: `WhatsApp Web could not be loaded anew: ${explain(error)}`,
            fault: false
          })
      })
  }
  const take = (step: Step, reason: string): void => {
    if (step === 're-inject') reinject()
    else
      dispatch(
        step === 'reload' ? { type: 'reload', reason } : { type: 'lost', reason, fault: false }
      )
  }
  const stall = createStallWatch({
    journal,
    readBack,
    take,
    log,
    now,
    tell: (reason) => dispatch({ type: 'stalled', reason }),
    count: onStall,
    grace: { looks, ms: Math.max(minMs, looks * probeIntervalMs) }
  })
  return { stall, reload }
}

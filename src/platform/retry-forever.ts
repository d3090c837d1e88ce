import { setTimeout as delay } from 'node:timers/promises'

/** Work that is started again whenever it fails, until it is stopped. */
export interface RetryForever {
  /** The work goes well: the next failure starts a new row of failures. */
  resetBackoff(): void
  /** Resolves once the work is stopped and has ended. */
  readonly over: Promise<void>
}

interface RetryOptions {
  /** Started again immediately when it resolves. */
  run: () => Promise<unknown>
  /** Called after each failure, before the wait. @param attempt in the row of failures, from 1 */
  report: (error: unknown, attempt: number, retryMs: number) => void
  stop: AbortSignal
  /**
   * The first wait of a row, doubled at each failure, and the longest; less by up to half at
   * random, ms.
   */
  minDelayMs?: number
  maxDelayMs: number
}

export const retryForever = ({
  run,
  report,
  stop,
  minDelayMs = 250,
  maxDelayMs
}: RetryOptions): RetryForever => {
  let failures = 0
  const work = async (): Promise<void> => {
    while (!stop.aborted) {
      try {
        await run()
      } catch (error) {
        if (stop.aborted) return
        failures += 1
        const retryMs = Math.round(
          Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 20)) *
            (0.5 + Math.random() / 2)
        )
        report(error, failures, retryMs)
        await delay(retryMs, undefined, { signal: stop }).catch(() => undefined)
      }
    }
  }
  // The work begins in a later microtask, because it may call `resetBackoff` before it waits.
  const over = Promise.resolve().then(work)
  return { resetBackoff: () => void (failures = 0), over }
}

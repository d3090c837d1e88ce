import type { Log } from './log.ts'

/** Smaller jumps, as NTP makes them, are ignored. */
const noticedMs = 60_000

/** "24 h" */
const inWords = (ms: number): string =>
  ms >= 3_600_000 ? `${Math.round(ms / 360_000) / 10} h` : `${Math.round(ms / 1_000)} s`

/**
 * Logs when the time of day jumps against the clock that only goes on: otherwise the times in the
 * log would be confusing.
 * @returns what ends it
 */
export const watchClock = (options: {
  log: Log
  everyMs?: number
  now?: () => number
  steady?: () => number
}): (() => void) => {
  const { log, everyMs = 5_000, now = Date.now, steady = () => performance.now() } = options
  let apart = now() - steady()
  const timer = setInterval(() => {
    const jump = now() - steady() - apart
    apart += jump
    if (Math.abs(jump) < noticedMs) return
    const direction =
      jump > 0 ? 'ahead: the clock was set, or the machine slept' : 'back: the clock was set'
    log.warn(
      { event: 'clock_jumped', ms: Math.round(jump) },
      `the time of day jumped ${inWords(Math.abs(jump))} ${direction}; ` +
        'times before this line are of the old clock'
    )
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

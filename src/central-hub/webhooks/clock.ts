/** The time. A test may let it pass faster. */
export interface Clock {
  /** ms since 1970. */
  now(): number
  /** ms of a clock that only goes on, whatever the time of day is set to. */
  steady(): number
  /** Runs something at a time. @returns what cancels it */
  at(time: number, run: () => void): () => void
}

const maxSleepMs = 3_600_000

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  at: (time, run) => {
    // The sleep is limited, because the time of day may be set back during it. What is due is then
    // looked at again.
    const timer = setTimeout(run, Math.min(maxSleepMs, Math.max(0, time - Date.now())))
    return () => clearTimeout(timer)
  }
}

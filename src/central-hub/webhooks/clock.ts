/** Time, as a test may have it pass faster. */
export interface Clock {
  /** ms since 1970. */
  now(): number
  /** ms of a clock that only goes on, whatever the time of day is set to. */
  steady(): number
  /** Runs something at a time; returns what takes it back. */
  at(time: number, run: () => void): () => void
}

const maxSleepMs = 3_600_000

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  at: (time, run) => {
    // Longer than that it does not sleep: the time of day may be set back meanwhile, and what is
    // due is looked at again.
    const timer = setTimeout(run, Math.min(maxSleepMs, Math.max(0, time - Date.now())))
    return () => clearTimeout(timer)
  }
}

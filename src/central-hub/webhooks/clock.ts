/** Time, as a test may have it pass faster. */
export interface Clock {
  /** ms since 1970. */
  now(): number
  /** Runs something at a time; returns what takes it back. */
  at(time: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  at: (time, run) => {
    const timer = setTimeout(run, Math.max(0, time - Date.now()))
    return () => clearTimeout(timer)
  }
}

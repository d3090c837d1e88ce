import type { Clock } from '../../../src/central-hub/webhooks/clock.ts'

/** Time that passes when a test says so. */
export interface TestClock extends Clock {
  /** Lets time pass, ms; what is due by then runs. */
  pass(ms: number): void
  /** Sets the time of day that many ms ahead, or back; no time passes. */
  set(ms: number): void
  /** When the next thing is due, undefined when nothing is. */
  next(): number | undefined
}

export const testClock = (start = Date.now()): TestClock => {
  let [now, ahead] = [start, 0]
  const due = new Set<{ time: number; run: () => void }>()
  return {
    now: () => now + ahead,
    steady: () => now - start,
    at: (time, run) => {
      const entry = { time: time - ahead, run }
      due.add(entry)
      return () => void due.delete(entry)
    },
    pass: (ms) => {
      now += ms
      for (const entry of [...due].sort((a, b) => a.time - b.time))
        if (entry.time <= now && due.delete(entry)) entry.run()
    },
    set: (ms) => void (ahead += ms),
    next: () => (due.size === 0 ? undefined : Math.min(...[...due].map(({ time }) => time)))
  }
}

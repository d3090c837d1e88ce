import type { Clock } from '../../../src/central-hub/webhooks/clock.ts'

/** Time that passes when a test says so. */
export interface TestClock extends Clock {
  /** Lets time pass, ms; what is due by then runs. */
  pass(ms: number): void
  /** When the next thing is due, undefined when nothing is. */
  next(): number | undefined
}

export const testClock = (start = Date.now()): TestClock => {
  let now = start
  const due = new Set<{ time: number; run: () => void }>()
  return {
    now: () => now,
    at: (time, run) => {
      const entry = { time, run }
      due.add(entry)
      return () => void due.delete(entry)
    },
    pass: (ms) => {
      now += ms
      for (const entry of [...due].sort((a, b) => a.time - b.time)) if (entry.time <= now && due.delete(entry)) entry.run()
    },
    next: () => (due.size === 0 ? undefined : Math.min(...[...due].map(({ time }) => time)))
  }
}

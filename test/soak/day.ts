/** The simulated day: what time it is in it, and how much is written at which hour. */

export const dayMs = 86_400_000

/** A clock by which a day passes in minutes. */
export interface Pace {
  /** When it began, really and by the clock itself, ms. */
  real: number
  from: number
  /** How much faster it is on the whole. */
  rate: number
  /**
   * It goes at real speed and leaps this often, ms: whoever waits some seconds for a real browser
   * waits for seconds.
   */
  stepMs: number
}

/** The time by that clock, ms. */
export const paced = ({ real, from, rate, stepMs }: Pace, now: number): number => {
  const elapsed = Math.max(0, now - real)
  return from + elapsed + Math.floor(elapsed / stepMs) * stepMs * (rate - 1)
}

/**
 * A day from noon to noon, over before now: midnight, when the journal's records may go, is in its
 * middle.
 */
export const paceOf = (minutes: number, now: number): Pace => {
  const rate = dayMs / (minutes * 60_000)
  const midnight = Math.floor(now / dayMs) * dayMs
  const from = midnight - dayMs / 2
  return {
    real: now,
    from: from + dayMs <= now ? from : from - dayMs,
    rate,
    stepMs: Math.min(30_000, minutes * 2_000)
  }
}

/** How busy each hour is, from noon on. */
const hours = [8, 7, 9, 10, 10, 9, 9, 8, 6, 5, 3, 2, 1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 10, 9]
const sum = hours.reduce((all, hour) => all + hour, 0)
/** A sixth of each hour's messages come in two minutes of it. */
const burst = { share: 1 / 6, from: 0.5, length: 1 / 30 }

/** How much of the day's messages are written by then; `at` from 0 to 1. */
export const writtenBy = (at: number): number => {
  const hour = Math.min(hours.length - 1, Math.floor(at * hours.length))
  const within = Math.min(1, at * hours.length - hour)
  const before = hours.slice(0, hour).reduce((all, one) => all + one, 0)
  const inBurst = Math.min(1, Math.max(0, (within - burst.from) / burst.length))
  return (
    (before + (hours[hour] as number) * ((1 - burst.share) * within + burst.share * inBurst)) / sum
  )
}

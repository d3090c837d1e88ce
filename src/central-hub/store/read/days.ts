/** Days of a time zone. */

export interface Day {
  /** YYYY-MM-DD */
  date: string
  /** UNIX seconds: from its first moment to before `until`. */
  since: number
  until: number
}

const dayMs = 86_400_000

/** An IANA name, such as America/Mexico_City; offsets such as +05:00 are none. */
export const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return !/^[+-]/.test(name)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The last days of a time zone, today the last. */
export const lastDays = (count: number, timeZone: string, now: number = Date.now()): Day[] => {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric'
  })
  /** The clock on the wall there, as if it were UTC. */
  const wall = (ms: number): number => {
    const part = Object.fromEntries(
      format.formatToParts(ms).map(({ type, value }) => [type, Number(value)])
    )
    return Date.UTC(
      part['year'] ?? 0,
      (part['month'] ?? 1) - 1,
      part['day'],
      part['hour'],
      part['minute'],
      part['second']
    )
  }
  /**
   * When the clock there showed this, by the offset of that moment; where the clock was put forward
   * over it, just after.
   */
  const moment = (shown: number): number => {
    const near = shown - (wall(shown) - shown)
    const nearer = shown - (wall(near) - near)
    return wall(nearer) < shown ? near : nearer
  }
  const today = Math.floor(wall(now) / dayMs) * dayMs
  return Array.from({ length: count }, (_, index) => {
    const midnight = today - (count - 1 - index) * dayMs
    return {
      date: new Date(midnight).toISOString().slice(0, 10),
      since: moment(midnight) / 1_000,
      until: moment(midnight + dayMs) / 1_000
    }
  })
}

import type { BusinessHours } from '../../contract/alarm.ts'

/** When the team is at work, and how many such minutes have passed. */

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000
/** Offsets of time zones change at a quarter of an hour only, so one offset holds within each. */
const quarterMs = 900_000
/** Longer than any pause of a team, and a bound of the work: half a year, ms. */
const farthestMs = 184 * dayMs

/** Weekdays as Date has them. */
const weekdays = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday'
] as const

/** Minutes of a day, from the first up to the second. */
type Span = readonly [number, number]

/** Minutes since the start of the day. @param time such as 09:30 */
export const minuteOf = (time: string): number => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}

/** Sorted, and joined where they overlap. */
const spansOf = (day: BusinessHours['weekly']['monday']): Span[] => {
  const spans: [number, number][] = []
  const given = day
    .map(({ from, until }): [number, number] => [minuteOf(from), minuteOf(until)])
    .toSorted(([a], [b]) => a - b)
  for (const [from, until] of given) {
    const last = spans.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], until)
    else spans.push([from, until])
  }
  return spans
}

/** The business hours of a team, to count with. */
export class OpenHours {
  readonly #zone: Intl.DateTimeFormat
  readonly #weekly: readonly (readonly Span[])[]
  readonly #holidays: ReadonlySet<string>

  /** @throws {RangeError} when there is no such time zone */
  constructor({ time_zone, weekly, holidays }: BusinessHours) {
    this.#zone = new Intl.DateTimeFormat('en-US', {
      timeZone: time_zone,
      timeZoneName: 'longOffset'
    })
    this.#weekly = weekdays.map((day) => spansOf(weekly[day]))
    this.#holidays = new Set(holidays)
  }

  /**
   * The moments since which so many minutes of business hours have passed, each the latest one.
   * @param minutes whole numbers above 0
   * @param now ms
   * @returns ms, by minutes; none for what has not passed within half a year
   */
  cutoffs(minutes: Iterable<number>, now: number): Map<number, number> {
    const wanted = [...new Set(minutes)].toSorted((a, b) => a - b)
    const found = new Map<number, number>()
    let openMs = 0
    let until = now
    while (found.size < wanted.length && until > now - farthestMs) {
      const from = Math.floor((until - 1) / quarterMs) * quarterMs
      for (const [start, end] of this.#openWithin(from, until).toReversed()) {
        for (const each of wanted.slice(found.size)) {
          const missing = each * minuteMs - openMs
          if (end - start < missing) break
          found.set(each, end - missing)
        }
        openMs += end - start
      }
      until = from
    }
    return found
  }

  /** What is open between two moments of one quarter of an hour, ms. */
  #openWithin(from: number, until: number): Span[] {
    const offset = this.#offsetAt(from)
    const midnight = Math.floor((from + offset) / dayMs) * dayMs
    const day = new Date(midnight)
    if (this.#holidays.has(day.toISOString().slice(0, 10))) return []
    const spans = this.#weekly[day.getUTCDay()] ?? []
    return spans
      .map(([first, last]): Span => {
        const [start, end] = [first, last].map((minute) => midnight - offset + minute * minuteMs)
        return [Math.max(from, start ?? 0), Math.min(until, end ?? 0)]
      })
      .filter(([start, end]) => start < end)
  }

  /** How far local time is ahead of UTC, ms. */
  #offsetAt(at: number): number {
    const name = this.#zone.formatToParts(at).find(({ type }) => type === 'timeZoneName')
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name?.value ?? '') ?? []
    if (sign === undefined) return 0
    const ms = Number(hours) * hourMs + Number(minutes) * minuteMs
    return sign === '-' ? -ms : ms
  }
}

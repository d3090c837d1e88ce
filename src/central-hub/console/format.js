import { locale } from './texts.js'

/** How times, days and sizes are written. */

const minute = 60,
  hour = 60 * minute,
  day = 24 * hour

/** Read alike in English, Spanish and Portuguese. @type {Readonly<Record<string, string>>} */
const short = { second: 's', minute: 'min', hour: 'h', day: 'd' }

/**
 * The largest unit of a length of time, and the seconds in it.
 * @param {number} s @returns {[string, number]}
 */
const largestUnit = (s) => {
  if (s < minute) return ['second', 1]
  if (s < hour) return ['minute', minute]
  return s < day ? ['hour', hour] : ['day', day]
}

/**
 * How long, in its largest unit: `5m`, `3h`, `2d`. Intl's narrow units are wrong in some locales
 * (`400dd.` in es-AR), so the short ones are ours.
 * @param {number} ms @param {'narrow' | 'long'} [unitDisplay]
 */
export const duration = (ms, unitDisplay = 'narrow') => {
  const s = Math.max(0, Math.round(ms / 1_000))
  const [unit, size] = largestUnit(s)
  const count = Math.floor(s / size)
  if (unitDisplay === 'narrow') return `${figure(count)}${short[unit]}`
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay }).format(count)
}

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
const write = (date, options) => new Intl.DateTimeFormat(locale(), options).format(date)
/** @param {Date} a @param {Date} b */
const sameDay = (a, b) => a.toDateString() === b.toDateString()

/** @param {Date} date */
export const clock = (date) => write(date, { hour: 'numeric', minute: '2-digit' })

/**
 * `today`, `yesterday`, a weekday of this week, or the date. @param {Date} date @param {number} now
 * ms
 */
export const dayOf = (date, now) => {
  for (const back of [0, 1]) {
    if (sameDay(date, new Date(now - back * day * 1_000))) {
      const name = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(-back, 'day')
      return name[0]?.toUpperCase() + name.slice(1)
    }
  }
  return write(
    date,
    now - date.getTime() < 6 * day * 1_000
      ? { weekday: 'long' }
      : { day: 'numeric', month: 'short', year: 'numeric' }
  )
}

/** The clock for today, else the day. @param {Date} date @param {number} now ms */
export const when = (date, now) => (sameDay(date, new Date(now)) ? clock(date) : dayOf(date, now))

/** A time of day is never broken in two lines. @param {Date} date */
export const dateTime = (date) =>
  write(date, { dateStyle: 'medium', timeStyle: 'short' }).replace(
    /(\d) (?=\p{L}[^\d]*$)/u,
    '$1\u00a0'
  )

/** @param {Date} date */
export const dayAndMonth = (date) => write(date, { day: 'numeric', month: 'short' })

/** A day of the calendar, wherever it is read. @param {string} date YYYY-MM-DD */
export const shortDay = (date) =>
  write(new Date(`${date}T00:00:00Z`), { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** @param {number} bytes */
export const size = (bytes) => {
  const [unit, by] = bytes < 1e6 ? ['kilobyte', 1e3] : ['megabyte', 1e6]
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: String(unit),
    maximumFractionDigits: 1
  }).format(bytes / Number(by))
}

/** @param {number} number */
export const figure = (number) => new Intl.NumberFormat(locale()).format(number)

import fc from 'fast-check'
import t from 'tap'
import type { BusinessHours } from '../../../src/contract/alarm.ts'
import { OpenHours } from '../../../src/central-hub/alarms/business-hours.ts'
import { alwaysOpen } from '../../../src/central-hub/store/write/alarm-rules.ts'
import { propertyRuns } from '../../property-runs.ts'

const nineToSix = [{ from: '09:00', until: '18:00' }]
const office = (time_zone: string, holidays: string[] = []): BusinessHours => ({
  time_zone,
  weekly: {
    monday: nineToSix,
    tuesday: nineToSix,
    wednesday: nineToSix,
    thursday: nineToSix,
    friday: nineToSix,
    saturday: [],
    sunday: []
  },
  holidays
})

const cutoff = (hours: BusinessHours, minutes: number, now: string): string | undefined => {
  const ms = new OpenHours(hours).cutoffs([minutes], Date.parse(now)).get(minutes)
  return ms === undefined ? undefined : new Date(ms).toISOString()
}

t.test('minutes outside of business hours do not count', async (t) => {
  const spain = office('Europe/Madrid')
  t.equal(cutoff(spain, 15, '2026-11-25T10:00:00Z'), '2026-11-25T09:45:00.000Z', 'in the day')
  t.equal(cutoff(spain, 15, '2026-11-25T08:05:00Z'), '2026-11-24T16:50:00.000Z', 'over the night')
  t.equal(cutoff(spain, 15, '2026-11-30T08:05:00Z'), '2026-11-27T16:50:00.000Z', 'a weekend')
  t.equal(
    cutoff(office('Europe/Madrid', ['2026-11-30']), 15, '2026-12-01T08:05:00Z'),
    '2026-11-27T16:50:00.000Z',
    'and a holiday'
  )
  t.equal(
    cutoff(spain, 15, '2026-03-30T07:05:00Z'),
    '2026-03-27T16:50:00.000Z',
    'a weekend on which summer time begins'
  )
  t.equal(
    cutoff(spain, 15, '2026-10-26T08:05:00Z'),
    '2026-10-23T15:50:00.000Z',
    'a weekend on which it ends'
  )
  t.equal(cutoff(spain, 15, '2026-11-28T12:00:00Z'), '2026-11-27T16:45:00.000Z', 'on a Saturday')
  t.equal(cutoff(alwaysOpen, 15, '2026-11-28T12:00:00Z'), '2026-11-28T11:45:00.000Z')
})

t.test('a team that is never open has no such moment', async (t) => {
  const closed = { ...office('UTC'), weekly: { ...office('UTC').weekly } }
  for (const day of Object.keys(closed.weekly) as (keyof BusinessHours['weekly'])[])
    closed.weekly[day] = []
  t.equal(cutoff(closed, 1, '2026-11-25T10:00:00Z'), undefined)
})

/** Whether it is open in the minute that begins then, by the wall clock alone. */
const isOpen = ({ time_zone, weekly, holidays }: BusinessHours, at: number): boolean => {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: time_zone,
    hourCycle: 'h23',
    weekday: 'long',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit'
  }).formatToParts(at)
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? ''
  if (holidays.includes(`${part('year')}-${part('month')}-${part('day')}`)) return false
  const now = `${part('hour')}:${part('minute')}`
  const day = part('weekday').toLowerCase() as keyof BusinessHours['weekly']
  return weekly[day].some(({ from, until }) => from <= now && now < until)
}

const minute = fc
  .integer({ min: 0, max: 1_440 })
  .map(
    (each) =>
      `${String(Math.floor(each / 60)).padStart(2, '0')}:${String(each % 60).padStart(2, '0')}`
  )
const day = fc.array(
  fc
    .tuple(minute, minute)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => (a < b ? { from: a, until: b } : { from: b, until: a })),
  { maxLength: 3 }
)

t.test(
  'whatever the hours and the zone, they are counted as a wall clock shows them',
  async (t) => {
    const hours: fc.Arbitrary<BusinessHours> = fc.record({
      // Summer time begins and ends within the days that are drawn, in most of them.
      time_zone: fc.constantFrom(
        'Europe/Madrid',
        'America/Santiago',
        'America/Mexico_City',
        'Australia/Lord_Howe',
        'Asia/Kathmandu',
        'America/New_York'
      ),
      weekly: fc.record({
        monday: day,
        tuesday: day,
        wednesday: day,
        thursday: day,
        friday: day,
        saturday: day,
        sunday: day
      }),
      holidays: fc.array(fc.constantFrom('2026-03-29', '2026-10-25', '2026-04-05', '2026-11-01'), {
        maxLength: 2
      })
    })
    const starts = [
      '2026-03-08',
      '2026-03-29',
      '2026-04-05',
      '2026-10-04',
      '2026-10-25',
      '2026-11-01'
    ]
    const now = fc
      .tuple(fc.constantFrom(...starts), fc.integer({ min: 0, max: 2 * 1_440 }))
      .map(([start, minutes]) => Date.parse(`${start}T00:00:00Z`) + minutes * 60_000)
    const property = fc.property(
      hours,
      now,
      fc.integer({ min: 1, max: 600 }),
      (given, at, wanted) => {
        const cutoff = new OpenHours(given).cutoffs([wanted], at).get(wanted)
        let left = wanted
        let expected: number | undefined
        for (let each = at - 60_000; each > at - 10 * 86_400_000; each -= 60_000) {
          if (isOpen(given, each)) left -= 1
          if (left > 0) continue
          expected = each
          break
        }
        if (expected === undefined) return cutoff === undefined || cutoff <= at - 9 * 86_400_000
        return cutoff === expected
      }
    )
    fc.assert(property, propertyRuns(t, 40))
  }
)

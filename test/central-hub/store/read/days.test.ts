import t from 'tap'
import { isTimeZone, lastDays } from '../../../../src/central-hub/store/read/days.ts'

const at = (text: string): number => Date.parse(text)
const shown = (seconds: number): string => new Date(seconds * 1_000).toISOString()

t.test('the last days are those of the time zone, today the last', async (t) => {
  const days = lastDays(2, 'America/Mexico_City', at('2026-11-25T03:00:00Z'))
  t.same(
    days.map(({ date }) => date),
    ['2026-11-23', '2026-11-24'],
    'there it is the evening before'
  )
  t.same(
    [shown(days[1]?.since ?? 0), shown(days[1]?.until ?? 0)],
    ['2026-11-24T06:00:00.000Z', '2026-11-25T06:00:00.000Z']
  )
})

t.test(
  'a day on which the clock is changed is an hour shorter or longer, and there is no gap',
  async (t) => {
    const hours = (zone: string, now: string, count: number): number[] =>
      lastDays(count, zone, at(now)).map(({ since, until }) => (until - since) / 3_600)
    t.same(hours('Europe/Madrid', '2026-03-30T12:00:00Z', 3), [24, 23, 24])
    t.same(hours('Europe/Madrid', '2026-10-26T12:00:00Z', 3), [24, 25, 24])
    t.same(
      hours('America/Santiago', '2026-09-07T12:00:00Z', 3),
      [24, 23, 24],
      'where midnight itself is left out'
    )
    for (const zone of ['UTC', 'Asia/Kathmandu', 'America/Sao_Paulo', 'America/Santiago']) {
      const days = lastDays(400, zone, at('2026-11-25T12:00:00Z'))
      t.ok(
        days.every(
          ({ since, until }, n) =>
            since % 900 === 0 && (days[n + 1] === undefined || days[n + 1]?.since === until)
        ),
        zone
      )
    }
  }
)

t.test('time zones have names', async (t) => {
  for (const name of ['UTC', 'America/Mexico_City', 'Europe/Madrid']) t.ok(isTimeZone(name), name)
  for (const name of ['', 'Mars/Base', '+05:00']) t.notOk(isTimeZone(name), name)
})

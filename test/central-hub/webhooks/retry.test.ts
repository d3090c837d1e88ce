import fc from 'fast-check'
import t from 'tap'
import { delayOf } from '../../../src/central-hub/webhooks/retry.ts'
import { propertyRuns } from '../../property-runs.ts'

const [second, hour, day] = [1_000, 3_600_000, 86_400_000]

t.test('the wait doubles from 5 s to an hour; jitter takes up to half of it', async (t) => {
  const waits = Array.from({ length: 14 }, (_, index) => delayOf(index + 1, undefined, 1) / second)
  t.same(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600, 3_600])
  t.equal(delayOf(1_000_000, undefined, 0), hour / 2)
})

t.test('Retry-After makes it longer, up to a day, and never shorter', async (t) => {
  t.equal(delayOf(1, 2 * hour, 1), 2 * hour)
  t.equal(delayOf(1, 365 * day, 1), day)
  t.equal(delayOf(1, 0, 1), 5 * second)
})

t.test('whatever comes, there is another try, later and within a day', async (t) => {
  const any = fc.property(
    fc.nat(),
    fc.option(fc.nat(), { nil: undefined }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (failures, retryAfterMs, random) => {
      const wait = delayOf(failures + 1, retryAfterMs, random)
      return wait >= 2_500 && wait <= day
    }
  )
  t.doesNotThrow(() => fc.assert(any, propertyRuns(t, 100)))
})

import fc from 'fast-check'
import t from 'tap'
import { isOver, retryAt } from '../../../src/central-hub/webhooks/retry.ts'
import { propertyRuns } from '../../property-runs.ts'

const [second, hour, day] = [1_000, 3_600_000, 86_400_000]
const failed = { now: 0, failures: 1, failingSince: 0, expiresAt: 3 * day }

t.test('the wait doubles from 5 s to an hour; jitter takes up to half of it', async (t) => {
  const waits = Array.from({ length: 14 }, (_, index) => retryAt({ ...failed, failures: index + 1 }, 1) / second)
  t.same(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600, 3_600])
  t.equal(retryAt({ ...failed, failures: 1_000_000 }, 0), hour / 2)
})

t.test('Retry-After makes it longer, up to a day, and never shorter', async (t) => {
  t.equal(retryAt({ ...failed, retryAfterMs: 2 * hour }, 1), 2 * hour)
  t.equal(retryAt({ ...failed, retryAfterMs: 365 * day }, 1), day)
  t.equal(retryAt({ ...failed, retryAfterMs: 0 }, 1), 5 * second)
})

t.test('whatever comes, there is another try, later and within a day', async (t) => {
  const any = fc.property(fc.nat(), fc.option(fc.nat(), { nil: undefined }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, retryAfterMs, random) => {
    const wait = retryAt({ ...failed, failures: failures + 1, retryAfterMs }, random)
    return wait >= 2_500 && wait <= day
  })
  t.doesNotThrow(() => fc.assert(any, propertyRuns(t, 100)))
})

t.test('it is over after 3 days, once the endpoint has been failing for as long', async (t) => {
  t.notOk(isOver({ ...failed, now: 3 * day - 1 }))
  t.ok(isOver({ ...failed, now: 3 * day }))
  t.notOk(isOver({ ...failed, now: 7 * day, failingSince: 7 * day - hour }), 'the hub was away for a week: the endpoint has its chance')
})

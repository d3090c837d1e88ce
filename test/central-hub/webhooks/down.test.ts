import t from 'tap'
import { getWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { broken, day, from, hour, minute, rig, second, silent, taken } from './rig.ts'

/** Endpoints that hang or are down: how much is asked of them, and when deliveries are given up. */

t.setTimeout(900_000)

t.test('one that hangs each time takes no more than two of the four places', async (t) => {
  const { hub, take, pass, posted, wake, most } = await rig(t, ({ lead }) =>
    lead <= 4 ? 'hang' : taken
  )
  hub()
  await take(...[1, 2, 3, 4].map((lead) => from(lead, 'hangs')))
  wake()
  await pass(5 * minute, 5 * second)
  const begun = posted.length
  await take(from(9, 'x'))
  wake()
  await pass(5 * second, second)
  t.ok(
    posted.slice(begun).some(({ name }) => name === 'x'),
    'another lead is posted while they hang'
  )
  t.same(most, { posts: 4, retries: 2, ofOneLead: 1 })
})

t.test(
  'an endpoint that is down is asked rarely, however many leads have something for it',
  async (t) => {
    let up = false
    const { hub, take, pass, posted, wake, db, webhook } = await rig(t, () => (up ? taken : silent))
    hub()
    await take(...Array.from({ length: 60 }, (_, lead) => from(lead + 1, 'x')))
    wake()
    await pass(hour, minute)
    t.ok(posted.length <= 5 + 60 + 12, `${posted.length} attempts in an hour, of 60 leads`)
    const before = posted.length
    up = true
    await pass(hour, 10 * minute)
    t.ok(posted.length >= before + 120, 'once it takes one it gets all')
    t.match(await getWebhook(db, webhook), { pending: 0, dead: 0, failing_since: null })
  }
)

t.test(
  'an endpoint that was down for 3 days costs no attempt for each of its deliveries',
  async (t) => {
    const { hub, take, pass, posted, wake, db, webhook } = await rig(t, () => broken)
    hub()
    await take(...Array.from({ length: 40 }, (_, lead) => from(lead + 1, 'x')))
    wake()
    await pass(3 * day + 3 * hour, 30 * minute)
    t.match(await getWebhook(db, webhook), { pending: 0, dead: 80 })
    t.ok(posted.length < 40 * 4, `${posted.length} attempts`)
  }
)

t.test(
  'a clock that was ahead for a while gives nothing up early, and one that was behind nothing late',
  async (t) => {
    for (const [what, ms] of [
      ['ahead', 30 * day],
      ['behind', -30 * day]
    ] as const) {
      const { hub, take, pass, wake, clock, db, webhook } = await rig(t, () => broken)
      hub()
      await take(from(1, 'x'))
      wake()
      await pass(hour, 10 * minute)
      clock.set(ms)
      await take(from(2, 'y'))
      wake()
      await pass(2 * hour, 20 * minute)
      clock.set(-ms)
      await pass(day, 2 * hour)
      t.match(await getWebhook(db, webhook), { pending: 4, dead: 0 }, what)
      await pass(3 * day, 2 * hour)
      t.match(await getWebhook(db, webhook), { dead: 4, pending: 0 }, what)
    }
  }
)

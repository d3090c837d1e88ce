import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { getWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import type { Outcome } from '../../../src/central-hub/webhooks/post.ts'
import { inScope } from '../../platform/scope.ts'
import { propertyRuns } from '../../property-runs.ts'
import { isOnPostgres } from '../store/place.ts'
import { broken, day, from, hour, minute, rig, second, silent, taken, type Posted } from './rig.ts'

/**
 * Each lead has a queue of its own: the order of its events holds whatever receivers answer, what
 * fails holds up nothing of other leads, and a hub that is killed loses nothing.
 */

/**
 * What holds of every history: of each lead, the order in which events happened, each tried until
 * it is taken.
 */
const assertOrder = (
  t: Test,
  posted: readonly Posted[],
  order: ReadonlyMap<number, readonly string[]>
): void => {
  for (const [lead, names] of order) {
    const ofLead = posted.filter((one) => one.lead === lead)
    const firsts = ofLead
      .filter(({ id }, at) => ofLead.findIndex((other) => other.id === id) === at)
      .map(({ id }) => id)
    const known = firsts.map((id) => names.indexOf(id))
    if (known.some((at, index) => at !== index))
      t.fail(`lead ${lead}: posted ${firsts.join(' ')}, happened ${names.join(' ')}`)
    for (const [at, { id }] of ofLead.entries()) {
      const before = ofLead.slice(0, at).findLast((other) => other.id !== id)
      if (
        before !== undefined &&
        !ofLead
          .slice(0, at)
          .some((other) => other.id === before.id && other.outcome.error === undefined)
      )
        t.fail(`lead ${lead}: ${id} was tried before ${before.id} was taken`)
    }
  }
}

/** Ids of events by lead, in the order in which they happened. */
const happened = async (db: Db): Promise<Map<number, string[]>> => {
  const rows = await db
    .selectFrom('outbox')
    .select(['message_id', 'lead_id'])
    .orderBy('id')
    .execute()
  return new Map(
    [...Map.groupBy(rows, ({ lead_id }) => lead_id ?? 0)].map(([lead, of]) => [
      lead,
      of.map(({ message_id }) => message_id)
    ])
  )
}

t.setTimeout(900_000)

t.test(
  'lead.created comes before message.created of its lead, also when it has to be tried again',
  async (t) => {
    const { hub, take, pass, posted } = await rig(t, ({ type }, tries) =>
      type === 'lead.created' && tries < 4 ? broken : taken
    )
    hub()
    await take(from(1, 'a'), from(2, 'b'), from(1, 'c'))
    hub()
    await pass(minute, second)
    for (const lead of [1, 2]) {
      const well = posted.filter((one) => one.lead === lead && one.outcome.error === undefined)
      t.equal(well[0]?.type, 'lead.created')
    }
    t.same(
      posted
        .filter(({ outcome, lead }) => outcome.error === undefined && lead === 1)
        .map(({ name }) => name),
      ['lead.created', 'a', 'c']
    )
  }
)

t.test('an event that is never taken holds up its own lead alone', async (t) => {
  const { hub, take, pass, posted, wake, db, webhook } = await rig(t, ({ lead, name }) =>
    lead === 1 && name === 'poison' ? { status: 422, error: 'HTTP 422' } : taken
  )
  hub()
  await take(from(1, 'poison'), from(1, 'behind it'))
  wake()
  await pass(10 * minute, minute)
  for (let n = 0; n < 20; n += 1) {
    await take(from(2 + n, 'x'))
    wake()
    await pass(second, second)
    t.equal(posted.at(-1)?.name, 'x', 'it is posted within a second')
  }
  t.notOk(posted.some(({ name }) => name === 'behind it'))
  t.match(await getWebhook(db, webhook), { pending: 2, failing_since: /Z$/ })
  await pass(3 * day + 2 * hour, hour)
  t.ok(
    posted.some(({ name }) => name === 'behind it'),
    'after 3 days it is given up, and its lead goes on'
  )
  t.match(await getWebhook(db, webhook), { pending: 0, dead: 1, failing_since: null })
})

t.test(
  'random answers: order per lead holds, no lead waits for another, nothing is lost, also when hubs are killed',
  async (t) => {
    const answers: (Outcome | 'hang')[] = [
      taken,
      taken,
      taken,
      broken,
      silent,
      'hang',
      { status: 422, error: 'HTTP 422' },
      { status: 503, error: 'HTTP 503', retryAfterMs: 20 * second }
    ]
    const history = fc.record({
      answers: fc.array(fc.constantFrom(...answers), { minLength: 5, maxLength: 60 }),
      steps: fc.array(
        fc.record({
          leads: fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
          waitMs: fc.nat(90_000),
          isKill: fc.boolean()
        }),
        { minLength: 1, maxLength: 8 }
      )
    })
    await fc.assert(
      fc.asyncProperty(history, ({ answers, steps }) =>
        inScope(async (scope) => {
          let posts = 0
          // Leads 1 to 5 get any answer, for as long as there are some; lead 9 is always taken.
          const { hub, take, pass, posted, wake, db, webhook, most } = await rig(
            scope,
            ({ lead }) => (lead === healthy ? taken : (answers[(posts += 1) - 1] ?? taken))
          )
          let healthy = -1
          hub()
          await take(from(9, 'hello'))
          wake()
          await pass(second, second)
          healthy = posted[0]?.lead as number
          for (const [at, { leads, waitMs, isKill }] of steps.entries()) {
            await take(...leads.map((lead, n) => from(lead + 1, `${at}.${n}`)), from(9, `${at}`))
            const begun = posted.length
            if (isKill) hub()
            wake()
            await pass(waitMs + 80 * second, 20 * second)
            const own = posted
              .slice(begun)
              .find(({ lead, name }) => lead === healthy && name === `${at}`)
            if (own === undefined)
              t.fail(`lead 9 waited for others: ${JSON.stringify(posted.slice(begun))}`)
          }
          await pass(6 * hour, 10 * minute)
          t.ok(most.posts <= 4 && most.retries <= 2, 'no more at a time than there may be')
          t.equal(most.ofOneLead, 1, 'of one lead one at a time')
          assertOrder(t, posted, await happened(db))
          const ids = [...(await happened(db)).values()].flat()
          const well = new Set(
            posted.filter(({ outcome }) => outcome.error === undefined).map(({ id }) => id)
          )
          t.same(
            ids.filter((id) => !well.has(id)),
            [],
            'each is delivered in the end'
          )
          t.match(await getWebhook(db, webhook), { pending: 0, dead: 0 })
        })
      ),
      propertyRuns(t, isOnPostgres() ? 3 : 10)
    )
  }
)

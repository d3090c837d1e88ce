import { mock } from 'node:test'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { erasePerson } from '../../../src/central-hub/store/write/erase.ts'
import { eventRange, readEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { leadRow } from '../../../src/central-hub/store/read/leads.ts'
import type { Lead, LeadPage } from '../../../src/contract/lead.ts'
import { propertyRuns } from '../../property-runs.ts'
import { emptied, hurry, record } from '../store/open-store.ts'
import { isOnPostgres } from '../store/place.ts'
import { epoch, phoneOf, step, World, type Step } from './lead-world.ts'
import { serveApi, type Api } from './rig.ts'

/** A program that keeps a copy by `updated_since`. */
class Copy {
  readonly leads = new Map<number, string>()
  #since: string | undefined
  readonly #api: Api

  constructor(api: Api) {
    this.#api = api
  }

  /** @param between runs after each page */
  async poll(limit: number, between: () => Promise<void>): Promise<void> {
    const since = this.#since ?? '1970-01-01T00:00:00Z'
    let cursor: string | null = ''
    while (cursor !== null) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { status, body } = await this.#api.ask<LeadPage>(
        `/api/leads?updated_since=${since}&limit=${limit}${after}`
      )
      if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`)
      for (const lead of body.leads) this.#note(lead)
      cursor = body.next_cursor
      await between()
    }
  }

  #note(lead: Lead): void {
    this.leads.set(lead.id, JSON.stringify(lead))
    if (this.#since === undefined || lead.updated_at > this.#since) this.#since = lead.updated_at
  }
}

/** What happens before a program asks, and after each page of the answer. */
interface Poll {
  before: Step[]
  between: Step[]
  limit: number
}

/**
 * An API for many histories, one after the other: to start one for each takes longer than most
 * histories.
 */
const serveHistories = async (t: Test): Promise<{ api: Api; begin: () => Promise<World> }> => {
  mock.timers.enable({ apis: ['Date'], now: epoch })
  t.teardown(() => mock.timers.reset())
  const api = await serveApi(t)
  await hurry(api.db)
  const begin = async (): Promise<World> => {
    await emptied(api.db)
    return new World(api)
  }
  return { api, begin }
}

/** PostgreSQL takes several times as long for each statement. */
const usualCases = (): number => (isOnPostgres() ? 5 : 20)

/**
 * A lead was entered, and its number is told with the LID of another lead, which had a later
 * number.
 */
const entered: Poll[] = [
  {
    before: [
      { act: 'message', person: 0, which: 1, tells: 'other', clock: 0 },
      { act: 'enter', person: 0, which: 0, tells: 'phone', clock: 0 }
    ],
    between: [{ act: 'message', person: 1, which: 0, tells: 'phone', clock: 0 }],
    limit: 1
  },
  {
    before: [{ act: 'message', person: 0, which: 0, tells: 'both', clock: 0 }],
    between: [],
    limit: 1
  }
]

t.test(
  'a copy by updated_since misses nothing, whatever happens between its pages and whatever the clock does',
  { timeout: 900_000 },
  async (t) => {
    const { api, begin } = await serveHistories(t)
    const plans: fc.Arbitrary<Poll[]> = fc.array(
      fc.record({
        before: fc.array(step, { maxLength: 8 }),
        between: fc.array(step, { maxLength: 4 }),
        limit: fc.integer({ min: 1, max: 3 })
      }),
      { minLength: 1, maxLength: 5 }
    )

    const property = fc.asyncProperty(plans, async (polls) => {
      const [world, copy] = [await begin(), new Copy(api)]
      for (const { before, between, limit } of polls) {
        for (const each of before) await world.do(each)
        const left = [...between]
        await copy.poll(limit, async () => {
          const next = left.shift()
          if (next !== undefined) await world.do(next)
        })
      }
      await copy.poll(2, async () => undefined)
      for (const [id, shown] of await world.all()) {
        if (copy.leads.get(id) !== shown)
          throw new Error(`the copy has ${copy.leads.get(id)}, not ${shown}`)
      }
    })
    await fc.assert(property, { ...propertyRuns(t, usualCases()), examples: [[entered]] })
  }
)

/** A lead without the time of its last change, and that time. */
const split = (text: string): { shown: string; updated_at: string } => {
  const { updated_at, ...shown } = JSON.parse(text) as Lead
  return { shown: JSON.stringify(shown), updated_at }
}

/** Histories that chance seldom makes. */
const rare: Step[][] = [
  // A change of a message that names nobody.
  [
    { act: 'message', person: 0, which: 0, tells: 'phone', clock: 0 },
    { act: 'edit', person: 0, which: 0, tells: 'other', clock: 0 }
  ],
  // A message that named nobody, and does when it comes again.
  [
    { act: 'message', person: 0, which: 0, tells: 'phone', clock: 0 },
    { act: 'erase', person: 0, which: 0, tells: 'phone', clock: 0 },
    { act: 'revoke', person: 0, which: 0, tells: 'other', clock: 0 },
    { act: 'again', person: 0, which: 0, tells: 'phone', clock: 0 }
  ],
  // A LID that changes to one that was merged into the same lead.
  [
    { act: 'message', person: 0, which: 5, tells: 'lid', clock: 0 },
    { act: 'message', person: 1, which: 0, tells: 'lid', clock: 0 },
    { act: 'merge', person: 1, which: 0, tells: 'lid', clock: 0 },
    { act: 'move', person: 0, which: 9, tells: 'lid', clock: 0 }
  ],
  // A lead of whose messages one was erased before a backup was restored.
  [
    { act: 'message', person: 0, which: 1, tells: 'phone', clock: 0 },
    { act: 'message', person: 0, which: 5, tells: 'phone', clock: 0 },
    { act: 'erase-again', person: 0, which: 3, tells: 'phone', clock: 0 }
  ]
]

t.test(
  'each change of what a lead shows gives it a later updated_at than all before, and an event',
  { timeout: 900_000 },
  async (t) => {
    const { api, begin } = await serveHistories(t)
    const lastEvent = async (): Promise<number> => (await eventRange(api.db)).last

    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }),
      async (steps) => {
        const world = await begin()
        let before = await world.all()
        for (const each of steps) {
          const from = await lastEvent()
          await world.do(each)
          const after = await world.all()
          const latest =
            [...before.values()]
              .map((text) => split(text).updated_at)
              .toSorted()
              .at(-1) ?? ''
          const told = new Set(
            (await readEvents(api.db, from, 1_000)).flatMap(({ type, data }) =>
              type === 'lead' ? [data?.id] : []
            )
          )
          for (const [id, text] of after) {
            const { shown, updated_at } = split(text)
            const known = before.get(id)
            if (known !== undefined && split(known).shown === shown) continue
            if (updated_at <= latest)
              throw new Error(
                `${each.act} made ${text} of ${known}, and another lead had ${latest} before`
              )
            if (!told.has(id))
              throw new Error(`${each.act} made ${text} of ${known} without an event`)
          }
          before = after
        }
      }
    )
    await fc.assert(property, {
      ...propertyRuns(t, usualCases()),
      examples: rare.map((steps) => [steps])
    })
  }
)

t.test(
  'a lead whose messages were erased and which is still there has a later updated_at',
  async (t) => {
    const { ask, db, take } = await serveApi(t)
    await take(record('1'))
    const before = (await ask<Lead>('/api/leads/1')).body
    const lead = await leadRow(db, 1)
    if (lead === undefined) return t.fail('there is no lead')

    await t.rejects(
      erasePerson(db, lead, [], () => Promise.reject(new Error('cut off'))),
      { message: 'cut off' }
    )

    const { body } = await ask<Lead>('/api/leads/1')
    t.equal(body.last_message, null)
    t.ok(body.updated_at > before.updated_at, `${body.updated_at} is after ${before.updated_at}`)
  }
)

t.test(
  'updated_since takes the time itself and what is later, in the order of the changes, beside other parameters',
  async (t) => {
    const { ask, take } = await serveApi(t)
    for (const person of [0, 1, 2])
      await take(
        record(`${person}`, { chat_id: `521551234567${person}@c.us`, phone: phoneOf(person) })
      )
    await ask('/api/leads/1', { method: 'PATCH', body: { state: 'open' } })
    const all = (await ask<LeadPage>('/api/leads?updated_since=2000-01-01T00:00:00Z')).body.leads
    t.same(
      all.map(({ id }) => id),
      [2, 3, 1]
    )
    for (const [from, { updated_at }] of all.entries()) {
      t.same(
        (await ask<LeadPage>(`/api/leads?updated_since=${updated_at}`)).body.leads.map(
          ({ id }) => id
        ),
        all.slice(from).map(({ id }) => id),
        updated_at
      )
    }
    const latest = all.at(-1)?.updated_at ?? ''
    const later = new Date(Date.parse(latest) + 1).toISOString()
    t.same((await ask<LeadPage>(`/api/leads?updated_since=${later}`)).body.leads, [])
    t.same(
      (await ask<LeadPage>(`/api/leads?updated_since=${latest.replace('Z', '+00:00')}`)).body.leads
        .length,
      1,
      'a plus that became a space, too'
    )
    t.same(
      (
        await ask<LeadPage>(
          '/api/leads?updated_since=2000-01-01T00:00:00Z&state=new,open&state=won'
        )
      ).body.leads.map(({ id }) => id),
      [2, 3, 1]
    )
    t.same(
      (
        await ask<LeadPage>('/api/leads?updated_since=2000-01-01T00:00:00Z&state=open')
      ).body.leads.map(({ id }) => id),
      [1]
    )
    for (const bad of [
      '2026',
      'yesterday',
      '1795600800',
      '2026-13-01T00:00:00Z',
      '2026-11-25T25:00:00Z',
      '2026-11-25T10:00:00',
      ''
    ]) {
      t.match(
        await ask(`/api/leads?updated_since=${encodeURIComponent(bad)}`),
        {
          status: 400,
          body: { errors: [{ in: 'query', field: 'updated_since', message: /RFC 3339/ }] }
        },
        bad
      )
    }
  }
)

t.test('phone finds exactly the leads of a number, however it is written', async (t) => {
  const { ask, take } = await serveApi(t, { country: 'MX' })
  const of = (id: string, phone: string): Parameters<typeof take>[0] =>
    record(id, { chat_id: `${phone.slice(1)}@c.us`, phone })
  await take(
    of('a', '+5215512345678'),
    of('b', '+525512345679'),
    of('c', '+34600123456'),
    of('d', '+555187654321')
  )
  await ask('/api/leads/2/merge', { method: 'POST', body: { lead_id: 3 } })
  const found = async (phone: string): Promise<number[]> =>
    (await ask<LeadPage>(`/api/leads?phone=${phone}`)).body.leads.map(({ id }) => id)

  for (const written of [
    '+52 55 1234 5678',
    '+5215512345678',
    '5512345678',
    '(55) 1234-5678',
    '521 55 1234 5678',
    'https://wa.me/5215512345678',
    'tel:+525512345678',
    '00525512345678'
  ]) {
    t.same(await found(encodeURIComponent(written)), [1], written)
  }
  t.same(await found('+525512345678'), [1], 'a plus that became a space')
  t.same(
    [await found('34600123456'), await found('%2B34600123456')],
    [[2], [2]],
    'a number that was merged into a lead'
  )
  t.same(await found('%2B5551987654321'), [4], "Brazil's ninth digit")
  t.same(
    [await found('%2B525512345670'), await found('5512345670')],
    [[], []],
    'not by a number like it'
  )
  for (const bad of ['x', '12', '551234567', '5.22E%2B12'])
    t.match(
      await ask(`/api/leads?phone=${bad}`),
      { status: 400, body: { errors: [{ in: 'query', field: 'phone' }] } },
      bad
    )
  const lines = await ask<Lead>('/api/leads.jsonl?phone=5512345678')
  t.equal(lines.body.id, 1, 'exports take it too')
})

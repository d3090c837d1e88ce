import fc from 'fast-check'
import t from 'tap'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { propertyRuns } from '../../property-runs.ts'
import { emptied, hurry, record, testStore } from './open-store.ts'

/** Who is who: a LID is a person, a phone number may go to somebody else. */

const lids = ['10001000@lid', '20002000@lid', '30003000@lid']
const phones = ['+5215511111111', '+5215522222222', '+5215533333333']

/** A message that tells a LID, a number, or both. */
interface Sighting {
  at: number
  lid: string | undefined
  phone: string | undefined
}

const messageOf = (
  { at, lid, phone }: Sighting,
  facts: Partial<CapturedMessage> = {}
): InboundRecord => {
  const chat = chatOf({ at, lid, phone })
  const { phone: _phone, ...bare } = record(`${at}`).message
  const message = {
    ...bare,
    id: `false_${chat}_${at}`,
    chat_id: chat,
    from: chat,
    timestamp: at,
    ...facts
  }
  return {
    ...record(`${at}`),
    message: {
      ...message,
      ...(lid === undefined ? {} : { lid }),
      ...(phone === undefined ? {} : { phone })
    }
  }
}

interface Person {
  lid: string | null
  phone: string | null
  messages: number[]
  /** What its lead shows of them. */
  shows: {
    name: string | null
    chat_id: string
    first_seen: number
    last_seen: number
    waiting_since: number | null
    unanswered_count: number
  }
}

const nameAt = (at: number): string => `Name ${at}`
const chatOf = ({ lid, phone }: Sighting): string => lid ?? `${phone?.slice(1)}@c.us`

/** Who is who, from all that was seen, in whatever order it came. */
const model = (seen: readonly Sighting[]): Person[] => {
  const last = new Map<string, number>()
  for (const { at, lid, phone } of seen) {
    if (lid !== undefined && phone !== undefined)
      last.set(`${lid} ${phone}`, Math.max(at, last.get(`${lid} ${phone}`) ?? 0))
  }
  const claims = [...last]
    .map(([key, at]) => ({
      lid: key.split(' ')[0] as string,
      phone: key.split(' ')[1] as string,
      at
    }))
    .sort((a, b) => a.at - b.at)
  const phoneOf = (lid: string): string | null => {
    const latest = claims.findLast((claim) => claim.lid === lid)
    return latest !== undefined && claims.findLast(({ phone }) => phone === latest.phone) === latest
      ? latest.phone
      : null
  }
  const personOf = ({ at, lid, phone }: Sighting): string => {
    if (lid !== undefined) return lid
    const former = claims.find(
      (claim) => claim.phone === phone && claim.at >= at && phoneOf(claim.lid) !== phone
    )
    return former?.lid ?? lids.find((each) => phoneOf(each) === phone) ?? (phone as string)
  }
  return [...Map.groupBy(seen, personOf)].map(([who, of]) => {
    const sorted = of.toSorted((a, b) => a.at - b.at)
    const [first, last] = [sorted[0] as Sighting, sorted.at(-1) as Sighting]
    return {
      lid: lids.includes(who) ? who : null,
      phone: lids.includes(who) ? phoneOf(who) : who,
      messages: sorted.map(({ at }) => at),
      shows: {
        name: nameAt(last.at),
        chat_id: chatOf(last),
        first_seen: first.at,
        last_seen: last.at,
        waiting_since: first.at,
        unanswered_count: of.length
      }
    }
  })
}

const people = async (db: Db): Promise<Person[]> => {
  const shown = [
    'name',
    'chat_id',
    'first_seen',
    'last_seen',
    'waiting_since',
    'unanswered_count'
  ] as const
  const leads = await db
    .selectFrom('leads')
    .select(['id', 'lid', 'phone', ...shown])
    .execute()
  const messages = await db
    .selectFrom('messages')
    .select(['lead_id', 'timestamp'])
    .orderBy('timestamp')
    .execute()
  const of = Map.groupBy(messages, ({ lead_id }) => lead_id)
  return leads.map(({ id, lid, phone, ...shows }) => ({
    lid,
    phone,
    messages: (of.get(id) ?? []).map(({ timestamp }) => timestamp),
    shows
  }))
}

const sorted = (all: readonly Person[]): string =>
  all
    .map((person) => JSON.stringify(person))
    .sort()
    .join('\n')

const sighting: fc.Arbitrary<Sighting> = fc
  .record({
    at: fc.integer({ min: 1, max: 30 }),
    lid: fc.option(fc.constantFrom(...lids), { nil: undefined }),
    phone: fc.option(fc.constantFrom(...phones), { nil: undefined })
  })
  .filter(({ lid, phone }) => lid !== undefined || phone !== undefined)

t.test(
  'who is who depends on what was seen when, and not on the order in which it is taken',
  { timeout: 0 },
  async (t) => {
    const runs = propertyRuns(t, 150)
    const { db, take } = await testStore(t)
    await hurry(db)
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(sighting, { minLength: 1, maxLength: 9, selector: ({ at }) => at }),
        fc.integer({ min: 1, max: 9 }),
        async (seen, batch) => {
          await emptied(db)
          const records = seen.map((each) => messageOf(each, { name: nameAt(each.at) }))
          for (let start = 0; start < records.length; start += batch)
            await take(...records.slice(start, start + batch))
          const [got, wanted] = [sorted(await people(db)), sorted(model(seen))]
          if (got !== wanted) throw new Error(`got\n${got}\ninstead of\n${wanted}`)
        }
      ),
      runs
    )
  }
)

/**
 * `A1@5 2@7`: at 5 a message told the first LID and the first number, at 7 one told the second
 * number alone.
 */
const parse = (text: string): Sighting[] =>
  text.split(' ').map((each) => {
    const [, lid = '', phone = '', at] = /^([A-C]?)([1-3]?)@(\d+)$/.exec(each) ?? []
    return {
      at: Number(at),
      lid: lids['ABC'.indexOf(lid || 'x')],
      phone: phones[Number(phone) - 1]
    }
  })

t.test(
  'what a number went through is told by when it was seen with whom, in any order',
  async (t) => {
    const { db, take } = await testStore(t)
    await hurry(db)
    const cases: [what: string, seen: string][] = [
      ['it comes back to who had it', '1@90 A1@100 C1@150 A1@200 1@120 1@210'],
      [
        'it is found late with one who has another by then',
        'A2@300 B1@100 A1@200 1@50 1@150 1@250'
      ],
      ['one had it between two others', 'A1@100 C1@200 B1@300 1@90 1@150 1@250 1@350'],
      ['it was known without a LID', '1@5 A1@10 B1@20 1@15 1@30'],
      ['it was known without a LID, and is nobody’s', '1@5 A1@10 A2@20 1@15 1@30 2@25'],
      ['two exchange theirs', 'A1@10 B2@11 A2@20 B1@21 1@5 2@6 1@15 2@16 1@30 2@31'],
      ['it goes round three', 'A1@1 B1@2 C1@3 A1@4 B1@5 C1@6 1@7'],
      ['one has three in turn', 'A1@10 A2@20 A3@30 1@5 2@15 3@25 1@40 2@41'],
      ['a number alone is all of a person', '1@1 1@2 2@3 A2@4'],
      ['two LIDs before any number', 'A@1 B@2 A1@4 B1@5 1@3 A@9']
    ]
    for (const [what, text] of cases) {
      const seen = parse(text)
      const wanted = sorted(model(seen))
      const half = Math.ceil(seen.length / 2)
      for (const order of [
        seen,
        seen.toReversed(),
        [...seen.slice(half), ...seen.slice(0, half)]
      ]) {
        await emptied(db)
        const records = order.map((each) => messageOf(each, { name: nameAt(each.at) }))
        if (order === seen) for (const record of records) await take(record)
        else await take(...records)
        t.equal(sorted(await people(db)), wanted, `${what}: ${order.map(({ at }) => at).join()}`)
      }
    }
  }
)

t.test(
  'a number that went to another person makes a new lead, and the old one keeps its history',
  async (t) => {
    const { db, take } = await testStore(t)
    const [lid, other] = lids as [string, string]
    const [phone] = phones as [string]
    await take(messageOf({ at: 100, lid, phone }, { name: 'Doña Carmen', body: 'buenas tardes' }))
    const [before] = (await listLeads(db, {}, 10)).items
    await patchLead(db, before?.id ?? 0, { state: 'won', note: 'pagó todo' })
    await take(messageOf({ at: 200, lid: other, phone }, { name: 'Kevin', body: 'hola' }))
    t.match((await listLeads(db, {}, 10)).items, [
      { name: 'Kevin', phone, lid: other, state: 'new', note: '', unanswered_count: 1 },
      { id: before?.id, name: 'Doña Carmen', phone: null, lid, state: 'won', note: 'pagó todo' }
    ])
    await take(messageOf({ at: 50, lid, phone }, { name: 'Carmen', body: 'read back late' }))
    t.match(
      (await listLeads(db, {}, 10)).items.map((lead) => [lead.phone, lead.name]),
      [
        [phone, 'Kevin'],
        [null, 'Doña Carmen']
      ]
    )
  }
)

t.test(
  'a person with a new number is the same lead, and an older message does not bring the old number back',
  async (t) => {
    const { db, take } = await testStore(t)
    const [lid] = lids as [string]
    const [before, now] = phones as [string, string]
    await take(
      messageOf({ at: 100, lid, phone: before }),
      messageOf({ at: 200, lid, phone: now }),
      messageOf({ at: 150, lid, phone: before })
    )
    t.match((await listLeads(db, {}, 10)).items, [{ lid, phone: now, unanswered_count: 3 }])
  }
)

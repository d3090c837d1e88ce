import fc from 'fast-check'
import t from 'tap'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { leadOrder, listLeads, type LeadFilter } from '../../../src/central-hub/store/read/leads.ts'
import {
  listMessages,
  messageOrders,
  type MessageFilter
} from '../../../src/central-hub/store/read/messages.ts'
import {
  fromCursor,
  toCursor,
  type Page,
  type Position
} from '../../../src/central-hub/store/read/page.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { propertyRuns } from '../../property-runs.ts'
import { hurry, record, testStore } from './open-store.ts'

/**
 * Pages of a list, whatever their size, hold what one big page holds, in the same order, and
 * nothing twice.
 */

/** Ids of all items, page by page, by cursors as they cross the wire. */
const allPages = async (
  orders: readonly string[],
  limit: number,
  read: (after?: Position) => Promise<Page<{ id: string | number }>>
): Promise<(string | number)[]> => {
  const ids: (string | number)[] = []
  for (let after: Position | undefined; ; ) {
    const { items, next } = await read(after)
    if (items.length > limit) throw new Error(`${items.length} on a page of ${limit}`)
    ids.push(...items.map(({ id }) => id))
    if (next === undefined) return ids
    after = fromCursor(toCursor(next) ?? undefined, ...orders)
  }
}

const leadIds = (db: Db, filter: LeadFilter, limit: number): Promise<(string | number)[]> =>
  allPages([leadOrder(filter)], limit, (after) => listLeads(db, filter, limit, after))
const messageIds = (db: Db, filter: MessageFilter, limit: number): Promise<(string | number)[]> =>
  allPages(messageOrders, limit, (after) => listMessages(db, filter, limit, after))

interface Written {
  lead: number
  name: string | undefined
  body: string
  fromMe: boolean
  timestamp: number
}

const words = ['ana', 'roja', 'anabel', 'casa', 'José', '小明']
const word = fc.constantFrom(...words)
const written: fc.Arbitrary<Written> = fc.record({
  lead: fc.integer({ min: 0, max: 9 }),
  name: fc.option(
    fc.array(word, { minLength: 1, maxLength: 2 }).map((parts) => parts.join(' ')),
    { nil: undefined }
  ),
  body: fc.array(word, { maxLength: 3 }).map((parts) => parts.join(' ')),
  fromMe: fc.boolean(),
  timestamp: fc.integer({ min: 1, max: 15 })
})

const query = fc.constantFrom(
  'ana',
  'an',
  'roja',
  'casa roja',
  'jose',
  '小明',
  '明',
  '5215500',
  '3',
  'ana casa',
  'nadie'
)
const leadFilter: fc.Arbitrary<LeadFilter> = fc.record(
  {
    q: query,
    waiting: fc.boolean(),
    byId: fc.boolean(),
    states: fc.constantFrom(['new'], ['new', 'won'])
  },
  { requiredKeys: [] }
) as fc.Arbitrary<LeadFilter>
const messageFilter: fc.Arbitrary<MessageFilter> = fc.record(
  { q: query, fromMe: fc.boolean(), leadId: fc.integer({ min: 1, max: 4 }) },
  { requiredKeys: [] }
) as fc.Arbitrary<MessageFilter>

const toRecord = (
  { lead, name, body, fromMe, timestamp }: Written,
  index: number
): ReturnType<typeof record> => {
  const digits = `52155000000${lead}`
  const chat = `${digits}@c.us`
  const facts = {
    id: `${fromMe}_${chat}_m${index}`,
    chat_id: chat,
    from: chat,
    phone: `+${digits}`,
    from_me: fromMe,
    body,
    timestamp
  }
  return record(`m${index}`, name === undefined ? facts : { ...facts, name })
}

/** Everything that `take` wrote goes, and the numbers begin again. */
const emptied = async (db: Db): Promise<void> => {
  for (const table of [
    'answers',
    'message_counts',
    'messages',
    'events',
    'leads',
    'cursors'
  ] as const)
    await db.deleteFrom(table).execute()
}

const biggest = 1_000

t.test(
  'pages of any size hold what one big page holds, each item once and in order',
  { timeout: 0 },
  async (t) => {
    const runs = propertyRuns(t, 60)
    const { db, take } = await testStore(t)
    await hurry(db)
    let cases = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(written, { maxLength: 25 }),
        fc.array(leadFilter, { minLength: 3, maxLength: 3 }),
        fc.array(messageFilter, { minLength: 2, maxLength: 2 }),
        async (all, leadFilters, messageFilters) => {
          await emptied(db)
          await take(...all.map(toRecord))
          const first =
            (
              await db
                .selectFrom('leads')
                .select(({ fn }) => fn.min('id').as('id'))
                .executeTakeFirst()
            )?.id ?? 0
          const lists = [
            ...leadFilters.map((filter) => (limit: number) => leadIds(db, filter, limit)),
            ...messageFilters.map(
              ({ leadId, ...filter }) =>
                (limit: number) =>
                  messageIds(
                    db,
                    leadId === undefined ? filter : { ...filter, leadId: first + leadId },
                    limit
                  )
            )
          ]
          for (const list of lists) {
            const whole = await list(biggest)
            t.equal(new Set(whole).size, whole.length)
            for (let limit = 1; limit <= whole.length + 1; limit += 1) {
              const paged = await list(limit)
              cases += 1
              if (paged.join() !== whole.join())
                throw new Error(`by ${limit}: ${paged.join()} instead of ${whole.join()}`)
            }
          }
        }
      ),
      runs
    )
    t.comment(`${cases} lists read page by page`)
  }
)

/** Something that happens to a lead between two pages. */
type Change = (
  db: Db,
  take: (...records: ReturnType<typeof record>[]) => Promise<void>,
  lead: number,
  at: number
) => Promise<unknown>

const changes: Record<string, Change> = {
  writes: (_db, take, lead, at) =>
    take(
      toRecord(
        { lead, name: undefined, body: 'casa roja', fromMe: false, timestamp: 100 + at },
        1_000 + at
      )
    ),
  isRenamed: (db, _take, lead, at) =>
    patchLead(db, lead, { name: at % 2 === 0 ? 'Ana Roja' : 'nadie' }),
  isTagged: (db, _take, lead) => patchLead(db, lead, { tags: ['roja'] }),
  edits: async (db, take, lead, at) => {
    const of = await db
      .selectFrom('messages')
      .selectAll()
      .where('lead_id', '=', lead)
      .orderBy('pk', at % 2 === 0 ? 'desc' : 'asc')
      .executeTakeFirst()
    if (of === undefined) return
    const edited = { at: new Date(1_000_000_000_000 + at).toISOString() }
    await take({
      ...record(`e${at}`, {
        id: of.id,
        chat_id: of.chat_id,
        body: 'ana roja casa',
        timestamp: of.timestamp,
        edited
      }),
      kind: 'edit'
    })
  }
}

t.test(
  'what is found when a search begins is on one of its pages, whatever happens between them',
  { timeout: 0 },
  async (t) => {
    const runs = propertyRuns(t, 100)
    const { db, take } = await testStore(t)
    await hurry(db)
    const happening = fc.record({ what: fc.constantFrom(...Object.keys(changes)), lead: fc.nat(9) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(written, { minLength: 3, maxLength: 25 }),
        query,
        fc.integer({ min: 1, max: 4 }),
        fc.array(happening, { maxLength: 6 }),
        async (all, q, limit, happenings) => {
          await emptied(db)
          await take(...all.map(toRecord))
          const leads = (await db.selectFrom('leads').select('id').orderBy('id').execute()).map(
            ({ id }) => id
          )
          const before = await leadIds(db, { q }, biggest)
          const seen = new Set<string | number>()
          let [after, at]: [Position | undefined, number] = [undefined, 0]
          for (;;) {
            const { items, next } = await listLeads(db, { q }, limit, after)
            for (const { id } of items) seen.add(id)
            if (next === undefined) break
            after = fromCursor(toCursor(next) ?? undefined, 'found')
            const happens = happenings[at]
            if (happens !== undefined)
              await changes[happens.what]?.(db, take, leads[happens.lead % leads.length] ?? 0, at)
            at += 1
          }
          // who is not found any more need not be there
          const now = new Set(await leadIds(db, { q }, biggest))
          const lost = before.filter((id) => !seen.has(id) && now.has(id))
          if (lost.length > 0)
            throw new Error(`of ${before.join()} lost ${lost.join()}, saw ${[...seen].join()}`)
        }
      ),
      runs
    )
  }
)

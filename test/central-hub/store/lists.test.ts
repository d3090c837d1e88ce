import fc from 'fast-check'
import t from 'tap'
import {
  addEvents,
  eventRange,
  pruneEvents,
  readEvents
} from '../../../src/central-hub/store/outbox/events.ts'
import { leadOrder, listLeads, type LeadFilter } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages, type MessageFilter } from '../../../src/central-hub/store/read/messages.ts'
import {
  fromCursor,
  toCursor,
  type Page,
  type Position
} from '../../../src/central-hub/store/read/page.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { record, reply, testStore } from './open-store.ts'
import { propertyRuns } from '../../property-runs.ts'

/** All pages of a list, by its cursors as they cross the wire. */
const all = async <T>(
  order: string,
  read: (after?: Position) => Promise<Page<T>>
): Promise<T[]> => {
  const items: T[] = []
  for (let after: Position | undefined; ; ) {
    const page = await read(after)
    items.push(...page.items)
    after = fromCursor(toCursor(page.next) ?? undefined, order)
    if (after === undefined) return items
  }
}

/** A message of lead number `n`. */
const from = (n: number, id: string, facts: Partial<CapturedMessage> = {}): InboundRecord => {
  const chat = `52155000000${n}@c.us`
  return record(id, {
    id: `false_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    phone: `+52155000000${n}`,
    ...facts
  })
}
const answer = (n: number, id: string, facts: Partial<CapturedMessage> = {}): InboundRecord =>
  reply(id, {
    id: `true_52155000000${n}@c.us_${id}`,
    chat_id: `52155000000${n}@c.us`,
    to: `52155000000${n}@c.us`,
    phone: `+52155000000${n}`,
    ...facts
  })

t.test(
  'leads: those who wait by who has waited longest, all by their latest message',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      from(1, 'a', { timestamp: 300 }),
      from(2, 'b', { timestamp: 100 }),
      from(3, 'c', { timestamp: 200 }),
      answer(2, 'd', { timestamp: 400 }),
      from(1, 'e', { timestamp: 500 })
    )
    const phones = async (filter: LeadFilter): Promise<string[]> =>
      (await listLeads(db, filter, 10)).items.map(({ phone }) => (phone ?? '').slice(-1))
    t.same(await phones({ waiting: true }), ['3', '1'])
    t.same(await phones({ waiting: false }), ['2'])
    t.same(await phones({}), ['1', '2', '3'])
  }
)

t.test('leads: by state, name and number', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { name: 'José Núñez' }),
    from(2, 'b', { name: '100% Ana_' }),
    from(3, 'c')
  )
  await db.updateTable('leads').set({ state: 'won' }).where('phone', '=', '+521550000003').execute()
  const found = async (filter: LeadFilter): Promise<(string | null)[]> =>
    (await listLeads(db, filter, 10)).items.map(({ name }) => name).sort()
  t.same(await found({ states: ['won'] }), [null])
  t.same((await found({ states: ['new', 'won'] })).length, 3)
  t.same(await found({ q: 'jose nu' }), ['José Núñez'], 'case and accents do not count')
  t.same(await found({ q: 'NÚÑ' }), ['José Núñez'])
  t.same(await found({ q: '100%' }), ['100% Ana_'])
  t.same(
    await found({ q: 'na_' }),
    ['100% Ana_'],
    'a wildcard of SQL is a character like any other'
  )
  t.same(await found({ q: '+52 155 000-0003' }), [null], 'a number however it is written')
  t.same(await found({ q: "'; drop table leads --" }), [])
})

t.test('messages: of a lead, of a chat, of one side, by their words', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { body: '¿Sigue disponible la CAMIONETA roja?', timestamp: 1 }),
    answer(1, 'b', { body: 'Sí, está disponible', timestamp: 2 }),
    from(2, 'c', { body: '"OR" NOT x*', timestamp: 3 })
  )
  const found = async (filter: MessageFilter): Promise<string[]> =>
    (await listMessages(db, filter, 10)).items.map(({ id }) => id.split('_')[2] ?? '')
  t.same(await found({}), ['c', 'b', 'a'], 'newest first')
  t.same(await found({ leadId: 1 }), ['b', 'a'])
  t.same(await found({ chatId: '521550000002@c.us' }), ['c'])
  t.same(await found({ fromMe: true }), ['b'])
  t.same(await found({ q: 'disponible' }), ['b', 'a'])
  t.same(
    await found({ q: 'esta DISP' }),
    ['b'],
    'case and accents do not count, nor does the end of a word'
  )
  t.same(await found({ q: 'camioneta sigue' }), ['a'], 'all words, in any order')
  t.same(await found({ q: 'isponible' }), [], 'words are found from their beginning')
  t.same(
    await found({ q: '"OR" NOT' }),
    ['c'],
    'what is an operator of the search elsewhere is a word here'
  )
  t.same(await found({ q: '¿¡ *"' }), [])
})

t.test('the search follows what a message becomes', async (t) => {
  const { db, take } = await testStore(t)
  const found = async (q: string): Promise<number> =>
    (await listMessages(db, { q }, 10)).items.length
  await take(from(1, 'a', { body: 'roja' }))
  t.equal(await found('roja'), 1)
  await take({
    ...from(1, 'a', { body: 'azul', edited: { at: '2026-01-01T00:00:00.000Z' } }),
    kind: 'edit'
  })
  t.same([await found('roja'), await found('azul')], [0, 1])
})

t.test(
  'pages hold every item once, in the order of the list, whatever their size, equal times too',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      ...Array.from({ length: 60 }, (_, index) =>
        from(index % 9, `${index}`, { timestamp: 1_000 + Math.floor(index / 7) })
      )
    )
    const [leads, waiting, messages] = [
      (await listLeads(db, {}, 100)).items,
      (await listLeads(db, { waiting: true }, 100)).items,
      (await listMessages(db, {}, 100)).items
    ]
    t.same([leads.length, waiting.length, messages.length], [9, 9, 60])
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), async (limit) => {
        t.same(await all('recent', (after) => listLeads(db, {}, limit, after)), leads)
        t.same(
          await all('waiting', (after) => listLeads(db, { waiting: true }, limit, after)),
          waiting
        )
        t.same(await all('newest', (after) => listMessages(db, {}, limit, after)), messages)
      }),
      propertyRuns(t, 12)
    )
  }
)

t.test('a cursor is that of its own list, or refused by name', async (t) => {
  const position: Position = { order: 'waiting', key: 5, id: 7 }
  t.same(fromCursor(toCursor(position) ?? undefined, 'recent', 'waiting'), position)
  t.equal(toCursor(undefined), null)
  t.equal(fromCursor(undefined, 'waiting'), undefined)
  t.equal(leadOrder({ waiting: false }), 'recent')
  for (const cursor of [
    toCursor({ ...position, order: 'recent' }),
    '',
    'x',
    '%%%',
    Buffer.from('["waiting",1.5,2]').toString('base64url'),
    Buffer.from('{}').toString('base64url')
  ]) {
    t.throws(() => fromCursor(cursor ?? undefined, 'waiting'), /^cursor: expected the next_cursor/)
  }
})

t.test(
  'events are read after a position, as things are now, and the oldest are dropped',
  async (t) => {
    const { db, take } = await testStore(t)
    t.same(await eventRange(db), { first: 1, last: 0 })
    await take(from(1, 'a'), from(1, 'b'))
    t.match(await readEvents(db, 1, 10), [
      { id: 2, type: 'message', data: { body: 'message a' } },
      { id: 3, type: 'message', data: { body: 'message b' } }
    ])
    t.same(await readEvents(db, 3, 10), [])
    await addEvents(db, 'lead', [999])
    t.match(
      await readEvents(db, 3, 10),
      [{ id: 4, type: 'lead', data: undefined }],
      'one whose lead is there no more'
    )
    await addEvents(
      db,
      'lead',
      Array.from({ length: 10_000 }, () => 1)
    )
    for (let round = 0; round < 9; round += 1)
      await addEvents(
        db,
        'lead',
        Array.from({ length: 10_000 }, () => 1)
      )
    await pruneEvents(db)
    t.same(await eventRange(db), { first: 5, last: 100_004 })
  }
)

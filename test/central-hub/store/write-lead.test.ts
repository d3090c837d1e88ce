import type { KyselyPlugin } from 'kysely'
import t from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { createLead } from '../../../src/central-hub/store/write/create-lead.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import { emptied, testStore } from './open-store.ts'
import {
  address,
  ana,
  bea,
  carla,
  change,
  from,
  leads,
  merge,
  notice,
  one,
  three,
  to,
  two,
  type Shown,
  type Who
} from './people.ts'

/**
 * What messages make of their leads. Where they tell more than their lead alone can say:
 * resolve-identities.test.ts. Any number of sightings, in any order: who.test.ts.
 */

t.test('a lead is made by a person, in a chat with one person, and by nobody else', async (t) => {
  const { db, take } = await testStore(t)
  const groups = [
    '120363000000000001@g.us',
    '120363000000000002@newsletter',
    'status@broadcast',
    '0@c.us',
    '13135550002@c.us',
    '867051314767696@bot'
  ]
  for (const [at, chat_id] of groups.entries())
    await take(from(at + 1, { phone: one }, { id: `false_${chat_id}_${at}`, chat_id }))
  await take(
    from(20, { phone: one }, notice),
    from(21, { lid: ana }, { bot: true }),
    from(22, { lid: ana, phone: one }, { automatic: true })
  )
  await take(from(23, {}, { id: `false_${ana}_23`, chat_id: ana, from: ana }))
  t.same(
    await leads(db),
    [],
    'of groups, channels, statuses, WhatsApp, bots, notices, and of nobody who is known'
  )

  await take(from(30, { lid: ana, phone: one }))
  t.match(await leads(db), [{ lid: ana, phone: one }])
  await take(to(40, { phone: two }))
  t.match(
    await leads(db),
    [{ lid: ana }, { lid: null, phone: two, messages: [40] }],
    'a person to whom we wrote first is one, too'
  )
})

t.test('a lead shows what its messages say of it, however they come', async (t) => {
  for (const size of [1, 2, 4]) {
    const { db, take } = await testStore(t)
    const ad = { id: 'A', title: 'Ad' }
    const records = [
      from(200, { lid: ana, phone: one }, { name: 'Ana' }),
      from(100, { phone: one }, { name: 'A.' }),
      from(300, { lid: ana }),
      from(400, { lid: ana }, { ...notice, name: 'not hers' }),
      from(50, { lid: ana }, { ...notice }),
      from(350, { phone: one }, { ad })
    ]
    for (let start = 0; start < records.length; start += size)
      await take(...records.slice(start, start + size))
    t.match(
      (await listLeads(db, {}, 10)).items,
      [
        {
          name: 'Ana',
          whatsapp_name: 'Ana',
          lid: ana,
          phone: one,
          chat_id: '5215511111111@c.us',
          source: { id: 'A', title: 'Ad' },
          first_seen_at: new Date(100_000).toISOString(),
          last_seen_at: new Date(350_000).toISOString()
        }
      ],
      `${size} at once`
    )
  }
})

t.test(
  'the name of a lead is the latest one, and the first one that comes where it has none',
  async (t) => {
    const { db, take } = await testStore(t)
    const name = async (): Promise<string | null | undefined> => (await leads(db))[0]?.name
    await take(from(200, { lid: ana }))
    t.equal(await name(), null)
    await take(from(100, { lid: ana }, { name: 'Old' }))
    t.equal(await name(), 'Old', 'an older message has it')
    await take(from(150, { lid: ana }, { name: 'Older than the latest' }))
    t.equal(await name(), 'Old')
    await take(from(200, { lid: ana }, { id: `false_${ana}_x`, name: 'Now' }))
    t.equal(await name(), 'Now', 'a message of the same second counts')
    await take(from(300, { lid: ana }))
    t.equal(await name(), 'Now', 'a message without a name takes none away')
  }
)

t.test(
  'a lead comes from its first ad; of two of one second the text decides, whatever came first',
  async (t) => {
    const by = (at: number, id: string): InboundRecord =>
      from(at, { lid: ana }, { id: `false_${ana}_${id}`, ad: { id } })
    const rows: [string, InboundRecord[], string, number][] = [
      ['the earlier one last', [from(50, { lid: ana }), by(350, 'A'), by(100, 'B')], 'B', 100],
      ['the later one last', [from(50, { lid: ana }), by(100, 'B'), by(350, 'A')], 'B', 100],
      ['both of one second', [by(100, 'A'), by(100, 'B')], 'A', 100],
      ['both of one second, the other way round', [by(100, 'B'), by(100, 'A')], 'A', 100],
      [
        'one ad twice, and another one between',
        [
          from(50, { lid: ana }),
          by(350, 'A'),
          { ...by(100, 'A'), message: { ...by(100, 'A').message, id: `false_${ana}_a` } },
          by(200, 'B')
        ],
        'A',
        100
      ]
    ]
    const { db, take } = await testStore(t)
    for (const [what, records, id, at] of rows) {
      for (const size of [1, records.length]) {
        await emptied(db)
        for (let start = 0; start < records.length; start += size)
          await take(...records.slice(start, start + size))
        t.match(
          (await listLeads(db, {}, 10)).items,
          [{ source: { id, at: new Date(at * 1_000).toISOString() } }],
          `${what}, ${size} at once`
        )
      }
    }
  }
)

t.test('what came for a LID before it was known whose it is goes to its lead', async (t) => {
  const { db, take } = await testStore(t)
  await take(from(50, { lid: ana }, notice), from(100, { phone: one }))
  t.match(await leads(db), [{ phone: one, lid: null, messages: [100] }])
  await take(from(200, { lid: ana, phone: one }))
  t.match(await leads(db), [{ phone: one, lid: ana, messages: [50, 100, 200] }])
})

t.test('who is in two accounts is two leads', async (t) => {
  const { db, take, ingest } = await testStore(t)
  await take(from(1, { lid: ana, phone: one }))
  await ingest.take('sales', 'k', [
    from(2, { lid: ana }, {}, 'sales'),
    from(3, { phone: one }, {}, 'sales')
  ])
  t.match(await leads(db), [
    { lid: ana, phone: one, messages: [1] },
    { lid: ana, phone: null, messages: [2] },
    { lid: null, phone: one, messages: [3] }
  ])
  await ingest.take('sales', 'k', [from(4, { lid: ana, phone: one }, {}, 'sales')])
  t.match(await leads(db), [{ messages: [1] }, { lid: ana, phone: one, messages: [2, 3, 4] }])
})

t.test('a message takes no more statements when its lead is one of many', async (t) => {
  const { db } = await testStore(t)
  let statements = 0
  const counter: KyselyPlugin = {
    transformQuery: ({ node }) => {
      statements += 1
      return node
    },
    transformResult: async ({ result }) => result
  }
  const { take } = createIngest({ db: db.withPlugin(counter), onTaken: () => undefined })
  const messages = (count: number, timestamp: number): InboundRecord[] =>
    Array.from({ length: count }, (_, n) => from(timestamp, { phone: `+5215512${300_000 + n}` }))
  await take('main', 'j', messages(40, 1_000))
  const cost = async (count: number, timestamp: number): Promise<number> => {
    const before = statements
    await take('main', 'j', messages(count, timestamp))
    return statements - before
  }
  await cost(10, 2_000)
  const [many, few] = [await cost(40, 3_000), await cost(10, 4_000)]
  t.ok(many < few + 5, `${many} statements for 40 messages, ${few} for 10`)
})

t.test('many leads at once are each their own', async (t) => {
  const { db, take } = await testStore(t)
  const who = (n: number): Who => ({
    lid: `${70_000_000 + n}@lid`,
    phone: `+52155${String(n).padStart(8, '0')}`
  })
  const count = 700
  await take(...Array.from({ length: count }, (_, n) => from(n + 1, who(n), { name: `Name ${n}` })))
  await take(
    ...Array.from({ length: count }, (_, n) =>
      from(n + 10_001, n % 2 === 0 ? { lid: who(n).lid } : { phone: who(n).phone })
    )
  )
  const all = await leads(db)
  t.same(
    all,
    Array.from({ length: count }, (_, n) => ({
      ...who(n),
      others: [],
      name: `Name ${n}`,
      messages: [n + 1, n + 10_001]
    }))
  )
})

t.test('the name imported for a number is of who has that number', async (t) => {
  const { db, take } = await testStore(t)
  const name = (n: string): { phone_key: string; name: string } => ({
    phone_key: `52${n}`,
    name: `Listed ${n}`
  })
  await db
    .insertInto('names')
    .values([name('5511111111'), name('5522222222'), name('5533333333')])
    .execute()
  const imported = async (): Promise<(string | null)[]> =>
    (await db.selectFrom('leads').select('imported_name').orderBy('id').execute()).map(
      ({ imported_name }) => imported_name
    )

  await take(from(100, { phone: one }), from(110, { lid: bea }))
  t.same(await imported(), ['Listed 5511111111', null], 'of a new lead')
  await take(from(200, { lid: bea, phone: two }))
  t.same(
    await imported(),
    ['Listed 5511111111', 'Listed 5522222222'],
    'of one whose number is told later'
  )
  await take(from(300, { lid: bea, phone: two }), from(310, { lid: ana, phone: one }))
  t.same(await imported(), ['Listed 5511111111', 'Listed 5522222222'])
  await take(from(400, { lid: carla, phone: two }))
  t.same(
    await imported(),
    ['Listed 5511111111', 'Listed 5522222222', null],
    'not of who has the number after somebody else'
  )
  await take(from(500, { lid: carla, phone: two }), from(510, { lid: carla }))
  t.same((await imported())[2], null)
  await take(from(600, { lid: carla, phone: three }), from(610, { phone: two }))
  t.same((await imported())[3], null, 'nor of one who is known by that number alone')

  await take(from(700, { lid: '40004000@lid' }), from(710, { lid: '50005000@lid' }))
  const [kept, other] = (
    await db
      .selectFrom('leads')
      .select('id')
      .where('lid', 'in', ['40004000@lid', '50005000@lid'])
      .orderBy('id')
      .execute()
  ).map(({ id }) => id)
  await merge(db, kept ?? 0, other ?? 0)
  await db.insertInto('names').values(name('5544444444')).execute()
  await take(from(720, { lid: '50005000@lid', phone: '+5215544444444' }))
  t.equal(
    (await imported())[4],
    'Listed 5544444444',
    'of a lead whose second address has the number'
  )
  await patchLead(db, kept ?? 0, { name: null })
  await take(
    from(730, { lid: '50005000@lid', phone: '+5215544444444' }),
    from(740, { phone: '+5215544444444' })
  )
  t.equal((await imported())[4], null, 'not once more after a person took it away')

  await take(
    from(750, { lid: '60006000@lid' }),
    from(760, { lid: '60006000@lid', phone: '+5215544444444' }, notice)
  )
  t.equal((await imported())[5], null, 'not of a lead that a notice names beside that number')
})

t.test(
  'what a lead that was entered was last seen by is a text, not when it was entered',
  async (t) => {
    const { db, take } = await testStore(t)
    const seen = async (): Promise<unknown> =>
      db.selectFrom('leads').select(['last_seen', 'name']).executeTakeFirstOrThrow()
    const rows: [string, InboundRecord[]][] = [
      [
        'a notice, and a text',
        [from(90, { phone: one }, notice), from(300, { phone: one }, { name: 'Ana' })]
      ],
      [
        'a text, and an older one',
        [from(300, { phone: one }, { name: 'Ana' }), from(200, { phone: one }, { name: 'A.' })]
      ]
    ]
    for (const [what, records] of rows) {
      for (const size of [1, records.length]) {
        await emptied(db)
        await createLead(db, { account: 'main', phone: one })
        for (let start = 0; start < records.length; start += size)
          await take(...records.slice(start, start + size))
        t.same(await seen(), { last_seen: 300, name: 'Ana' }, `${what}, ${size} at once`)
      }
    }
  }
)

t.test('a notice of a changed number moves a lead to its new address', async (t) => {
  const both = { lid: ana, phone: one }
  const rows: [string, InboundRecord[], Partial<Shown>[]][] = [
    [
      'a number alone',
      [from(100, { phone: one }), change(200, { phone: one }, { phone: two })],
      [{ lid: null, phone: two, messages: [100, 200] }]
    ],
    [
      'a number, of whom the LID is known',
      [from(100, both), change(200, { phone: one }, { phone: two })],
      [{ lid: ana, phone: two, messages: [100, 200] }]
    ],
    [
      'a LID',
      [from(100, both), change(200, { lid: ana }, { lid: bea })],
      [{ lid: bea, phone: one, messages: [100, 200] }]
    ],
    [
      'told in the chat of the new address',
      [from(100, { phone: one }), change(200, { phone: one }, { phone: two }, { phone: two })],
      [{ phone: two, messages: [100, 200] }]
    ],
    [
      'told twice',
      [
        from(100, { phone: one }),
        change(200, { phone: one }, { phone: two }),
        change(200, { phone: one }, { phone: two })
      ],
      [{ phone: two }]
    ],
    [
      'one that came before all messages',
      [from(100, { phone: one }), change(99, { phone: one }, { phone: two })],
      [{ phone: one }]
    ],
    [
      'at the second of the first message',
      [from(100, { phone: one }), change(100, { phone: one }, { phone: two }, { lid: carla })],
      [{ phone: two }]
    ],
    [
      'of the same address',
      [from(100, { phone: one }), change(200, { phone: one }, { phone: one })],
      [{ phone: one, messages: [100, 200] }]
    ],
    [
      'from a number to a LID',
      [from(100, { phone: one }), change(200, { phone: one }, { lid: bea })],
      [{ phone: one, lid: null }]
    ],
    [
      'of somebody who is not known',
      [from(100, { phone: one }), change(200, { phone: two }, { phone: three })],
      [{ phone: one }]
    ],
    [
      'from a LID that is not known',
      [from(100, { lid: bea }), change(200, { lid: ana }, { lid: bea })],
      [{ lid: bea, phone: null, messages: [100, 200] }]
    ],
    [
      'from a number that is not known',
      [from(100, { phone: two }), change(200, { phone: one }, { phone: two })],
      [{ lid: null, phone: two, messages: [100, 200] }]
    ],
    [
      'older than what was seen with it',
      [
        from(10, { lid: ana }),
        from(100, { lid: ana, phone: two }),
        from(300, { lid: ana, phone: one }),
        change(50, { phone: one }, { phone: two }),
        from(80, { phone: two })
      ],
      [{ lid: ana, phone: one, messages: [10, 50, 80, 100, 300] }]
    ],
    [
      'long after it was seen with its LID',
      [
        from(100, both),
        change(200, { phone: one }, { phone: two }),
        from(150, { phone: one }),
        from(90, { phone: one })
      ],
      [
        { lid: ana, phone: two, messages: [90, 100, 200] },
        { lid: null, phone: one, messages: [150] }
      ]
    ],
    [
      'to nobody',
      [
        from(100, { phone: one }),
        from(
          200,
          { phone: one },
          { ...notice, number_change: { from: address({ phone: one }), to: 'status@broadcast' } }
        )
      ],
      [{ phone: one, messages: [100, 200] }]
    ],
    [
      'to whom we know as another lead',
      [
        from(100, { phone: one }),
        from(110, { phone: two }),
        change(200, { phone: one }, { phone: two })
      ],
      [{ phone: two, messages: [100, 110, 200] }]
    ],
    [
      'to whom we know, by LID',
      [from(100, { lid: ana }), from(110, { lid: bea }), change(200, { lid: ana }, { lid: bea })],
      [{ lid: bea, messages: [100, 110, 200] }]
    ]
  ]
  const { db, take } = await testStore(t)
  for (const [what, records, wanted] of rows) {
    for (const size of [1, records.length]) {
      await emptied(db)
      for (let start = 0; start < records.length; start += size)
        await take(...records.slice(start, start + size))
      const found = await leads(db)
      t.match(found, wanted, `${what}, ${size} at once`)
      t.equal(found.length, wanted.length, `${what}, ${size} at once: ${wanted.length} leads`)
    }
  }
})

t.test(
  'who wrote under the old address before it changed, and who writes under it later, are two',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from(100, { phone: one }), change(200, { phone: one }, { phone: two }))
    await take(from(150, { phone: one }), from(300, { phone: one }), from(310, { phone: two }))
    t.match(await leads(db), [
      { phone: two, messages: [100, 150, 200, 310] },
      { phone: one, messages: [300] }
    ])
  }
)

t.test('the old LID of a person still leads to the same lead', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(100, { lid: ana }),
    change(200, { lid: ana }, { lid: bea }),
    from(300, { lid: ana }),
    from(310, { lid: bea, phone: one })
  )
  t.match(await leads(db), [{ lid: bea, phone: one, messages: [100, 200, 300, 310] }])
  t.equal((await leads(db)).length, 1)
})

t.test('two leads that a person merged are one under each of their addresses', async (t) => {
  const { db, take } = await testStore(t)
  await take(from(100, { lid: ana, phone: one }), from(110, { lid: bea }))
  await merge(db, 1, 2)
  await take(from(200, { lid: bea }), from(210, { lid: ana }), from(220, { phone: one }))
  t.match(await leads(db), [
    { lid: ana, phone: one, others: [], messages: [100, 110, 200, 210, 220] }
  ])

  await take(from(300, { lid: bea, phone: two }))
  t.match(
    await leads(db),
    [{ lid: ana, phone: one, others: [two], messages: [100, 110, 200, 210, 220, 300] }],
    'the number of the second LID is told'
  )
  await take(from(400, { phone: two }), from(410, { lid: carla, phone: three }))
  t.match(await leads(db), [
    { messages: [100, 110, 200, 210, 220, 300, 400] },
    { lid: carla, messages: [410] }
  ])

  await take(from(500, { lid: carla, phone: two }))
  t.match(
    await leads(db),
    [
      { lid: ana, phone: one, others: [] },
      { lid: carla, phone: two, messages: [400, 410, 500] }
    ],
    'and goes to another person'
  )
  await take(from(290, { phone: two }), from(350, { phone: two }))
  t.match(
    (await leads(db)).map(({ messages }) => messages),
    [
      [100, 110, 200, 210, 220, 290, 300],
      [350, 400, 410, 500]
    ],
    'what was written while they had it stays'
  )
})

t.test(
  'a notice that moves a lead from one of its addresses to the other changes which is its own',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from(100, { lid: ana }), from(110, { lid: bea, phone: one }))
    await merge(db, 1, 2)
    await take(
      change(200, { lid: ana }, { lid: bea }),
      from(300, { lid: ana }),
      from(310, { lid: bea }),
      from(320, { phone: one })
    )
    t.match(await leads(db), [
      { lid: bea, phone: one, others: [], messages: [100, 110, 200, 300, 310, 320] }
    ])
    t.equal((await leads(db)).length, 1)
  }
)

t.test(
  'the second address of a lead keeps its number as long as it was seen with it last',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from(100, { lid: ana, phone: one }), from(110, { lid: bea }))
    await merge(db, 1, 2)
    await take(from(200, { lid: bea, phone: two }), from(500, { lid: bea, phone: two }))
    await take(from(400, { lid: carla, phone: two }))
    t.match(await leads(db), [
      { lid: ana, others: [two] },
      { lid: carla, phone: null, messages: [400] }
    ])
    await take(from(600, { lid: carla, phone: two }))
    t.match(await leads(db), [
      { lid: ana, others: [] },
      { lid: carla, phone: two, messages: [400, 600] }
    ])
  }
)

t.test('two numbers of one person are one lead, and the second may get a LID', async (t) => {
  const { db, take } = await testStore(t)
  await take(from(100, { phone: one }), from(110, { phone: two }))
  await merge(db, 1, 2)
  await take(
    from(200, { lid: bea, phone: two }),
    from(210, { lid: bea }),
    from(220, { phone: two }),
    from(230, { phone: one })
  )
  t.match(await leads(db), [
    { phone: one, others: [two], messages: [100, 110, 200, 210, 220, 230] }
  ])
  await take(from(300, { lid: ana, phone: one }), from(310, { lid: ana }))
  const all = await leads(db)
  t.match(all, [{ lid: ana, phone: one, others: [two] }])
  t.equal(all.length, 1)
})

t.test(
  'WhatsApp’s own notices say nothing of who is who, but go to the lead they are of',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from(100, { lid: ana, phone: one }), from(110, { phone: two }))
    await take(from(200, { lid: ana, phone: two }, notice))
    t.match(
      await leads(db),
      [
        { lid: ana, phone: one, messages: [100, 200] },
        { lid: null, phone: two }
      ],
      'of a LID that is known'
    )
    await take(from(210, { lid: bea, phone: two }, notice))
    t.match(
      await leads(db),
      [
        { lid: ana, phone: one },
        { lid: bea, phone: two, messages: [110, 210] }
      ],
      'one that tells what was missing'
    )
    await take(from(220, { lid: carla, phone: two }, notice))
    t.match(
      await leads(db),
      [{ messages: [100, 200] }, { lid: bea, phone: two, messages: [110, 210] }],
      'of somebody who never wrote'
    )
    t.equal((await leads(db)).length, 2)

    await take(from(300, { lid: carla }), from(310, { lid: carla, phone: two }, notice))
    t.match(
      (await leads(db))[2],
      { lid: carla, phone: null, messages: [220, 300, 310] },
      'one that tells a number of somebody else'
    )
    await take(from(320, { lid: carla, phone: three }, notice))
    t.match((await leads(db))[2], { lid: carla, phone: three }, 'one that tells a number of nobody')
  }
)

t.test(
  'a notice from before a number went from one to another makes the first LID nobody’s who has it now',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      from(200, { lid: bea, phone: two }),
      from(300, { lid: bea, phone: three }),
      from(400, { phone: two })
    )
    await take(
      from(150, { lid: carla, phone: two }, notice),
      from(200, { lid: carla, phone: two }, notice)
    )
    t.match(await leads(db), [
      { lid: bea, phone: three },
      { lid: null, phone: two, messages: [400] }
    ])
    await take(from(201, { lid: carla, phone: two }, notice))
    t.match((await leads(db))[1], { lid: carla, phone: two }, 'one of after that tells it')
  }
)

t.test('a number that another person had is no longer theirs, whatever comes late', async (t) => {
  const { db, take } = await testStore(t)
  await take(from(100, { lid: ana, phone: one }), from(200, { lid: bea, phone: one }))
  t.match(await leads(db), [
    { lid: ana, phone: null },
    { lid: bea, phone: one }
  ])
  await take(
    from(90, { lid: ana, phone: one }),
    from(95, { phone: one }),
    from(250, { phone: one })
  )
  t.match(await leads(db), [
    { lid: ana, phone: null, messages: [90, 95, 100] },
    { lid: bea, phone: one, messages: [200, 250] }
  ])
  await take(from(150, { lid: carla, phone: one }))
  t.match(
    await leads(db),
    [{ lid: ana }, { lid: bea, phone: one }, { lid: carla, phone: null, messages: [150] }],
    'one who had it in between'
  )
  await take(from(120, { phone: one }))
  t.match(
    (await leads(db)).map(({ messages }) => messages),
    [
      [90, 95, 100],
      [200, 250],
      [120, 150]
    ]
  )
  await take(from(300, { lid: ana, phone: one }))
  t.match(
    await leads(db),
    [
      { lid: ana, phone: one },
      { lid: bea, phone: null },
      { lid: carla, phone: null }
    ],
    'it may come back'
  )
})

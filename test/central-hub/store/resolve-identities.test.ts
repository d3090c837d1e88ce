import t, { type Test } from 'tap'
import { createLead } from '../../../src/central-hub/store/write/create-lead.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import { emptied, testStore } from './open-store.ts'
import {
  ana,
  bea,
  carla,
  change,
  four,
  from,
  leads,
  merge,
  notice,
  one,
  three,
  two,
  type Shown
} from './people.ts'

/** Messages that tell who somebody is: numbers that change hands, and two leads of one person. */

interface Case {
  what: string
  /** The first lead is merged with each of the others after these. */
  merged?: InboundRecord[]
  records: InboundRecord[]
  wanted: Partial<Shown>[]
}

/** Somebody whose LID and number are known. */
const both = (lid: string | undefined, phone: string | undefined) => ({ lid, phone })

/** Takes the records of each case one by one, and all together. */
const check = async (t: Test, cases: readonly Case[]): Promise<void> => {
  const { db, take } = await testStore(t)
  for (const { what, merged = [], records, wanted } of cases) {
    for (const size of [1, records.length]) {
      await emptied(db)
      if (merged.length > 0) await take(...merged)
      const [first = 0, ...others] = await leadIds(db)
      for (const other of others) await merge(db, first, other)
      for (let start = 0; start < records.length; start += size)
        await take(...records.slice(start, start + size))

      const found = await leads(db)
      t.match(found, wanted, `${what}, ${size} together`)
      t.equal(found.length, wanted.length, `${what}, ${size} together: ${wanted.length} leads`)
      t.same(await namelessIdentities(db), [], `${what}, ${size} together: nothing is left over`)
    }
  }
}

const leadIds = async (db: Db): Promise<number[]> =>
  (await db.selectFrom('leads').select('id').orderBy('id').execute()).map(({ id }) => id)

/** Identities that were merged into a lead and have neither a number nor a LID. */
const namelessIdentities = (db: Db) =>
  db
    .selectFrom('merged_identities')
    .select('id')
    .where('phone', 'is', null)
    .where('lid', 'is', null)
    .execute()

t.test('a number belongs to the person who was seen with it last', async (t) => {
  await check(t, [
    {
      what: 'of two who are seen with it in one second, the later record counts',
      records: [from(100, both(ana, one)), from(100, both(bea, one))],
      wanted: [
        { lid: ana, phone: null, messages: [100] },
        { lid: bea, phone: one, messages: [100] }
      ]
    },
    {
      what: 'one who had it in the same second, and another one since, does not take it',
      records: [from(300, both(ana, two)), from(200, both(bea, one)), from(200, both(ana, one))],
      wanted: [
        { lid: ana, phone: two, messages: [200, 300] },
        { lid: bea, phone: one, messages: [200] }
      ]
    },
    {
      what: 'a later text that names the number alone is no sighting',
      records: [from(200, { phone: one }), from(150, both(ana, one)), from(180, both(bea, one))],
      wanted: [
        { lid: ana, phone: null, messages: [150] },
        { lid: bea, phone: one, messages: [180, 200] }
      ]
    },
    {
      what: 'nor is one that names the LID alone',
      records: [from(200, { lid: ana }), from(150, both(ana, one)), from(180, both(bea, one))],
      wanted: [
        { lid: ana, phone: null, messages: [150, 200] },
        { lid: bea, phone: one, messages: [180] }
      ]
    },
    {
      what: 'a lead with a LID stays when its only text was written by somebody else',
      records: [
        from(100, { phone: one }),
        from(110, both(ana, one), notice),
        from(105, both(bea, one))
      ],
      wanted: [
        { lid: ana, phone: one, messages: [110] },
        { lid: bea, phone: null, messages: [100, 105] }
      ]
    },
    {
      what: 'a text under another number, with a button that calls it, goes nowhere',
      records: [
        from(100, both(ana, one)),
        from(300, both(ana, two)),
        from(250, { phone: two }, { interactive: { choices: [{ text: 'Call', phone: one }] } }),
        from(400, both(bea, one))
      ],
      wanted: [
        { lid: ana, phone: two, messages: [100, 250, 300] },
        { lid: bea, phone: one, messages: [400] }
      ]
    },
    {
      what: 'a notice under a number that is nobody’s makes no lead',
      records: [
        from(100, both(ana, one)),
        from(150, { phone: one }, notice),
        from(200, both(ana, two))
      ],
      wanted: [{ lid: ana, phone: two, messages: [100, 200] }]
    }
  ])
})

t.test('a notice of a changed number counts by its own time', async (t) => {
  await check(t, [
    {
      what: 'to the number of a lead with a LID',
      records: [
        from(100, { phone: one }),
        from(110, both(bea, two)),
        change(200, { phone: one }, { phone: two }),
        from(150, both(ana, two))
      ],
      wanted: [
        { lid: bea, phone: two, messages: [100, 110, 200] },
        { lid: ana, phone: null, messages: [150] }
      ]
    },
    {
      what: 'between two leads without a LID: the number is not yet seen with anybody',
      records: [
        from(100, { phone: one }),
        from(110, { phone: two }),
        change(200, { phone: one }, { phone: two }),
        from(150, both(ana, two)),
        from(180, both(bea, two))
      ],
      wanted: [
        { lid: ana, phone: null, messages: [100, 110, 150, 200] },
        { lid: bea, phone: two, messages: [180] }
      ]
    },
    {
      what: 'the earlier of two comes last',
      records: [
        from(100, { phone: one }),
        change(300, { phone: one }, { phone: two }),
        change(200, { phone: two }, { phone: three })
      ],
      wanted: [{ lid: null, phone: two, messages: [100, 200, 300] }]
    },
    {
      what: 'an earlier one of another person',
      records: [
        from(100, { phone: one }),
        from(110, { phone: three }),
        change(300, { phone: one }, { phone: two }),
        change(200, { phone: three }, { phone: four })
      ],
      wanted: [
        { phone: two, messages: [100, 300] },
        { phone: four, messages: [110, 200] }
      ]
    },
    {
      what: 'back to a number that somebody else had before',
      records: [
        from(100, { phone: one }),
        change(110, { phone: one }, { phone: three }),
        from(150, { phone: one }),
        change(160, { phone: one }, { phone: two }),
        change(170, { phone: two }, { phone: one }),
        from(105, { phone: one }),
        from(120, both(bea, one))
      ],
      wanted: [
        { lid: null, phone: three, messages: [100, 105, 110] },
        { lid: bea, phone: one, messages: [120, 150, 160, 170] }
      ]
    }
  ])
})

t.test('a person keeps the numbers of before under a LID that is told later', async (t) => {
  await check(t, [
    {
      what: 'a LID that took the place of another one',
      records: [
        from(100, both(ana, one)),
        from(200, both(ana, two)),
        change(250, { lid: ana }, { lid: bea }),
        from(300, both(bea, one)),
        from(150, both(carla, one)),
        from(95, { phone: one })
      ],
      wanted: [
        { lid: bea, phone: one, messages: [100, 200, 250, 300] },
        { lid: carla, phone: null, messages: [95, 150] }
      ]
    },
    {
      what: 'and nobody else’s',
      records: [
        from(107, { phone: three }),
        change(110, { phone: three }, { phone: four }),
        from(120, { lid: ana }),
        from(130, { phone: two }),
        from(140, both(ana, two)),
        from(105, both(ana, three)),
        from(102, { phone: three })
      ],
      wanted: [
        { lid: null, phone: four, messages: [107, 110] },
        { lid: ana, phone: two, messages: [102, 105, 120, 130, 140] }
      ]
    }
  ])
})

t.test('leads that a person merged stay one when a message joins their addresses', async (t) => {
  await check(t, [
    {
      what: 'its second LID and the number of another lead',
      merged: [from(100, both(ana, one)), from(110, { lid: bea })],
      records: [from(200, { phone: two }), from(300, both(bea, two))],
      wanted: [{ lid: bea, phone: two, others: [one], messages: [100, 110, 200, 300] }]
    },
    {
      what: 'its second number and the LID of another lead',
      merged: [from(100, both(ana, one)), from(110, { phone: two })],
      records: [from(120, { lid: bea }), from(200, both(bea, two))],
      wanted: [{ lid: ana, phone: one, others: [two], messages: [100, 110, 120, 200] }]
    },
    {
      what: 'its second LID and its second number',
      merged: [from(100, both(ana, one)), from(110, { lid: bea }), from(120, { phone: two })],
      records: [from(200, both(bea, two))],
      wanted: [{ lid: ana, phone: one, others: [two], messages: [100, 110, 120, 200] }]
    },
    {
      what: 'a notice leads from its number to its second number',
      merged: [from(100, { phone: one }), from(110, { phone: two })],
      records: [change(200, { phone: one }, { phone: two })],
      wanted: [{ lid: null, phone: two, others: [], messages: [100, 110, 200] }]
    },
    {
      what: 'a notice leads from its second number to its number',
      merged: [from(100, { phone: one }), from(110, { phone: two })],
      records: [change(200, { phone: two }, { phone: one })],
      wanted: [{ lid: null, phone: one, others: [], messages: [100, 110, 200] }]
    },
    {
      what: 'a notice leads from its second number to its third',
      merged: [from(100, { phone: one }), from(110, { phone: two }), from(120, { phone: three })],
      records: [change(200, { phone: two }, { phone: three })],
      wanted: [{ lid: null, phone: one, others: [three], messages: [100, 110, 120, 200] }]
    },
    {
      what: 'a notice leads from another lead to its second LID',
      merged: [from(100, { phone: one }), from(110, both(bea, two))],
      records: [from(120, both(carla, three)), change(200, { lid: carla }, { lid: bea })],
      wanted: [{ lid: bea, phone: two, others: [three, one], messages: [100, 110, 120, 200] }]
    },
    {
      what: 'notices lead from one of its addresses to another',
      merged: [
        from(100, { phone: one }),
        from(110, { phone: two }),
        from(120, both(bea, three)),
        from(130, both(carla, four))
      ],
      records: [
        change(200, { phone: one }, { phone: two }),
        change(210, { lid: carla }, { lid: bea })
      ],
      wanted: [
        { lid: bea, phone: three, others: [four, two], messages: [100, 110, 120, 130, 200, 210] }
      ]
    }
  ])
})

t.test('a lead that was entered stays when messages of its number change hands', async (t) => {
  const { db, take } = await testStore(t)
  await take(from(100, both(ana, one)), from(50, { phone: one }), from(200, both(ana, two)))
  await createLead(db, { account: 'main', phone: one })

  await take(from(80, both(carla, one)))

  t.match(await leads(db), [
    { lid: ana, phone: two, messages: [100, 200] },
    { lid: null, phone: one, messages: [] },
    { lid: carla, phone: null, messages: [50, 80] }
  ])
  t.equal((await leads(db)).length, 3)
})

t.test(
  'a lead that was entered stays when another person wrote all that its second number has',
  async (t) => {
    const { db, take } = await testStore(t)
    await createLead(db, { account: 'main', phone: four })
    await take(from(450, { phone: one }), from(500, both(ana, two)))
    const [entered = 0, second = 0] = await leadIds(db)
    await merge(db, entered, second)

    await take(from(470, both(ana, one)))

    t.match(await leads(db), [
      { lid: null, phone: four, others: [one], messages: [] },
      { lid: ana, phone: two, messages: [450, 470, 500] }
    ])
    t.equal((await leads(db)).length, 2)
  }
)

t.test('a lead has the latest name of its own messages, not that of a place', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(100, both(ana, one), { name: 'Ana' }),
    from(140, { lid: ana }, { location: { latitude: 1, longitude: 2, name: 'Office' } }),
    from(150, { phone: one }, { name: 'Bea' })
  )
  t.match(await leads(db), [{ lid: ana, name: 'Bea' }])

  await take(from(200, both(bea, one)))

  t.match(await leads(db), [
    { lid: ana, name: 'Ana', messages: [100, 140] },
    { lid: bea, name: 'Bea', messages: [150, 200] }
  ])
})

t.test('live clients get an event for each lead that changes, and for no other', async (t) => {
  const { db, take } = await testStore(t)
  /** LIDs of the leads with an event. */
  const changedBy = async (...records: InboundRecord[]): Promise<(string | null)[]> => {
    const { last } = await db
      .selectFrom('events')
      .select(({ fn }) => fn.max('id').as('last'))
      .executeTakeFirstOrThrow()
    await take(...records)
    const rows = await db
      .selectFrom('events')
      .innerJoin('leads', 'leads.id', 'events.ref')
      .select('leads.lid')
      .where('events.type', '=', 'lead')
      .where('events.id', '>', last)
      .orderBy('leads.id')
      .execute()
    return rows.map(({ lid }) => lid)
  }
  await take(from(40, { phone: one }), from(50, both(carla, one)), from(100, both(ana, one)))
  const text = from(210, { lid: ana })
  await take(text)

  t.same(await changedBy(from(200, both(bea, one))), [ana, bea], 'a number that changes hands')
  const again = { ...from(210, both(ana, two)), message: { ...text.message, phone: two } }
  t.same(await changedBy(again), [ana], 'a number that a known message tells')

  const [, first = 0, second = 0] = await leadIds(db)
  await merge(db, first, second)
  const group = { id: 'false_120363000000000001@g.us_N', chat_id: '120363000000000001@g.us' }
  const { message, ...rest } = change(300, { lid: ana }, { lid: bea })
  t.same(
    await changedBy({ ...rest, message: { ...message, ...group } }),
    [bea],
    'a notice in a group'
  )
})

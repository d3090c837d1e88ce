import t from 'tap'
import Type from 'typebox'
import { expectation, faultsAgainst, parametersAs } from '../../../src/platform/http/expected.ts'

t.test('what a schema expects, in plain words', async (t) => {
  for (const [schema, words] of [
    [Type.Integer({ minimum: 1, maximum: 200 }), 'a whole number from 1 to 200'],
    [Type.Integer({ minimum: 1 }), 'a whole number from 1'],
    [Type.Integer({ maximum: 9 }), 'a whole number up to 9'],
    [Type.Integer(), 'a whole number'],
    [Type.Number({ minimum: 0 }), 'a number from 0'],
    [Type.Boolean(), 'true or false'],
    [Type.String(), 'text'],
    [Type.String({ minLength: 1, maxLength: 50 }), 'text of 1 to 50 characters'],
    [Type.String({ maxLength: 50 }), 'text of up to 50 characters'],
    [Type.String({ pattern: '^https?://', description: 'an address' }), 'text (an address)'],
    [Type.Literal('ok'), 'ok'],
    [Type.Union([Type.Literal('new'), Type.Literal('open')]), 'one of new, open'],
    [Type.Union([Type.String(), Type.Null()]), 'text or null'],
    [Type.Array(Type.String(), { maxItems: 3 }), 'a list of up to 3 items, each text'],
    [Type.Object({ a: Type.String(), b: Type.String() }), 'an object with a, b'],
    [Type.Unknown(), 'something else']
  ] as const)
    t.equal(expectation(schema), words)
})

const Patch = Type.Object(
  {
    state: Type.Optional(Type.Union([Type.Literal('new'), Type.Literal('won')])),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 5 }), { maxItems: 2 })),
    note: Type.Optional(Type.String({ maxLength: 3 }))
  },
  { additionalProperties: false, minProperties: 1 }
)

t.test(
  'what is wrong with a JSON value is named by its place, with what was expected there',
  async (t) => {
    const faults = faultsAgainst(Patch)
    t.same(faults({ state: 'won', tags: ['vip'] }), [])
    t.same(faults({ state: 'maybe' }), [{ field: '/state', message: 'expected one of new, won' }])
    t.same(faults({ note: 'long' }), [
      { field: '/note', message: 'expected text of up to 3 characters' }
    ])
    t.same(
      faults({ note: 5, colour: 'red' }).toSorted((a, b) => (a.field < b.field ? -1 : 1)),
      [
        { field: '/colour', message: 'unknown; expected an object with state, tags, note' },
        { field: '/note', message: 'expected text of up to 3 characters' }
      ]
    )
    t.same(faults({ tags: ['vip', 'too long'] }), [
      { field: '/tags/1', message: 'expected text of 1 to 5 characters' }
    ])
    for (const body of [{}, [], null, 'x', undefined])
      t.same(
        faults(body),
        [{ field: 'body', message: 'expected an object with state, tags, note' }],
        JSON.stringify(body)
      )
    t.same(
      faultsAgainst(Type.Object({ lead_id: Type.Integer({ minimum: 1 }) }))({}),
      [{ field: '/lead_id', message: 'expected a whole number from 1' }],
      'a missing one, too'
    )
  }
)

t.test('names that objects have anyway are names like any other', async (t) => {
  t.match(faultsAgainst(Patch)(JSON.parse('{"note":"a","__proto__":{"state":"won"}}')), [
    { field: '/__proto__' }
  ])
  t.match(faultsAgainst(Patch)(JSON.parse('{"note":"a","constructor":1}')), [
    { field: '/constructor' }
  ])
  const read = parametersAs(Type.Object({}))
  for (const name of ['__proto__', 'constructor', 'toString', ''])
    t.match(
      read([[name, 'x']]).faults,
      [{ field: name, message: 'unknown; expected no parameter' }],
      name
    )
})

t.test('of however much is wrong, the first is told', async (t) => {
  const told = faultsAgainst(Patch)(
    Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]))
  ).length
  t.ok(told > 0 && told <= 50, `${told} of 500`)
  t.equal(
    parametersAs(Type.Object({}))(Array.from({ length: 500 }, (_, index) => [`x${index}`, '1']))
      .faults.length,
    50
  )
})

const Query = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  waiting: Type.Optional(Type.Boolean()),
  state: Type.Optional(
    Type.Array(Type.Union([Type.Literal('new'), Type.Literal('open')]), { minItems: 1 })
  ),
  q: Type.Optional(Type.String({ maxLength: 5 })),
  ids: Type.Optional(Type.Array(Type.Integer()))
})

t.test(
  'text parameters are read as their schema types them; what has a default may be left out',
  async (t) => {
    const read = parametersAs(Query)
    t.same(read([]), { values: { limit: 50 }, faults: [] })
    t.same(
      read([
        ['limit', '7'],
        ['waiting', 'false'],
        ['state', 'new,open'],
        ['q', '12'],
        ['ids', '1,-2']
      ]),
      {
        values: { limit: 7, waiting: false, state: ['new', 'open'], q: '12', ids: [1, -2] },
        faults: []
      }
    )
    t.same(
      parametersAs(Type.Object({ id: Type.Integer() }))([]).faults,
      [{ field: 'id', message: 'expected a whole number' }],
      'one that may not'
    )
  }
)

t.test(
  'a list is given with commas, one by one, or both, and comes in the order of the text',
  async (t) => {
    const read = parametersAs(Query)
    for (const pairs of [
      [['state', 'new,open,new']],
      [
        ['state', 'new'],
        ['state', 'open'],
        ['state', 'new']
      ],
      [
        ['state', 'new,open'],
        ['q', 'a'],
        ['state', 'new']
      ]
    ] as [string, string][][])
      t.match(read(pairs), { values: { state: ['new', 'open', 'new'] }, faults: [] })
    t.match(
      read([
        ['ids', '1'],
        ['ids', '-2,3']
      ]),
      { values: { ids: [1, -2, 3] }, faults: [] }
    )
    t.match(
      read([
        ['state', 'new'],
        ['state', 'maybe']
      ]).faults,
      [{ field: 'state', message: /^expected one or more of/ }]
    )
    t.match(
      read([
        ['limit', '1'],
        ['limit', '1']
      ]).faults,
      [{ field: 'limit', message: 'expected once' }]
    )
  }
)

t.test(
  'a name with a slash or a tilde is escaped in the pointer, and what it leads to is looked up under its own name',
  async (t) => {
    const schema = Type.Object({
      'a/b': Type.Object({ '~1': Type.Integer({ minimum: 1 }) }, { additionalProperties: false })
    })
    const faults = faultsAgainst(schema)
    t.same(faults({ 'a/b': { '~1': 'x' } }), [
      { field: '/a~1b/~01', message: 'expected a whole number from 1' }
    ])
    t.same(faults({ 'a/b': {} }), [
      { field: '/a~1b/~01', message: 'expected a whole number from 1' }
    ])
    t.match(faults({ 'a/b': { '~1': 1, 'c/~d': 1 } }), [{ field: '/a~1b/c~1~0d' }])
  }
)

t.test('what is unknown, given twice or not as expected is a fault by its name', async (t) => {
  const read = parametersAs(Query)
  t.same(read([['colour', 'red']]).faults, [
    { field: 'colour', message: 'unknown; expected limit, waiting, state, q, ids' }
  ])
  t.same(
    read([
      ['q', 'a'],
      ['q', 'b']
    ]).faults,
    [{ field: 'q', message: 'expected once' }]
  )
  t.same(read([['state', 'new,maybe']]).faults, [
    { field: 'state', message: 'expected one or more of new, open, separated by commas' }
  ])
  t.same(read([['q', 'x'.repeat(6)]]).faults, [
    { field: 'q', message: 'expected text of up to 5 characters' }
  ])
  for (const limit of [
    '',
    '0',
    '201',
    '1.5',
    '1e2',
    '0x10',
    ' 5',
    '5 ',
    '+5',
    '٥',
    'NaN',
    '9'.repeat(20)
  ]) {
    t.same(
      read([['limit', limit]]).faults,
      [{ field: 'limit', message: 'expected a whole number from 1 to 200' }],
      JSON.stringify(limit)
    )
  }
  for (const waiting of ['', 'TRUE', '1', 'yes'])
    t.match(
      read([['waiting', waiting]]).faults,
      [{ field: 'waiting', message: 'expected true or false' }],
      waiting
    )
})

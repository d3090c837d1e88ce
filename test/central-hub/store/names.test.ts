import t from 'tap'
import { listChanges } from '../../../src/central-hub/store/read/history.ts'
import {
  importNames,
  lastNames,
  oneLine,
  type ImportedName
} from '../../../src/central-hub/store/write/names.ts'
import { readEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { emptied, record, testStore, type TestStore } from './open-store.ts'

/** Names that are imported by number. Files of them: read-names.test.ts. */

/** WhatsApp keeps a 1 in Mexican numbers that no file has. */
const [phone, spelling] = ['+525512345678', '+5215512345678']
const other = '+525587654321'

const hearFrom = async ({ take }: TestStore, name: string | undefined): Promise<void> =>
  take(record('1', name === undefined ? {} : { name }))

t.test('a name is one line: what its lines have is separated by a space', async (t) => {
  for (const [name, line] of [
    ['Ana', 'Ana'],
    ['Ana\nRuiz', 'Ana Ruiz'],
    ['Ana\r\nRuiz', 'Ana Ruiz'],
    ['Ana\rRuiz', 'Ana Ruiz'],
    ['Ana\u2028Ruiz\u2029Sol', 'Ana Ruiz Sol'],
    [' Ana \n\n Ruiz ', 'Ana Ruiz'],
    ['\n', ''],
    ['Ana  Ruiz', 'Ana  Ruiz']
  ] as const)
    t.equal(oneLine(name), line, encodeURI(name))
})

t.test(
  'of several names for one number the last counts, however the number is spelt',
  async (t) => {
    t.same(
      lastNames([
        { phone, name: 'A' },
        { phone: other, name: 'B' },
        { phone: spelling, name: 'C' }
      ]),
      [
        { phone: spelling, name: 'C' },
        { phone: other, name: 'B' }
      ]
    )
    t.same(lastNames([]), [])
    const { db } = await testStore(t)
    t.same(
      await importNames(db, [
        { phone, name: 'A' },
        { phone: spelling, name: 'B' }
      ]),
      { named: 0, kept: 1, unchanged: 1 }
    )
    t.match(await db.selectFrom('names').selectAll().execute(), [
      { phone_key: '525512345678', name: 'B' }
    ])
    t.same(await importNames(db, []), { named: 0, kept: 0, unchanged: 0 })
  }
)

t.test(
  'a lead is named only where it shows another name, whatever letters the file had no place for',
  async (t) => {
    const store = await testStore(t)
    const special = '\\^$.*+?()[]{}|'
    const rows: [shown: string | undefined, name: string, isNarrow: boolean, isNamed: boolean][] = [
      [undefined, 'Ana', false, true],
      [undefined, 'Ana', true, true],
      ['Ana', 'Ana', false, false],
      ['Ana', 'Ana', true, false],
      ['Ana', 'Eva', true, true],
      ['Ana\nRuiz', 'Ana Ruiz', false, false],
      ['Ana Ω', 'Ana ?', true, false],
      ['Ana Ω', 'Ana ?', false, true],
      ['Ana Ω', 'Ana Ω', false, false],
      ['Ana Ω', 'Eva ?', true, true],
      ['Ana Ω', 'Ana ??', true, true],
      ['Ana Ω', 'Ana', true, true],
      ['Ω', 'O', true, false],
      ['Ω', 'xO', true, true],
      ['Ω', 'Ox', true, true],
      ['Ω', '', true, true],
      ['łódź', 'lódz', true, false],
      ['小明', '??', true, false],
      ['Ana 😀', 'Ana ?', true, false],
      ['Ana 😀', 'Ana ??', true, false],
      ['Ana 😀', 'Ana ???', true, true],
      ['Ana 😀', 'Ana ', true, true],
      [`Ω${special}`, `?${special}`, true, false],
      ...[...special].map((sign): [string, string, boolean, boolean] => [
        `Ω${sign}`,
        '?x',
        true,
        true
      ])
    ]
    for (const [shown, name, isNarrow, isNamed] of rows) {
      await emptied(store.db)
      await hearFrom(store, shown)
      const outcome = await importNames(store.db, [
        isNarrow ? { phone, name, isNarrow } : { phone, name }
      ])
      t.same(
        outcome,
        isNamed ? { named: 1, kept: 0, unchanged: 0 } : { named: 0, kept: 0, unchanged: 1 },
        `${shown}, ${name}${isNarrow ? ', narrow' : ''}`
      )
    }
  }
)

t.test(
  'every lead of a number is named, with its history; a name that a person gave stays',
  async (t) => {
    const store = await testStore(t)
    const { db, ingest } = store
    await hearFrom(store, 'Ana')
    await ingest.take('sales', 'k', [{ ...record('2'), account: 'sales' }])
    await ingest.take('support', 'l', [{ ...record('3'), account: 'support' }])
    const [mine, sales, support] = await db.selectFrom('leads').select('id').orderBy('id').execute()
    await db
      .updateTable('leads')
      .set({ given_name: 'Doña Ana' })
      .where('id', '=', support?.id ?? 0)
      .execute()
    await db.deleteFrom('events').execute()
    const names: ImportedName[] = [
      { phone, name: 'Ana García' },
      { phone: other, name: 'Luis' }
    ]
    t.same(await importNames(db, names), { named: 2, kept: 1, unchanged: 0 })
    const shown = await db
      .selectFrom('leads')
      .select(['imported_name', 'given_name'])
      .orderBy('id')
      .execute()
    t.same(
      shown.map(({ imported_name, given_name }) => [imported_name, given_name]),
      [
        ['Ana García', null],
        ['Ana García', null],
        [null, 'Doña Ana']
      ]
    )
    t.match((await listChanges(db, mine?.id ?? 0, 10)).items, [
      { field: 'name', from: 'Ana', to: 'Ana García' }
    ])
    t.match((await listChanges(db, sales?.id ?? 0, 10)).items, [
      { field: 'name', from: null, to: 'Ana García' }
    ])
    t.same((await listChanges(db, support?.id ?? 0, 10)).items, [])
    t.match(
      (await readEvents(db, 0, 10)).map(({ type, data }) => [
        type,
        (data as { id?: number } | undefined)?.id
      ]),
      [
        ['lead', mine?.id],
        ['lead', sales?.id]
      ]
    )
    t.same(await importNames(db, names), { named: 0, kept: 0, unchanged: 2 }, 'once more')
  }
)

t.test('a name is kept for who writes later; a later one takes its place', async (t) => {
  const store = await testStore(t)
  const { db } = store
  const kept = async (): Promise<[string, string][]> =>
    (await db.selectFrom('names').selectAll().orderBy('name').execute()).map(
      ({ phone_key, name }) => [phone_key, name]
    )
  t.same(
    await importNames(db, [
      { phone, name: 'Ana' },
      { phone: other, name: 'Luis' }
    ]),
    { named: 0, kept: 2, unchanged: 0 }
  )
  t.same(
    await importNames(db, [
      { phone, name: 'Anita' },
      { phone: other, name: 'Luis' }
    ]),
    { named: 0, kept: 1, unchanged: 1 }
  )
  t.same(await kept(), [
    ['525512345678', 'Anita'],
    ['525587654321', 'Luis']
  ])
  await hearFrom(store, 'WhatsApp')
  t.same(
    await importNames(db, [{ phone, name: 'WhatsApp' }]),
    { named: 1, kept: 0, unchanged: 0 },
    'the imported one is shown'
  )
  t.same(
    await kept(),
    [
      ['525587654321', 'Luis'],
      ['525512345678', 'WhatsApp']
    ],
    'for who has the number after them'
  )
  await db.deleteFrom('names').execute()
  t.same(await importNames(db, [{ phone, name: 'WhatsApp' }]), { named: 0, kept: 0, unchanged: 1 })
  t.same(await kept(), [], 'what changes nothing is not kept')
})

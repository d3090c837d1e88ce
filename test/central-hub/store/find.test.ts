import fc from 'fast-check'
import t from 'tap'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { propertyRuns } from '../../property-runs.ts'
import { record, testStore } from './open-store.ts'

/** What is found by what a person types. */

const from = (phone: string, id: string, facts: Partial<CapturedMessage> = {}): InboundRecord => {
  const chat = `${phone.slice(1)}@c.us`
  return record(id, {
    id: `false_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    phone,
    body: '-',
    ...facts
  })
}

const names = async (db: Db, q: string): Promise<(string | null)[]> =>
  (await listLeads(db, { q }, 100)).items.map(({ name }) => name)
const bodies = async (db: Db, q: string): Promise<string[]> =>
  (await listMessages(db, { q }, 100)).items.map(({ body }) => body)

const mexican = '+5215512345678'
const newMexican = '+525587654321'
const argentinian = '+5491123456789'
const brazilian = '+551187654321'
const newBrazilian = '+5511987651234'
const spanish = '+34612345678'

t.test(
  'a number is found however it is written, with or without its country, whole or in part',
  async (t) => {
    const { db, take } = await testStore(t)
    const people = { mexican, newMexican, argentinian, brazilian, newBrazilian, spanish }
    await take(...Object.entries(people).map(([name, phone]) => from(phone, name, { name })))
    const typed: Record<keyof typeof people, string[]> = {
      mexican: [
        '5512345678,',
        '55 1234 5678',
        '(55) 1234-5678',
        '+52 1 55 1234 5678',
        '+525512345678',
        '5215512345678',
        '52 55 1234',
        '044 55 1234 5678',
        '01 55 1234 5678',
        '0052 55 1234 5678',
        '1234.5678',
        '\u202a+52 55 1234 5678\u202c',
        '55\u00a01234\u00a05678',
        '+52 55 1234\u20115678',
        '５５１２３４５６７８',
        'tel:+525512345678',
        'https://wa.me/5215512345678',
        '٥٥١٢٣٤٥٦٧٨'
      ],
      newMexican: ['5215587654321', '+52 1 55 8765 4321', '1 55 8765 4321', '5587654321'],
      argentinian: [
        '011 2345 6789',
        '+54 11 2345-6789',
        '9 11 2345 6789',
        '011 15-2345-6789',
        '1115 2345 6789',
        '541123456789'
      ],
      brazilian: [
        '11987654321',
        '(11) 98765-4321',
        '+55 11 98765 4321',
        '011 8765 4321',
        '5511987654321',
        '9 8765-4321'
      ],
      newBrazilian: ['11 8765-1234', '551187651234', '11987651234', '98765 1234', '8765-1234'],
      spanish: ['612 34 56 78', '+34 612345678', '0034612345678', '34612345678', '612.345.678']
    }
    for (const [name, all] of Object.entries(typed))
      for (const q of all) t.ok((await names(db, q)).includes(name), `${name}: ${q}`)
    for (const q of ['12', '+5', '999999']) t.same(await names(db, q), [], q)
  }
)

t.test('any four digits in a row of a number find it, whatever stands between them', async (t) => {
  const runs = propertyRuns(t, 60)
  const { db, take } = await testStore(t)
  const written = [
    '5215512345678',
    '525512345678',
    '5491123456789',
    '541123456789',
    '551187654321',
    '5511987654321',
    '34612345678'
  ]
  const found = new Map(
    written.map((digits) => [
      digits,
      /^52/.test(digits)
        ? 'mexican'
        : /^54/.test(digits)
          ? 'argentinian'
          : /^55/.test(digits)
            ? 'brazilian'
            : 'spanish'
    ])
  )
  await take(
    ...Object.entries({ mexican, argentinian, brazilian, spanish }).map(([name, phone]) =>
      from(phone, name, { name })
    )
  )
  const separator = fc.constantFrom(
    '',
    '',
    '',
    ' ',
    '-',
    '.',
    ' - ',
    '/',
    ') ',
    ' (',
    '\u00a0',
    '\u2011'
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...written),
      fc.nat(),
      fc.integer({ min: 4, max: 13 }),
      fc.array(separator, { minLength: 14, maxLength: 14 }),
      fc.constantFrom('', '+', ' ', '('),
      fc.constantFrom('', ',', '.', ' '),
      async (digits, start, length, separators, before, after) => {
        const part = digits.slice(start % (digits.length - 3)).slice(0, length)
        const q =
          before +
          [...part].map((digit, at) => (at === 0 ? '' : separators[at]) + digit).join('') +
          after
        const all = await names(db, q)
        if (!all.includes(found.get(digits) ?? ''))
          throw new Error(`${JSON.stringify(q)} found ${JSON.stringify(all)}`)
      }
    ),
    runs
  )
})

t.test(
  'a name is found by its parts, in any order, with commas, without accents, with digits of the number',
  async (t) => {
    const { db, take } = await testStore(t)
    const given = [
      'José Núñez',
      '王小明',
      'Ana😀',
      'Ana-María López',
      "O'Brien",
      '田中太郎',
      'สมชาย ใจดี',
      '👩‍🚀 Luz',
      '김민준'
    ]
    await take(...given.map((name, n) => from(`+52155123456${n}8`, `${n}`, { name })))
    for (const q of [
      'jose 5608',
      'Núñez, José',
      'nunez',
      'NÚÑEZ JOSÉ',
      'José  Núñez.',
      'jo nu',
      'uñe',
      'José (Núñez)',
      '"jose nuñez"',
      '5608 jose'
    ])
      t.same(await names(db, q), [given[0]], q)
    for (const q of ['小明', '王', '明', '王小明', '小明,'])
      t.same(await names(db, q), ['王小明'], q)
    t.same(await names(db, '明小'), [])
    for (const q of ['😀', 'ana😀', 'ANA 😀']) t.same(await names(db, q), ['Ana😀'], q)
    for (const q of ['ana maria', 'Ana-María', 'López, Ana-María', 'lopez ana', 'mari'])
      t.same(await names(db, q), ['Ana-María López'], q)
    for (const q of ["o'brien", 'brien', 'O’Brien']) t.same(await names(db, q), ["O'Brien"], q)
    for (const q of ['太郎', '田中', '中太']) t.same(await names(db, q), ['田中太郎'], q)
    for (const q of ['ใจดี', 'ชาย']) t.same(await names(db, q), ['สมชาย ใจดี'], q)
    for (const q of ['👩‍🚀', '🚀 luz']) t.same(await names(db, q), ['👩‍🚀 Luz'], q)
    t.same(await names(db, '민준'), ['김민준'])
  }
)

t.test(
  'a lead is found by its note, its tags and who takes care of it, as they are now',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from(mexican, 'a', { name: 'Ana' }), from(spanish, 'b', { name: 'Beto' }))
    const [, { id } = { id: 0 }] = (await listLeads(db, { byId: true }, 10)).items
    await patchLead(db, id, {
      note: 'Pidió factura\nllamar el lunes',
      tags: ['mayorista', 'VIP'],
      assignee: 'Lucía'
    })
    for (const q of [
      'factura',
      'lunes',
      'lla',
      'mayor',
      'vip',
      'lucia',
      'beto factura',
      'pidio mayorista',
      'beto, 5678 vip'
    ])
      t.same(await names(db, q), ['Beto'], q)
    await patchLead(db, id, { note: '', tags: ['mayorista'], assignee: null })
    for (const q of ['factura', 'vip', 'lucia'])
      t.same(await names(db, q), [], `${q}, which is there no more`)
    t.same(await names(db, 'mayorista'), ['Beto'])
  }
)

t.test('messages are found by what is in them beside their text', async (t) => {
  const { db, take } = await testStore(t)
  const card =
    'BEGIN:VCARD\nVERSION:3.0\nFN:Luz Sol\nORG:Ferretería Norte\nitem1.TEL;waid=5215587654321:+52 1 55 8765 4321\nEND:VCARD'
  await take(
    from(mexican, 'file', {
      body: 'file',
      type: 'document',
      has_media: true,
      media: { state: 'stored', mimetype: 'application/pdf', filename: 'Cotización_2024-final.pdf' }
    }),
    from(mexican, 'place', {
      body: 'place',
      type: 'location',
      location: {
        latitude: 19.4,
        longitude: -99.1,
        name: 'Bodega Central',
        address: 'Av. Juárez 12'
      }
    }),
    from(mexican, 'card', { body: 'card', type: 'vcard', contacts: [card] }),
    from(mexican, 'product', {
      body: 'product',
      type: 'product',
      product: { title: 'Tornillo largo', description: 'galvanizado' }
    }),
    from(mexican, 'order', { body: 'order', type: 'order', order: { title: 'Pedido de taquetes' } })
  )
  const wanted = {
    file: ['cotizacion', '2024', 'final.pdf', 'pdf'],
    place: ['bodega', 'central bodega', 'juarez'],
    card: ['luz sol', 'ferreteria', '5587654321', '+52 1 55 8765 4321'],
    product: ['tornillo', 'galvanizado'],
    order: ['taquetes']
  }
  for (const [body, all] of Object.entries(wanted))
    for (const q of all) t.same(await bodies(db, q), [body], q)
  for (const q of ['bodega', 'taquetes'])
    t.equal((await listLeads(db, { q }, 10)).items.length, 1, `the lead by ${q}`)
})

t.test('writing without spaces is found by any part of it, and so are emoji', async (t) => {
  const { db, take } = await testStore(t)
  const written = [
    '请问价格多少',
    '我买了iPhone手机',
    '¡Listo! 👍🏽 gracias',
    'ราคาเท่าไหร่',
    'いくらですか',
    '❤️❤️'
  ]
  await take(...written.map((body, n) => from(mexican, `${n}`, { body })))
  const wanted: [string, string][] = [
    ['价格', '请问价格多少'],
    ['价', '请问价格多少'],
    ['价格多少', '请问价格多少'],
    ['iphone', '我买了iPhone手机'],
    ['iPhone手机', '我买了iPhone手机'],
    ['iph', '我买了iPhone手机'],
    ['👍', '¡Listo! 👍🏽 gracias'],
    ['👍🏽', '¡Listo! 👍🏽 gracias'],
    ['listo 👍', '¡Listo! 👍🏽 gracias'],
    ['👍 graci', '¡Listo! 👍🏽 gracias'],
    ['ราคา', 'ราคาเท่าไหร่'],
    ['いくら', 'いくらですか'],
    ['❤️', '❤️❤️'],
    ['❤', '❤️❤️']
  ]
  for (const [q, body] of wanted) t.same(await bodies(db, q), [body], q)
  for (const q of ['格价', '价多', '👎', '👍 nadie']) t.same(await bodies(db, q), [], q)
  await take({
    ...from(mexican, '0', { body: '便宜一点', edited: { at: '2026-01-01T00:00:00.000Z' } }),
    kind: 'edit'
  })
  t.same(
    [await bodies(db, '价格'), await bodies(db, '便宜')],
    [[], ['便宜一点']],
    'after an edit, by what it is now'
  )
})

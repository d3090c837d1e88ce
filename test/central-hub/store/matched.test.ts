import t from 'tap'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { describeMatches, excerpt } from '../../../src/central-hub/store/read/matched.ts'
import type { Lead } from '../../../src/contract/lead.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { record, testStore } from './open-store.ts'

/** What a search says that it found. */

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

t.test(
  'an excerpt is one line of eighty characters, with where it was found near its beginning',
  async (t) => {
    const letters = (count: number): string =>
      Array.from({ length: count }, (_, at) => String.fromCharCode(97 + (at % 26))).join('')
    const text = letters(200)
    for (const [given, at, wanted] of [
      ['short', 0, 'short'],
      ['short', 5, 'short'],
      [text.slice(0, 80), 0, text.slice(0, 80)],
      [text.slice(0, 81), 0, `${text.slice(0, 80)}…`],
      [text, 0, `${text.slice(0, 80)}…`],
      [text, 30, `${text.slice(0, 80)}…`],
      [text, 31, `…${text.slice(1, 81)}…`],
      [text, 150, `…${text.slice(120, 200)}`],
      [text, 149, `…${text.slice(119, 199)}…`],
      [text, 190, `…${text.slice(160)}`],
      [`  two\n\n  lines `, 0, 'two lines']
    ] as const)
      t.equal(excerpt(given, at), wanted, `${given.length} at ${at}`)
    const smileys = '😀'.repeat(100)
    t.equal(excerpt(smileys, 0), `${'😀'.repeat(80)}…`, 'a sign of two halves counts as one')
    t.equal(excerpt(smileys, 80), `…${'😀'.repeat(80)}…`)
    t.equal(excerpt(smileys, 120), `…${'😀'.repeat(70)}`)
  }
)

t.test(
  'of a lead it says the field in which it was found, of several what a list shows least',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from('+5215512345678', '1', { name: 'José Núñez 王小明', body: 'hola' }))
    const given = {
      name: 'Señor Ruiz',
      note: 'prefiere\nque le llamen por la tarde',
      tags: ['mayorista', 'VIP norte'],
      assignee: 'Lucía'
    }
    await patchLead(db, 1, given)
    const found = async (q: string): Promise<unknown> => {
      const [lead] = (await listLeads(db, { q }, 10)).items
      return lead?.matched && [lead.matched.field, lead.matched.snippet, lead.matched.message_id]
    }
    for (const [q, field, snippet] of [
      ['ruiz', 'name', 'Señor Ruiz'],
      ['SENOR', 'name', 'Señor Ruiz'],
      ['núñez', 'name', 'José Núñez 王小明'],
      ['nu', 'name', 'José Núñez 王小明'],
      ['小明', 'name', 'José Núñez 王小明'],
      ['明', 'name', 'José Núñez 王小明'],
      ['mayor', 'tag', 'mayorista'],
      ['norte', 'tag', 'VIP norte'],
      ['lucia', 'assignee', 'Lucía'],
      ['le', 'note', 'prefiere que le llamen por la tarde'],
      ['la', 'note', 'prefiere que le llamen por la tarde'],
      ['345678', 'phone', '+5215512345678'],
      ['55 1234 5678', 'phone', '+5215512345678'],
      ['5512', 'phone', '+5215512345678'],
      ['5678 ruiz', 'phone', '+5215512345678'],
      ['ruiz mayorista', 'tag', 'mayorista'],
      ['mayorista lucia', 'assignee', 'Lucía'],
      ['5678 tarde', 'note', 'prefiere que le llamen por la tarde'],
      ['lucia tarde ruiz', 'note', 'prefiere que le llamen por la tarde'],
      ['ruiz tarde', 'note', 'prefiere que le llamen por la tarde']
    ] as const)
      t.same(await found(q), [field, snippet, null], q)
    t.equal(
      (await listLeads(db, {}, 10)).items[0]?.matched,
      undefined,
      'without a search nothing is'
    )

    await patchLead(db, 1, { note: `${'x '.repeat(40)}final con açúcar ${'y '.repeat(60)}` })
    t.match(await found('acucar'), ['note', /^….{25,31}açúcar y.*…$/])
    await patchLead(db, 1, { note: '¡oferta!' })
    t.same(await found('oferta'), ['note', '¡oferta!', null], 'after a sign')
    await patchLead(db, 1, { note: 'hotel 2024' })
    t.same(await found('2024'), ['note', 'hotel 2024', null], 'digits that are in no number of it')
    await patchLead(db, 1, { note: 'banjo jo' })
    t.match(
      await found('jo'),
      ['name', 'José Núñez 王小明'],
      'of what is found in several, the name is looked at first'
    )
  }
)

t.test(
  'a lead that is not as it was found is described without it, and one that is gone is left out',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(from('+5215512345678', '1', { body: 'hola' }))
    await patchLead(db, 1, { note: 'x' })
    const lead = (await listLeads(db, {}, 10)).items[0] as Lead
    const found = [{ id: 1, pk: null }]
    // also what has only a mark to look for, and words that are in none of its empty fields
    for (const q of ['nadie', 'here', '\u0e31', '2024'])
      t.equal((await describeMatches(db, { q }, found, new Map([[1, lead]])))[0], lead, q)
    t.same(await describeMatches(db, { q: 'hola' }, found, new Map()), [])
    await take(from('+5215512345678', '2', { body: '', type: 'order', order: { title: 'Pedido' } }))
    for (const [pk, snippet] of [
      [1, 'hola'],
      [2, 'Pedido']
    ] as const) {
      const [shown] = await describeMatches(
        db,
        { q: 'nadie' },
        [{ id: 1, pk }],
        new Map([[1, lead]])
      )
      t.match(
        shown?.matched,
        { field: 'message', snippet, message_id: new RegExp(`_${pk}$`) },
        'by the beginning of a message that is not as it was found'
      )
    }
  }
)

t.test('two letters are found where a word begins with them', async (t) => {
  const { db, take } = await testStore(t)
  await take(from('+5215512345678', '1', { body: 'hola' }))
  const note = `banjo ${'x '.repeat(60)}jota`
  await patchLead(db, 1, { note })
  const snippet = async (q: string): Promise<string | undefined> =>
    (await listLeads(db, { q }, 10)).items[0]?.matched?.snippet
  t.match(await snippet('jo'), /^….*jota$/)
  t.match(await snippet('njo'), /^banjo.*…$/)
})

t.test('of a lead with several numbers it says the one that was found', async (t) => {
  const { db, take } = await testStore(t)
  await take(from('+5215512345678', '1'))
  await db
    .insertInto('merged_identities')
    .values({ account: 'main', lead_id: 1, phone: '+5491123456789', lid: null, phone_at: 0 })
    .execute()
  await db
    .insertInto('merged_identities')
    .values({ account: 'main', lead_id: 1, phone: '+551187654321', lid: null, phone_at: 0 })
    .execute()
  const found = async (q: string): Promise<string | undefined> =>
    (await listLeads(db, { q }, 10)).items[0]?.matched?.snippet
  t.same(
    [await found('5512345678'), await found('541123456789'), await found('8765-4321')],
    ['+5215512345678', '+5491123456789', '+551187654321']
  )
  await db.updateTable('leads').set({ phone: null }).execute()
  t.equal(await found('8765-4321'), '+551187654321')
  for (const q of ['1198765', '5491123', '541123'])
    t.equal(
      await found(q),
      q.startsWith('54') ? '+5491123456789' : '+551187654321',
      `${q}: in another spelling`
    )
})

t.test(
  'of a message it says the line in which it was found, and which message it is',
  async (t) => {
    const { db, take } = await testStore(t)
    const long = `${'mucho texto antes '.repeat(9)}¿Tiene FACTURACIÓN electrónica? ${'y después '.repeat(20)}`
    const card = 'BEGIN:VCARD\nFN:Luz Sol\nORG:Ferretería Norte\nTEL:+52 1 55 8765 4321\nEND:VCARD'
    await take(
      from('+5215500000001', 'long', { body: long }),
      from('+5215500000002', 'card', { body: 'mira', type: 'vcard', contacts: [card] }),
      from('+5215500000003', 'none', {
        body: '',
        type: 'order',
        order: { title: 'Pedido de taquetes' }
      }),
      from('+5215500000004', 'cjk', { body: '请问价格多少' }),
      from('+5215500000005', 'inner', { body: `rehola ${'x '.repeat(50)} hola` })
    )
    const found = async (q: string): Promise<Lead['matched']> =>
      (await listLeads(db, { q }, 10)).items[0]?.matched
    const of = (id: string, snippet: string | RegExp) => ({
      field: 'message',
      snippet,
      message_id: new RegExp(`_${id}$`)
    })
    t.match(
      await found('facturacion'),
      of('long', /^….{20,31}FACTURACIÓN electrónica\? y después .*…$/)
    )
    t.match(
      await found('electronica facturacion'),
      of('long', /^….{20,31}FACTURACIÓN electrónica/),
      'by the first of several words'
    )
    t.match(await found('ferreteria'), of('card', 'Ferretería Norte'))
    t.match(await found('mira luz'), of('card', 'mira'), 'its text first')
    t.match(await found('taquetes'), of('none', 'Pedido de taquetes'))
    t.match(await found('价格'), of('cjk', '请问价格多少'))
    t.match(await found('hola'), of('inner', /^….* hola$/), 'where a word begins')

    const revoked = {
      ...from('+5215500000003', 'none', { body: '', type: 'revoked', revoked: { by: 'sender' } }),
      kind: 'revoke' as const
    }
    await take(revoked)
    t.match(await found('taquetes'), of('none', ''), 'what its sender deleted is not shown')
  }
)

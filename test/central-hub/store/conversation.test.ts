import t from 'tap'
import type { Lead, Message } from '../../../src/contract/lead.ts'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import { Lead as LeadSchema, Message as MessageSchema } from '../../../src/contract/lead.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { readStats } from '../../../src/central-hub/store/read/stats.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, reply, testStore } from './open-store.ts'

/**
 * What a conversation holds beside texts: who waits because of it, where a lead came from, what the
 * search finds.
 */

const leads = async (db: Db): Promise<Lead[]> => (await listLeads(db, {}, 100)).items
const lead = async (db: Db): Promise<Lead> => {
  const found = await leads(db)
  if (found.length !== 1) throw new Error(`${found.length} leads instead of one`)
  return found[0] as Lead
}
const found = async (db: Db, q: string): Promise<string[]> =>
  (await listMessages(db, { q }, 100)).items.map(({ id }) => id.split('_')[2] ?? '')
const byId = async (db: Db): Promise<Map<string, Message>> =>
  new Map(
    (await listMessages(db, {}, 100)).items.map((message) => [
      message.id.split('_')[2] ?? '',
      message
    ])
  )

const call = (
  outcome: NonNullable<CapturedMessage['call']>['outcome'],
  timestamp: number
): Partial<CapturedMessage> => ({
  type: 'call_log',
  body: '',
  timestamp,
  call: { outcome, video: false }
})

t.test(
  'a call that nobody took waits, an answered one is an answer, and one of ours in vain is nothing',
  async (t) => {
    const { db, take } = await testStore(t)
    const waits = async (): Promise<number> => (await lead(db)).unanswered_count

    await take(record('1', call('missed', 100)))
    t.equal(await waits(), 1)
    await take(reply('2', call('missed', 200)))
    t.equal(await waits(), 1, 'our own call in vain is no answer')
    await take(
      record('3', call('rejected', 210)),
      record('4', call('canceled', 220)),
      record('5', call('unknown', 230))
    )
    t.equal(await waits(), 4)
    await take(record('6', call('answered', 300)))
    t.equal(await waits(), 0, 'they called and were answered')
    await take(record('7', { timestamp: 400 }), reply('8', call('answered', 500)))
    t.equal(await waits(), 0, 'we called and they took it')
    t.match(await lead(db), {
      waiting_since: null,
      last_message: { type: 'call_log', call: { outcome: 'answered' } }
    })
    const answers = await db
      .selectFrom('answers')
      .select(['answered_at', 'seconds'])
      .orderBy('answered_at')
      .execute()
    t.same(answers, [
      { answered_at: 300, seconds: 200 },
      { answered_at: 500, seconds: 100 }
    ])
  }
)

t.test('a call that ends as answered, told later, waits no more', async (t) => {
  const { db, take } = await testStore(t)
  await take(record('1', call('unknown', 100)))
  t.equal((await lead(db)).unanswered_count, 1)
  await take(
    record(
      '1',
      { ...call('answered', 100), call: { outcome: 'answered', video: true, seconds: 60 } },
      'update'
    )
  )
  t.match(await lead(db), {
    unanswered_count: 0,
    waiting_since: null,
    last_message: { call: { seconds: 60, video: true } }
  })
})

t.test('an album waits as one thing, in whatever order its parts come', async (t) => {
  const parts = (): ReturnType<typeof record>[] => {
    const parent = record('P', { type: 'album', body: '', timestamp: 100, album: { images: 3 } })
    const under = ['false_5215512345678@c.us_P', 'false_99887766@lid_P']
    return [
      parent,
      ...['a', 'b', 'c'].map((id, at) =>
        record(id, {
          type: 'image',
          body: '',
          timestamp: 100 + at,
          album_id: under[at % 2] as string
        })
      )
    ]
  }
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [1, 0, 3, 2]
  ]) {
    for (const size of [1, 4]) {
      const { db, take } = await testStore(t)
      const all = parts()
      for (let start = 0; start < 4; start += size)
        await take(...order.slice(start, start + size).map((at) => all[at] as (typeof all)[0]))
      t.match(
        await lead(db),
        { unanswered_count: 1, unread_count: 1 },
        `${order.join('')} by ${size}`
      )
      await take(record('after', { timestamp: 200 }))
      t.match(await lead(db), { unanswered_count: 2, unread_count: 2 })
    }
  }
})

t.test(
  'bots, greetings and what was never sent are no answers, and what a bot writes waits for none',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(record('1', { timestamp: 100 }))
    await take(
      reply('2', { timestamp: 200, type: 'automated_greeting_message' }),
      reply('3', { timestamp: 210, bot: true }),
      reply('4', { timestamp: 220, unsent: true })
    )
    t.match(await lead(db), { unanswered_count: 1 })
    await take(record('5', { timestamp: 300, bot: true }))
    t.match(await lead(db), { unanswered_count: 1 })
    t.equal((await byId(db)).get('5')?.personal, false)
    await take(reply('4', { timestamp: 220 }, {}), reply('6', { timestamp: 400 }))
    t.match(await lead(db), { unanswered_count: 0 })
  }
)

t.test(
  'notices, notes to oneself and Meta AI make no lead; a notice is of the lead that comes later',
  async (t) => {
    const { db, take } = await testStore(t)
    const own = '5215587654321@c.us'
    await take(
      record('N', { type: 'e2e_notification', body: '' }),
      record('S', {
        id: `true_${own}_S_out`,
        chat_id: own,
        from: own,
        to: own,
        from_me: true,
        phone: '+5215587654321'
      }),
      record('T', {
        id: 'true_11223344@lid_T',
        chat_id: '11223344@lid',
        from: own,
        to: '11223344@lid',
        from_me: true,
        lid: '11223344@lid',
        phone: undefined as never,
        to_self: true
      }),
      record('M', {
        id: 'false_13135550002@c.us_M',
        chat_id: '13135550002@c.us',
        from: '13135550002@c.us',
        phone: '+13135550002'
      }),
      record('B', {
        id: 'false_867051314767696@bot_B',
        chat_id: '867051314767696@bot',
        from: '867051314767696@bot',
        bot: true
      })
    )
    t.same(await leads(db), [])
    await take(
      record('1', { timestamp: 1_700_000_100 }),
      record('N2', { type: 'gp2', body: '', timestamp: 1_900_000_000 })
    )
    const { id, last_seen_at } = await lead(db)
    t.equal(last_seen_at, new Date(1_700_000_100_000).toISOString(), 'a notice moves nobody up')
    const all = await byId(db)
    t.same(
      [...all]
        .filter(([, { lead_id }]) => lead_id === id)
        .map(([stanza]) => stanza)
        .sort(),
      ['1', 'N', 'N2']
    )
  }
)

t.test('hosted chats are people', async (t) => {
  const { db, take } = await testStore(t)
  const hosted = '5215512345678:99@hosted'
  await take(record('1', { id: `false_${hosted}_1`, chat_id: hosted, from: hosted }), record('2'))
  t.match(await lead(db), { unanswered_count: 2 })
})

const ad = (id: string): NonNullable<CapturedMessage['ad']> => ({
  id,
  title: `Ad ${id}`,
  url: `https://fb.me/${id}`,
  app: 'facebook'
})

t.test('the first ad is the lead’s source, in any order, and after a merge', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    record('3', { timestamp: 300, ad: ad('B') }),
    record('2', { timestamp: 200, ad: ad('A') }),
    reply('1', { timestamp: 100, ad: ad('ours') })
  )
  t.same((await lead(db)).source, {
    kind: 'ad',
    title: 'Ad A',
    url: 'https://fb.me/A',
    id: 'A',
    app: 'facebook',
    at: new Date(200_000).toISOString()
  })
  await take(
    record('5', {
      id: 'false_77@lid_5',
      chat_id: '7777777@lid',
      from: '7777777@lid',
      phone: undefined as never,
      lid: '7777777@lid',
      timestamp: 50,
      ad: ad('C')
    })
  )
  t.equal((await leads(db)).length, 2)
  await take(record('6', { lid: '7777777@lid', timestamp: 400 }))
  t.match((await lead(db)).source, { id: 'C' }, 'of two leads that are one person, the earlier')
  conforms(t, LeadSchema, await lead(db), 'the lead')
})

t.test('leads are listed and counted by ad', async (t) => {
  const { db, take } = await testStore(t)
  const of = (phone: string, facts: Partial<CapturedMessage>) =>
    record('1', {
      id: `false_${phone}@c.us_1`,
      chat_id: `${phone}@c.us`,
      from: `${phone}@c.us`,
      phone: `+${phone}`,
      ...facts
    })
  await take(
    of('5215500000001', { timestamp: 100, ad: ad('A') }),
    of('5215500000002', { timestamp: 200, ad: { ...ad('A'), title: 'Renamed' } }),
    of('5215500000003', { timestamp: 300, ad: { title: 'No id', url: 'https://fb.me/x' } }),
    of('5215500000004', { timestamp: 400 })
  )
  const phones = async (filter: Parameters<typeof listLeads>[1]): Promise<string[]> =>
    (await listLeads(db, filter, 10)).items.map(({ phone }) => (phone ?? '').slice(-1)).sort()
  t.same(await phones({ fromAd: true }), ['1', '2', '3'])
  t.same(await phones({ adId: 'A' }), ['1', '2'])
  t.same(await phones({ adId: 'A', waiting: true, q: 'message' }), ['1', '2'])
  t.same(await phones({ fromAd: true, byId: true }), ['1', '2', '3'])
  t.same((await readStats(db, [{ date: 'd', since: 0, until: 1_000 }])).ads, [
    { id: 'A', title: 'Renamed', app: 'facebook', leads: 2 },
    { id: null, title: 'No id', app: null, leads: 1 }
  ])
  t.same((await readStats(db, [{ date: 'd', since: 250, until: 1_000 }])).ads, [
    { id: null, title: 'No id', app: null, leads: 1 }
  ])
  t.same((await readStats(db, [{ date: 'd', since: 0, until: 1_000 }], 'other')).ads, [])
})

const card =
  'BEGIN:VCARD\nVERSION:3.0\nFN:Luz\\, Sol\nORG:Ferretería Núñez;\nPHOTO;BASE64:/9j/4AAQSkZJRg\nTEL:+52 55\nEND:VCARD'
const thumbnail = `/9j/${'A1b2C3d4'.repeat(40)}==`

t.test('the search finds what is no text, and never base64', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    record('order', {
      type: 'order',
      body: 'I want this',
      order: { title: 'Zapatos rojos', items: 2 }
    }),
    record('product', { type: 'product', body: '', product: { title: 'Martillo' } }),
    record('place', {
      type: 'location',
      body: thumbnail,
      location: { latitude: 1, longitude: 2, name: 'Bodega Central', address: 'Calle Ocho 8' }
    }),
    record('card', { type: 'vcard', body: card, contacts: [card] }),
    record('file', {
      type: 'document',
      body: '',
      has_media: true,
      media: { state: 'pending', filename: 'cotización.pdf' }
    }),
    record('event', {
      type: 'event_creation',
      body: '',
      event: { name: 'Inauguración', place: 'Plaza Mayor' }
    }),
    record('ad', { body: 'hola', ad: ad('Verano') })
  )
  for (const [q, id] of [
    ['rojos', 'order'],
    ['want zapatos', 'order'],
    ['martillo', 'product'],
    ['bodega central', 'place'],
    ['ocho', 'place'],
    ['luz sol', 'card'],
    ['nunez', 'card'],
    ['cotizacion', 'file'],
    ['inauguracion', 'event'],
    ['plaza', 'event'],
    ['verano', 'ad']
  ] as const) {
    t.same(await found(db, q), [id], q)
  }
  for (const q of ['9j', 'A1b2C3d4', '4AAQ', 'VCARD']) t.same(await found(db, q), [], q)
  const all = await byId(db)
  t.same([all.get('place')?.body, all.get('card')?.body], ['', ''])
  for (const [id, message] of all) conforms(t, MessageSchema, message, id)
  t.same((await listLeads(db, { q: 'Bodega' }, 10)).items.length, 1)

  await take(
    record('order', { body: 'changed my mind', edited: { at: '2026-01-01T00:00:00.000Z' } }, 'edit')
  )
  t.same(
    [await found(db, 'want'), await found(db, 'mind'), await found(db, 'zapatos')],
    [[], ['order'], ['order']]
  )
})

t.test(
  'a message that is mapped again is as it is known now, and does not wait again',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      record('1', { type: 'order', body: '', timestamp: 100 }),
      record('E', { body: 'first', timestamp: 110 }),
      reply('2', { timestamp: 200 })
    )
    await take(
      record(
        'E',
        { body: 'edited', timestamp: 110, edited: { at: '2026-01-01T00:00:00.000Z' } },
        'edit'
      )
    )
    const order = { title: 'Zapatos', items: 1, amount1000: 10_000, currency: 'MXN' }
    const again = [
      record(
        '1',
        { type: 'order', body: 'I want this', timestamp: 100, order, ad: ad('A') },
        'update'
      ),
      record('E', { body: 'first', timestamp: 110 }, 'update')
    ]
    await take(...again)
    const all = await byId(db)
    t.match(all.get('1'), { body: 'I want this', order })
    t.equal(all.get('E')?.body, 'edited', 'an edit stays')
    t.match(await lead(db), { unanswered_count: 0, waiting_since: null, source: { id: 'A' } })
    t.same(await found(db, 'zapatos'), ['1'])
    const events = async (): Promise<number> =>
      (await db.selectFrom('events').select('id').execute()).length
    const before = await events()
    await take(...again)
    t.equal(await events(), before, 'the same once more changes nothing')
  }
)

t.test('a lead whose number changes goes on under the new one', async (t) => {
  const { db, take } = await testStore(t)
  const [old, now] = ['5215512345678@c.us', '5215599999999@c.us']
  const notice = record('N', {
    type: 'notification_template',
    body: '',
    timestamp: 200,
    number_change: { from: old, to: now }
  })
  const later = record('2', {
    id: `false_${now}_2`,
    chat_id: now,
    from: now,
    phone: '+5215599999999',
    timestamp: 300
  })
  await take(record('1', { timestamp: 100 }), notice)
  t.match(await lead(db), { phone: '+5215599999999', unanswered_count: 1 })
  await take(later)
  t.match(await lead(db), { unanswered_count: 2 })
  await take(record('3', { timestamp: 400 }), notice)
  t.match(
    (await leads(db)).map(({ phone }) => phone).sort(),
    ['+5215512345678', '+5215599999999'],
    'who has the old number now is another person'
  )

  const two = await testStore(t)
  await two.take(record('1', { timestamp: 100 }), later, notice)
  t.match(
    await lead(two.db),
    { phone: '+5215599999999', unanswered_count: 2 },
    'also when both were there'
  )
})

for (const known of [{ phone: '+5215512345678' }, { phone: undefined as never }]) {
  const what = known.phone === undefined ? 'alone' : 'with the old number'
  t.test(
    `a change of number stays, though its notice names the old LID, ${what}`,
    { timeout: 10_000 },
    async (t) => {
      const { db, take } = await testStore(t)
      const [old, now] = ['99887766@lid', '55667788@lid']
      const of = (id: string, lid: string, facts: Partial<CapturedMessage>) =>
        record(id, { id: `false_${lid}_${id}`, chat_id: lid, from: lid, lid, ...known, ...facts })
      const change = {
        type: 'notification_template',
        body: '',
        timestamp: 200,
        number_change: { from: old, to: now }
      }
      const notice = of('N', old, change)

      await take(of('1', old, { timestamp: 100 }), notice)
      t.match(await lead(db), { lid: now, unanswered_count: 1 })
      await take(of('2', now, { timestamp: 300, phone: '+5215599999999' }))
      t.match(await lead(db), { lid: now, phone: '+5215599999999', unanswered_count: 2 })
      await take(
        { ...notice, seq: notice.seq + 1_000 },
        of('3', now, { timestamp: 400, phone: '+5215599999999' })
      )
      t.match(
        await lead(db),
        { lid: now, phone: '+5215599999999', unanswered_count: 3 },
        'nor does the notice undo it when it comes again'
      )
    }
  )
}

t.test('what is mapped again as of a person is in that lead, and waits', async (t) => {
  const notice = record('N', { type: 'notification', body: '', timestamp: 200 })
  const again = {
    ...notice,
    seq: notice.seq + 1_000,
    kind: 'update' as const,
    message: { ...notice.message, type: 'chat', body: 'hola' }
  }
  for (const batches of [[[notice], [again]], [[notice, again]]]) {
    const alone = await testStore(t)
    for (const batch of batches) await alone.take(...batch)
    t.match(await lead(alone.db), { unanswered_count: 1, last_message: { body: 'hola' } })

    const { db, take } = await testStore(t)
    await take(record('1', { timestamp: 50 }), reply('2', { timestamp: 60 }))
    for (const batch of batches) await take(...batch)
    t.match(await lead(db), { unanswered_count: 1, last_message: { body: 'hola' } })
  }
})

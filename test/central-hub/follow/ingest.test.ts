import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { Lead, Message } from '../../../src/contract/lead.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import { readCursor } from '../../../src/central-hub/store/write/cursors.ts'
import { readEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { listChanges } from '../../../src/central-hub/store/read/history.ts'
import { currentLeadId, getLead, listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { conforms } from '../../platform/conforms.ts'
import { inScope } from '../../platform/scope.ts'
import { record, reply, testStore } from '../store/open-store.ts'
import { isOnPostgres } from '../store/place.ts'
import { propertyRuns } from '../../property-runs.ts'

const leads = async (db: Db): Promise<Lead[]> => (await listLeads(db, {}, 100)).items
const messages = async (db: Db): Promise<Message[]> => (await listMessages(db, {}, 1_000)).items
const only = <T>(items: T[]): T => {
  if (items.length !== 1) throw new Error(`${items.length} instead of one`)
  return items[0] as T
}
const at = (seconds: number): string => new Date(seconds * 1_000).toISOString()

t.test('a message makes a lead that waits, and moves the cursor, in one transaction', async (t) => {
  const { db, take, taken } = await testStore(t)
  const first = record('A', { name: 'Ana', timestamp: 1_000 })
  await take(first)
  const lead = only(await leads(db))
  conforms(t, Lead, lead, 'the lead')
  t.match(lead, {
    account: 'main',
    phone: '+5215512345678',
    name: 'Ana',
    state: 'new',
    note: '',
    first_seen_at: at(1_000),
    last_seen_at: at(1_000),
    waiting_since: at(1_000)
  })
  const message = only(await messages(db))
  conforms(t, Message, message, 'the message')
  t.match(message, {
    id: first.message.id,
    seq: first.seq,
    lead_id: lead.id,
    body: 'message A',
    from_me: false,
    source: 'live',
    captured_at: first.captured_at,
    media: null,
    decryption: null
  })
  t.same(await readCursor(db, 'main'), { account: 'main', journalId: 'j', seq: first.seq })
  t.equal(taken(), 1)
  t.match(
    await readEvents(db, 0, 10),
    [
      { id: 1, type: 'lead', data: { id: lead.id } },
      { id: 2, type: 'message', data: { id: first.message.id } }
    ],
    'the lead comes before its message'
  )
})

t.test('a record that is taken again changes nothing and is no event', async (t) => {
  const { db, take, taken } = await testStore(t)
  const records = [
    record('A', { name: 'Ana' }),
    record('A', { edited: { at: '2026-01-01T00:00:00.000Z' }, body: 'edited' }, 'edit'),
    record('B', { type: 'image', has_media: true, media: { state: 'pending' } }),
    record(
      'B',
      { type: 'image', has_media: true, media: { state: 'stored', sha256: 'ab' } },
      'media'
    ),
    record('A', { revoked: { by: 'sender' }, body: '' }, 'revoke')
  ]
  await take(...records)
  const before = [
    await leads(db),
    await messages(db),
    (await readEvents(db, 0, 100)).length,
    taken()
  ]
  await take(...records)
  t.same(
    [await leads(db), await messages(db), (await readEvents(db, 0, 100)).length, taken()],
    before
  )
})

t.test(
  'a record that cannot be written leaves nothing of its batch, the cursor included',
  async (t) => {
    const { db, take } = await testStore(t)
    const broken = record('B', { timestamp: null as unknown as number })
    await t.rejects(take(record('A'), broken))
    t.same(await messages(db), [])
    t.same(await leads(db), [])
    t.equal(await readCursor(db, 'main'), undefined)
  }
)

t.test(
  'records are taken only where the cursor is as it is said to be, by journal and by place',
  async (t) => {
    const { db, ingest, taken } = await testStore(t)
    const cursor = fc.option(
      fc.record({
        account: fc.constant('main'),
        journalId: fc.constantFrom('j', 'k'),
        seq: fc.integer({ min: 1, max: 3 })
      }),
      { nil: null }
    )
    await fc.assert(
      fc.asyncProperty(cursor, cursor, fc.boolean(), async (is, stands, isSaid) => {
        await db.deleteFrom('cursors').execute()
        if (is !== null)
          await ingest.take('main', is.journalId, [
            record('before', {}, 'message', { seq: is.seq })
          ])
        const before = [await readCursor(db, 'main'), taken(), (await messages(db)).length]
        const next = record(`${before[2]}`, {}, 'message', { seq: 9 })
        const taking = isSaid
          ? ingest.take('main', 'k', [next], stands)
          : ingest.take('main', 'k', [next])
        const mayTake = !isSaid || JSON.stringify(is) === JSON.stringify(stands)

        const refused = await taking.then(
          () => undefined,
          (error: Error) => error.message
        )

        const why = JSON.stringify({ is, stands, isSaid })
        if (mayTake) {
          t.equal(refused, undefined, why)
          t.same(await readCursor(db, 'main'), { account: 'main', journalId: 'k', seq: 9 }, why)
        } else {
          t.match(refused, /^another hub takes the journal of account main, too/, why)
          t.same([await readCursor(db, 'main'), taken(), (await messages(db)).length], before, why)
        }
      }),
      propertyRuns(t, 100)
    )
  }
)

t.test('nothing to take changes nothing, the cursor included', async (t) => {
  const { db, ingest, taken } = await testStore(t)
  await ingest.take('main', 'j', [], { account: 'main', journalId: 'j', seq: 5 })
  t.equal(await readCursor(db, 'main'), undefined)
  t.equal(taken(), 0)
})

t.test('an id with half a pair of UTF-16 or a NUL is found again', async (t) => {
  const { db, take } = await testStore(t)
  for (const id of ['A\ud83d', '\ude00B', 'C\0']) {
    await take(record(id, { id, type: 'ciphertext', body: '' }, 'ciphertext'))
    await take(record(id, { id, body: 'x\ud83dy\0' }))
    await take(record(id, { id, revoked: { by: 'sender' }, body: '' }, 'revoke'))
  }
  const stored = await messages(db)
  t.same(stored.map(({ id }) => id).sort(), ['A\ufffd', 'C\ufffd', '\ufffdB'])
  for (const message of stored)
    t.match(message, { body: 'x\ufffdy\ufffd', revoked_by: 'sender', decryption: null })
})

t.test('waiting_since: from the first unanswered message to the reply of a person', async (t) => {
  const { db, take } = await testStore(t)
  const waiting = async (): Promise<string | null> => only(await leads(db)).waiting_since
  await take(record('1', { timestamp: 100 }), record('2', { timestamp: 200 }))
  t.equal(await waiting(), at(100))
  await take(reply('3', { timestamp: 300 }))
  t.equal(await waiting(), null)
  await take(record('4', { timestamp: 250 }, 'message', { source: 'backfill' }))
  t.equal(await waiting(), null, 'one read back that was written before the reply is answered')
  await take(record('5', { timestamp: 300 }))
  t.equal(await waiting(), at(300), "within the second of the reply, the journal's order decides")
  await take(reply('6', { timestamp: 299 }))
  t.equal(await waiting(), at(300), 'a reply from before does not answer it')
  await take(
    reply('7', { timestamp: 400 }),
    record('8', { timestamp: 500, type: 'e2e_notification', body: '' })
  )
  t.equal(await waiting(), null, 'nobody waits for an answer to what WhatsApp itself says')
  await take(record('9', { timestamp: 600, type: 'ciphertext', body: '' }, 'ciphertext'))
  t.equal(await waiting(), at(600), 'a message that is not decrypted yet is one to answer')
})

t.test('waiting_since is the same whatever order the records come in', async (t) => {
  const moments = fc.uniqueArray(
    fc.record({ timestamp: fc.integer({ min: 1, max: 20 }), mine: fc.boolean() }),
    { minLength: 1, maxLength: 8, selector: ({ timestamp }) => timestamp }
  )
  await fc.assert(
    fc.asyncProperty(
      moments,
      fc.infiniteStream(fc.integer({ min: 0, max: 1_000 })),
      (written, dice) =>
        inScope(async (scope) => {
          const { db, take } = await testStore(scope)
          const order = written
            .map((moment) => ({ moment, die: dice.next().value }))
            .sort((a, b) => a.die - b.die)
          for (const {
            moment: { timestamp, mine }
          } of order)
            await take(
              mine ? reply(`${timestamp}`, { timestamp }) : record(`${timestamp}`, { timestamp })
            )
          const replied = Math.max(
            0,
            ...written.filter(({ mine }) => mine).map(({ timestamp }) => timestamp)
          )
          const unanswered = written
            .filter(({ mine, timestamp }) => !mine && timestamp > replied)
            .map(({ timestamp }) => timestamp)
          return (
            only(await leads(db)).waiting_since ===
            (unanswered.length > 0 ? at(Math.min(...unanswered)) : null)
          )
        })
    ),
    propertyRuns(t, isOnPostgres() ? 15 : 40)
  )
})

t.test(
  'unanswered, unread and the latest message are the same whatever order the records come in, and however often',
  async (t) => {
    const moments = fc.uniqueArray(
      fc.record({
        timestamp: fc.integer({ min: 1, max: 20 }),
        mine: fc.boolean(),
        type: fc.constantFrom('chat', 'chat', 'e2e_notification')
      }),
      {
        minLength: 1,
        maxLength: 10,
        selector: ({ timestamp }) => timestamp
      }
    )
    await fc.assert(
      fc.asyncProperty(
        moments,
        fc.infiniteStream(fc.integer({ min: 0, max: 1_000 })),
        fc.integer({ min: 1, max: 4 }),
        (written, dice, batch) =>
          inScope(async (scope) => {
            const { db, take } = await testStore(scope)
            const records = written
              .map(({ timestamp, mine, type }) => ({
                die: dice.next().value,
                taken: mine
                  ? reply(`${timestamp}`, { timestamp, type })
                  : record(`${timestamp}`, { timestamp, type })
              }))
              .sort((a, b) => a.die - b.die)
              .map(({ taken }) => taken)
            for (let start = 0; start < records.length; start += batch)
              await take(...records.slice(start, start + batch))
            await take(...records)
            const personal = written
              .filter(({ type }) => type === 'chat')
              .sort((a, b) => a.timestamp - b.timestamp)
            const replied = Math.max(
              0,
              ...personal.filter(({ mine }) => mine).map(({ timestamp }) => timestamp)
            )
            const unanswered = personal.filter(
              ({ mine, timestamp }) => !mine && timestamp > replied
            ).length
            const answers = personal.filter(
              ({ mine }, at) => mine && personal[at - 1]?.mine === false
            ).length
            const found = await leads(db)
            if (personal.length === 0)
              return void t.same(found, [], "WhatsApp's own notices make no lead")
            t.match(only(found), {
              unanswered_count: unanswered,
              unread_count: unanswered,
              last_message: { timestamp: personal.at(-1)?.timestamp ?? 0 }
            })
            t.equal(
              (await messages(db)).filter(({ lead_id }) => lead_id === null).length,
              0,
              'a notice is of the lead, whichever comes first'
            )
            t.equal(
              (await db.selectFrom('answers').select('reply_pk').execute()).length,
              answers,
              'each reply that ended a wait'
            )
          })
      ),
      propertyRuns(t, isOnPostgres() ? 15 : 40)
    )
  }
)

t.test(
  'how long a wait lasted: from the first message after the reply before, to the next reply, however late either comes',
  async (t) => {
    const { db, take } = await testStore(t)
    const waits = async (): Promise<{ answered_at: number; seconds: number }[]> =>
      db.selectFrom('answers').select(['answered_at', 'seconds']).orderBy('answered_at').execute()
    await take(
      record('1', { timestamp: 100 }),
      record('2', { timestamp: 150 }),
      reply('3', { timestamp: 400 }),
      reply('4', { timestamp: 410 })
    )
    t.same(await waits(), [{ answered_at: 400, seconds: 300 }])
    await take(reply('5', { timestamp: 120 }, { source: 'backfill' }))
    t.same(
      await waits(),
      [
        { answered_at: 120, seconds: 20 },
        { answered_at: 400, seconds: 250 }
      ],
      'a reply read back ends the first wait'
    )
    await take(record('6', { timestamp: 405 }, 'message', { source: 'backfill' }))
    t.same((await waits()).at(-1), { answered_at: 410, seconds: 5 })
  }
)

t.test('the latest message of a lead follows what becomes of it', async (t) => {
  const { db, take } = await testStore(t)
  const last = async (): Promise<Lead['last_message']> => only(await leads(db)).last_message
  await take(record('A', { body: '😀'.repeat(300), timestamp: 5 }))
  t.match(await last(), {
    id: record('A').message.id,
    type: 'chat',
    body: '😀'.repeat(200),
    from_me: false,
    timestamp: 5
  })
  await take(record('A', { body: 'shorter', edited: { at: '2026-01-01T00:00:00.000Z' } }, 'edit'))
  t.match(await last(), { body: 'shorter' })
  await take(record('A', { body: '', revoked: { by: 'sender' } }, 'revoke'))
  t.match(await last(), { type: 'revoked', body: '' })
  await take(record('B', { type: 'e2e_notification', timestamp: 9 }))
  t.match(await last(), { timestamp: 5 }, 'what WhatsApp itself says is not shown')
})

t.test('a message that is decrypted to one of nobody waits no more', async (t) => {
  const { db, take } = await testStore(t)
  await take(record('A', { type: 'ciphertext', body: '', timestamp: 5 }, 'ciphertext'))
  t.match(only(await leads(db)), { unanswered_count: 1, waiting_since: at(5) })
  await take(record('A', { type: 'protocol', body: '', timestamp: 5 }))
  t.match(only(await leads(db)), { unanswered_count: 0, waiting_since: null, last_message: null })
})

t.test(
  'the lead that a decrypted message is in is the one that waits no more, whomever the record names',
  async (t) => {
    const { db, take } = await testStore(t)
    const byLid = { lid: '118999881193@lid', phone: undefined as unknown as string }
    await take(record('A', { ...byLid, type: 'ciphertext', body: '', timestamp: 5 }, 'ciphertext'))
    await take(record('A', { type: 'protocol', body: '', timestamp: 5 }))
    t.same(
      (await leads(db)).map(({ lid, unanswered_count, waiting_since }) => ({
        lid,
        unanswered_count,
        waiting_since
      })),
      [{ lid: byLid.lid, unanswered_count: 0, waiting_since: null }]
    )
  }
)

t.test(
  'what is no conversation with a person makes no lead, and is kept all the same',
  async (t) => {
    const { db, take } = await testStore(t)
    const strangers = ['120363025246125486@g.us', 'status@broadcast', '120363@newsletter', '0@c.us']
    await take(
      ...strangers.map((chat_id, index) =>
        record(`${index}`, { id: `false_${chat_id}_${index}`, chat_id, from: chat_id })
      )
    )
    await take(
      reply('note', {
        to: '5215587654321@c.us',
        chat_id: '5215587654321@c.us',
        phone: '+5215587654321'
      })
    )
    t.same(await leads(db), [])
    t.equal((await messages(db)).length, strangers.length + 1)
    t.ok((await messages(db)).every(({ lead_id }) => lead_id === null))
  }
)

t.test('a reply to somebody who never wrote makes a lead that does not wait', async (t) => {
  const { db, take } = await testStore(t)
  await take(reply('1', { timestamp: 100 }))
  t.match(only(await leads(db)), { phone: '+5215512345678', waiting_since: null })
})

t.test('a lead is one person: first by LID, then by number, then by both', async (t) => {
  const { db, take } = await testStore(t)
  const lid = '118999881199@lid'
  const byLid = {
    id: 'false_118999881199@lid_1',
    chat_id: lid,
    from: lid,
    lid,
    phone: undefined as unknown as string
  }
  await take(record('1', { ...byLid, timestamp: 100, name: 'Ana' }))
  await take(record('2', { timestamp: 200, name: 'Ana G.' }))
  const [second, first] = await leads(db)
  t.match(
    [first, second],
    [
      { lid, phone: null },
      { lid: null, phone: '+5215512345678' }
    ]
  )
  await db
    .updateTable('leads')
    .set({ note: 'likes blue', state: 'open' })
    .where('id', '=', second?.id as number)
    .execute()
  await db
    .updateTable('leads')
    .set({ note: 'from the fair' })
    .where('id', '=', first?.id as number)
    .execute()
  await patchLead(db, second?.id as number, { tags: ['vip', 'blue'], assignee: 'Luisa' })
  await patchLead(db, first?.id as number, { tags: ['fair', 'vip'] })

  await take(
    record('3', {
      ...byLid,
      id: 'false_118999881199@lid_3',
      phone: '+5215512345678',
      timestamp: 300
    })
  )
  const lead = only(await leads(db))
  t.match(lead, {
    id: first?.id,
    lid,
    phone: '+5215512345678',
    state: 'open',
    note: 'from the fair\nlikes blue',
    name: 'Ana G.',
    first_seen_at: at(100),
    last_seen_at: at(300),
    waiting_since: at(100)
  })
  t.match(lead, {
    tags: ['blue', 'fair', 'vip'],
    assignee: 'Luisa',
    unanswered_count: 3,
    unread_count: 3,
    last_message: { timestamp: 300 }
  })
  t.match(
    (await listChanges(db, lead.id, 10)).items.map(({ field, from, to }) => [field, from, to]),
    [
      ['merged', `${second?.id}`, null],
      ['tags', '', 'fair,vip'],
      ['assignee', null, 'Luisa'],
      ['tags', '', 'blue,vip']
    ],
    'the history of both'
  )
  t.match(
    (await readEvents(db, 0, 100)).filter(({ type }) => type === 'lead_removed'),
    [{ data: { id: second?.id, merged_into: lead.id } }]
  )
  t.ok((await messages(db)).every(({ lead_id }) => lead_id === lead.id))
  t.equal(await currentLeadId(db, second?.id as number), lead.id)
  t.same(await getLead(db, second?.id as number), lead, 'the old id leads to it')
})

t.test('the number WhatsApp gave once stays, and the name is the latest one', async (t) => {
  const { db, take } = await testStore(t)
  const lid = '118999881199@lid'
  await take(record('1', { lid, timestamp: 200, name: 'Ana' }))
  await take(
    record('2', {
      id: 'false_118999881199@lid_2',
      chat_id: lid,
      from: lid,
      lid,
      phone: undefined as unknown as string,
      timestamp: 300
    })
  )
  await take(record('3', { timestamp: 100, name: 'Anita', lid }, 'message', { source: 'backfill' }))
  t.match(only(await leads(db)), {
    phone: '+5215512345678',
    lid,
    name: 'Ana',
    chat_id: lid,
    first_seen_at: at(100),
    last_seen_at: at(300)
  })
})

t.test('accounts do not mix', async (t) => {
  const { db, ingest } = await testStore(t)
  await ingest.take('main', 'j', [record('1')])
  await ingest.take('sales', 'k', [record('1', {}, 'message', { account: 'sales' })])
  t.equal((await leads(db)).length, 2)
  t.equal((await messages(db)).length, 2)
  t.match(
    [await readCursor(db, 'main'), await readCursor(db, 'sales')],
    [{ journalId: 'j' }, { journalId: 'k' }]
  )
})

t.test('edits, deletions, reactions, votes and media change the message they are of', async (t) => {
  const { db, take } = await testStore(t)
  const of = record('A', { body: 'at 5?' })
  const id = of.message.id
  await take(of)
  await take(record('A', { body: 'at 6?', edited: { at: '2026-01-02T00:00:00.000Z' } }, 'edit'))
  await take(record('A', { body: 'at 4?', edited: { at: '2026-01-01T00:00:00.000Z' } }, 'edit'))
  t.match(
    only(await messages(db)),
    { body: 'at 6?', edited_at: '2026-01-02T00:00:00.000Z' },
    'the latest edit counts, not the last to come'
  )
  const react = (emoji: string, timestamp: number): InboundRecord =>
    record(
      `r${timestamp}`,
      { timestamp, reaction: { message_id: id, emoji, sender: '5215512345678@c.us' } },
      'reaction'
    )
  await take(react('👍', 10), react('❤', 20), react('😀', 15))
  t.same(only(await messages(db)).reactions, [{ sender: '5215512345678@c.us', emoji: '❤' }])
  await take(react('', 30))
  t.same(only(await messages(db)).reactions, [], 'taken back')
  const vote = (options: string[], timestamp: number): InboundRecord =>
    record(`v${timestamp}`, { timestamp, vote: { message_id: id, options } }, 'vote')
  await take(vote(['red'], 10), vote(['red', 'blue'], 20))
  t.same(only(await messages(db)).votes, [
    { voter: '5215512345678@c.us', options: ['red', 'blue'] }
  ])
  await take(record('A', { body: '', revoked: { by: 'sender' } }, 'revoke'))
  t.match(
    only(await messages(db)),
    { body: 'at 6?', revoked_at: '2026-11-24T12:00:00.000Z', revoked_by: 'sender' },
    'what was captured stays'
  )
  t.equal((await leads(db)).length, 1)
})

t.test('what refers to a message that comes only later is not lost', async (t) => {
  const { db, take } = await testStore(t)
  const id = record('A').message.id
  await take(
    record('r', { reaction: { message_id: id, emoji: '👍', sender: 'x@c.us' } }, 'reaction')
  )
  await take(record('A', { body: 'new text', edited: { at: '2026-01-02T00:00:00.000Z' } }, 'edit'))
  await take(record('A', { body: 'new text' }))
  t.match(only(await messages(db)), {
    body: 'new text',
    edited_at: '2026-01-02T00:00:00.000Z',
    reactions: [{ emoji: '👍' }]
  })
})

t.test('ciphertext: pending, then decrypted or failed for good', async (t) => {
  const { db, take } = await testStore(t)
  const facts = { type: 'ciphertext', body: '' }
  await take(record('A', facts, 'ciphertext'))
  t.match(only(await messages(db)), { decryption: 'pending', body: '' })
  await take(record('A', facts, 'ciphertext_failed'))
  t.match(only(await messages(db)), { decryption: 'failed' })
  await take(record('A', { body: 'at last' }))
  t.match(
    only(await messages(db)),
    { decryption: null, type: 'chat', body: 'at last' },
    'even later than that'
  )
  await take(record('A', facts, 'ciphertext_failed'))
  t.match(only(await messages(db)), { decryption: null, body: 'at last' })
})

t.test(
  'media that were fetched stay so, whichever order a failure and a success are taken in',
  async (t) => {
    const image = (state: 'pending' | 'failed' | 'stored', kind: 'message' | 'media') =>
      record(
        'A',
        {
          type: 'image',
          has_media: true,
          media: { state, ...(state === 'stored' ? { sha256: 'ab' } : { reason: 'gone' }) }
        },
        kind
      )
    const outcomes = [image('failed', 'media'), image('stored', 'media')]
    for (const order of [outcomes, outcomes.toReversed()]) {
      const { db, take } = await testStore(t)
      await take(image('pending', 'message'))
      for (const one of order) await take(one)
      t.match(only(await messages(db)).media, { state: 'stored', sha256: 'ab' })
    }
  }
)

t.test('media: described, then fetched', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    record('A', {
      type: 'image',
      has_media: true,
      media: { state: 'pending', mimetype: 'image/jpeg' }
    })
  )
  t.match(only(await messages(db)).media, { state: 'pending' })
  await take(
    record(
      'A',
      {
        type: 'image',
        has_media: true,
        media: { state: 'stored', mimetype: 'image/jpeg', sha256: 'ab', size: 3 }
      },
      'media'
    )
  )
  t.match(only(await messages(db)).media, { state: 'stored', sha256: 'ab', size: 3 })
})

t.test('all there is to a message comes out again', async (t) => {
  const { db, take } = await testStore(t)
  const facts = {
    author: 'a@c.us',
    quoted_id: 'q',
    mentions: ['m@c.us'],
    forwarded: true,
    location: { latitude: 1.5, longitude: -2, name: 'x' },
    contacts: ['BEGIN:VCARD'],
    poll: { options: ['a', 'b'], multiple: false },
    body: "it's; DROP TABLE -- \u0000 \ud83d\ude00 ñ"
  }
  await take(record('A', facts))
  const message = only(await messages(db))
  conforms(t, Message, message, 'the message')
  // PostgreSQL's text holds no NUL, and has the character for what cannot be shown in its place
  t.match(message, { ...facts, body: /^it's; DROP TABLE -- [\0\ufffd] \u{1f600} ñ$/u })
})

/**
 * Records of four persons as WhatsApp may tell of them: by number, by LID or by both, with a number
 * that may change.
 */
const anyRecord = fc
  .record({
    person: fc.nat(3),
    message: fc.nat(4),
    shown: fc.constantFrom<('phone' | 'lid')[]>(['phone'], ['lid'], ['phone', 'lid']),
    moved: fc.nat(19),
    kind: fc.constantFrom(
      'message',
      'message',
      'message',
      'message',
      'ciphertext',
      'ciphertext_failed',
      'edit',
      'revoke',
      'media',
      'reaction',
      'vote'
    ),
    name: fc.constantFrom(undefined, undefined, 'Ana', 'Ana G.'),
    type: fc.constantFrom('chat', 'chat', 'chat', 'e2e_notification'),
    day: fc.integer({ min: 1, max: 5 })
  })
  .map(({ person, message: number, shown, moved, kind, name, type, day }) => ({
    person,
    number,
    shown,
    moved: moved === 0,
    kind: kind as InboundRecord['kind'],
    name,
    type,
    day
  }))

type AnyRecord = typeof anyRecord extends fc.Arbitrary<infer Value> ? Value : never

/** One that shows its number, and what `facts` say otherwise. */
const shown = (facts: Partial<AnyRecord>): AnyRecord => ({
  person: 0,
  number: 0,
  shown: ['phone'],
  moved: false,
  kind: 'message',
  name: undefined,
  type: 'chat',
  day: 1,
  ...facts
})

/** Histories that came out otherwise in batches once; number 0 is written at 1 and the others at 2. */
const onceDifferent: AnyRecord[][] = [
  // A message that is captured again shows another address of its lead.
  [
    shown({ number: 4 }),
    shown({ shown: ['phone', 'lid'] }),
    shown({ number: 4, shown: ['lid'] }),
    shown({})
  ],
  // A message of one lead is captured again with the number and the LID of another one.
  [
    shown({ number: 1, moved: true }),
    shown({ shown: ['phone', 'lid'] }),
    shown({ number: 1, shown: ['phone', 'lid'], type: 'e2e_notification' })
  ],
  // A notice tells a LID that is not known, and a number that another LID has.
  [
    shown({ shown: ['phone', 'lid'], moved: true }),
    shown({ person: 1, shown: ['phone', 'lid'], moved: true, type: 'e2e_notification' }),
    shown({ moved: true })
  ]
]

t.test('how many records are taken at once makes no difference', async (t) => {
  /** All that is in the store but when it was put there. */
  const everything = async (db: Db): Promise<unknown> => {
    const merged = await db.selectFrom('merged_leads').selectAll().orderBy('old_id').execute()
    // one that comes and goes within one transaction was never seen: only that it is gone is told
    const gone = new Set(merged.map(({ old_id }) => `lead ${old_id}`))
    return {
      leads: (await db.selectFrom('leads').selectAll().orderBy('id').execute()).map(
        ({ updated_at: _at, text_event: _event, ...row }) => row
      ),
      merged,
      messages: (await db.selectFrom('messages').selectAll().orderBy('pk').execute()).map(
        ({ text_event: _event, ...row }) => row
      ),
      changes: (await db.selectFrom('lead_changes').selectAll().orderBy('id').execute()).map(
        ({ at: _at, ...row }) => row
      ),
      reactions: await db
        .selectFrom('reactions')
        .selectAll()
        .orderBy('account')
        .orderBy('message_id')
        .orderBy('sender')
        .execute(),
      votes: await db
        .selectFrom('votes')
        .selectAll()
        .orderBy('account')
        .orderBy('message_id')
        .orderBy('voter')
        .execute(),
      answers: await db.selectFrom('answers').selectAll().orderBy('reply_pk').execute(),
      counts: await db
        .selectFrom('message_counts')
        .selectAll()
        .where((count) => count.or([count('inbound', '<>', 0), count('outbound', '<>', 0)]))
        .orderBy('quarter')
        .orderBy('account')
        .execute(),
      told: new Set(
        (await db.selectFrom('events').selectAll().execute())
          .map(({ type, ref }) => `${type} ${ref}`)
          .filter((told) => !gone.has(told))
      ),
      cursor: await readCursor(db, 'main')
    }
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { minLength: 1, maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 20, maxLength: 20 }),
      fc.boolean(),
      (facts, times, named) =>
        inScope(async (scope) => {
          const records = facts.map(({ person, number, shown, moved, kind, name, type, day }) => {
            const [phone, lid] = [`+521551234567${moved ? 9 : person}`, `11899988119${person}@lid`]
            const [chat, mine] = [
              shown.includes('phone') ? `${phone.slice(1)}@c.us` : lid,
              number % 2 === 1
            ]
            // WhatsApp gives no two messages one id, in whichever chats they are.
            const id = `${mine}_${person}_${person}-${number}`
            return record(
              id,
              {
                id,
                chat_id: chat,
                from_me: mine,
                ...(mine
                  ? { from: '5215587654321@c.us', to: chat }
                  : { from: chat, to: '5215587654321@c.us' }),
                phone: undefined as unknown as string,
                ...(shown.includes('phone') ? { phone } : {}),
                ...(shown.includes('lid') ? { lid } : {}),
                ...(name === undefined ? {} : { name }),
                type: kind.startsWith('ciphertext') ? 'ciphertext' : type,
                body: `${kind} ${day}`,
                timestamp:
                  kind === 'reaction' || kind === 'vote' ? day : (times[person * 5 + number] ?? 1),
                ...(kind === 'edit' ? { edited: { at: `2026-01-0${day}T00:00:00.000Z` } } : {}),
                ...(kind === 'revoke' ? { revoked: { by: 'sender' as const } } : {}),
                ...(kind === 'media'
                  ? { media: { state: 'stored' as const, sha256: `${day}` } }
                  : {}),
                ...(kind === 'reaction'
                  ? { reaction: { message_id: id, emoji: '👍', sender: `${day % 2}@c.us` } }
                  : {}),
                ...(kind === 'vote' ? { vote: { message_id: id, options: [`${day}`] } } : {})
              },
              kind
            )
          })
          const outcomes = []
          for (const size of [1, 7, records.length]) {
            const { db, take } = await testStore(scope)
            if (named)
              await db
                .insertInto('names')
                .values({ phone_key: '525512345671', name: 'from the list' })
                .execute()
            for (let start = 0; start < records.length; start += size)
              await take(...records.slice(start, start + size))
            outcomes.push(await everything(db))
          }
          t.same(outcomes[1], outcomes[0], 'in sevens as one by one')
          t.same(outcomes[2], outcomes[0], 'all at once as one by one')
          return (
            isDeepStrictEqual(outcomes[1], outcomes[0]) &&
            isDeepStrictEqual(outcomes[2], outcomes[0])
          )
        })
    ),
    {
      ...propertyRuns(t, isOnPostgres() ? 7 : 11),
      examples: onceDifferent.map((records): [AnyRecord[], number[], boolean] => [
        records,
        Array.from({ length: 20 }, (_, index) => (index % 5 === 0 ? 1 : 2)),
        false
      ])
    }
  )
})

t.test(
  'an update is what a message is now, but for its media, its edits and who waits',
  async (t) => {
    const { db, take } = await testStore(t)
    const stored = { state: 'stored', sha256: 'ab' } as const
    await take(
      record('A', { type: 'order', body: '', timestamp: 1_000 }),
      record('B', { body: 'old', timestamp: 1_001, has_media: true, media: { state: 'pending' } }),
      record('B', { edited: { at: at(2_000) }, body: 'edited' }, 'edit'),
      record('B', { has_media: true, media: stored }, 'media'),
      reply('R', { timestamp: 1_100 })
    )
    await take(
      record(
        'A',
        { type: 'order', body: 'two chairs', timestamp: 1_000, order: { items: 2 } },
        'update'
      ),
      record(
        'B',
        {
          body: 'otherwise',
          timestamp: 1_001,
          has_media: true,
          media: { state: 'pending' },
          forwarded: true
        },
        'update'
      ),
      record('C', { body: 'of a message that is not here' }, 'update')
    )
    const all = await messages(db)
    t.same(all.map(({ id }) => id.split('_')[2]).sort(), ['A', 'B', 'R'])
    t.match(
      all.find(({ id }) => id.endsWith('A')),
      { body: 'two chairs', order: { items: 2 } }
    )
    t.match(
      all.find(({ id }) => id.endsWith('B')),
      { body: 'edited', forwarded: true, media: stored }
    )
    t.match(only(await leads(db)), { waiting_since: null })

    await take(record('B', { body: 'edited better', edited: { at: at(2_000) } }, 'update'))
    t.equal((await messages(db)).find(({ id }) => id.endsWith('B'))?.body, 'edited better')
  }
)

t.test('a call that was answered in the end waits for no answer', async (t) => {
  const { db, take } = await testStore(t)
  const call = (outcome: 'unknown' | 'answered'): Partial<InboundRecord['message']> => ({
    type: 'call_log',
    body: '',
    timestamp: 1_000,
    call: { outcome, video: false }
  })
  await take(record('A', call('unknown')))
  t.equal(only(await leads(db)).waiting_since, at(1_000))
  await take(record('A', call('answered'), 'update'))
  t.equal(only(await leads(db)).waiting_since, null)
})

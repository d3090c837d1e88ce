import t from 'tap'
import type { JournalRecord } from '../../../src/contract/record.ts'
import type { WebhookBody } from '../../../src/contract/webhook.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import {
  beginEpoch,
  readCursor,
  writeCursor,
  type Cursor
} from '../../../src/central-hub/store/write/cursors.ts'
import { readEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { bodyOf } from '../../../src/central-hub/webhooks/body.ts'
import { record, reply, testStore, type TestStore } from '../store/open-store.ts'

/**
 * One group of records: what is checked before it is taken, what is corrected in it, and what is
 * told of it.
 */

const bodies = async ({ db }: TestStore): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await listMessages(db, {}, 100)).items.map(({ id, body }) => [id.split('_').at(-1), body])
  )

/** A webhook for everything; @returns what it has been told since the last call */
const webhookOf = async ({ db }: TestStore): Promise<() => Promise<string[]>> => {
  const events = [
    'message.created',
    'message.updated',
    'lead.created',
    'lead.updated',
    'lead.removed'
  ] as const
  const webhook = await createWebhook(db, {
    url: 'https://crm.example.com/',
    events: [...events],
    enabled: true
  })
  let seen = 0
  return async () => {
    const rows = await db
      .selectFrom('deliveries')
      .innerJoin('outbox', 'outbox.id', 'outbox_id')
      .select(['body', 'message_id', 'lead_id'])
      .where('webhook_id', '=', webhook?.id ?? 0)
      .orderBy('outbox_id')
      .execute()
    const types = rows.map(
      ({ body, message_id, lead_id }) =>
        (JSON.parse(bodyOf({ body, messageId: message_id, leadId: lead_id }, '')) as WebhookBody)
          .type
    )
    const fresh = types.slice(seen)
    seen = types.length
    return fresh
  }
}

t.test(
  'records that were read before an erasure are refused, also where no cursor was; read again, they are taken',
  async (t) => {
    const { db, ingest } = await testStore(t)
    await ingest.take('main', 'j', [record('1', {}, 'message', { seq: 1 })])
    const before = await readCursor(db, 'main')
    await beginEpoch(db, 'main')
    const next = (seq: number): JournalRecord[] => [record(`${seq}`, {}, 'message', { seq })]

    for (const stands of [before, null]) {
      await t.rejects(ingest.take('main', 'j', next(2), stands), {
        message: /^records of account main were erased since these were read/
      })
    }
    t.match(await readCursor(db, 'main'), { seq: 1 })

    const after = await readCursor(db, 'main')
    await ingest.take('main', 'j', next(2), after)
    await ingest.take('main', 'j', next(3))
    t.match(await readCursor(db, 'main'), { seq: 3, journalId: 'j' })
  }
)

t.test('records are taken only from where the cursor is, by journal and by place', async (t) => {
  const cursor = (journalId: string, seq: number): Cursor => ({ account: 'main', journalId, seq })
  const cases = [
    { is: undefined, stands: null, taken: true },
    { is: undefined, stands: cursor('j', 5), taken: false },
    { is: cursor('j', 5), stands: null, taken: false },
    { is: cursor('j', 5), stands: cursor('j', 4), taken: false },
    { is: cursor('j', 5), stands: cursor('k', 5), taken: false },
    { is: cursor('j', 5), stands: cursor('j', 5), taken: true },
    { is: cursor('j', 5), stands: undefined, taken: true }
  ]
  const { db, ingest } = await testStore(t)
  for (const { is, stands, taken } of cases) {
    await db.deleteFrom('cursors').execute()
    if (is !== undefined) await writeCursor(db, is)
    const why = await ingest
      .take('main', 'n', [record('1', {}, 'message', { seq: 9 })], stands)
      .then(
        () => undefined,
        (error: Error) => error
      )
    if (taken) t.equal(why, undefined)
    else t.match(why, { message: /^another hub takes the journal of account main, too/ })
    t.same(await readCursor(db, 'main'), taken ? cursor('n', 9) : is)
  }
})

t.test('nothing to take changes nothing', async (t) => {
  const { db, ingest, taken } = await testStore(t)
  await ingest.take('main', 'j', [], { account: 'main', journalId: 'j', seq: 5 })
  t.equal(await readCursor(db, 'main'), undefined)
  t.equal(taken(), 0)
})

t.test('an erased record moves the cursor, and nobody is told', async (t) => {
  const { db, ingest, taken } = await testStore(t)
  await ingest.take('main', 'j', [
    { seq: 7, kind: 'erased', erased_at: '2026-11-24T12:00:00.000Z', account: 'main' }
  ])
  t.match(await readCursor(db, 'main'), { seq: 7 })
  t.equal(taken(), 0)
  t.same(await readEvents(db, 0, 10), [])
})

t.test(
  'records of several accounts in one journal each make a lead of their account',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(record('1'), record('2', {}, 'message', { account: 'sales' }), record('3'))
    const leads = (await listLeads(db, {}, 10)).items
    t.same(leads.map(({ account, unanswered_count }) => [account, unanswered_count]).sort(), [
      ['main', 2],
      ['sales', 1]
    ])
  }
)

t.test(
  'text that no database keeps is replaced, wherever it is; any other text is kept',
  async (t) => {
    const rig = await testStore(t)
    const cases = {
      a: 'half \ud83d',
      b: '\udc00 half',
      c: 'NUL \0',
      d: 'pair \ud83d\ude00',
      e: 'in letters: \\ud83d \\u0000',
      f: 'bell \u0007',
      g: 'last \udfff'
    }
    for (const [id, body] of Object.entries(cases))
      await rig.take(record(id, { body, location: { latitude: 1, longitude: 2, name: body } }))
    const expected = {
      a: 'half \ufffd',
      b: '\ufffd half',
      c: 'NUL \ufffd',
      d: cases.d,
      e: cases.e,
      f: cases.f,
      g: 'last \ufffd'
    }
    t.same(await bodies(rig), expected)
    t.same(
      Object.fromEntries(
        (await listMessages(rig.db, {}, 10)).items.map(({ id, location }) => [
          id.split('_').at(-1),
          location?.name
        ])
      ),
      expected
    )
  }
)

t.test(
  'the time of a record of an early release is corrected, that of others is kept',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      record('ms', { timestamp: 1_700_000_000_400 }),
      record('none', { timestamp: 0 }),
      record('s', { timestamp: 1_700_000_000 })
    )
    const times = (await listMessages(db, {}, 10)).items.map(({ id, timestamp }) => [
      id.split('_').at(-1),
      timestamp
    ])
    t.same(Object.fromEntries(times), {
      ms: 1_700_000_000,
      none: Date.parse('2026-11-24T12:00:00.000Z') / 1_000,
      s: 1_700_000_000
    })
  }
)

t.test('an automatic reply answers nobody, whatever its time; others do', async (t) => {
  const { db } = await testStore(t)
  const ingest = createIngest({
    db,
    onTaken: () => undefined,
    automaticReplies: ['Thanks for your message']
  })
  const waits = async (): Promise<boolean> =>
    (await listLeads(db, {}, 1)).items[0]?.waiting_since !== null
  const greeting = 'Thanks for your message, we are closed.'
  await ingest.take('main', 'j', [
    record('1', { timestamp: 1_000 }),
    reply('2', { timestamp: 1_001, body: greeting })
  ])
  t.ok(await waits())
  await ingest.take('main', 'j', [reply('3', { timestamp: 1_700_000_000_000, body: greeting })])
  t.ok(await waits(), 'also with a time in ms')
  t.equal((await listMessages(db, {}, 1)).items[0]?.timestamp, 1_700_000_000)
  await ingest.take('main', 'j', [reply('4', { timestamp: 1_700_000_001, body: 'I call you' })])
  t.notOk(await waits())
})

t.test('a hub without AUTOMATIC_REPLIES takes no reply for one', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    record('1', { timestamp: 1_000 }),
    reply('2', { timestamp: 1_001, body: 'Stryker was here, too' })
  )
  t.equal((await listLeads(db, {}, 1)).items[0]?.waiting_since, null)
})

t.test(
  'each group that changed something wakes what follows, once, also one that joins two leads',
  async (t) => {
    const { db, take, taken } = await testStore(t)
    const lid = '118999881199@lid'
    const byLid = { chat_id: lid, from: lid, lid, phone: undefined as unknown as string }
    await take(record('1', { ...byLid, id: `false_${lid}_1` }), record('2'))
    t.equal(taken(), 1)
    await take(record('3', { ...byLid, id: `false_${lid}_3`, phone: '+5215512345678' }))
    t.equal(taken(), 2)
    const [events, lead] = [await readEvents(db, 0, 100), (await listLeads(db, {}, 10)).items[0]]
    t.same(
      events
        .slice(-3)
        .map(({ type }) => type)
        .sort(),
      ['lead', 'lead_removed', 'message']
    )
    t.same((await listLeads(db, {}, 10)).items.length, 1)
    t.match(
      events.find(({ type }) => type === 'lead_removed'),
      { data: { merged_into: lead?.id } }
    )
  }
)

t.test('webhooks are told of what is new as new, and of what changed as changed', async (t) => {
  const rig = await testStore(t)
  const told = await webhookOf(rig)
  await rig.take(record('A'))
  t.same(await told(), ['lead.created', 'message.created'])
  await rig.take(
    record('A', { edited: { at: '2026-01-01T00:00:00.000Z' }, body: 'edited' }, 'edit'),
    record('B')
  )
  t.same((await told()).sort(), ['lead.updated', 'message.created', 'message.updated'])
})

t.test(
  'new messages are counted after their commit, once, and none of a group that is refused',
  async (t) => {
    const { db } = await testStore(t)
    const counted: unknown[] = []
    const ingest = createIngest({
      db,
      onTaken: () => undefined,
      onConversed: (conversed) => counted.push(conversed)
    })
    const written = Date.parse('2026-11-24T12:00:00.000Z') / 1_000
    const records = [record('1', { timestamp: written - 60 }), reply('2', { timestamp: written })]
    await ingest.take('main', 'j', records)
    await ingest.take('main', 'j', records)
    await t.rejects(ingest.take('main', 'j', [record('3')], null))
    t.same(counted, [
      [
        { account: 'main', direction: 'inbound' },
        { account: 'main', direction: 'outbound', responseSeconds: 60 }
      ],
      []
    ])
  }
)

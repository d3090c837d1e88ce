import t, { type Test } from 'tap'
import type { Status } from '../../../src/contract/session.ts'
import { WebhookBody, type WebhookEvent } from '../../../src/contract/webhook.ts'
import { addEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { eraseLead, erasureOf } from '../../../src/central-hub/store/write/erase.ts'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { leadRow } from '../../../src/central-hub/store/read/leads.ts'
import { mergeLeads } from '../../../src/central-hub/store/write/merge-lead.ts'
import { addPing, addSessionEvent } from '../../../src/central-hub/store/outbox/outbox.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { bodyOf } from '../../../src/central-hub/webhooks/body.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, reply, testStore } from './open-store.ts'

const everything: WebhookEvent[] = [
  'message.created',
  'message.updated',
  'lead.created',
  'lead.updated',
  'lead.removed',
  'session.changed'
]
const add = async (db: Db, events: WebhookEvent[] = everything, enabled = true): Promise<number> =>
  (await createWebhook(db, { url: 'https://crm.example.com/', events, enabled }))?.id as number

/** What a webhook is told, in order. */
const told = async (db: Db, id: number): Promise<WebhookBody[]> => {
  const rows = await db
    .selectFrom('deliveries')
    .innerJoin('outbox', 'outbox.id', 'outbox_id')
    .select(['body', 'message_id', 'lead_id'])
    .where('webhook_id', '=', id)
    .orderBy('outbox_id')
    .execute()
  return rows.map(
    ({ body, message_id, lead_id }) =>
      JSON.parse(bodyOf({ body, messageId: message_id, leadId: lead_id }, '')) as WebhookBody
  )
}
const types = async (db: Db, id: number): Promise<string[]> =>
  (await told(db, id)).map(({ type }) => type)
const only = async (
  t: Test,
  db: Db,
  id: number
): Promise<{
  message?: { body: string }
  lead: { id: number; state: string; unanswered_count: number } | null
}> => {
  const [body, ...others] = await told(db, id)
  t.same(others, [])
  conforms(t, WebhookBody, body, 'the body')
  return body?.data as {
    message?: { body: string }
    lead: { id: number; state: string; unanswered_count: number } | null
  }
}

t.test('a message that is new: it and its lead, as they are then', async (t) => {
  const { db, take } = await testStore(t)
  const [all, messages, leads] = [
    await add(db),
    await add(db, ['message.created']),
    await add(db, ['lead.created'])
  ]
  await take(record('A'))
  t.same(
    await types(db, all),
    ['lead.created', 'message.created'],
    'the lead comes before its message'
  )
  t.match(await only(t, db, messages), {
    message: { body: 'message A' },
    lead: { phone: '+5215512345678', unanswered_count: 1 }
  })
  await take(record('B'), reply('C', { timestamp: 1_800_000_000 }))
  t.same((await types(db, all)).slice(2), ['message.created', 'message.created', 'lead.updated'])
  t.match(
    await only(t, db, leads),
    { lead: { unanswered_count: 1 } },
    'what has been told is not written over by what comes later'
  )
})

t.test('a message that is changed, and one of a group', async (t) => {
  const { db, take } = await testStore(t)
  await take(record('A'))
  const id = await add(db, ['message.created', 'message.updated'])
  await take(
    record('A', { edited: { at: '2026-01-01T00:00:00.000Z' }, body: 'edited' }, 'edit'),
    record('G', { chat_id: '1203@g.us', author: '5215512345678@c.us' })
  )
  t.match(await told(db, id), [
    { type: 'message.updated', data: { message: { body: 'edited' } } },
    { type: 'message.created', data: { message: { chat_id: '1203@g.us' }, lead: null } }
  ])
})

t.test(
  'nothing is told twice of a record that is taken again, and nothing of a transaction that fails',
  async (t) => {
    const { db, take } = await testStore(t)
    const id = await add(db)
    const first = record('A')
    await take(first)
    await take(first)
    await t.rejects(take(record('B'), record('C', { timestamp: null as unknown as number })))
    t.same(await types(db, id), ['lead.created', 'message.created'])
  }
)

t.test(
  'webhooks that are off, or want something else, get nothing; without any the outbox stays empty',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(record('A'))
    const ids = [await add(db, everything, false), await add(db, ['lead.removed'])]
    await take(record('B'))
    for (const id of ids) t.same(await told(db, id), [])
    t.same(await db.selectFrom('outbox').selectAll().execute(), [])
  }
)

t.test('one body serves all webhooks, by the same webhook-id', async (t) => {
  const { db, take } = await testStore(t)
  await add(db, ['message.created'])
  await add(db, ['message.created'])
  await take(record('A'))
  t.match(await db.selectFrom('outbox').selectAll().execute(), [{ message_id: /^msg_[\w-]{24}$/ }])
  t.equal((await db.selectFrom('deliveries').selectAll().execute()).length, 2)
})

t.test('a lead that a person changes, and thousands at once, in order', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    ...Array.from({ length: 1_201 }, (_, n) =>
      record(`${n}`, {
        chat_id: `52155${10_000 + n}@c.us`,
        from: `52155${10_000 + n}@c.us`,
        phone: `+52155${10_000 + n}`
      })
    )
  )
  const id = await add(db)
  await patchLead(db, 1, { state: 'won' })
  await addEvents(db, 'lead', [1])
  t.match(await told(db, id), [{ type: 'lead.updated', data: { lead: { id: 1, state: 'won' } } }])
  const all = Array.from({ length: 1_201 }, (_, n) => n + 1)
  await addEvents(db, 'lead', all)
  t.same(
    (await told(db, id)).slice(1).map(({ data }) => (data as { lead: { id: number } }).lead.id),
    all
  )
})

t.test(
  'deleting a lead for good leaves nothing of it in the outbox, of what was merged into it neither, and tells that it is gone',
  async (t) => {
    const { db, take } = await testStore(t)
    const id = await add(db)
    await take(
      record('A', { body: 'of Ana' }),
      record('B', {
        body: 'of her other number',
        chat_id: '5215500000001@c.us',
        from: '5215500000001@c.us',
        phone: '+5215500000001'
      })
    )
    await take(
      record('C', {
        body: 'of Luis',
        chat_id: '5215500000002@c.us',
        from: '5215500000002@c.us',
        phone: '+5215500000002'
      })
    )
    const [ana, other] = [await leadRow(db, 1), await leadRow(db, 2)]
    if (ana === undefined || other === undefined) throw new Error('there is no lead')
    await db.transaction().execute(async (trx) => {
      await mergeLeads(trx, ana, other)
      await addEvents(trx, 'lead_removed', [2])
      await addEvents(trx, 'lead', [1])
    })
    t.match(
      (await told(db, id)).filter(({ type }) => type === 'lead.removed'),
      [{ data: { id: 2, merged_into: 1 } }]
    )
    const before = (await told(db, id)).length
    t.equal(before, 8)

    const erasure = await erasureOf(db, 1)
    if (erasure === undefined) throw new Error('there is no lead')
    await eraseLead(db, erasure.lead, async () => undefined)
    t.same(
      (await told(db, id)).map(({ type, data }) => [
        type,
        (data as { message?: { body: string } }).message?.body
      ]),
      [
        ['lead.created', undefined],
        ['message.created', 'of Luis'],
        ['lead.removed', undefined],
        ['lead.removed', undefined]
      ]
    )
    t.same((await told(db, id)).at(-1)?.data, { id: 1, merged_into: null })
    t.notMatch(
      JSON.stringify(await db.selectFrom('outbox').selectAll().execute()),
      /of Ana|her other number|\+5215512345678|5215500000001/
    )
  }
)

t.test(
  'a session is told of when its status is another one, also by a hub that was started again',
  async (t) => {
    const { db } = await testStore(t)
    const id = await add(db, ['session.changed'])
    const status = (is: Status['status'], since: string) =>
      ({
        status: is,
        since,
        account: 'main',
        linked: true,
        failures: 0,
        outbound_blocked: 0,
        journal: { id: 'j', last_seq: 0 },
        media: { pending: 0 },
        backfill: { running: false }
      }) as Status
    t.ok(await addSessionEvent(db, '', status('READY', '2026-01-01T00:00:00.000Z')))
    t.notOk(
      await addSessionEvent(db, '', status('READY', '2026-01-01T00:00:05.000Z')),
      'a heartbeat is none'
    )
    t.ok(
      await addSessionEvent(db, 'sales', status('READY', '2026-01-01T00:00:00.000Z')),
      'each account has its own'
    )
    const { problem } = new ProblemError('session-manager-unreachable')
    t.ok(await addSessionEvent(db, '', problem))
    t.notOk(await addSessionEvent(db, '', { ...problem, detail: 'another attempt' }))
    t.ok(await addSessionEvent(db, '', status('READY', '2026-01-01T00:00:09.000Z')))
    t.match(await told(db, id), [
      { data: { status: 'READY' } },
      {},
      {
        type: 'session.changed',
        data: { type: 'urn:leadmaster:problem:session-manager-unreachable' }
      },
      { data: { status: 'READY' } }
    ])
  }
)

t.test(
  'a session that fails is told of once with its reason, and not with each attempt to mend it',
  async (t) => {
    const { db } = await testStore(t)
    const id = await add(db, ['session.changed'])
    const reason = 'WhatsApp Web 2.3000.1 has changed: WAWebCollections has no Msg.on'
    const now = (status: Status['status'], failures: number): Status => ({
      status,
      reason,
      failures,
      since: '2026-01-01T00:00:00.000Z',
      account: 'main',
      linked: true,
      outbound_blocked: 0,
      journal: { id: 'j', last_seq: 0 },
      media: { pending: 0 },
      backfill: { running: false }
    })
    for (const [status, failures] of [
      ['READY', 0],
      ['ERROR', 1],
      ['INIT', 1],
      ['AUTHENTICATED', 1],
      ['ERROR', 2],
      ['INIT', 2],
      ['ERROR', 3],
      ['INIT', 3],
      ['READY', 3]
    ] as const)
      await addSessionEvent(db, '', now(status, failures))
    t.match(
      (await told(db, id)).map(({ data }) => data),
      [{ status: 'READY' }, { status: 'ERROR', reason }, { status: 'READY' }]
    )
  }
)

t.test('a ping is for one webhook, whatever it wants to be told', async (t) => {
  const { db } = await testStore(t)
  const [id, other] = [await add(db, ['lead.removed']), await add(db)]
  const messageId = await addPing(db, id)
  t.match(await told(db, id), [{ type: 'webhook.ping', data: {} }])
  t.same(await told(db, other), [])
  t.match(await db.selectFrom('outbox').select('message_id').execute(), [{ message_id: messageId }])
})

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import t, { type Test } from 'tap'
import { nextDelivery } from '../../../src/central-hub/store/outbox/deliveries.ts'
import { getLead, listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { migrations } from '../../../src/central-hub/store/database/migrations/migrations.ts'
import { messagesAndLeads } from '../../../src/central-hub/store/database/migrations/0001-messages-and-leads.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { sqliteDialect } from '../../../src/central-hub/store/database/sqlite/dialect.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { record, reply, testStore } from './open-store.ts'

/** A store as the first release left it. */
const firstStore = async (t: Test): Promise<{ directory: string; db: DatabaseSync }> => {
  const directory = ownDirectory(t)
  const file = join(directory, 'hub.db')
  const made = new Kysely<unknown>({ dialect: sqliteDialect(file) })
  const { error } = await new Migrator({
    db: made,
    provider: { getMigrations: async () => ({ '0001_messages_and_leads': messagesAndLeads }) }
  }).migrateToLatest()
  t.equal(error, undefined)
  await made.destroy()
  const db = new DatabaseSync(file)
  db.exec("UPDATE store SET works_from = '0001_messages_and_leads'")
  return { directory, db }
}

/** As the first release wrote them. */
const insertLead = (db: DatabaseSync, id: number, phone: string, waiting: number | null): void => {
  db.prepare(
    'INSERT INTO leads (id, account, phone, chat_id, name, first_seen, last_seen, waiting_since) VALUES (?, ?, ?, ?, ?, 100, 400, ?)'
  ).run(id, 'main', phone, `${phone.slice(1)}@c.us`, `Ana ${id}`, waiting)
}
const insertMessage = (
  db: DatabaseSync,
  lead: number,
  seq: number,
  mine: boolean,
  timestamp: number,
  personal = true
): void => {
  db.prepare(`INSERT INTO messages (account, id, lead_id, chat_id, seq, captured_at, source, from_me, personal, type, body, timestamp, details)
    VALUES ('main', ?, ?, 'c', ?, 0, 'live', ?, ?, 'chat', ?, ?, '{"from":"a","to":"b"}')`).run(
    `m${lead}-${seq}`,
    lead,
    seq,
    Number(mine),
    Number(personal),
    `message ${seq}`,
    timestamp
  )
}

t.test(
  'a store of the first release is brought up to date: counts, latest messages, answers, figures, search',
  async (t) => {
    const { directory, db: old } = await firstStore(t)
    insertLead(old, 1, '+5215512345678', 300)
    insertLead(old, 2, '+5215500000002', null)
    insertMessage(old, 1, 1, false, 100)
    insertMessage(old, 1, 2, false, 150)
    insertMessage(old, 1, 3, true, 200)
    insertMessage(old, 1, 4, false, 300)
    insertMessage(old, 1, 5, false, 400)
    insertMessage(old, 1, 6, false, 500, false)
    insertMessage(old, 2, 7, false, 100)
    insertMessage(old, 2, 8, true, 100)
    old.close()
    const store = await openStore(directory)
    t.teardown(() => store.close())
    t.match(await getLead(store.db, 1), {
      name: 'Ana 1',
      whatsapp_name: 'Ana 1',
      tags: [],
      assignee: null,
      unanswered_count: 2,
      unread_count: 2,
      last_message: { id: 'm1-5', body: 'message 5' },
      updated_at: new Date(400_000).toISOString()
    })
    t.match(await getLead(store.db, 2), {
      unanswered_count: 0,
      last_message: { id: 'm2-8', from_me: true }
    })
    t.same(
      await store.db
        .selectFrom('answers')
        .select(['answered_at', 'seconds'])
        .orderBy('answered_at')
        .execute(),
      [
        { answered_at: 100, seconds: 0 },
        { answered_at: 200, seconds: 100 }
      ]
    )
    t.same(await store.db.selectFrom('message_counts').selectAll().execute(), [
      { account: 'main', quarter: 0, inbound: 5, outbound: 2 }
    ])
    t.same(
      (await listLeads(store.db, { q: '+52 55 1234 5678' }, 10)).items.map(({ id }) => id),
      [1]
    )
    t.same(
      (await listLeads(store.db, { q: 'ana 2' }, 10)).items.map(({ id }) => id),
      [2]
    )
  }
)

t.test(
  'the release before goes on working with it: what it writes is searched and counted',
  async (t) => {
    const directory = ownDirectory(t)
    const { db, take } = await testStore(t, directory)
    await take(record('1'))
    const old = new DatabaseSync(join(directory, 'hub.db'))
    insertLead(old, 50, '+5215500000050', null)
    insertLead(old, 51, '+5215500000051', null)
    insertMessage(old, 50, 900, false, 1_000)
    old.prepare('UPDATE messages SET lead_id = 50 WHERE lead_id = 51').run()
    old.prepare('DELETE FROM leads WHERE id = 51').run()
    old.close()
    t.match((await listLeads(db, { q: 'ana 50' }, 10)).items, [{ id: 50 }])
    t.same((await listLeads(db, { q: 'ana 51' }, 10)).items, [])
    t.match(await db.selectFrom('message_counts').selectAll().where('quarter', '=', 1).execute(), [
      { inbound: 1 }
    ])
    const again = await openStore(directory)
    t.teardown(() => again.close())
    t.match(
      await getLead(again.db, 50),
      { unanswered_count: 1, unread_count: 1, last_message: { body: 'message 900' } },
      'and the next upgrade counts it'
    )
  }
)

/** A store as the release with three steps left it. */
const thirdStore = async (t: Test): Promise<{ directory: string; db: DatabaseSync }> => {
  const directory = ownDirectory(t)
  const file = join(directory, 'hub.db')
  const made = new Kysely<unknown>({ dialect: sqliteDialect(file) })
  const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0004'))
  const { error } = await new Migrator({
    db: made,
    provider: { getMigrations: async () => before }
  }).migrateToLatest()
  t.equal(error, undefined)
  await made.destroy()
  const db = new DatabaseSync(file)
  db.exec("UPDATE store SET works_from = '0001_messages_and_leads'")
  return { directory, db }
}

const thumbnail = `/9j/${'A1b2C3d4'.repeat(40)}==`
const card = 'BEGIN:VCARD\nFN:Luz Sol\nEND:VCARD'

t.test(
  'a store of the release before: base64 goes, the search has places and names, who waits is right, one message is one',
  async (t) => {
    const { directory, db: old } = await thirdStore(t)
    insertLead(old, 1, '+5215512345678', 100)
    old.exec(
      "UPDATE leads SET lid = '99887766@lid', unanswered_count = 4, unread_count = 4, updated_at = 999999999999"
    )
    const put =
      old.prepare(`INSERT INTO messages (account, id, lead_id, chat_id, seq, captured_at, source, from_me, personal, type, body, timestamp, media, details, edited_at)
    VALUES ('main', ?, 1, 'c', ?, 0, 'live', ?, 1, ?, ?, ?, ?, ?, ?)`)
    const number = '5215512345678@c.us'
    const details = (more: object = {}): string => JSON.stringify({ from: 'a', to: 'b', ...more })
    put.run(
      `false_${number}_3EB01`,
      1,
      0,
      'location',
      thumbnail,
      100,
      null,
      details({ location: { latitude: 1, longitude: 2, name: 'Bodega Central' } }),
      null
    )
    put.run(
      `false_${number}_3EB02`,
      2,
      0,
      'vcard',
      card,
      110,
      null,
      details({ contacts: [card] }),
      null
    )
    put.run(
      `false_${number}_3EB03`,
      3,
      0,
      'document',
      'our offer',
      120,
      '{"state":"stored","filename":"oferta.pdf"}',
      details(),
      null
    )
    put.run(
      'false_99887766@lid_3EB03',
      4,
      0,
      'document',
      'our best offer',
      120,
      '{"state":"pending"}',
      details(),
      5_000
    )
    put.run(`false_${number}_3EB04`, 5, 0, 'protocol', '', 130, null, details(), null)
    put.run(`false_${number}_3EB05`, 6, 0, 'poll_update', '', 140, null, details(), null)
    put.run(`true_${number}_3EB06`, 7, 1, 'call_log', '', 150, null, details(), null)
    old
      .prepare("INSERT INTO reactions VALUES ('main', ?, '99887766@lid', '👍', 5)")
      .run('false_99887766@lid_3EB03')
    old.close()

    const store = await openStore(directory)
    t.teardown(() => store.close())
    const found = async (q: string): Promise<string[]> =>
      (await listMessages(store.db, { q }, 10)).items.map(({ id }) => id.slice(-1))
    t.same([await found('9j'), await found('vcard'), await found('A1b2C3d4')], [[], [], []])
    t.same(
      [
        await found('bodega'),
        await found('luz sol'),
        await found('oferta'),
        await found('best offer oferta')
      ],
      [['1'], ['2'], ['3'], ['3']]
    )
    t.match(
      await getLead(store.db, 1),
      { unanswered_count: 3, unread_count: 3, waiting_since: new Date(100_000).toISOString() },
      'a call of ours in vain was no answer'
    )
    const { items } = await listMessages(store.db, {}, 10)
    t.equal(items.length, 6)
    t.match(
      items.find(({ id }) => id.endsWith('3EB03')),
      {
        id: `false_${number}_3EB03`,
        body: 'our best offer',
        media: { state: 'stored' },
        reactions: [{ emoji: '👍' }]
      }
    )
    const { rows } = await sql<{ ok: string }>`pragma integrity_check`.execute(store.db)
    t.match(rows, [{ integrity_check: 'ok' }])
    t.equal(
      (await store.db.selectFrom('store').select('catch_up_due').executeTakeFirst())?.catch_up_due,
      0
    )

    await store.db.deleteFrom('messages').execute()
    t.same(await found('offer'), [], 'what the search has of it goes with it')
  }
)

t.test('figures follow what becomes of messages', async (t) => {
  const { db, take } = await testStore(t)
  const counts = async (): Promise<unknown> =>
    db
      .selectFrom('message_counts')
      .select(['inbound', 'outbound'])
      .where((row) => row.or([row('inbound', '>', 0), row('outbound', '>', 0)]))
      .execute()
  await take(record('1', { type: 'ciphertext', body: '' }, 'ciphertext'), reply('2'))
  t.same(await counts(), [{ inbound: 1, outbound: 1 }])
  await take(record('1', { type: 'protocol' }))
  t.same(await counts(), [{ inbound: 0, outbound: 1 }], 'it turned out to be of nobody')
  await sql`delete from messages`.execute(db)
  t.same(await counts(), [])
  t.same(await db.selectFrom('answers').selectAll().execute(), [])
})

t.test('the fourth step counts only leads again whose wait may be another', async (t) => {
  const { directory, db: old } = await thirdStore(t)
  const calls = [
    { id: 1, mine: 0, type: 'call_log', details: '{}' },
    { id: 2, mine: 1, type: 'call_log', details: '{}' },
    { id: 3, mine: 0, type: 'call_log', details: '{"call":{"outcome":"answered"}}' },
    { id: 4, mine: 0, type: 'pin_message', details: '{}' },
    { id: 5, mine: 0, type: 'chat', details: '{}' }
  ]
  const put =
    old.prepare(`INSERT INTO messages (account, id, lead_id, chat_id, seq, captured_at, source, from_me, personal, type, body, timestamp, details)
    VALUES ('main', ?, ?, 'c', ?, 0, 'live', ?, 1, ?, '', 100, ?)`)
  for (const { id, mine, type, details } of calls) {
    insertLead(old, id, `+521550000000${id}`, 100)
    put.run(`m${id}`, id, id, mine, type, details)
  }
  old.exec('UPDATE leads SET updated_at = 999999999999, unanswered_count = 1')
  old.close()

  const store = await openStore(directory)
  t.teardown(() => store.close())

  const kept = await store.db
    .selectFrom('leads')
    .select('id')
    .where('updated_at', '=', 999999999999)
    .orderBy('id')
    .execute()
  t.same(
    kept.map(({ id }) => id),
    [1, 5]
  )
  const counts = await store.db
    .selectFrom('leads')
    .select('unanswered_count')
    .orderBy('id')
    .execute()
  t.same(
    counts.map(({ unanswered_count }) => unanswered_count),
    [1, 0, 0, 0, 1]
  )
})

/** A store as the release before left it: without the sixth step. */
const fourthStore = async (t: Test): Promise<{ directory: string; db: DatabaseSync }> => {
  const directory = ownDirectory(t)
  const file = join(directory, 'hub.db')
  const made = new Kysely<unknown>({ dialect: sqliteDialect(file) })
  const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0006'))
  const { error } = await new Migrator({
    db: made,
    provider: { getMigrations: async () => before }
  }).migrateToLatest()
  t.equal(error, undefined)
  await made.destroy()
  const db = new DatabaseSync(file)
  db.exec("UPDATE store SET works_from = '0001_messages_and_leads', catch_up_due = 0")
  return { directory, db }
}

t.test(
  'the sixth step works out for what is stored who waits, and counts no other leads again',
  async (t) => {
    const { directory, db: old } = await fourthStore(t)
    const kept = 999_999_999_999_999
    const putMessage =
      old.prepare(`INSERT INTO messages (account, id, lead_id, chat_id, seq, captured_at, source, from_me, personal, type, body, timestamp, details, revoked_at, revoked_by)
    VALUES ('main', ?, ?, ?, ?, 1700000000000, 'live', ?, 1, ?, ?, ?, '{}', ?, ?)`)
    const putReaction = old.prepare(
      "INSERT INTO reactions (account, message_id, sender, emoji, timestamp) VALUES ('main', ?, ?, '👍', 5)"
    )
    const putChange = old.prepare(
      "INSERT INTO lead_changes (lead_id, at, field, from_value, to_value) VALUES (?, ?, 'state', 'new', ?)"
    )
    let seq = 0
    interface Given {
      mine?: boolean
      type?: string
      at?: number
      revokedBy?: string
    }
    const person = (id: number, state: string, messages: Given[]): void => {
      const chat = `521550000000${id}@c.us`
      insertLead(old, id, `+521550000000${id}`, 100)
      old
        .prepare(
          'UPDATE leads SET state = ?, unanswered_count = 1, unread_count = 1, last_seen = 100, updated_at = ? WHERE id = ?'
        )
        .run(state, kept, id)
      for (const { mine = false, type = 'chat', at = 100, revokedBy } of messages) {
        seq += 1
        putMessage.run(
          `${mine}_${chat}_M${seq}`,
          id,
          chat,
          seq,
          Number(mine),
          type,
          'text',
          at,
          revokedBy === undefined ? null : 1,
          revokedBy ?? null
        )
      }
    }
    person(1, 'open', [{}])
    person(2, 'ignored', [{}])
    person(3, 'open', [{ revokedBy: 'sender' }])
    person(4, 'open', [{ at: 90 }, { at: 95, mine: true, revokedBy: 'sender' }])
    person(5, 'open', [{}, { at: 110, mine: true, type: 'unknown' }])
    person(6, 'open', [{}])
    putReaction.run(`false_5215500000006@c.us_M${seq}`, '5215587654321@c.us')
    person(7, 'open', [{}])
    putReaction.run(`false_5215500000007@c.us_M${seq}`, '99887766@lid')
    person(8, 'won', [{ at: 90 }, { at: 200 }])
    putChange.run(8, 150_000, 'won')
    person(9, 'open', [{ at: 0 }, { at: 1_700_000_100_000 }])
    old.close()

    const store = await openStore(directory)
    t.teardown(() => store.close())

    const leads = await store.db
      .selectFrom('leads')
      .select(['id', 'waiting_since', 'unanswered_count', 'updated_at'])
      .orderBy('id')
      .execute()
    t.same(
      leads.map(({ id, waiting_since, unanswered_count }) => [id, waiting_since, unanswered_count]),
      [
        [1, 100, 1],
        [2, null, 0],
        [3, null, 0],
        [4, 90, 1],
        [5, 100, 1],
        [6, null, 0],
        [7, 100, 1],
        [8, 200, 1],
        [9, 1_700_000_000, 2]
      ]
    )
    t.same(
      leads.filter(({ updated_at }) => updated_at === kept).map(({ id }) => id),
      [1, 7],
      'a reaction under an address that may be the lead’s own is not ours'
    )
  }
)

t.test(
  'deliveries that wait in a store of the release before are in a queue of their lead',
  async (t) => {
    const directory = ownDirectory(t)
    const file = join(directory, 'hub.db')
    const made = new Kysely<unknown>({ dialect: sqliteDialect(file) })
    const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0010'))
    t.equal(
      (
        await new Migrator({
          db: made,
          provider: { getMigrations: async () => before }
        }).migrateToLatest()
      ).error,
      undefined
    )
    await made.destroy()
    const old = new DatabaseSync(file)
    insertLead(old, 1, '+5215512345678', null)
    insertMessage(old, 1, 1, false, 100)
    old.exec(`INSERT INTO webhooks (id, url, description, events, enabled, secret, created_at) VALUES (1, 'https://crm.example.com/', '', '[]', 1, 'whsec_', 0);
    INSERT INTO outbox (id, message_id, type, lead_id, message_pk, body, created_at) VALUES (1, 'a', 'message.created', 1, 1, '{}', 0), (2, 'b', 'lead.updated', 1, NULL, '{}', 0), (3, 'c', 'session.changed', NULL, NULL, '{}', 0), (4, 'd', 'lead.updated', 1, NULL, '{}', 0);
    INSERT INTO deliveries (webhook_id, outbox_id, state, ping, expires_at, attempts) VALUES (1, 1, 'delivered', 0, 9, 1), (1, 2, 'pending', 0, 9, 2), (1, 3, 'pending', 0, 9, 0), (1, 4, 'pending', 0, 9, 0);`)
    old.close()
    const store = await openStore(directory)
    t.teardown(() => store.close())
    t.same(
      await store.db
        .selectFrom('delivery_queues')
        .select(['queue', 'turn', 'due_at'])
        .orderBy('turn')
        .execute(),
      [
        { queue: 'lead:1', turn: 2, due_at: 0 },
        { queue: 'session.changed', turn: 3, due_at: 0 }
      ]
    )
    t.match(await nextDelivery(store.db, 1, 0), { messageId: 'b', attempts: 2, givesUpAt: null })
  }
)

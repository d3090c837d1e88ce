import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import t, { type Test } from 'tap'
import { getLead, listLeads } from '../../../src/central-hub/store/leads.ts'
import { messagesAndLeads } from '../../../src/central-hub/store/migrations/0001-messages-and-leads.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { sqliteDialect } from '../../../src/central-hub/store/sqlite/dialect.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { record, reply, testStore } from './open-store.ts'

/** A store as the first release left it. */
const firstStore = async (t: Test): Promise<{ directory: string; db: DatabaseSync }> => {
  const directory = ownDirectory(t)
  const file = join(directory, 'hub.db')
  const made = new Kysely<unknown>({ dialect: sqliteDialect(file) })
  const { error } = await new Migrator({ db: made, provider: { getMigrations: async () => ({ '0001_messages_and_leads': messagesAndLeads }) } }).migrateToLatest()
  t.equal(error, undefined)
  await made.destroy()
  const db = new DatabaseSync(file)
  db.exec("UPDATE store SET works_from = '0001_messages_and_leads'")
  return { directory, db }
}

/** As the first release wrote them. */
const insertLead = (db: DatabaseSync, id: number, phone: string, waiting: number | null): void => {
  db.prepare('INSERT INTO leads (id, account, phone, chat_id, name, first_seen, last_seen, waiting_since) VALUES (?, ?, ?, ?, ?, 100, 400, ?)').run(id, 'main', phone, `${phone.slice(1)}@c.us`, `Ana ${id}`, waiting)
}
const insertMessage = (db: DatabaseSync, lead: number, seq: number, mine: boolean, timestamp: number, personal = true): void => {
  db.prepare(`INSERT INTO messages (account, id, lead_id, chat_id, seq, captured_at, source, from_me, personal, type, body, timestamp, details)
    VALUES ('main', ?, ?, 'c', ?, 0, 'live', ?, ?, 'chat', ?, ?, '{"from":"a","to":"b"}')`).run(`m${lead}-${seq}`, lead, seq, Number(mine), Number(personal), `message ${seq}`, timestamp)
}

t.test('a store of the first release is brought up to date: counts, latest messages, answers, figures, search', async (t) => {
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
    name: 'Ana 1', whatsapp_name: 'Ana 1', tags: [], assignee: null, unanswered_count: 2, unread_count: 2, last_message: { id: 'm1-5', body: 'message 5' }, updated_at: new Date(400_000).toISOString()
  })
  t.match(await getLead(store.db, 2), { unanswered_count: 0, last_message: { id: 'm2-8', from_me: true } })
  t.same(await store.db.selectFrom('answers').select(['answered_at', 'seconds']).orderBy('answered_at').execute(), [{ answered_at: 100, seconds: 0 }, { answered_at: 200, seconds: 100 }])
  t.same(await store.db.selectFrom('message_counts').selectAll().execute(), [{ account: 'main', quarter: 0, inbound: 5, outbound: 2 }])
  t.same((await listLeads(store.db, { q: '+52 55 1234 5678' }, 10)).items.map(({ id }) => id), [1])
  t.same((await listLeads(store.db, { q: 'ana 2' }, 10)).items.map(({ id }) => id), [2])
})

t.test('the release before goes on working with it: what it writes is searched and counted', async (t) => {
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
  t.match(await db.selectFrom('message_counts').selectAll().where('quarter', '=', 1).execute(), [{ inbound: 1 }])
  const again = await openStore(directory)
  t.teardown(() => again.close())
  t.match(await getLead(again.db, 50), { unanswered_count: 1, unread_count: 1, last_message: { body: 'message 900' } }, 'and the next upgrade counts it')
})

t.test('figures follow what becomes of messages', async (t) => {
  const { db, take } = await testStore(t)
  const counts = async (): Promise<unknown> => db.selectFrom('message_counts').select(['inbound', 'outbound']).where((row) => row.or([row('inbound', '>', 0), row('outbound', '>', 0)])).execute()
  await take(record('1', { type: 'ciphertext', body: '' }, 'ciphertext'), reply('2'))
  t.same(await counts(), [{ inbound: 1, outbound: 1 }])
  await take(record('1', { type: 'protocol' }))
  t.same(await counts(), [{ inbound: 0, outbound: 1 }], 'it turned out to be of nobody')
  await sql`delete from messages`.execute(db)
  t.same(await counts(), [])
  t.same(await db.selectFrom('answers').selectAll().execute(), [])
})

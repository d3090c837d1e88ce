import t, { type Test } from 'tap'
import type { Account } from '../../../src/central-hub/follow/accounts.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { Retention } from '../../../src/central-hub/follow/retention.ts'
import { listDeletions } from '../../../src/central-hub/store/write/deletions.ts'
import { getLead, listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { Upstream } from '../../../src/central-hub/follow/upstream.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { logLines, type LogLines } from '../../platform/log-lines.ts'
import { ownPlace } from '../store/place.ts'
import { record, reply } from '../store/open-store.ts'

const day = 86_400
const now = Math.floor(Date.now() / 1_000)
const ago = (days: number): { timestamp: number } => ({ timestamp: now - days * day })
const other = { chat_id: '5215511111111@c.us', from: '5215511111111@c.us', phone: '+5215511111111' }

interface Rig {
  db: Db
  retention: Retention
  /** The messages that session-manager was asked to erase. */
  erased: string[]
  log: LogLines
  take(...records: InboundRecord[]): Promise<void>
}

/** A retention of ten days; `reachable` says whether session-manager is. */
const rig = async (t: Test, reachable: () => boolean = () => true): Promise<Rig> => {
  const store = await openStore(await ownPlace(t))
  t.teardown(() => store.close())
  await store.db.updateTable('store').set({ certain_until: Date.now() }).execute()
  const erased: string[] = []
  const upstream: Partial<Upstream> = {
    account: 'main',
    erase: async ({ message_ids = [] }) => {
      if (!reachable())
        throw new ProblemError('session-manager-unreachable', 'nothing listens there')
      erased.push(...message_ids)
      return { records: message_ids.length, media_files: 1 }
    }
  }
  const follower: Account['follower'] = {
    state: () => ({ verified: true, following: true, account: 'main', seq: 0, lastSeq: 0 }),
    stop: async () => undefined
  }
  const log = logLines()
  const ingest = createIngest({ db: store.db, onTaken: () => undefined })
  return {
    db: store.db,
    erased,
    log,
    retention: new Retention({
      store,
      accounts: [{ upstream: upstream as Upstream, follower, session: () => undefined }],
      keepMs: 10 * day * 1_000,
      onChanged: () => undefined,
      log: log.log
    }),
    take: (...records) => ingest.take('main', 'j', records)
  }
}

t.test(
  'messages older than that go, at session-manager first, and leads of which nothing is left',
  async (t) => {
    const { db, retention, erased, take } = await rig(t)
    await take(
      record('old', ago(12)),
      reply('answer', ago(11)),
      record('young', ago(1)),
      record('gone', { ...other, id: 'gone', ...ago(20) }),
      record('group', {
        id: 'group',
        chat_id: '120363025246125486@g.us',
        from: '120363025246125486@g.us',
        ...ago(30)
      })
    )
    await retention.run()
    t.same(
      (await listMessages(db, {}, 10)).items.map(({ body }) => body),
      ['message young']
    )
    t.match((await listLeads(db, {}, 10)).items, [
      { id: 1, unanswered_count: 1, last_message: { body: 'message young' } }
    ])
    t.equal(erased.length, 4)
    t.match((await listDeletions(db, 10)).items, [
      { reason: 'retention', request_id: null, leads: 1, messages: 4, media_files: 1 }
    ])
    await retention.run()
    t.equal(
      (await listDeletions(db, 10)).items.length,
      1,
      'a run that deletes nothing leaves no record'
    )
  }
)

t.test(
  'a lead that has waited for longer than that waits from its first message that is left',
  async (t) => {
    const { db, retention, take } = await rig(t)
    await take(record('a', ago(15)), record('b', ago(14)), record('c', ago(2)))
    await retention.run()
    t.match(await getLead(db, 1), {
      unanswered_count: 1,
      unread_count: 1,
      waiting_since: new Date((now - 2 * day) * 1_000).toISOString()
    })
  }
)

t.test('many are deleted in batches, and counted as one deletion', async (t) => {
  const { db, retention, erased, take } = await rig(t)
  await take(...Array.from({ length: 1_200 }, (_, n) => record(`${n}`, { ...ago(20), id: `${n}` })))
  await retention.run()
  t.equal(new Set(erased).size, 1_200)
  t.match((await listDeletions(db, 10)).items, [{ leads: 1, messages: 1_200, media_files: 3 }])
})

t.test(
  'while session-manager cannot be reached nothing is deleted, and the log says that it is tried again',
  async (t) => {
    let reachable = false
    const { db, retention, log, take } = await rig(t, () => reachable)
    await take(record('old', ago(12)))
    await retention.run()
    t.equal((await listMessages(db, {}, 10)).items.length, 1)
    t.match(log.of('retention_postponed'), [{ account: 'main', level: 'warn' }])
    reachable = true
    await retention.run()
    t.equal((await listMessages(db, {}, 10)).items.length, 0)
  }
)

t.test(
  'a clock that is ahead makes nothing old: messages and the time that passed confirm how late it is',
  async (t) => {
    const { db, retention, take, erased } = await rig(t)
    await db.updateTable('store').set({ certain_until: 0 }).execute()
    await take(record('1', ago(400)), record('2', ago(395)))
    await retention.run()
    t.same(erased, [])
    t.equal((await listMessages(db, {}, 10)).items.length, 2)

    await take(record('3', ago(0)))
    await retention.run()
    t.same(
      (await listMessages(db, {}, 10)).items.map(({ body }) => body),
      ['message 3']
    )
  }
)

t.test(
  'accounts that are followed no more have their old messages deleted, which is said',
  async (t) => {
    const { db, retention, take, erased, log } = await rig(t)
    await take(
      record('1', ago(400), 'message', { account: 'sales' }),
      record('2', ago(1), 'message', { account: 'sales' })
    )
    await retention.run()
    t.same(erased, [], 'no session-manager is asked')
    t.equal((await listMessages(db, {}, 10)).items.length, 1)
    t.match(log.of('erased_here_alone'), [{ level: 'warn', account: 'sales', messages: 1 }])
  }
)

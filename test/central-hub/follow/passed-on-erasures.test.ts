import t, { type Test } from 'tap'
import { createFollower } from '../../../src/central-hub/follow/follower.ts'
import { PassedOnErasures } from '../../../src/central-hub/follow/passed-on-erasures.ts'
import { readCursor } from '../../../src/central-hub/store/write/cursors.ts'
import { listDeletions } from '../../../src/central-hub/store/write/deletions.ts'
import { readErasures } from '../../../src/central-hub/store/write/erase-passed-on.ts'
import { createUpstream } from '../../../src/central-hub/follow/upstream.ts'
import { limitConcurrency } from '../../../src/platform/async.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { token } from '../../end-to-end/daemon.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from './fake-session-manager.ts'
import { testStore, type TestStore } from '../store/open-store.ts'

const setUp = async (t: Test) => {
  const manager = await fakeSessionManager(t)
  const store = await testStore(t)
  const log = logLines()
  const upstream = createUpstream({
    baseUrl: manager.url,
    token,
    envFile: '/etc/leadmaster/central-hub.env'
  })
  const scrubbed: string[] = []
  const passedOn = new PassedOnErasures({
    store: { db: store.db, scrub: async () => void scrubbed.push('scrub') },
    inTurn: limitConcurrency(1),
    onChanged: () => scrubbed.push('changed'),
    log: log.log
  })
  t.teardown(() => passedOn.stop())
  return { manager, store, log, upstream, passedOn, scrubbed }
}

type SetUp = Awaited<ReturnType<typeof setUp>>

const follow = (
  t: Test,
  { store, log, upstream, passedOn }: SetUp,
  take = store.ingest.take
): void => {
  const follower = createFollower({
    upstream,
    log: log.log,
    ingest: { take },
    cursor: (account) => readCursor(store.db, account),
    onSession: (now) => void ('journal' in now && passedOn.onStatus(upstream, now)),
    onChange: () => undefined,
    checkIntervalMs: 60_000,
    maxDelayMs: 100
  })
  t.teardown(() => follower.stop())
}

const until = async (fits: () => Promise<boolean>): Promise<void> => {
  while (!(await fits())) await new Promise((resolve) => setTimeout(resolve, 5))
}
const leads = async ({ db }: TestStore): Promise<number> =>
  (await db.selectFrom('leads').select('id').execute()).length

t.test(
  'a hub with a store of its own deletes what another hub had session-manager erase',
  async (t) => {
    const world = await setUp(t)
    const { manager, store, upstream, scrubbed, log } = world
    manager.journal.append([newRecord('1')], 'live')
    follow(t, world)
    await until(async () => (await leads(store)) === 1)

    await upstream.erase({ chat_ids: [newRecord('1').message.chat_id] })

    await until(
      async () => (await readErasures(store.db, 'main')) === manager.journal.latestErasure()
    )
    await until(async () => scrubbed.length === 2)
    t.equal(await leads(store), 0)
    t.same(await store.db.selectFrom('messages').select('id').execute(), [])
    t.match((await listDeletions(store.db, 10)).items, [
      { reason: 'passed_on', leads: 1, messages: 1 }
    ])
    t.match(log.of('erased_elsewhere'), [{ level: 'info', account: 'main', leads: 1, messages: 1 }])
    t.same(scrubbed, ['changed', 'scrub'])
    t.match(
      await store.db.selectFrom('events').selectAll().where('ref', '>', 0).execute(),
      [{ type: 'lead_removed' }],
      'its frontends are told'
    )
  }
)

t.test(
  'a hub that was away follows when it is back, also when session-manager fails at first',
  async (t) => {
    const world = await setUp(t)
    const { manager, store, upstream, log, passedOn } = world
    manager.journal.append(
      [
        newRecord('1'),
        newRecord('2', {
          chat_id: '5215500000002@c.us',
          from: '5215500000002@c.us',
          phone: '+5215500000002'
        })
      ],
      'live'
    )
    await store.ingest.take('main', manager.journal.id, manager.journal.read(0, 10))
    await upstream.erase({ chat_ids: [newRecord('1').message.chat_id] })
    const { status } = await upstream.verify()
    let failures = 0
    const flaky = {
      erased: async (question: Parameters<typeof upstream.erased>[0]) => {
        failures += 1
        if (failures === 1)
          throw new ProblemError('session-manager-unreachable', 'nothing listens there')
        return upstream.erased(question)
      }
    }

    passedOn.onStatus(flaky, status)

    await until(async () => (await readErasures(store.db, 'main')) === status.journal.erasures)
    t.equal(await leads(store), 1, 'the other lead is there')
    t.match(log.of('erasures_fault'), [
      { level: 'warn', account: 'main', attempt: 1, retry_ms: 1_000 }
    ])
  }
)

t.test('a deletion that is reported while the store is read is followed', async (t) => {
  const { manager, store, upstream, passedOn } = await setUp(t)
  const chats = ['5215500000001@c.us', '5215500000002@c.us']
  const records = chats.map((chat_id) =>
    newRecord(chat_id, { chat_id, from: chat_id, phone: `+${chat_id.split('@')[0]}` })
  )
  manager.journal.append(records, 'live')
  await store.ingest.take('main', manager.journal.id, manager.journal.read(0, 10))
  const eraseOne = async (chat_id = '') => {
    await upstream.erase({ chat_ids: [chat_id] })
    return (await upstream.verify()).status
  }
  const first = await eraseOne(chats[0])
  passedOn.onStatus(upstream, first)
  await until(async () => (await readErasures(store.db, 'main')) === first.journal.erasures)

  const second = await eraseOne(chats[1])
  // The first of these has begun to read the store when the second comes.
  passedOn.onStatus(upstream, first)
  passedOn.onStatus(upstream, second)

  await until(async () => (await leads(store)) === 0)
  t.equal(await readErasures(store.db, 'main'), second.journal.erasures)
})

t.test('a lead with more messages than one question can carry is followed', async (t) => {
  const { manager, store, upstream, passedOn, log } = await setUp(t)
  const chat_id = '123456789012345@lid'
  // each is described by all that a message of a person can have
  const messages = Array.from({ length: 1_200 }, (_, at) =>
    newRecord(`false_${chat_id}_${String(at).padStart(32, '0')}`, {
      id: `false_${chat_id}_${String(at).padStart(32, '0')}`,
      chat_id,
      from: chat_id,
      lid: chat_id,
      phone: '+5215500000001'
    })
  )
  manager.journal.append(messages, 'live')
  for (let after = 0; after < messages.length; after += 400)
    await store.ingest.take('main', manager.journal.id, manager.journal.read(after, 400))
  await upstream.erase({ chat_ids: [chat_id] })
  const { status } = await upstream.verify()

  passedOn.onStatus(upstream, status)

  await until(async () => (await readErasures(store.db, 'main')) === status.journal.erasures)
  t.same(log.of('erasures_fault'), [])
  t.equal(await leads(store), 0)
  t.same(await store.db.selectFrom('messages').select('id').execute(), [])
})

t.test(
  'a store that has nothing yet follows once its first records, read before the deletion, are taken',
  async (t) => {
    const world = await setUp(t)
    const { manager, store, upstream, passedOn } = world
    manager.journal.append([newRecord('1')], 'live')
    const read = manager.journal.read(0, 10)
    await upstream.erase({ chat_ids: [newRecord('1').message.chat_id] })
    passedOn.onStatus(upstream, (await upstream.verify()).status)

    await store.ingest.take('main', manager.journal.id, read, null)
    t.equal(await leads(store), 1)
    passedOn.wake()

    await until(
      async () => (await readErasures(store.db, 'main')) === manager.journal.latestErasure()
    )
    t.equal(await leads(store), 0)
  }
)

t.test(
  'a session-manager of before, which says nothing of erasures, is asked nothing',
  async (t) => {
    const { store, manager, upstream, passedOn } = await setUp(t)
    manager.journal.append([newRecord('1')], 'live')
    await store.ingest.take('main', manager.journal.id, manager.journal.read(0, 10))
    const { status } = await upstream.verify()
    t.equal(status.journal.erasures, undefined)

    passedOn.onStatus({ erased: async () => t.fail('it is asked') as never }, status)

    await passedOn.stop()
    t.equal(await leads(store), 1)
  }
)

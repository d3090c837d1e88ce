import t from 'tap'
import {
  readJournal,
  sessionOnly,
  streamCheck,
  withStream
} from '../../../src/central-hub/cluster/beside-stream.ts'
import { createFollower, type FollowerState } from '../../../src/central-hub/follow/follower.ts'
import type { StreamFollower } from '../../../src/central-hub/cluster/jetstream/follow-stream.ts'
import { createUpstream } from '../../../src/central-hub/follow/upstream.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import type { Status } from '../../../src/contract/session.ts'
import { token } from '../../end-to-end/daemon.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'

const reach = (baseUrl: string) =>
  createUpstream({ baseUrl, token, envFile: '/etc/leadmaster/central-hub.env' })

t.test('the session is followed, and no record is asked for', async (t) => {
  const manager = await fakeSessionManager(t)
  manager.journal.append([newRecord('1'), newRecord('2')], 'live')
  const sessions: (Status | Problem)[] = []
  let told: () => void = () => undefined
  const opened: number[] = []
  const upstream = reach(manager.url)
  const follower = createFollower({
    ...sessionOnly({
      baseUrl: upstream.baseUrl,
      verify: () => upstream.verify(),
      open: (after, signal) => (opened.push(after), upstream.open(after, signal))
    }),
    onSession: (now) => {
      sessions.push(now)
      told()
    },
    onChange: () => told(),
    checkIntervalMs: 60_000,
    maxDelayMs: 100,
    log: logLines().log
  })
  t.teardown(follower.stop)
  const until = (fits: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      told = () => fits() && resolve()
      told()
    })
  await until(() => follower.state().following)
  manager.journal.append([newRecord('3')], 'live')
  manager.set({ status: 'READY', running: true })
  await until(() => sessions.some(({ status }) => status === 'READY'))
  t.same(opened, [Number.MAX_SAFE_INTEGER])
  t.match(
    follower.state(),
    { verified: true, account: 'main', seq: 2 },
    'it stays where the journal ended'
  )
})

const following: FollowerState = {
  verified: true,
  following: true,
  account: 'main',
  seq: 9,
  lastSeq: 9
}
const both = (
  session: Partial<typeof following>,
  account: ReturnType<StreamFollower['account']>,
  state: ReturnType<StreamFollower['state']> = { found: true, accounts: 1 }
) =>
  withStream(
    { state: () => ({ ...following, ...session }), stop: async () => undefined },
    { account: () => account, state: () => state, stop: async () => undefined },
    undefined
  ).state()

t.test('what is told of the records is what the stream tells', async (t) => {
  t.same(both({}, { following: true, seq: 5, lastSeq: 7 }), {
    verified: true,
    account: 'main',
    following: true,
    seq: 5,
    lastSeq: 7
  })
  t.match(
    both({}, { following: false, seq: 0, lastSeq: 0 }),
    { following: false, standby: true },
    'another hub takes them'
  )
  t.match(both({}, { following: false, seq: 5, lastSeq: 7, fault: 'a gap' }), {
    following: false,
    fault: 'a gap'
  })
  t.match(both({}, undefined), { following: true, seq: 0 }, 'the stream has none of it yet')
  t.match(both({}, undefined, { found: false, accounts: 0, fault: 'NATS is away' }), {
    following: false,
    fault: 'NATS is away'
  })
  t.match(
    both(
      { verified: false, fault: 'session-manager is away' },
      { following: true, seq: 5, lastSeq: 7 }
    ),
    { verified: false, following: true, fault: 'session-manager is away' }
  )
})

t.test('the check of /ready', async (t) => {
  const check = (state: ReturnType<StreamFollower['state']>) =>
    streamCheck({ state: () => state, account: () => undefined, stop: async () => undefined })
  t.same(check({ found: true, accounts: 3 }), {
    name: 'nats',
    ok: true,
    detail: 'records of 3 accounts come from NATS'
  })
  t.same(check({ found: false, accounts: 0 }), {
    name: 'nats',
    ok: false,
    detail: 'NATS is not connected yet'
  })
  t.same(check({ found: true, accounts: 3, fault: 'it is away' }), {
    name: 'nats',
    ok: false,
    detail: 'it is away'
  })
})

t.test('a part of the journal is read as long as it is the same journal', async (t) => {
  const manager = await fakeSessionManager(t)
  manager.journal.append(
    ['1', '2', '3', '4'].map((id) => newRecord(id)),
    'live'
  )
  t.same(
    await readJournal(reach(manager.url), manager.journal.id, 1, 2),
    manager.journal.read(1, 2)
  )
  t.equal(await readJournal(reach(manager.url), 'another', 1, 2), undefined)
})

import t from 'tap'
import { createFollower } from '../../../src/central-hub/follow/follower.ts'
import { erasePerson, erasureOf } from '../../../src/central-hub/store/write/erase.ts'
import { readCursor } from '../../../src/central-hub/store/write/cursors.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { createUpstream } from '../../../src/central-hub/follow/upstream.ts'
import { token } from '../../end-to-end/daemon.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from './fake-session-manager.ts'
import { testStore } from '../store/open-store.ts'

t.test(
  'records that were read before a deletion and are taken after it do not bring the lead back',
  async (t) => {
    const manager = await fakeSessionManager(t)
    const { db, ingest } = await testStore(t)
    const log = logLines()
    const upstream = createUpstream({
      baseUrl: manager.url,
      token,
      envFile: '/etc/leadmaster/central-hub.env'
    })
    const chat = newRecord('1').message.chat_id
    manager.journal.append([newRecord('1')], 'live')
    /** While this is pending, what was read waits to be taken. */
    let gate = Promise.resolve()
    const held = Promise.withResolvers<void>()
    const follower = createFollower({
      upstream,
      log: log.log,
      ingest: {
        take: async (...of) => {
          if (of[2].some(({ seq }) => seq > 1)) held.resolve()
          await gate
          return ingest.take(...of)
        }
      },
      cursor: (account) => readCursor(db, account),
      onSession: () => undefined,
      onChange: () => undefined,
      checkIntervalMs: 60_000,
      maxDelayMs: 100
    })
    t.teardown(() => follower.stop())
    const taken = async (seq: number): Promise<void> => {
      while ((await readCursor(db, 'main'))?.seq !== seq)
        await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await taken(1)
    const open = Promise.withResolvers<void>()
    gate = open.promise
    manager.journal.append(
      [
        newRecord('2'),
        newRecord('3', {
          id: 'false_118999881199@lid_3',
          chat_id: '118999881199@lid',
          lid: '118999881199@lid'
        })
      ],
      'live'
    )
    await held.promise

    const erasure = await erasureOf(db, 1)
    await upstream.erase({ chat_ids: [chat] })
    if (erasure) await erasePerson(db, erasure.lead, erasure.chatIds, async () => undefined)
    open.resolve()

    await taken(3)
    t.same((await listLeads(db, {}, 10)).items, [])
    t.same(await db.selectFrom('messages').select('id').execute(), [])
    t.match(log.of('stream_reopened'), [{ level: 'info', account: 'main', after: 1 }])
    manager.journal.append([newRecord('4')], 'live')
    await taken(4)
    t.equal(
      (await listLeads(db, {}, 10)).items.length,
      1,
      'what the person writes afterwards makes a new lead'
    )
  }
)

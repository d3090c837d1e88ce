import { Registry } from 'prom-client'
import t from 'tap'
import { addGauges, createCounters } from '../../src/session-manager/metrics.ts'
import { initialSession } from '../../src/session-manager/session/session.ts'
import { logLines } from '../platform/log-lines.ts'

t.test(
  'steps against stalls are counted from 0, so that the first one is an increase',
  async (t) => {
    const registry = new Registry()

    const { stalls } = createCounters(registry, logLines().log)

    for (const step of ['read-back', 're-inject', 'reload', 'restart'])
      t.match(await registry.metrics(), `leadmaster_stall_steps_total{step="${step}"} 0`)
    stalls.inc({ step: 'restart' })
    t.match(await registry.metrics(), 'leadmaster_stall_steps_total{step="restart"} 1')
  }
)

t.test('a journal that cannot be written is 1', async (t) => {
  const registry = new Registry()
  let failure: { reason: string; since: number } | undefined
  addGauges({
    registry,
    config: { PROFILE_BACKUP: '' },
    journal: { lastSeq: () => 0, pendingMediaCount: () => 0 },
    recording: {
      writer: { failure: () => failure },
      backfill: { unreadChats: () => 0, unreadMessages: () => 0 },
      media: { outage: () => undefined }
    },
    connection: {
      session: () => initialSession(0),
      outboundBlocked: () => 0,
      guard: () => undefined
    },
    cluster: {}
  } as unknown as Parameters<typeof addGauges>[0])
  t.match(await registry.metrics(), /^leadmaster_journal_unwritable 0$/m)

  failure = { reason: 'the disk is full', since: 0 }

  t.match(await registry.metrics(), /^leadmaster_journal_unwritable 1$/m)
})

import { Registry } from 'prom-client'
import t from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { addMessageMetrics } from '../../../src/central-hub/api/message-metrics.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { sample } from '../../platform/lint-metrics.ts'
import { record, reply, testStore } from '../store/open-store.ts'

const at = Date.parse('2026-11-24T12:00:00.000Z') / 1_000
const soon = (id: string, facts: Partial<CapturedMessage>): InboundRecord =>
  record(id, { timestamp: at, ...facts })

t.test(
  'messages are counted by account and direction, and how long leads waited, each once',
  async (t) => {
    const { db } = await testStore(t)
    const registry = new Registry()
    const { take } = createIngest({
      db,
      onTaken: () => undefined,
      onConversed: addMessageMetrics(registry)
    })
    const first = [
      soon('A', {}),
      soon('B', { timestamp: at + 10 }),
      reply('C', { timestamp: at + 100 }),
      soon('D', { timestamp: at + 200 })
    ]
    await take('main', 'j', first)
    await take('main', 'j', first)
    const other = { ...soon('E', { timestamp: at + 5 }), account: 'sales' }
    await take('sales', 'k', [other])

    const text = await registry.metrics()
    t.equal(
      sample(text, 'leadmaster_messages_total{account="main",direction="inbound"}'),
      3,
      'a record that is taken again is not counted'
    )
    t.equal(sample(text, 'leadmaster_messages_total{account="main",direction="outbound"}'), 1)
    t.equal(sample(text, 'leadmaster_messages_total{account="sales",direction="inbound"}'), 1)
    t.equal(sample(text, 'leadmaster_first_response_seconds_count{account="main"}'), 1)
    t.equal(sample(text, 'leadmaster_first_response_seconds_sum{account="main"}'), 100)
  }
)

t.test('history, groups, and what fails to be stored are not counted', async (t) => {
  const { db } = await testStore(t)
  const registry = new Registry()
  const { take } = createIngest({
    db,
    onTaken: () => undefined,
    onConversed: addMessageMetrics(registry)
  })
  await take('main', 'j', [
    record('A', { timestamp: at - 90_000 }),
    reply('B', { timestamp: at - 89_000 }),
    soon('G', { chat_id: '1203@g.us', author: '5215512345678@c.us' })
  ])
  await t.rejects(
    take('main', 'j', [soon('C', {}), soon('D', { timestamp: null as unknown as number })])
  )
  t.notMatch(
    await registry.metrics(),
    /leadmaster_messages_total\{|leadmaster_first_response_seconds_count\{/
  )
})

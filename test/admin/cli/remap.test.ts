import t from 'tap'
import { createClient, type Client, type Message } from '../../../src/client/index.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { messageRecords } from '../../../src/session-manager/whatsapp/new-records.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { fixture } from '../../session-manager/whatsapp/fixtures.ts'
import { rawText } from '../../session-manager/whatsapp/raw-models.ts'
import { run, startHub } from './terminal.ts'

const mapping = {
  media: { maxBytes: 1_000_000, types: ['*/*'] },
  me: ['5215500000001@c.us'],
  keepRaw: true
}

/** As a mapper has it that reads nothing of an order. */
const spoilt = (newRecords: NewRecord[]): NewRecord[] =>
  newRecords.map((newRecord) => {
    const { order: _order, ...message } = newRecord.message
    return { ...newRecord, message: { ...message, body: '' } }
  })

const untilThere = async (
  hub: Client,
  isThere: (messages: Message[]) => boolean
): Promise<Message[]> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const { messages } = await hub.listMessages({ limit: 200 })
    if (isThere(messages)) return messages
    await new Promise((done) => setTimeout(done, 25))
  }
  throw new Error('it does not come')
}

t.test(
  'remap brings back what an earlier mapper lost, to REST, and makes nobody wait again',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { env } = await startHub(t, upstream.url)
    const hub = createClient({
      baseUrl: env['LEADMASTER_URL'] as string,
      token: env['LEADMASTER_TOKEN'] as string
    })
    const order = fixture('order')
    const reply = rawText('R', {
      id: { fromMe: true, remote: (order['id'] as { remote: string }).remote, id: 'R' },
      t: Number(order['t']) + 60
    })
    upstream.journal.append(
      [...spoilt(messageRecords(order, mapping)), ...messageRecords(reply, mapping)],
      'live'
    )
    const before = await untilThere(hub, ({ length }) => length === 2)
    t.notOk(before.some((message) => message.order))
    t.match((await hub.listLeads({})).leads, [{ waiting_since: null }])

    t.match(await run(t, ['remap', '--dry-run'], env), {
      code: 0,
      out: '2 records read, 2 messages mapped again, 1 would be updated\n',
      err: ''
    })
    t.equal(upstream.journal.lastSeq(), 2)
    t.match(await run(t, ['remap', '--account', 'main'], env), {
      code: 0,
      out: '2 records read, 2 messages mapped again, 1 were updated\n',
      err: ''
    })

    const after = await untilThere(hub, (items) => items.some((message) => message.order))
    t.equal(after.length, 2)
    t.match(
      after.find((message) => message.order),
      {
        type: 'order',
        body: 'I want this',
        order: { id: '1000000000000001', items: 2, amount1000: 150_000, currency: 'MXN' }
      }
    )
    t.match((await hub.listLeads({})).leads, [{ waiting_since: null }])
    t.match(await run(t, ['remap'], env), { code: 0, out: /, 0 were updated\n$/ })
    t.match(await run(t, ['remap', '--account', 'other'], env), {
      code: 1,
      err: /there is no account other/
    })
  }
)

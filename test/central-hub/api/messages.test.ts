import t from 'tap'
import { LeadPage, MessagePage, type Lead, type Message } from '../../../src/contract/lead.ts'
import { kindOf } from '../../../src/contract/message-types.ts'
import { typeNames } from '../../../src/session-manager/whatsapp/page-names.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

t.test('GET /api/messages: all of them, by words, chat and side, in pages', async (t) => {
  const { ask, take } = await serveApi(t)
  const group = '120363025246125486@g.us'
  await take(
    record('1', { timestamp: 1, body: 'hola' }),
    reply('2', { timestamp: 2, body: 'hola, Ana' }),
    record('3', { id: `false_${group}_3`, chat_id: group, from: group, timestamp: 3 })
  )
  const { body } = await ask<MessagePage>('/api/messages')
  conforms(t, MessagePage, body, '/api/messages')
  t.match(body.messages, [
    { chat_id: group, lead_id: null },
    { from_me: true, lead_id: 1 },
    { from_me: false, lead_id: 1 }
  ])
  t.equal((await ask<MessagePage>('/api/messages?q=ana')).body.messages.length, 1)
  t.equal((await ask<MessagePage>(`/api/messages?chat_id=${group}`)).body.messages.length, 1)
  t.equal((await ask<MessagePage>('/api/messages?from_me=false')).body.messages.length, 2)
  const page = await ask<MessagePage>('/api/messages?limit=2')
  t.match((await ask<MessagePage>(`/api/messages?limit=2&cursor=${page.body.next_cursor}`)).body, {
    messages: [{ body: 'hola' }],
    next_cursor: null
  })
  t.match(await ask('/api/messages?from_me=1'), {
    status: 400,
    body: { errors: [{ field: 'from_me' }] }
  })
  t.match(await ask('/api/messages?lead=1'), {
    status: 400,
    body: { errors: [{ field: 'lead', message: /unknown; expected account, chat_id, from_me, q/ }] }
  })
})

interface Shown {
  type: string
  kind: string
  timestamp: number
  sent_at: string
}

/** What is wrong with how a message says its kind and its time; nothing when it is right. */
const faultOf = ({ type, kind, timestamp, sent_at }: Shown): string | undefined => {
  if (kind !== kindOf(type)) return `${type} is ${kind}`
  const seconds = Date.parse(sent_at) / 1_000
  return seconds === timestamp && sent_at.endsWith('Z') ? undefined : `${timestamp} is ${sent_at}`
}

t.test('wherever a message is shown it says its kind and when it was sent', async (t) => {
  const api = await serveApi(t)
  const url = 'http://127.0.0.1:9/hook'
  await api.ask('/api/webhooks', {
    method: 'POST',
    body: { url, events: ['message.created', 'lead.updated'] }
  })
  const types = [...typeNames, 'a_type_of_next_year']
  await api.take(
    ...types.map((type, index) =>
      record(`${index}`, { type, timestamp: 1_790_000_000 + 61 * index })
    )
  )
  const noTime = {
    timestamp: Number.MAX_SAFE_INTEGER,
    chat_id: '34600123456@c.us',
    phone: '+34600123456'
  }
  await api.take(record('no-time', noTime))
  await api.db.updateTable('messages').set({ revoked_at: 1 }).where('id', 'like', '%_3').execute()

  const { messages } = (await api.ask<MessagePage>('/api/messages?limit=200')).body
  const { leads } = (await api.ask<LeadPage>('/api/leads')).body
  const client = await openSse(`${api.url}/api/events?after=0`, bearer)
  await client.until(({ data }) => data.includes('no-time'))
  const told = client.events
    .filter(({ event }) => event === 'message')
    .map(({ data }) => JSON.parse(data) as Message)
  client.close()
  const lines = (await (await fetch(`${api.url}/api/messages.jsonl`, { headers: bearer })).text())
    .trim()
    .split('\n')
  const rows = await api.db.selectFrom('outbox').select('body').execute()
  const delivered = rows.map(
    ({ body }) => (JSON.parse(body) as { data: { message?: Message; lead: Lead } }).data
  )

  const shown: Record<string, Shown[]> = {
    messages,
    leads: leads.flatMap(({ last_message }) => last_message ?? []),
    events: told,
    export: lines.map((line) => JSON.parse(line) as Message),
    webhooks: delivered.flatMap(({ message, lead }) =>
      [message, lead.last_message].filter((each) => each != null)
    )
  }
  conforms(t, MessagePage, { messages, next_cursor: null }, 'messages')
  for (const [where, all] of Object.entries(shown)) {
    t.ok(all.length > 0, `${where} has messages`)
    t.same(
      all.flatMap((each) => faultOf(each) ?? []),
      [],
      where
    )
  }
})

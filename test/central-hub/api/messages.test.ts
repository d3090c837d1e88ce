import t from 'tap'
import { MessagePage } from '../../../src/contract/lead.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, reply } from '../store/open-store.ts'
import { serveApi } from './rig.ts'

t.test('GET /api/messages: all of them, by words, chat and side, in pages', async (t) => {
  const { ask, take } = await serveApi(t)
  const group = '120363025246125486@g.us'
  await take(record('1', { timestamp: 1, body: 'hola' }), reply('2', { timestamp: 2, body: 'hola, Ana' }), record('3', { id: `false_${group}_3`, chat_id: group, from: group, timestamp: 3 }))
  const { body } = await ask<MessagePage>('/api/messages')
  conforms(t, MessagePage, body, '/api/messages')
  t.match(body.messages, [{ chat_id: group, lead_id: null }, { from_me: true, lead_id: 1 }, { from_me: false, lead_id: 1 }])
  t.equal((await ask<MessagePage>('/api/messages?q=ana')).body.messages.length, 1)
  t.equal((await ask<MessagePage>(`/api/messages?chat_id=${group}`)).body.messages.length, 1)
  t.equal((await ask<MessagePage>('/api/messages?from_me=false')).body.messages.length, 2)
  const page = await ask<MessagePage>('/api/messages?limit=2')
  t.match((await ask<MessagePage>(`/api/messages?limit=2&cursor=${page.body.next_cursor}`)).body, { messages: [{ body: 'hola' }], next_cursor: null })
  t.match(await ask('/api/messages?from_me=1'), { status: 400, body: { errors: [{ field: 'from_me' }] } })
  t.match(await ask('/api/messages?lead=1'), { status: 400, body: { errors: [{ field: 'lead', message: /unknown; expected account, chat_id, from_me, q/ }] } })
})

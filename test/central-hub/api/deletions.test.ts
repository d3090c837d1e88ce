import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  Deletion,
  DeletionPage,
  type LeadPage,
  type MessagePage
} from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

const other = {
  id: 'false_5215511111111@c.us_X',
  chat_id: '5215511111111@c.us',
  from: '5215511111111@c.us',
  phone: '+5215511111111'
}
const csv = { 'content-type': 'text/csv' }

/** Files of a directory, the write-ahead log too, that hold a text. */
const filesWith = async (directory: string, text: string): Promise<string[]> => {
  const files = await readdir(directory)
  const found = await Promise.all(
    files.map(async (file) =>
      (await readFile(join(directory, file))).includes(text) ? [file] : []
    )
  )
  return found.flat()
}

t.test(
  'DELETE /api/leads/:id: nothing of the person is left, and a record without personal data says so',
  async (t) => {
    const directory = ownDirectory(t)
    const upstream = await fakeSessionManager(t)
    const { ask, take, url } = await serveApi(t, { sessionManager: upstream.url, directory })
    const marker = 'Xochimilcoyotl'
    const one = record('1', { body: `${marker} one`, name: `${marker} name` })
    await take(
      one,
      record('1', { body: `${marker} edited`, edited: { at: '2026-01-01T00:00:00.000Z' } }, 'edit'),
      reply('2', { body: `${marker} two` }),
      record('3', { ...other, body: 'stays' })
    )
    await take(
      record(
        'r',
        { reaction: { message_id: one.message.id, emoji: '👍', sender: `${marker}@c.us` } },
        'reaction'
      )
    )
    await ask('/api/leads/1', {
      method: 'PATCH',
      body: { note: `${marker} note`, name: `${marker} given`, tags: [marker], assignee: marker },
      headers: { 'idempotency-key': 'k1' }
    })
    await ask('/api/leads/1', { method: 'PATCH', body: { note: '' } })
    await ask('/api/leads/import', {
      method: 'POST',
      headers: csv,
      text: `phone,name\n+52 55 1234 5678,${marker} imported\n`
    })
    t.not((await filesWith(directory, marker)).length, 0)
    const client = await openSse(`${url}/api/events`, bearer)
    await client.until(({ event }) => event === 'session')

    const { status, body } = await ask<Deletion>('/api/leads/1', {
      method: 'DELETE',
      headers: { 'x-request-id': 'asked-by-her' }
    })
    t.equal(status, 200)
    conforms(t, Deletion, body, 'the record')
    t.match(body, {
      reason: 'request',
      request_id: 'asked-by-her',
      leads: 1,
      messages: 2,
      media_files: 0
    })
    for (const text of [marker, marker.toLowerCase(), '5215512345678', '525512345678'])
      t.same(await filesWith(directory, text), [], text)
    t.same(JSON.parse((await client.until(({ event }) => event === 'lead_removed')).data), {
      id: 1,
      merged_into: null
    })
    client.close()
    const list = await ask<DeletionPage>('/api/deletions')
    conforms(t, DeletionPage, list.body, '/api/deletions')
    t.same(list.body, { deletions: [body], next_cursor: null })

    t.equal((await ask('/api/leads/1')).status, 404)
    t.equal((await ask('/api/leads/1', { method: 'DELETE' })).status, 404)
    t.match((await ask<LeadPage>('/api/leads')).body.leads, [{ id: 2 }])
    t.match((await ask<MessagePage>('/api/messages')).body.messages, [{ body: 'stays' }])
    const all = await openSse(`${url}/api/events?after=0`, bearer)
    await all.until(({ event }) => event === 'lead_removed')
    t.notOk(all.events.some(({ data }) => data.includes(marker)))
    all.close()
  }
)

t.test(
  'a message that the person writes afterwards makes a new lead, under the name of WhatsApp',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { ask, take } = await serveApi(t, { sessionManager: upstream.url })
    await take(record('1', { name: 'Ana' }))
    await ask('/api/leads/import', {
      method: 'POST',
      headers: csv,
      text: 'phone,name\n+52 55 1234 5678,Ana García\n'
    })
    await ask('/api/leads/1', { method: 'DELETE' })
    await take(record('2', { name: 'Ana' }))
    t.match((await ask<LeadPage>('/api/leads')).body.leads, [
      { id: 2, name: 'Ana', unanswered_count: 1, last_message: { body: 'message 2' } }
    ])
  }
)

t.test(
  'session-manager erases its own: of every chat of the lead, and of the number it is known by',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { ask, take } = await serveApi(t, { sessionManager: upstream.url })
    const lid = '118999881199@lid'
    const newRecords = [
      record('1'),
      record('2', { id: 'lid-2', chat_id: lid, from: lid, lid }),
      record('3', { ...other, id: 'kept' })
    ]
    upstream.journal.append(
      newRecords.map(({ message }) => ({ key: `message:${message.id}`, kind: 'message', message })),
      'live'
    )
    await take(record('2', { id: 'lid-2', chat_id: lid, from: lid, lid }))
    t.equal((await ask('/api/leads/1', { method: 'DELETE' })).status, 200)
    t.same(
      upstream.journal.read(0, 100).map(({ kind }) => kind),
      ['erased', 'erased', 'message']
    )
  }
)

t.test('session-manager cannot be reached: its problem, and nothing is changed', async (t) => {
  const { ask, take } = await serveApi(t)
  await take(record('1'))
  t.match(await ask<Problem>('/api/leads/1', { method: 'DELETE' }), {
    status: 503,
    body: { type: 'urn:leadmaster:problem:session-manager-unreachable' }
  })
  t.equal((await ask('/api/leads/1')).status, 200)
  t.same((await ask<DeletionPage>('/api/deletions')).body.deletions, [])
})

t.test(
  'a lead of an account that is followed no more is deleted here; while it is not known whose the followed ones are, it is not',
  async (t) => {
    const unknown = await serveApi(t, { account: null })
    await unknown.take(record('1', {}, 'message', { account: 'sales' }))
    t.match(await unknown.ask<Problem>('/api/leads/1', { method: 'DELETE' }), {
      status: 503,
      body: { account: 'sales', detail: /FURTHER_SESSION_MANAGERS/ }
    })
    t.equal((await unknown.ask('/api/leads/1')).status, 200)

    const { ask, take, lines } = await serveApi(t)
    await take(record('1', {}, 'message', { account: 'sales' }))
    t.match(await ask<Deletion>('/api/leads/1', { method: 'DELETE' }), {
      status: 200,
      body: { leads: 1, messages: 1 }
    })
    t.equal((await ask('/api/leads/1')).status, 404)
    t.match(lines.of('erased_here_alone'), [{ level: 'warn', account: 'sales' }])
  }
)

t.test(
  'what the person wrote in groups goes too, with reactions and votes; what others wrote stays and quotes nobody',
  async (t) => {
    const directory = ownDirectory(t)
    const upstream = await fakeSessionManager(t)
    const { ask, take } = await serveApi(t, { sessionManager: upstream.url, directory })
    const [ana, lid, group] = ['5215512345678@c.us', '118999881199@lid', '120363041234567890@g.us']
    const inGroup = (id: string, author: string, facts: object = {}) =>
      record(id, {
        id: `false_${group}_${id}_${author}`,
        chat_id: group,
        from: group,
        author,
        phone: undefined,
        lid: undefined,
        ...facts
      } as never)
    await take(
      record('1', { lid }),
      inGroup('G1', ana, { body: 'MARKER by number', phone: '+5215512345678' }),
      inGroup('G2', lid, { body: 'MARKER by LID', lid }),
      inGroup('G3', '5215599999999@c.us', {
        body: 'of another',
        phone: '+5215599999999',
        quoted_id: `false_${group}_G1_${ana}`
      }),
      // What is quoted was erased at session-manager before the hub had it.
      inGroup('G5', '5215599999999@c.us', {
        body: 'of another, by number',
        phone: '+5215599999999',
        quoted_id: `false_${group}_G0_${ana}`
      }),
      inGroup('G6', '5215599999999@c.us', {
        body: 'of another, by LID',
        phone: '+5215599999999',
        quoted_id: `false_${group}_G00_${lid}`
      }),
      // A number that was hers and is of a person with a LID of their own.
      inGroup('G4', '777@lid', {
        body: 'has her number now',
        phone: '+5215512345678',
        lid: '777777@lid'
      }),
      record(
        'r',
        {
          id: 'r',
          chat_id: group,
          from: lid,
          reaction: { message_id: `false_${group}_G3_5215599999999@c.us`, emoji: '👍', sender: lid }
        },
        'reaction'
      ),
      record('s', {
        id: `false_status@broadcast_S_${ana}`,
        chat_id: 'status@broadcast',
        from: 'status@broadcast',
        author: ana,
        body: 'MARKER status'
      })
    )
    const { body } = await ask<Deletion>('/api/leads/1', { method: 'DELETE' })
    t.match(body, { leads: 1, messages: 4 })
    for (const text of ['MARKER', ana, lid]) t.same(await filesWith(directory, text), [], text)
    t.same(
      (await ask<MessagePage>('/api/messages')).body.messages.map((message) => message.body).sort(),
      ['has her number now', 'of another', 'of another, by LID', 'of another, by number']
    )
  }
)

t.test(
  'a second lead of the same person, whose records came before it was known that they are one, goes too',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const lid = '118999881199@lid'
    // session-manager knows what the hub has not read yet.
    upstream.journal.append(
      [
        {
          key: 'message:x',
          kind: 'message',
          message: record('9', { id: 'false_5215512345678@c.us_9', lid }).message
        }
      ],
      'live'
    )
    const { ask, take } = await serveApi(t, { sessionManager: upstream.url })
    await take(
      record('1'),
      record('2', {
        id: `false_${lid}_2`,
        chat_id: lid,
        from: lid,
        lid,
        phone: undefined
      } as never),
      record('3', { ...other, body: 'stays' })
    )
    t.equal((await ask<LeadPage>('/api/leads')).body.leads.length, 3)
    t.match((await ask<Deletion>('/api/leads/1', { method: 'DELETE' })).body, {
      leads: 2,
      messages: 2
    })
    t.match((await ask<LeadPage>('/api/leads')).body.leads, [{ phone: other.phone }])
  }
)

t.test(
  'a lead into which a number of the person was merged goes too, at session-manager as well',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const lid = '118999881199@lid'
    // session-manager knows that the merged number is of this LID; the hub has not read it yet.
    const known = [
      record('9', { ...other, id: `false_${other.chat_id}_9`, lid }),
      record('1', { lid: '11100111@lid' })
    ]
    upstream.journal.append(
      known.map(({ message }) => ({ key: `message:${message.id}`, kind: 'message', message })),
      'live'
    )
    const { ask, take } = await serveApi(t, { sessionManager: upstream.url })
    const third = {
      id: 'false_5215522222222@c.us_Y',
      chat_id: '5215522222222@c.us',
      from: '5215522222222@c.us',
      phone: '+5215522222222'
    }
    await take(
      record('1', { lid: '11100111@lid' }),
      record('2', other),
      record('3', {
        id: `false_${lid}_3`,
        chat_id: lid,
        from: lid,
        lid,
        phone: undefined
      } as never),
      record('4', { ...third, body: 'stays' })
    )
    await ask('/api/leads/1/merge', { method: 'POST', body: { lead_id: 2 } })

    t.match((await ask<Deletion>('/api/leads/3', { method: 'DELETE' })).body, {
      leads: 2,
      messages: 3
    })
    t.match((await ask<LeadPage>('/api/leads')).body.leads, [{ phone: third.phone }])
    t.same(
      upstream.journal.read(0, 100).map(({ kind }) => kind),
      ['erased', 'erased']
    )
  }
)

t.test('a lead of two numbers goes with both, at session-manager too', async (t) => {
  const directory = ownDirectory(t)
  const upstream = await fakeSessionManager(t)
  const { ask, take } = await serveApi(t, { sessionManager: upstream.url, directory })
  const of = [
    record('1', { lid: '11100111@lid' }),
    record('2', { ...other, lid: '22200222@lid' }),
    record('3', {
      ...other,
      id: 'false_5215522222222@c.us_Y',
      chat_id: '5215522222222@c.us',
      from: '5215522222222@c.us',
      phone: '+5215522222222'
    })
  ]
  upstream.journal.append(
    of.map(({ message }) => ({ key: `message:${message.id}`, kind: 'message', message })),
    'live'
  )
  await take(...of)
  await ask('/api/leads/import', {
    method: 'POST',
    headers: csv,
    text: 'phone,name\n+52 55 1111 1111,Office\n'
  })
  await ask('/api/leads/1/merge', { method: 'POST', body: { lead_id: 2 } })

  t.equal((await ask('/api/leads/1', { method: 'DELETE' })).status, 200)
  for (const text of ['11100111', '22200222', '5215511111111', '525511111111', 'Office'])
    t.same(await filesWith(directory, text), [], text)
  t.match((await ask<LeadPage>('/api/leads')).body.leads, [{ id: 3 }])
  t.same(
    upstream.journal.read(0, 100).map(({ kind }) => kind),
    ['erased', 'erased', 'message']
  )
})

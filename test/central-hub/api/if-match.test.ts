import fc from 'fast-check'
import t from 'tap'
import type { Lead } from '../../../src/contract/lead.ts'
import type { Webhook } from '../../../src/contract/webhook.ts'
import { inScope } from '../../platform/scope.ts'
import { propertyRuns } from '../../property-runs.ts'
import { hurry, record, reply } from '../store/open-store.ts'
import { serveApi, type Api } from './rig.ts'

/**
 * If-Match fails for what another person changed, and for nothing else. What happens between the
 * read and the write, and whether that is a person's change of the lead or the webhook, or a change
 * of what the lead waits for.
 */

type Kind = 'nobody' | 'person' | 'wait'

const between: Record<string, [Kind, (api: Api, n: number) => Promise<unknown>]> = {
  'another lead writes': [
    'nobody',
    (api, n) => api.take(record(`o${n}`, { chat_id: '34600123456@c.us', phone: '+34600123456' }))
  ],
  'a group writes': [
    'nobody',
    (api, n) =>
      api.take(record(`g${n}`, { id: `false_1@g.us_g${n}`, chat_id: '1@g.us', from: '1@g.us' }))
  ],
  'its latest message is edited': [
    'nobody',
    (api, n) =>
      api.take(
        record('first', { body: `edited ${n}`, edited: { at: '2026-11-24T12:00:05.000Z' } }, 'edit')
      )
  ],
  'its media was fetched': [
    'nobody',
    (api) =>
      api.take(
        record(
          'first',
          {
            has_media: true,
            media: { state: 'stored', filename: 'a.pdf', sha256: 'a'.repeat(64) }
          },
          'media'
        )
      )
  ],
  'the lead reacts': [
    'nobody',
    (api, n) =>
      api.take(
        record(
          `r${n}`,
          {
            reaction: {
              message_id: 'false_5215512345678@c.us_first',
              emoji: '👍',
              sender: '5215512345678@c.us'
            }
          },
          'reaction'
        )
      )
  ],
  'somebody reads it': ['nobody', (api) => api.ask('/api/leads/1/read', { method: 'POST' })],
  'somebody saves what is there': [
    'nobody',
    async (api) => {
      const { note, tags } = (await api.ask<Lead>('/api/leads/1')).body
      await api.ask('/api/leads/1', { method: 'PATCH', body: { note, tags } })
    }
  ],
  'another name is imported for somebody else': [
    'nobody',
    (api) =>
      api.ask('/api/leads/import', {
        method: 'POST',
        text: 'phone,name\n+12125550123,X\n',
        headers: { 'content-type': 'text/csv' }
      })
  ],
  'a webhook is pinged': ['nobody', (api) => api.ask('/api/webhooks/1/ping', { method: 'POST' })],
  'a delivery fails': [
    'nobody',
    (api) =>
      api.db
        .updateTable('webhooks')
        .set({ failing_since: 5, failures: 3, last_error: 'x', last_success_at: 7 })
        .execute()
  ],
  'it writes': [
    'wait',
    (api, n) => api.take(record(`m${n}`, { timestamp: 1_790_000_000 + n, name: `Ana ${n}` }))
  ],
  'it is answered': [
    'wait',
    (api, n) => api.take(reply(`a${n}`, { timestamp: 1_790_000_000 + n }))
  ],
  'somebody notes something': [
    'person',
    (api, n) => api.ask('/api/leads/1', { method: 'PATCH', body: { note: `note ${n}` } })
  ],
  'somebody tags it': [
    'person',
    (api, n) => api.ask('/api/leads/1', { method: 'PATCH', body: { tags: [`t${n}`] } })
  ],
  'somebody assigns it': [
    'person',
    (api, n) => api.ask('/api/leads/1', { method: 'PATCH', body: { assignee: `Luisa ${n}` } })
  ],
  'somebody names it': [
    'person',
    (api, n) => api.ask('/api/leads/1', { method: 'PATCH', body: { name: `Ana ${n} of ours` } })
  ]
}

const writes: Record<
  string,
  { path: string; read: string; method: string; body?: object; fails: Kind[] }
> = {
  'PATCH of a lead': {
    path: '/api/leads/1',
    read: '/api/leads/1',
    method: 'PATCH',
    body: { state: 'open' },
    fails: ['person']
  },
  handled: {
    path: '/api/leads/1/handled',
    read: '/api/leads/1',
    method: 'POST',
    body: {},
    fails: ['person', 'wait']
  },
  'handled taken back': {
    path: '/api/leads/1/handled',
    read: '/api/leads/1',
    method: 'DELETE',
    fails: ['person', 'wait']
  },
  'PATCH of a webhook': {
    path: '/api/webhooks/1',
    read: '/api/webhooks/1',
    method: 'PATCH',
    body: { description: 'x' },
    fails: []
  }
}

t.test(
  'a write fails for what another person changed since the read, and for nothing else',
  async (t) => {
    const happenings = fc.array(fc.constantFrom(...Object.keys(between)), { maxLength: 4 })
    const property = fc.asyncProperty(
      fc.constantFrom(...Object.keys(writes)),
      happenings,
      (name, what) =>
        inScope(async (scope) => {
          const api = await serveApi(scope)
          await hurry(api.db)
          await api.take(
            record('first', {
              has_media: true,
              type: 'document',
              media: { state: 'pending' },
              timestamp: 1_780_000_000
            })
          )
          await api.ask('/api/leads/1', { method: 'PATCH', body: { note: 'n', tags: ['vip'] } })
          await api.ask('/api/webhooks', {
            method: 'POST',
            body: { url: 'http://127.0.0.1:9/hook', events: ['message.created', 'lead.updated'] }
          })
          const write = writes[name] as (typeof writes)[string]

          const etag = (await api.ask<Lead | Webhook>(write.read)).headers.get('etag') ?? ''
          for (const [n, happening] of what.entries()) await between[happening]?.[1](api, n + 1)
          const init = { method: write.method, headers: { 'if-match': etag } }
          const { status } = await api.ask(
            write.path,
            write.body === undefined ? init : { ...init, body: write.body }
          )

          const fails = what.some((happening) =>
            write.fails.includes(between[happening]?.[0] ?? 'nobody')
          )
          if (status !== (fails ? 412 : 200))
            throw new Error(`${name} after ${what.join(', ')}: ${status}`)
        })
    )
    const examples = Object.keys(writes).flatMap((name) =>
      Object.keys(between).map((happening): [string, string[]] => [name, [happening]])
    )
    await fc.assert(property, { ...propertyRuns(t, examples.length + 40), examples })
  }
)

t.test('of two who change a webhook the second is told', async (t) => {
  const { ask } = await serveApi(t)
  await ask('/api/webhooks', {
    method: 'POST',
    body: { url: 'http://127.0.0.1:9/hook', events: ['lead.created'] }
  })
  const etag = (await ask('/api/webhooks/1')).headers.get('etag') ?? ''
  for (const [body, status] of [
    [{ enabled: false }, 200],
    [{ description: 'y' }, 412]
  ] as const) {
    t.equal(
      (await ask('/api/webhooks/1', { method: 'PATCH', body, headers: { 'if-match': etag } }))
        .status,
      status
    )
  }
})

import createClient from 'openapi-fetch'
import type { paths } from './generated/schema.js'

const [baseUrl = '', token = '', messageId = ''] = process.argv.slice(2)
const hub = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } })

const listed = await hub.GET('/api/leads', { params: { query: { state: ['new', 'open'] } } })
const patched = await hub.PATCH('/api/leads/{id}', {
  params: { path: { id: 1 } },
  body: { tags: ['vip'], assignee: null }
})
const missing = await hub.GET('/api/leads/{id}', { params: { path: { id: 4_711 } } })
const imported = await hub.POST('/api/leads/import', {
  body: 'phone,name\n+525512345678,Ana María\n',
  headers: { 'content-type': 'text/csv' },
  bodySerializer: (body) => body
})
const media = await hub.GET('/api/messages/{id}/media', {
  params: { path: { id: messageId } },
  parseAs: 'blob'
})

console.log(
  JSON.stringify({
    listed: listed.data?.leads.map(({ name, state }) => [name, state]),
    patched: [patched.data?.tags, patched.data?.assignee],
    problem: [missing.error?.type, missing.error?.status],
    imported: imported.data?.named,
    media: await media.data?.text()
  })
)

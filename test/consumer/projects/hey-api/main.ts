import { client } from './generated/client.gen.js'
import { getLead, getMedia, importLeads, listLeads, patchLead } from './generated/sdk.gen.js'

const [baseUrl = '', auth = '', messageId = ''] = process.argv.slice(2)
client.setConfig({ baseUrl, auth: ({ scheme }) => (scheme === 'bearer' ? auth : undefined) })

const listed = await listLeads({ query: { state: ['new', 'open'] } })
const patched = await patchLead({ path: { id: 1 }, body: { tags: ['vip'], assignee: null } })
const missing = await getLead({ path: { id: 4_711 } })
const imported = await importLeads({ body: new Blob(['phone,name\n+525512345678,Ana María\n']) })
const media = await getMedia({ path: { id: messageId }, parseAs: 'blob' })

console.log(
  JSON.stringify({
    listed: listed.data?.leads.map(({ name, state }) => [name, state]),
    patched: [patched.data?.tags, patched.data?.assignee],
    problem: [missing.error?.type, missing.error?.status],
    imported: imported.data?.named,
    media: await media.data?.text()
  })
)

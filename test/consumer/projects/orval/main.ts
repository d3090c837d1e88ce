import { getLead, getMedia, importLeads, listLeads, patchLead } from './generated/hub.js'

const messageId = process.argv[4] ?? ''

const listed = await listLeads({ state: ['new', 'open'] })
const patched = await patchLead(1, { tags: ['vip'], assignee: null })
const missing = await getLead(4_711)
const imported = await importLeads(new Blob(['phone,name\n+525512345678,Ana María\n']))
const media = await getMedia(messageId)

console.log(
  JSON.stringify({
    listed:
      listed.status === 200
        ? listed.data.leads.map(({ name, state }) => [name, state])
        : listed.status,
    patched: patched.status === 200 ? [patched.data.tags, patched.data.assignee] : patched.status,
    problem: missing.status === 404 ? [missing.data.type, missing.data.status] : missing.status,
    imported: imported.status === 200 ? imported.data.named : imported.status,
    media: media.status === 200 ? await media.data.text() : media.status
  })
)

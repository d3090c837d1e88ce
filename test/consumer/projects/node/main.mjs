import { createClient } from 'leadmaster-client'

const [baseUrl, token] = process.argv.slice(2)
const hub = createClient({ baseUrl, token })

const { leads } = await hub.listLeads({ state: ['new', 'open'] })
console.log(`leads: ${leads.map(({ name }) => name).join(', ')}`)
const { note } = await hub.patchLead({ id: leads[0].id, body: { note: 'from a Node script' } })
console.log(`written: ${note}`)
for await (const { type, data } of hub.events()) {
  if (type === 'session') console.log('following')
  if (type !== 'message') continue
  console.log(`event: ${data.body}`)
  break
}

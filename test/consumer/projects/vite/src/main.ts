import { createClient, LeadMasterError, type HubEvent, type Lead } from 'leadmaster-client'

const given = new URLSearchParams(location.hash.slice(1))
const hub = createClient({ baseUrl: given.get('hub') ?? '', token: given.get('token') ?? '' })

const element = (selector: string): Element => {
  const found = document.querySelector(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return found
}
const show = (selector: string, text: string): void => {
  element(selector).textContent = text
}

async function list(): Promise<Lead[]> {
  const { leads } = await hub.listLeads({ state: ['new', 'open'] })
  element('#leads').replaceChildren(
    ...leads.map((lead) =>
      Object.assign(document.createElement('li'), { textContent: lead.name ?? lead.phone ?? '' })
    )
  )
  return leads
}

function showEvent(event: HubEvent): void {
  if (event.type === 'session') show('#event', 'following')
  if (event.type === 'message') show('#event', event.data.body)
}

async function write(leads: readonly Lead[]): Promise<void> {
  const [lead] = leads
  if (lead === undefined) return
  const { note } = await hub.patchLead(
    { id: lead.id, body: { note: 'from a Vite app' } },
    { idempotencyKey: crypto.randomUUID() }
  )
  show('#written', note)
}

try {
  const leads = await list()
  element('button').addEventListener('click', () => void write(leads))
  for await (const event of hub.events()) showEvent(event)
} catch (error) {
  show(
    '#error',
    error instanceof LeadMasterError ? `${error.type}: ${error.message}` : String(error)
  )
}

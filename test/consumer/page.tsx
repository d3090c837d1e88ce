import {
  createClient,
  LeadMasterError,
  type Client,
  type HubEvent,
  type Lead,
  type Qr,
  type SessionStatus
} from 'leadmaster/client'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

/**
 * A page of somebody else's, of another origin: status, QR and leads of a hub, live, by what the
 * package exports alone.
 */

interface State {
  status: SessionStatus | 'UNKNOWN'
  /** What keeps the hub from telling the status, or the page from hearing of it. */
  fault?: string
  qr?: string
  leads: ReadonlyMap<number, Lead>
}

const qrOf = (qr: Qr): { qr?: string } => (qr.status === 'QR_AVAILABLE' ? { qr: qr.qr } : {})

/** What an event makes of what is shown. */
const after = async (hub: Client, { leads, ...shown }: State, event: HubEvent): Promise<State> => {
  switch (event.type) {
    case 'session': {
      if (!('linked' in event.data))
        return { leads, status: 'UNKNOWN', fault: event.data.detail ?? event.data.title }
      const { status } = event.data
      return { leads, status, ...(status === 'QR_REQUIRED' ? qrOf(await hub.getQr()) : {}) }
    }
    case 'lead':
      return { ...shown, leads: new Map(leads).set(event.data.id, event.data) }
    case 'lead_removed':
      return { ...shown, leads: new Map([...leads].filter(([id]) => id !== event.data.id)) }
    case 'reset':
      return { ...shown, leads: await listed(hub) }
    default:
      return { ...shown, leads }
  }
}
const listed = async (hub: Client): Promise<Map<number, Lead>> =>
  new Map((await hub.listLeads()).leads.map((lead) => [lead.id, lead]))

const follow = async (
  hub: Client,
  signal: AbortSignal,
  show: (state: State) => void
): Promise<void> => {
  let state: State = { status: 'UNKNOWN', leads: new Map() }
  const change = (next: State): void => show((state = next))
  try {
    // the first event says where the stream stands: what is listed after it is not missed
    let first = true
    for await (const event of hub.events({
      signal,
      onConnection: (now) =>
        now.state === 'waiting' && change({ ...state, fault: String(now.error) })
    })) {
      if (first) change({ ...state, leads: await listed(hub) })
      first = false
      change(await after(hub, state, event))
    }
  } catch (error) {
    change({
      ...state,
      fault: error instanceof LeadMasterError ? `${error.type}: ${error.message}` : String(error)
    })
  }
}

const Page = ({ hub }: { hub: Client }) => {
  const [{ status, fault, qr, leads }, show] = useState<State>({
    status: 'UNKNOWN',
    leads: new Map()
  })
  useEffect(() => {
    const controller = new AbortController()
    void follow(hub, controller.signal, show)
    return () => controller.abort()
  }, [hub])
  return (
    <main>
      <h1>{status}</h1>
      {fault === undefined ? null : <p role="alert">{fault}</p>}
      {qr === undefined ? null : <img alt="QR to scan" src={qr} />}
      <ul>
        {[...leads.values()].map((lead) => (
          <li key={lead.id}>
            {lead.name ?? lead.phone}: {lead.last_message?.body}{' '}
            {lead.waiting_since === null ? '' : '(waits)'}
          </li>
        ))}
      </ul>
    </main>
  )
}

const given = new URLSearchParams(location.hash.slice(1))
const hub = createClient({ baseUrl: given.get('hub') ?? '', token: given.get('token') ?? '' })
createRoot(document.querySelector('#root') as Element).render(<Page hub={hub} />)

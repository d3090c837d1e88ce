import {
  createClient,
  LeadMasterError,
  pages,
  type HubEvent,
  type Lead,
  type LeadPage,
  type Message
} from '../../src/client/index.ts'

/**
 * What the client's types take and refuse. It is checked by tsc, with all the rest, and never run.
 */

const hub = createClient({ baseUrl: 'http://127.0.0.1:3012', token: 'x' })
/** Holds for exactly this type. */
const exactly =
  <T>(_value: T): (<U>(proof: [T] extends [U] ? ([U] extends [T] ? U : never) : never) => void) =>
  () =>
    undefined

export const taken = async (): Promise<void> => {
  const page: LeadPage = await hub.listLeads()
  await hub.listLeads({
    waiting: true,
    state: ['new', 'open'],
    limit: 10,
    cursor: page.next_cursor ?? undefined,
    q: undefined
  })
  const lead: Lead = await hub.getLead({ id: 1 })
  await hub.patchLead(
    { id: 1, body: { state: 'won' } },
    { ifMatch: lead, idempotencyKey: 'k', signal: AbortSignal.timeout(1) }
  )
  await hub.replayDelivery({ id: 1, delivery_id: 'msg_1' })
  await hub.importLeads({ body: 'phone,name\n', contentType: 'text/csv' })
  await hub.getAccountStatus({ account: 'main' })
  exactly(await hub.signOut())<undefined>(undefined)
  const picture: Response = await hub.getQrPng()
  exactly(picture)<Response>(picture)
  const { leads } = await hub.listLeads({ fields: ['id', 'name'] })
  const some: { id: number; name: string | null }[] = leads
  exactly(leads)<Pick<Lead, 'id' | 'name'>[]>(leads)
  for await (const { messages } of pages(hub.listMessages, { q: 'hola' }))
    exactly(messages)<Message[]>(messages)
  for await (const event of hub.events())
    if (event.type === 'message') exactly(event.data)<Message>(event.data)
  const types: HubEvent['type'][] = ['message', 'lead', 'lead_removed', 'session', 'reset', 'end']
  const failed = (error: unknown): boolean =>
    error instanceof LeadMasterError && error.type === 'not-found'
  void [some, types, failed]
}

export const refused = async (): Promise<void> => {
  // @ts-expect-error a lead is got by its id
  await hub.getLead()
  // @ts-expect-error which is a number
  await hub.getLead({ id: '1' })
  // @ts-expect-error a parameter that there is not
  await hub.listLeads({ waiting: true, limt: 10 })
  // @ts-expect-error nor such a state
  await hub.listLeads({ state: ['maybe'] })
  // @ts-expect-error nor such a member
  await hub.listLeads({ fields: ['id', 'colour'] })
  // @ts-expect-error a change needs a body
  await hub.patchLead({ id: 1 })
  // @ts-expect-error of the contract's members
  await hub.patchLead({ id: 1, body: { colour: 'red' } })
  // @ts-expect-error a file says what it is
  await hub.importLeads({ body: 'phone,name\n' })
  // @ts-expect-error one of what is taken
  await hub.importLeads({ body: 'phone,name\n', contentType: 'text/html' })
  // @ts-expect-error an account is named
  await hub.connectAccount({})
  // @ts-expect-error an operation that there is not
  await hub.sendMessage({ body: 'hi' })
  // @ts-expect-error what was not asked for is not there
  void (await hub.listLeads({ fields: ['id'] })).leads[0]?.name
  const error = new LeadMasterError('x', { type: 'unreachable' })
  // @ts-expect-error a type of problem that there is not
  void (error.type === 'not_found')
}

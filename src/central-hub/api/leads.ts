import type { Query } from '../../contract/api/operations.ts'
import { ProblemError } from '../../platform/problem.ts'
import { addEvents } from '../store/events.ts'
import { patchLead } from '../store/change-lead.ts'
import { currentLeadId, getLead, leadOrder, listLeads, type LeadFilter } from '../store/leads.ts'
import { listMessages } from '../store/messages.ts'
import { fromCursor, toCursor } from '../store/page.ts'
import type { Db } from '../store/schema.ts'
import type { Serve } from './serve.ts'

const noLead = (id: number): ProblemError => new ProblemError('not-found', `there is no lead ${id}`)

/** The lead of that id. @throws {ProblemError} not-found */
const leadOf = async <L>(id: number, lead: Promise<L | undefined>): Promise<L> => {
  const found = await lead
  if (found === undefined) throw noLead(id)
  return found
}

/** Only what was given; an empty search is none. */
export const leadFilter = ({ account, waiting, state, q }: Pick<Query<'listLeads'>, 'account' | 'waiting' | 'state' | 'q'>): LeadFilter => {
  const words = q?.trim() ?? ''
  return {
    ...(account === undefined ? {} : { account }),
    ...(waiting === undefined ? {} : { waiting }),
    ...(state === undefined ? {} : { states: state }),
    ...(words === '' ? {} : { q: words })
  }
}

/**
 * Leads as people read and change them; what each route takes and gives is in src/contract/api/leads.ts.
 * @param onChanged called after a lead was changed
 */
export const addLeadRoutes = ({ serve, db, onChanged }: { serve: Serve; db: Db; onChanged: () => void }): void => {
  serve.read('listLeads', async ({ query }) => {
    const filter = leadFilter(query)
    const { items, next } = await listLeads(db, filter, query.limit, fromCursor(query.cursor, leadOrder(filter)))
    return { leads: items, next_cursor: toCursor(next) }
  })

  serve.read('getLead', ({ params: { id } }) => leadOf(id, getLead(db, id)))

  serve.write(
    'patchLead',
    async ({ params: { id }, body, trx }) => {
      const { lead, changed } = await leadOf(id, patchLead(trx, id, body))
      if (changed) await addEvents(trx, 'lead', [lead.id])
      return lead
    },
    { current: ({ params: { id }, trx }) => leadOf(id, getLead(trx, id)), after: onChanged }
  )

  serve.read('listLeadMessages', async ({ params: { id }, query }) => {
    await leadOf(id, getLead(db, id))
    const { items, next } = await listMessages(db, { leadId: await currentLeadId(db, id) }, query.limit, fromCursor(query.cursor, 'newest'))
    return { messages: items, next_cursor: toCursor(next) }
  })
}

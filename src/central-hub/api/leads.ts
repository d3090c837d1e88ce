import { Compile } from 'typebox/compile'
import { LeadPatch, LeadState, type LeadPage, type MessagePage } from '../../contract/lead.ts'
import { sendJson, type Http, type Request } from '../../platform/http.ts'
import { invalid, ProblemError } from '../../platform/problem.ts'
import { query, trueOrFalse, whole } from '../../platform/query.ts'
import { addEvents } from '../store/events.ts'
import { currentLeadId, getLead, leadOrder, listLeads, patchLead, type LeadFilter } from '../store/leads.ts'
import { listMessages } from '../store/messages.ts'
import { fromCursor, toCursor } from '../store/page.ts'
import type { Db } from '../store/schema.ts'
import { searchText } from './parameters.ts'

const states = LeadState.anyOf.map((state) => state.const)
const isPatch = Compile(LeadPatch)

const stateFilter = (value: string | null): LeadState[] | undefined =>
  value?.split(',').map((word) => {
    const state = states.find((known) => known === word)
    if (state === undefined) throw invalid({ field: 'state', message: `expected one or more of ${states.join(', ')}, separated by commas` })
    return state
  })

const leadId = (req: Request): number => {
  const id = req.params['id'] ?? ''
  if (!/^[1-9]\d{0,14}$/.test(id)) throw invalid({ field: 'id', message: 'expected the id of a lead, a whole number' })
  return Number(id)
}
const noLead = (id: number): ProblemError => new ProblemError('not-found', `there is no lead ${id}`)

const patchOf = (body: unknown): LeadPatch => {
  if (body === undefined) throw invalid({ field: 'body', message: 'expected a JSON object with state, note or both, as application/json' })
  if (isPatch.Check(body)) return body
  throw invalid(...isPatch.Errors(body).map(({ instancePath, message }) => ({ field: instancePath || 'body', message: `${message}; expected state (${states.join(', ')}), note (text), or both` })))
}

/**
 * `GET /api/leads`, `GET /api/leads/:id`, `PATCH /api/leads/:id`, `GET /api/leads/:id/messages`; the bodies are in
 * src/contract/lead.ts.
 * @param onChanged called after a lead was changed
 */
export const addLeadRoutes = ({ http, db, onChanged }: { http: Http; db: Db; onChanged: () => void }): void => {
  http.route('GET', '/api/leads', async (req, res) => {
    const params = query(req, 'account', 'waiting', 'state', 'q', 'limit', 'cursor')
    const [account, waiting, inStates, q] = [params.get('account'), trueOrFalse(params.get('waiting'), 'waiting'), stateFilter(params.get('state')), searchText(params)]
    const filter: LeadFilter = { ...(account === null ? {} : { account }), ...(waiting === undefined ? {} : { waiting }), ...(inStates ? { states: inStates } : {}), ...(q ? { q } : {}) }
    const { items, next } = await listLeads(db, filter, whole(params.get('limit'), 'limit', 1, 200, 50), fromCursor(params.get('cursor'), leadOrder(filter)))
    const page: LeadPage = { leads: items, next_cursor: toCursor(next) }
    sendJson(res, page)
  })

  http.route('GET', '/api/leads/:id', async (req, res) => {
    query(req)
    const id = leadId(req)
    const lead = await getLead(db, id)
    if (lead === undefined) throw noLead(id)
    sendJson(res, lead)
  })

  http.route('PATCH', '/api/leads/:id', async (req, res) => {
    query(req)
    const id = leadId(req)
    const patch = patchOf(req.body)
    const lead = await db.transaction().execute(async (trx) => {
      const changed = await patchLead(trx, id, patch)
      if (changed) await addEvents(trx, 'lead', [changed.id])
      return changed
    })
    if (lead === undefined) throw noLead(id)
    onChanged()
    sendJson(res, lead)
  })

  http.route('GET', '/api/leads/:id/messages', async (req, res) => {
    const params = query(req, 'limit', 'cursor')
    const id = leadId(req)
    if ((await getLead(db, id)) === undefined) throw noLead(id)
    const filter = { leadId: await currentLeadId(db, id) }
    const { items, next } = await listMessages(db, filter, whole(params.get('limit'), 'limit', 1, 200, 50), fromCursor(params.get('cursor'), 'newest'))
    const page: MessagePage = { messages: items, next_cursor: toCursor(next) }
    sendJson(res, page)
  })
}

import type { CountryCode } from 'libphonenumber-js'
import type { Query } from '../../contract/api/operations.ts'
import type { Lead, LeadPatch } from '../../contract/lead.ts'
import type { Response } from '../../platform/http/http.ts'
import { invalid, ProblemError, type Fault } from '../../platform/http/problem.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { accountName, type Account } from '../follow/accounts.ts'
import { readPhoneCell } from '../spreadsheet/phone-cell.ts'
import { createLead, type NewLead } from '../store/write/create-lead.ts'
import {
  handleLead,
  patchLead,
  readLead,
  unhandleLead,
  unreadLead,
  type Changed
} from '../store/write/change-lead.ts'
import { addEvents } from '../store/outbox/events.ts'
import { listChanges } from '../store/read/history.ts'
import {
  currentLeadId,
  getLead,
  leadOrder,
  leadRow,
  listLeads,
  type LeadFilter
} from '../store/read/leads.ts'
import { mergeDuplicates } from '../store/write/merge-duplicates.ts'
import { mergeLeads } from '../store/write/merge-lead.ts'
import { listMessages } from '../store/read/messages.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import type { Db } from '../store/database/schema.ts'
import { countTags } from '../store/read/tags.ts'
import { writeWaiting } from '../store/write/waiting.ts'
import type { Serve } from './serve.ts'

/** The result of a query about one lead. @throws {ProblemError} not-found */
export const ofLead = async <L>(id: number, query: Promise<L | undefined>): Promise<L> => {
  const result = await query
  if (result === undefined) throw new ProblemError('not-found', `there is no lead ${id}`)
  return result
}

const describePhoneError = (country: CountryCode | ''): string => {
  const why = country === '' ? ', for DEFAULT_COUNTRY is not set' : ''
  return `expected a phone number with its country code, such as +52 55 1234 5678${why}`
}

/**
 * A phone number however people write it, as E.164. In a query a `+` that is not percent-encoded
 * has become a space.
 * @throws {ProblemError} invalid-parameters
 */
const readPhoneOf = (
  text: string,
  country: CountryCode | '',
  place: Pick<Fault, 'in' | 'field'>
): string => {
  const written = place.in === 'query' ? text.replace(/^ (?=\d)/, '+') : text
  const read = readPhoneCell(written, country === '' ? undefined : country)
  if ('fault' in read) throw invalid({ ...place, message: describePhoneError(country) })
  return read.phone
}

/**
 * A time in a query, where a `+` that is not percent-encoded has become a space.
 * @returns ms; what is less than a millisecond is left out
 * @throws {ProblemError} invalid-parameters
 */
export const readTime = (text: string, field: string): number => {
  const ms = Date.parse(text.replace(/ (?=\d\d:\d\d$)/, '+'))
  if (!Number.isNaN(ms)) return ms
  throw invalid({
    in: 'query',
    field,
    message: 'expected an RFC 3339 time, such as 2026-11-25T10:00:00.000Z'
  })
}

type Filters = Omit<Query<'listLeads'>, 'limit' | 'cursor' | 'fields'>

/** The filters that a request gives. An empty search is left out. */
export const leadFilter = (
  { account, waiting, later, state, tag, assignee, source, ad, q, phone, updated_since }: Filters,
  country: CountryCode | ''
): LeadFilter => {
  const words = q?.trim() ?? ''
  return omitUndefined({
    phone:
      phone === undefined
        ? undefined
        : readPhoneOf(phone, country, { in: 'query', field: 'phone' }),
    updatedSince:
      updated_since === undefined ? undefined : readTime(updated_since, 'updated_since'),
    account,
    waiting,
    later,
    states: state,
    tag,
    assignee: assignee === '' ? null : assignee,
    fromAd: source === undefined ? undefined : true,
    adId: ad,
    q: words === '' ? undefined : words,
    country: country === '' ? undefined : country
  })
}

/** The latest time of a reminder, ms from now: 5 years. */
const maxReminderMs = 5 * 366 * 86_400_000

/** @throws {ProblemError} invalid-parameters, not-found */
const checkReminder = async (
  trx: Db,
  id: number,
  { remind_at, state }: LeadPatch
): Promise<void> => {
  if (remind_at === undefined || remind_at === null) return
  const refuse = (message: string): ProblemError =>
    invalid({ in: 'body', field: '/remind_at', message })
  const inMs = Date.parse(remind_at) - Date.now()
  if (!(inMs > 0 && inMs <= maxReminderMs))
    throw refuse('expected an RFC 3339 time in the future, at most 5 years from now')
  const lead = await ofLead(id, leadRow(trx, id))
  if ((state ?? lead.state) === 'ignored')
    throw refuse('a lead that is ignored never waits: give it another state first')
}

const conflict = (detail: string): ProblemError => new ProblemError('conflict', detail)

/** @throws {ProblemError} not-found, conflict */
const merge = async (trx: Db, id: number, otherId: number): Promise<Lead> => {
  const kept = await ofLead(id, leadRow(trx, id))
  const other = await ofLead(otherId, leadRow(trx, otherId))
  if (kept.id === other.id) throw conflict(`${id} and ${otherId} are one lead already`)
  if (kept.account !== other.account)
    throw conflict(`lead ${id} is of account ${kept.account}, lead ${otherId} of ${other.account}`)
  await mergeLeads(trx, kept, other)
  const { kept: merged } = await mergeDuplicates(trx, kept.id)
  await writeWaiting(trx, kept.id, { fresh: [], whole: true, albums: false })
  await addEvents(trx, 'message', merged)
  await addEvents(trx, 'lead_removed', [other.id])
  await addEvents(trx, 'lead', [kept.id])
  return ofLead(id, getLead(trx, kept.id))
}

const pathOf = ({ id }: { id: number }): string => `/api/leads/${id}`

/** The accounts in which a lead may be created: followed now, or followed before. */
export const accountsOf = async (db: Db, accounts: readonly Account[]): Promise<string[]> => {
  const stored = await db.selectFrom('cursors').select('account').orderBy('account').execute()
  return [
    ...new Set([
      ...accounts.flatMap((each) => accountName(each) ?? []),
      ...stored.map(({ account }) => account)
    ])
  ]
}

/** @throws {ProblemError} invalid-parameters, session-manager-unreachable */
export const chooseAccount = (
  known: readonly string[],
  given: string | undefined,
  place: Pick<Fault, 'in' | 'field'> = { in: 'body', field: '/account' }
): string => {
  const [first] = known
  if (first === undefined) {
    throw new ProblemError(
      'session-manager-unreachable',
      'session-manager has not told yet which account it is of: try again once /ready is well'
    )
  }
  if (given === undefined && known.length === 1) return first
  if (given !== undefined && known.includes(given)) return given
  throw invalid({ ...place, message: `expected one of ${known.join(', ')}` })
}

/** @throws {ProblemError} lead-exists */
const create = async (trx: Db, res: Response, lead: NewLead): Promise<Lead> => {
  const result = await createLead(trx, lead)
  if ('created' in result) return result.created
  const id = result.existing
  res.setHeader('location', pathOf({ id }))
  const refusal = new ProblemError(
    'lead-exists',
    `lead ${id} has this number: change it by PATCH ${pathOf({ id })}`
  )
  refusal.problem.lead_id = id
  throw refusal
}

interface LeadRoutes {
  serve: Serve
  db: Db
  /** The country of phone numbers that are written without one; may be empty. */
  country: CountryCode | ''
  accounts: readonly Account[]
  /** Called after a lead was changed. */
  onChanged: () => void
}

/** Adds the event of a change. The lead it returns has the time of the change. */
const withEvent = async (trx: Db, { lead, changed }: Changed): Promise<Lead> => {
  if (!changed) return lead
  await addEvents(trx, 'lead', [lead.id])
  return ofLead(lead.id, getLead(trx, lead.id))
}

/** The lead that If-Match is compared with. */
const current = ({ params: { id }, trx }: { params: { id: number }; trx: Db }): Promise<Lead> =>
  ofLead(id, getLead(trx, id))

/** @throws {ProblemError} not-found, invalid-parameters */
const handle = async (trx: Db, id: number, until: string | undefined): Promise<Lead> => {
  const changed = await ofLead(id, handleLead(trx, id, until))
  if (changed !== 'no-message') return withEvent(trx, changed)
  throw invalid({
    in: 'body',
    field: '/until',
    message: 'expected the id of a message of this lead'
  })
}

type PageQuery = Pick<Query<'listLeadChanges'>, 'limit' | 'cursor'>

/** @throws {ProblemError} not-found, invalid-parameters */
const changesPage = async (db: Db, id: number, { limit, cursor }: PageQuery) => {
  const lead = await ofLead(id, leadRow(db, id))
  const { items, next } = await listChanges(db, lead.id, limit, fromCursor(cursor, 'changes'))
  return { changes: items, next_cursor: toCursor(next) }
}

/** @throws {ProblemError} not-found, invalid-parameters */
const messagesPage = async (db: Db, id: number, query: Query<'listLeadMessages'>) => {
  await ofLead(id, leadRow(db, id))
  const words = query.q?.trim() ?? ''
  const leadId = await currentLeadId(db, id)
  const { items, next } = await listMessages(
    db,
    words === '' ? { leadId } : { leadId, q: words },
    query.limit,
    fromCursor(query.cursor, 'newest')
  )
  return { messages: items, next_cursor: toCursor(next) }
}

const addReadRoutes = ({ serve, db, country }: LeadRoutes): void => {
  serve.read(
    'listLeads',
    async ({ query }) => {
      const filter = leadFilter(query, country)
      const cursor = fromCursor(query.cursor, leadOrder(filter))
      const { items, next } = await listLeads(db, filter, query.limit, cursor)
      return { leads: items, next_cursor: toCursor(next) }
    },
    { ofStoreAlone: true }
  )

  serve.read('getLead', ({ params: { id } }) => ofLead(id, getLead(db, id)))

  serve.read('listLeadChanges', ({ params: { id }, query }) => changesPage(db, id, query))

  serve.read('listLeadMessages', ({ params: { id }, query }) => messagesPage(db, id, query), {
    ofStoreAlone: true
  })

  serve.read('listTags', ({ query }) => countTags(db, query.account))
}

const addChangeRoutes = ({ serve, country, accounts, onChanged }: LeadRoutes): void => {
  serve.write(
    'createLead',
    async ({ body, trx, res }) => {
      const phone = readPhoneOf(body.phone, country, { in: 'body', field: '/phone' })
      const account = chooseAccount(await accountsOf(trx, accounts), body.account)
      return create(trx, res, { ...body, phone, account })
    },
    { locationOf: pathOf, after: onChanged }
  )

  serve.write(
    'patchLead',
    async ({ params: { id }, body, trx }) => {
      await checkReminder(trx, id, body)
      return withEvent(trx, await ofLead(id, patchLead(trx, id, body)))
    },
    { current, after: onChanged }
  )

  serve.write('mergeLead', ({ params: { id }, body, trx }) => merge(trx, id, body.lead_id), {
    after: onChanged
  })
}

/** Routes that mark a lead: as read or unread, as handled or not. */
const addMarkRoutes = ({ serve, onChanged }: LeadRoutes): void => {
  serve.write(
    'readLead',
    async ({ params: { id }, trx }) => withEvent(trx, await ofLead(id, readLead(trx, id))),
    { after: onChanged }
  )

  serve.write(
    'unreadLead',
    async ({ params: { id }, trx }) => withEvent(trx, await ofLead(id, unreadLead(trx, id))),
    { after: onChanged }
  )

  // If-Match covers the wait: a message that arrived after the read must not count as handled.
  serve.write('handleLead', ({ params: { id }, body, trx }) => handle(trx, id, body.until), {
    current,
    isWaitMatched: true,
    after: onChanged
  })

  serve.write(
    'unhandleLead',
    async ({ params: { id }, trx }) => withEvent(trx, await ofLead(id, unhandleLead(trx, id))),
    { current, isWaitMatched: true, after: onChanged }
  )
}

/** Leads as people read and change them; src/contract/api/leads.ts describes each route. */
export const addLeadRoutes = (options: LeadRoutes): void => {
  addReadRoutes(options)
  addChangeRoutes(options)
  addMarkRoutes(options)
}

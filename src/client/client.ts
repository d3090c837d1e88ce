import { routes, type OperationId } from '../contract/routes.ts'
import { alsoAnswers } from './also-answers.ts'
import { LeadMasterError, notOfTheHub } from './error.ts'
import { followEvents, type EventOptions, type HubEvent } from './events.ts'
import { createRequest, type ClientOptions, type Init } from './request.ts'
import type { CallOptions, Calls, RawId } from './types.ts'

/** The hub's API: a function for each operation, and its live events. */
export interface Client extends Calls {
  /**
   * What happens, as it happens: `for await (const { type, data } of client.events({ signal })) …`.
   * It continues over cut connections and restarts of the hub, without a gap. On `reset`, read the
   * lists again. It ends with the signal.
   * @throws {LeadMasterError} if trying again cannot help, such as for a wrong token
   */
  events(options?: EventOptions): AsyncGenerator<HubEvent, void, undefined>
}

/** The caller reads these answers. The type makes this list match the contract. */
const raw: Record<RawId, true> = {
  getMetrics: true,
  exportLead: true,
  exportLeadsCsv: true,
  exportLeadsJsonl: true,
  exportMessagesCsv: true,
  exportMessagesJsonl: true,
  exportAuditCsv: true,
  getMedia: true,
  getSignedMedia: true,
  getQrPng: true,
  getQrSvg: true,
  getQrText: true,
  getAccountQrPng: true,
  getAccountQrSvg: true,
  getAccountQrText: true
}

const etags = new WeakMap<object, string>()

/**
 * The ETag of an object that a call answered with: what `ifMatch` sends. A copy of the object has
 * no ETag.
 */
export const etagOf = (answer: object): string | undefined => etags.get(answer)

const matching = (ifMatch: object | string): string => {
  const etag = typeof ifMatch === 'string' ? ifMatch : etagOf(ifMatch)
  if (etag === undefined)
    throw new TypeError(
      'ifMatch: give the very object that a call answered with, or the ETag that etagOf() gave ' +
        'for it'
    )
  return etag
}

type AnyInput = Record<string, unknown> & { body?: unknown; contentType?: string }

/** The path and query of a route with this input. */
const target = (
  pattern: string,
  { body: _body, contentType: _type, ...input }: AnyInput
): string => {
  const path = pattern.replace(/:(\w+)/g, (_all, name: string) => {
    const value = String(input[name] ?? '')
    delete input[name]
    // Dots would lead to another path.
    if (value === '' || value === '.' || value === '..')
      throw new TypeError(`${name}: expected something that can stand in a path`)
    return encodeURIComponent(value)
  })
  const query = new URLSearchParams()
  // String() separates the items of a list by commas.
  for (const [name, value] of Object.entries(input))
    if (value !== undefined) query.set(name, String(value))
  return query.size > 0 ? `${path}?${query}` : path
}

const toInit = (
  method: string,
  { body, contentType }: AnyInput,
  { signal, idempotencyKey, ifMatch, requestId }: CallOptions
): Init => {
  const headers: Init['headers'] = {}
  if (body !== undefined) headers['content-type'] = contentType ?? 'application/json'
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
  if (ifMatch !== undefined) headers['if-match'] = matching(ifMatch)
  if (requestId !== undefined) headers['x-request-id'] = requestId
  const init: Init = { method, headers }
  if (body !== undefined)
    init.body =
      contentType === undefined ? JSON.stringify(body) : (body as NonNullable<Init['body']>)
  if (signal !== undefined) init.signal = signal
  return init
}

const readJson = async (res: Response, signal: AbortSignal | undefined): Promise<unknown> => {
  if (res.status === 204) return undefined
  const { status, headers } = res
  const body: unknown = await res.json().catch((cause: unknown) => {
    if (signal?.aborted) throw cause
    if (!/json/i.test(headers.get('content-type') ?? '')) throw notOfTheHub(res)
    throw new LeadMasterError('the answer is not JSON, or was cut off', {
      type: 'unexpected-answer',
      status,
      headers,
      cause
    })
  })
  const etag = headers.get('etag')
  if (etag !== null && typeof body === 'object' && body !== null) etags.set(body, etag)
  return body
}

/**
 * A client of a central-hub, for browsers and Node.
 *
 *     const hub = createClient({ baseUrl: 'http://127.0.0.1:3012', token })
 *     const { leads } = await hub.listLeads({ waiting: true })
 *     const lead = await hub.getLead({ id: 1 })
 *     await hub.patchLead({ id: 1, body: { state: 'won' } }, { ifMatch: lead })
 */
export const createClient = (options: ClientOptions = {}): Client => {
  const request = createRequest(options)
  const call = async (
    id: OperationId,
    input: AnyInput = {},
    callOptions: CallOptions = {}
  ): Promise<unknown> => {
    const [method = '', pattern = ''] = routes[id].split(' ')
    const res = await request(target(pattern, input), toInit(method, input, callOptions), {
      answers: alsoAnswers[id] ?? []
    })
    return id in raw ? res : readJson(res, callOptions.signal)
  }
  const ids = Object.keys(routes) as OperationId[]
  const calls = Object.fromEntries(
    ids.map((id) => [
      id,
      (input?: AnyInput, callOptions?: CallOptions) => call(id, input, callOptions)
    ])
  ) as unknown as Calls
  return { ...calls, events: (eventOptions) => followEvents(request, eventOptions) }
}

/**
 * The pages of a list, each fetched when it is asked for:
 * `for await (const { leads } of pages(hub.listLeads, { waiting: true })) …`
 */
export async function* pages<I extends object, Page extends { next_cursor: string | null }>(
  list: (input: I & { cursor?: string }) => Promise<Page>,
  input: I
): AsyncGenerator<Page, void, undefined> {
  let page = await list(input)
  yield page
  while (page.next_cursor !== null) {
    page = await list({ ...input, cursor: page.next_cursor })
    yield page
  }
}

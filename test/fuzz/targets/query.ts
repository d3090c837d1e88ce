import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { addDeletionRoutes } from '../../../src/central-hub/api/deletions.ts'
import { addLeadRoutes } from '../../../src/central-hub/api/leads.ts'
import { addMessageRoutes } from '../../../src/central-hub/api/messages.ts'
import { createServe } from '../../../src/central-hub/api/serve.ts'
import { addStatsRoutes } from '../../../src/central-hub/api/stats.ts'
import { addWebhookRoutes } from '../../../src/central-hub/api/webhooks.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { fromCursor, toCursor } from '../../../src/central-hub/store/read/page.ts'
import { operations } from '../../../src/contract/api/operations.ts'
import type { Operation } from '../../../src/contract/api/operation.ts'
import { routes, type OperationId } from '../../../src/contract/routes.ts'
import { InboundPage, type InboundRecord } from '../../../src/contract/record.ts'
import { namesEtag } from '../../../src/platform/http/etag.ts'
import type { Handler, Http, Request, Response } from '../../../src/platform/http/http.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { byteRange } from '../../../src/session-manager/http/serve-media.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { addRoutes } from '../../../src/session-manager/http/routes.ts'
import { bounded, must, same } from '../property.ts'
import { ownDirectory, ownStore } from '../store.ts'

/**
 * What clients say of what they want: queries, cursors, headers. The first byte says which of them
 * the rest is.
 */

interface Answered {
  status: number
  headers: Record<string, unknown>
  body: string
}

/** An answer that is written by the handler, without a socket. */
const answerOf = (): { res: Response; given: Answered } => {
  const given: Answered = { status: 200, headers: {}, body: '' }
  const res = {
    setHeader: (name: string, value: unknown) => void (given.headers[name] = value),
    writeHead: (status: number, headers: Record<string, unknown> = {}) => {
      given.status = status
      Object.assign(given.headers, headers)
      return res
    },
    end: (body?: string | Buffer, encoding?: BufferEncoding) =>
      void (given.body =
        (typeof body === 'string' ? Buffer.from(body, encoding) : body)?.toString() ?? '')
  }
  return { res: res as unknown as Response, given }
}

type Ask = (
  route: string,
  given: { search?: string; params?: Record<string, string>; headers?: Record<string, string> }
) => Promise<Answered>

/**
 * What handlers answer; a problem that is the client's fault is an answer, anything else is thrown.
 */
const asking =
  (handlers: ReadonlyMap<string, Handler>): Ask =>
  async (route, { search = '', params = {}, headers = {} }) => {
    const { res, given } = answerOf()
    const [method, pattern = ''] = route.split(' ')
    const req = {
      method,
      path: pattern,
      search,
      params,
      headers,
      requestId: 'fuzz'
    } as unknown as Request
    try {
      await handlers.get(route)?.(req, res)
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.status >= 500) throw error
      given.status = error.problem.status
    }
    return given
  }

const message = (id: number, more: Partial<InboundRecord['message']> = {}): InboundRecord => ({
  seq: id,
  kind: 'message',
  captured_at: '2026-11-24T12:00:00.000Z',
  source: 'live',
  account: id % 5 === 0 ? 'sales' : 'main',
  message: {
    id: `false_52155123456${id % 7}8@c.us_${id}`,
    chat_id: `52155123456${id % 7}8@c.us`,
    from: `52155123456${id % 7}8@c.us`,
    to: '5215587654321@c.us',
    phone: `+52155123456${id % 7}8`,
    name: `Ana Núñez ${id % 7}`,
    from_me: id % 3 === 0,
    type: 'chat',
    body: `¿sigue disponible? near OR not "casa ${id}*" ñandú 👍`,
    timestamp: 1_700_000_000 + id,
    has_media: false,
    ...more
  }
})

const makeAsk = async (): Promise<{ ask: Ask; close: () => Promise<void> }> => {
  const store = await ownStore()
  const { db } = store
  const handlers = new Map<string, Handler>()
  const http = {
    route: (method: string, pattern: string, handler: Handler) =>
      void handlers.set(`${method} ${pattern}`, handler)
  } as unknown as Http
  const serve = createServe({ http, db })
  const onChanged = (): void => undefined
  addLeadRoutes({ serve, db, country: 'MX', accounts: [], onChanged })
  addMessageRoutes({ serve, db })
  addStatsRoutes({ serve, db })
  addDeletionRoutes({ serve, store, accounts: [], onChanged, log: {} as never })
  addWebhookRoutes({ serve, db, guard: {} as never, onChanged })
  const { directory, remove } = ownDirectory()
  const journal = openJournal(join(directory, 'journal.db'), 'main')
  const records = Array.from({ length: 60 }, (_, index) => message(index + 1))
  journal.append(
    records.map((record) => ({
      key: `message:${record.message.id}`,
      kind: 'message',
      message: record.message
    })),
    'live'
  )
  await createIngest({ db, onTaken: onChanged }).take('main', 'j', records)
  addRoutes({ http, journal } as never)
  return {
    ask: asking(handlers),
    close: async () => {
      journal.close()
      remove()
      await store.close()
    }
  }
}
let made: ReturnType<typeof makeAsk> | undefined

const lists = [
  'listLeads',
  'listMessages',
  'listLeadMessages',
  'listLeadChanges',
  'listDeletions',
  'listTags',
  'getStats',
  'listWebhooks',
  'getLead'
] as const satisfies OperationId[]
const checks = new Map(
  lists.map((id) => [
    id as OperationId,
    Compile((operations[id] as Operation).answer.schema as never)
  ])
)
const isInbound = Compile(InboundPage)

/** A list is as its operation says, and the page after it can be asked for. */
const list = async (ask: Ask, id: (typeof lists)[number], search: string): Promise<void> => {
  const params = { id: '1' }
  const answered = await ask(routes[id], { search, params })
  if (answered.status !== 200)
    return must(answered.status >= 400 && answered.status < 500, 'a status', answered.status)
  const body = JSON.parse(answered.body) as { next_cursor?: string | null }
  const { fields } = Object.fromEntries(new URLSearchParams(search))
  if (fields === undefined && checks.get(id)?.Check(body) !== true)
    throw new Error(`${id} is not as it says: ${answered.body.slice(0, 500)}`)
  const etag = String(answered.headers['etag'])
  must(
    (await ask(routes[id], { search, params, headers: { 'if-none-match': etag } })).status === 304,
    'the ETag changed',
    etag
  )
  if (typeof body.next_cursor !== 'string') return
  const next = new URLSearchParams(search)
  next.set('cursor', body.next_cursor)
  must(
    (await ask(routes[id], { search: `?${next}`, params })).status === 200,
    'the next page is refused',
    String(next)
  )
}

const orders = ['newest', 'captured', 'waiting', 'recent', 'found', 'id', 'changes', 'deletions']
const cursor = async (ask: Ask, text: string): Promise<void> => {
  for (const given of [text, Buffer.from(text).toString('base64url')]) {
    let position: ReturnType<typeof fromCursor>
    try {
      position = fromCursor(given, ...orders)
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 400) continue
      throw error
    }
    must(
      position !== undefined &&
        Number.isSafeInteger(position.key) &&
        Number.isSafeInteger(position.id),
      'no position',
      position
    )
    same(
      fromCursor(toCursor(position) ?? '', ...orders),
      position,
      'a cursor is read otherwise than it was written'
    )
    for (const search of [
      '?limit=3',
      '?limit=3&q=casa',
      '?limit=3&waiting=true',
      '?q=ana&limit=1'
    ]) {
      for (const id of [
        'listLeads',
        'listMessages',
        'listDeletions',
        'listLeadMessages',
        'listLeadChanges'
      ] as const)
        await list(ask, id, `${search}&cursor=${encodeURIComponent(given)}`)
    }
  }
}

const range = (header: string): void => {
  for (const size of [0, 1, 10, 2 ** 31]) {
    const got = byteRange(header, size)
    if (typeof got !== 'object') continue
    must(
      Number.isInteger(got.start) &&
        Number.isInteger(got.end) &&
        got.start >= 0 &&
        got.start <= got.end &&
        got.end < size,
      'a range',
      header,
      size,
      got
    )
  }
}

const etag = (header: string): void => {
  const ours = '"0123456789abcdefABCDEF_-012"'
  const named = namesEtag(header, ours)
  must(!named || header.trim() === '*' || header.includes(ours), 'names what it does not', header)
  must(
    namesEtag(`${ours}, ${header}`, ours) && namesEtag(`W/${ours}`, ours),
    'does not name what it does',
    header
  )
}

const inbound = async (ask: Ask, search: string): Promise<void> => {
  const answered = await ask('GET /inbound', { search })
  if (answered.status !== 200) return must(answered.status === 400, 'a status', answered.status)
  must(
    isInbound.Check(JSON.parse(answered.body)),
    'no page of the journal',
    answered.body.slice(0, 300)
  )
}

export const fuzz = (bytes: Buffer): Promise<void> =>
  bounded(async () => {
    const [kind = 0] = bytes
    const text = bytes.subarray(1).toString()
    const { ask } = await (made ??= makeAsk())
    const which = kind % (lists.length + 6)
    const id = lists[which]
    if (id !== undefined) await list(ask, id, `?${text}`)
    else if (which === lists.length) await cursor(ask, text)
    else if (which === lists.length + 1) range(text)
    else if (which === lists.length + 2) etag(text)
    else if (which === lists.length + 3) await inbound(ask, `?${text}`)
    // as people search, encoded as it should be
    else
      for (const one of ['listLeads', 'listMessages'] as const)
        await list(ask, one, `?q=${encodeURIComponent(text.toWellFormed().slice(0, 200))}&limit=2`)
  })

/** For a test, which is to end. */
export const close = async (): Promise<void> => {
  await (await made)?.close()
  made = undefined
}

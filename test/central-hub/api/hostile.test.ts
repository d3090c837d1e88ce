import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Compile } from 'typebox/compile'
import type { TSchema } from 'typebox'
import type { Problem } from '../../../src/contract/problem.ts'
import { apiToken } from '../../end-to-end/daemon.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record, reply } from '../store/open-store.ts'
import { documented, schemaOf, type Read } from './documented.ts'
import { requestsOf, type Request } from './requests.ts'
import { serveApi, type Api } from './rig.ts'

/**
 * Every route against its own OpenAPI document, over real HTTP: whatever is asked, the answer is
 * one that the document declares. HOSTILE_SEED repeats what was asked, HOSTILE_RUNS asks more of
 * each operation.
 */

const seed = Number(process.env['HOSTILE_SEED'] ?? Date.now() % 0x7fffffff)
const runs = Number(process.env['HOSTILE_RUNS'] ?? 20)

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 })
t.teardown(() => agent.destroy())

const send = async (port: number, { method, path, headers, body }: Request): Promise<Answer> => {
  const req = request({
    host: '127.0.0.1',
    port,
    agent,
    method,
    path,
    headers: {
      authorization: `Bearer ${apiToken}`,
      ...headers,
      ...(body === undefined ? {} : { 'content-length': body.length })
    }
  })
  req.end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  const answer = { status: res.statusCode ?? 0, headers: res.headers, body: '' }
  if (res.headers['content-type']?.startsWith('text/event-stream')) {
    // it would go on for good
    req.destroy()
    return answer
  }
  const parts: Buffer[] = []
  for await (const part of res) parts.push(part as Buffer)
  return { ...answer, body: Buffer.concat(parts).toString() }
}

const checks = new Map<TSchema, ReturnType<typeof Compile>>()
const conforms = (schema: TSchema, value: unknown): string[] => {
  const check = checks.get(schema) ?? Compile(schema)
  checks.set(schema, check)
  return check.Check(value)
    ? []
    : check.Errors(value).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

/** A page of which `fields` left only some members. */
const someFields = (path: string): boolean => /[?&]fields=/.test(path)

type Errors = NonNullable<Problem['errors']>

const pointerForm = /^(\/([^~/]|~[01])*)+$/

/** Whether `field` and `pointer` of an error have the one form that the contract gives them. */
const hasForm = ({ in: place, field, pointer }: Errors[number]): boolean => {
  if (place === undefined) return false
  if (place !== 'body') return pointer === undefined
  if (field === 'body') return pointer === '#'
  const decoded = pointer?.slice(1).split('/').map(decodeURIComponent).join('/')
  return pointerForm.test(field) && decoded === field.toWellFormed()
}

/** Whether what an error names was in the request, or is in the document. */
const isOfRequest = (
  { in: place, field }: Errors[number],
  operation: Read,
  { path, headers }: Request
): boolean => {
  const isDocumented = operation.parameters.some(
    ({ name, in: of }) => of === place && name === field
  )
  if (place === 'query')
    return isDocumented || new URLSearchParams(path.split('?').slice(1).join('?')).has(field)
  return place === 'header'
    ? isDocumented || headers[field.toLowerCase()] !== undefined
    : place !== 'path' || isDocumented
}

const faultOfErrors = (
  operation: Read,
  sent: Request,
  { errors = [] }: Partial<Problem>
): string | undefined => {
  const wrong = errors.find((error) => !hasForm(error) || !isOfRequest(error, operation, sent))
  return wrong && `an error has another form: ${JSON.stringify(wrong)}`
}

/** Why an answer is not as the document has it; nothing when it is. */
const faultOf = (
  operation: Read,
  sent: Request,
  { status, headers, body }: Answer
): string | undefined => {
  const documentedAnswer = operation.responses[status]
  if (documentedAnswer === undefined) return `${status} is not documented`
  if (status === 500) return 'a fault of ours'
  if (!headers['x-request-id']) return 'no X-Request-Id'
  const type = headers['content-type']?.split(';')[0] ?? ''
  const etag = documentedAnswer.headers?.['ETag'] !== undefined
  if (etag !== (headers.etag !== undefined))
    return `ETag: ${headers.etag ?? 'none'}, which is not as documented`
  if (status === 204 || status === 304) return body === '' ? undefined : `${status} with a body`
  const types = Object.keys(documentedAnswer.content ?? {})
  if (type !== '' && types[0] === 'application/octet-stream') return undefined // the file's own
  if (!types.includes(type))
    return `${status} as ${type || 'nothing'}, not as ${types.join(' or ')}`
  const schema = schemaOf(operation, status, type)
  if (schema === undefined || !/^application\/(problem\+)?json$/.test(type)) return undefined
  if (status < 300 && someFields(sent.path)) return undefined
  const given = JSON.parse(body) as unknown
  const ofErrors =
    status < 400 ? undefined : faultOfErrors(operation, sent, given as Partial<Problem>)
  if (ofErrors !== undefined) return ofErrors
  const faults = conforms(schema, given)
  return faults.length === 0
    ? undefined
    : `${status} is not as its schema has it: ${faults.slice(0, 3).join('; ')}`
}

const seeded = async (
  t: Test
): Promise<{ api: Api; known: Record<string, (string | number)[]> }> => {
  const upstream = await fakeSessionManager(t)
  upstream.set({
    status: 'QR_REQUIRED',
    running: true,
    qrAttempt: 1,
    qr: { code: 'code', generatedAt: Date.now(), expiresAt: Date.now() + 600_000 }
  })
  const api = await serveApi(t, { sessionManager: upstream.url })
  const people = Array.from({ length: 60 }, (_, index) => `52155${10_000_000 + index}`)
  const of = (phone: string, id: string): object => ({
    id: `false_${phone}@c.us_${id}`,
    chat_id: `${phone}@c.us`,
    from: `${phone}@c.us`,
    phone: `+${phone}`
  })
  const media = {
    has_media: true,
    type: 'image',
    media: { state: 'pending' as const, mimetype: 'image/jpeg' }
  }
  await api.take(
    ...people.map((phone, index) =>
      record(`${index}`, {
        ...of(phone, 'A'),
        timestamp: 1_790_000_000 + index,
        name: `Ana ${index}`,
        body: `hola ${index}`,
        ...(index % 3 === 0 ? media : {})
      })
    )
  )
  await api.take(
    reply('r', { chat_id: `${people[0]}@c.us`, to: `${people[0]}@c.us`, timestamp: 1_790_000_100 })
  )
  for (const name of ['a', 'b', 'c'])
    await api.ask('/api/webhooks', {
      method: 'POST',
      body: { url: `http://127.0.0.1:9/${name}`, events: ['lead.created'] }
    })
  const { body: ping } = await api.ask<{ delivery_id: string }>('/api/webhooks/1/ping', {
    method: 'POST'
  })
  return {
    api,
    known: {
      id: Array.from({ length: 60 }, (_, index) => index + 1),
      session_id: [1, 2],
      account: ['main'],
      delivery_id: [ping.delivery_id],
      ticket: ['1.x'],
      message_id: people.map((phone) => `false_${phone}@c.us_A`)
    }
  }
}

const idsOf = (
  { operationId }: Read,
  known: Record<string, (string | number)[]>
): Record<string, (string | number)[]> =>
  operationId === 'getMedia' || operationId === 'getMediaUrl'
    ? { ...known, id: known['message_id'] ?? [] }
    : known

/** What a schema alone does not tell right from wrong. */
const beyondSchemas =
  /^(account|cursor|excel|tz|after|phone|updated_since|since|until|\/(phone|remind_at|account|url|time_zone|steps\/\d+\/after_minutes|holidays\/\d+|weekly\/\w+\/\d+\/until))$/

t.test('whatever is asked, the answer is one that the document declares', async (t) => {
  const { api, known } = await seeded(t)
  const counts: Record<string, number> = {}
  for (const operation of documented) {
    const { hostile, valid } = requestsOf(operation, idsOf(operation, known))
    const ask = async (sent: Request): Promise<Answer> => {
      const answer = await send(api.port, sent)
      const fault = faultOf(operation, sent, answer)
      if (fault !== undefined) throw new Error(`${fault}: ${answer.body.slice(0, 500)}`)
      const kind = `${Math.floor(answer.status / 100)}xx`
      counts[kind] = (counts[kind] ?? 0) + 1
      return answer
    }
    const asProperty = async (
      name: string,
      requests: typeof valid,
      judge: (answer: Answer) => void
    ): Promise<void> => {
      const outcome = await fc.check(
        fc.asyncProperty(requests, async (sent) => judge(await ask(sent))),
        { seed, numRuns: runs, endOnFailure: false }
      )
      t.notOk(
        outcome.failed,
        `${operation.operationId}: ${name}`,
        outcome.failed
          ? { seed, counterexample: outcome.counterexample, why: String(outcome.errorInstance) }
          : {}
      )
    }
    await asProperty('hostile', hostile, () => undefined)
    await asProperty('as documented', valid, ({ status, body }) => {
      if (status !== 400 && status !== 415) return
      const { errors = [] } = JSON.parse(body) as { errors?: { field: string }[] }
      if (!errors.every(({ field }) => beyondSchemas.test(field)) || errors.length === 0)
        throw new Error(`refused, though it is as the document has it: ${body}`)
    })
  }
  const asked = Object.values(counts).reduce((sum, count) => sum + count, 0)
  t.comment(
    `${asked} requests to ${documented.length} operations, seed ${seed}: ${JSON.stringify(counts)}`
  )
  t.ok(asked > documented.length * runs, 'thousands were asked')
  t.ok(
    (counts['2xx'] ?? 0) > asked / 10 && (counts['4xx'] ?? 0) > asked / 10,
    'some were right, some were wrong'
  )
  t.match(await api.ask('/health'), { status: 200 }, 'it still answers')
  t.match(await api.ask('/api/leads'), { status: 200 })
})

t.test('an unknown parameter is refused by its name', async (t) => {
  const { api, known } = await seeded(t)
  // what existing frontends and whoever watches a hub ask for may carry what keeps caches away
  const strict = documented.filter(
    ({ method, tags: [tag] }) => method !== 'GET' || (tag !== 'operation' && tag !== 'whatsapp')
  )
  for (const operation of strict) {
    const ids = idsOf(operation, known)
    const path = operation.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
      encodeURIComponent(ids[name]?.[0] ?? '')
    )
    const [sent = { method: 'GET', headers: {} }] = fc.sample(requestsOf(operation, ids).valid, {
      seed,
      numRuns: 1
    })
    const { status, body: text } = await send(api.port, { ...sent, path: `${path}?colour=red` })
    t.match(
      [status, JSON.parse(text || 'null')],
      [400, { errors: [{ field: 'colour' }] }],
      operation.operationId
    )
  }
})

t.test(
  'a body of another type is refused as such on each route that takes one; broken JSON stays a bad request',
  async (t) => {
    const { api, known } = await seeded(t)
    const urn = 'urn:leadmaster:problem'
    const taking = documented.filter(({ requestBody }) => requestBody !== undefined)
    for (const operation of taking) {
      const ids = idsOf(operation, known)
      const path = operation.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
        encodeURIComponent(ids[name]?.[0] ?? '')
      )
      const ask = async (
        type: string | undefined,
        text: string | undefined
      ): Promise<[number, string]> => {
        const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
        const sent = { method: operation.method, path, headers }
        const { status, body } = await send(
          api.port,
          text === undefined ? sent : { ...sent, body: Buffer.from(text) }
        )
        return [status, (JSON.parse(body) as Problem).type]
      }
      const others = [
        undefined,
        '',
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json-patch+json',
        'application/jsonx',
        'text/json'
      ]
      for (const type of others)
        t.same(
          await ask(type, '{"a":1}'),
          [415, `${urn}:unsupported-media-type`],
          `${operation.operationId}: ${type}`
        )
      if (operation.requestBody?.content['application/json'] === undefined) continue
      t.same(
        await ask('application/json', '{'),
        [400, `${urn}:bad-request`],
        `${operation.operationId}: broken JSON`
      )
      t.same(
        await ask('Application/JSON ; charset=utf-8', '[]'),
        [400, `${urn}:invalid-parameters`],
        `${operation.operationId}: a list`
      )
      t.same(
        await ask(undefined, undefined),
        [400, `${urn}:invalid-parameters`],
        `${operation.operationId}: nothing`
      )
    }
    t.ok(taking.length > 8, `${taking.length} routes take a body`)
  }
)

t.test('without a token nothing is told, but by what is open', async (t) => {
  const { api } = await seeded(t)
  for (const { operationId, method, path, security } of documented) {
    const { status, headers } = await send(api.port, {
      method,
      path: path.replace(/\{\w+\}/g, '1'),
      headers: { authorization: '' }
    })
    if (security?.length !== 0)
      t.match([status, headers['www-authenticate']], [401, 'Bearer'], operationId)
    else t.not(status, 401, operationId)
  }
})

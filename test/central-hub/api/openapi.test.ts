import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import type { TSchema } from 'typebox'
import { problems } from '../../../src/contract/problem.ts'
import { routes } from '../../../src/contract/routes.ts'
import { apiToken, centralHubEnv, freePort, startDaemon } from '../../end-to-end/daemon.ts'
import { conforms } from '../../platform/conforms.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { document, documented } from './documented.ts'
import { serveApi } from './rig.ts'

t.test('GET /openapi.json is open to all, and has an ETag', async (t) => {
  const { url } = await serveApi(t)
  const answer = await fetch(`${url}/openapi.json`)
  t.equal(answer.status, 200)
  t.same(await answer.json(), JSON.parse(JSON.stringify(document)))
  t.equal(
    (
      await fetch(`${url}/openapi.json`, {
        headers: { 'if-none-match': answer.headers.get('etag') ?? '' }
      })
    ).status,
    304
  )
})

t.test('it is valid OpenAPI 3.1, by a validator that is not ours', async (t) => {
  t.match(
    await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>),
    { valid: true }
  )
})

t.test(
  'every route that is there is documented, and every one that is documented is there',
  async (t) => {
    const { routes: served } = await serveApi(t)
    t.same(served.toSorted(), Object.values(routes).toSorted())
    t.same(
      documented
        .map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`)
        .toSorted(),
      served.toSorted()
    )
    const ids = documented.map(({ operationId }) => operationId)
    t.equal(new Set(ids).size, ids.length, 'ids are unique')
  }
)

t.test('so it is with the daemon itself', async (t) => {
  const hub = startDaemon(
    'central-hub',
    centralHubEnv({
      port: await freePort(),
      stateDir: ownDirectory(t),
      sessionManager: 'http://127.0.0.1:9'
    })
  )
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('listening')
  for (const { method, path, security } of documented) {
    // without a token a route that is there is not told from one that is not: the method is
    const at = path.replace(/\{\w+\}/g, '1')
    const { status, headers } = await fetch(hub.url + at, {
      method: 'PUT',
      headers: { authorization: `Bearer ${apiToken}` }
    })
    t.equal(status, 405, `PUT ${at}`)
    t.ok(headers.get('allow')?.split(', ').includes(method), `${at} takes ${method}`)
    if (security?.length === 0) continue
    const stranger = await fetch(hub.url + at, { method })
    t.equal(stranger.status, 401, `${method} ${at} without the token`)
  }
})

t.test('every example is as its schema has it', async (t) => {
  const hold = (what: string, schema: unknown, example: unknown): void =>
    conforms(t, schema as TSchema, JSON.parse(JSON.stringify(example)), what)
  for (const { operationId, requestBody, responses } of documented) {
    for (const [type, { schema, example }] of Object.entries(requestBody?.content ?? {}))
      hold(`${operationId}: ${type}`, schema, example)
    for (const [status, { content }] of Object.entries(responses)) {
      for (const [type, { schema, example, examples }] of Object.entries(content ?? {})) {
        if (type === 'application/json') t.ok(example, `${operationId}: ${status} shows an answer`)
        for (const one of [example, ...Object.values(examples ?? {}).map(({ value }) => value)])
          if (one !== undefined) hold(`${operationId}: ${status} ${type}`, schema, one)
      }
    }
  }
})

t.test('every type of problem is documented, with what mends it', async (t) => {
  const told = new Map<string, string>()
  for (const { responses } of documented) {
    for (const [status, { description, content }] of Object.entries(responses)) {
      if (Number(status) < 400 || content?.['application/json']) continue
      const { examples = {} } = content?.['application/problem+json'] ?? {}
      t.ok(Object.keys(examples).length > 0, `${status} shows a problem`)
      for (const type of Object.keys(examples)) told.set(type, description)
    }
  }
  for (const [type, { mend }] of Object.entries(problems))
    if (type !== 'method-not-allowed') t.ok(told.get(type)?.includes(mend), type)
})

t.test('everything that is described says something', async (t) => {
  for (const { operationId, summary, parameters, tags } of documented) {
    t.match(summary, /^[A-Z].*[^.]$/, operationId)
    t.ok(
      document.tags.some(({ name }) => name === tags[0]),
      `${operationId}: ${tags[0]}`
    )
    for (const { name, in: place, schema } of parameters)
      if (place !== 'header') t.ok(Object.keys(schema).length > 0, `${operationId}: ${name}`)
    t.ok(
      parameters.some(({ name }) => name === 'X-Request-Id'),
      `${operationId}: X-Request-Id`
    )
  }
})

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { storeMedia } from '../../../src/session-manager/journal/media.ts'
import { apiToken } from '../../end-to-end/daemon.ts'
import { raw } from '../../platform/http/http-server.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { record } from '../store/open-store.ts'
import { documented } from './documented.ts'
import { bearer, serveApi, type Api } from './rig.ts'

/**
 * What a stranger writes, and what a page of another site asks, changes nothing but what it is
 * meant to.
 */

const json = { 'content-type': 'application/json' }
const cookieOf = async ({ url }: Api): Promise<string> =>
  (
    (
      await fetch(`${url}/api/sign-in`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ token: apiToken })
      })
    ).headers.get('set-cookie') ?? ''
  ).split(';')[0] ?? ''

t.test(
  'no spelling of a path, no method and no header of a proxy comes past the token',
  async (t) => {
    const { port, take } = await serveApi(t)
    await take(record('1', { body: 'a secret' }))
    const paths = [
      '/api/leads',
      '/api/leads/',
      '/API/LEADS',
      '//api/leads',
      '/./api/leads',
      '/health/../api/leads',
      '/health/..%2fapi/leads',
      '/health%2f..%2fapi/leads',
      '/docs/../api/leads',
      '/api/sign-in/../leads',
      '/api/%6ceads',
      '/api/leads%00',
      '/api/leads?/health',
      '/api/leads#/health',
      '/api/leads;/health',
      'http://localhost/health',
      '/health/api/leads',
      '/api/leads.csv',
      '/api/messages.jsonl',
      '/api/events?token=x',
      '/openapi.json/../api/leads'
    ]
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND']) {
        const { status, body } = await raw(port, { method, path })
        t.ok(status === 401 && !body.includes('a secret'), `${method} ${path}: ${status}`)
      }
    }
    for (const headers of [
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-host': 'localhost' },
      { 'x-original-url': '/health' },
      { 'x-rewrite-url': '/health' },
      { 'x-http-method-override': 'OPTIONS' },
      { 'proxy-authorization': bearer.authorization },
      { 'x-api-key': apiToken },
      { cookie: `leadmaster=${apiToken}` }
    ] as Record<string, string>[]) {
      t.equal(
        (await raw(port, { path: '/api/leads', headers })).status,
        401,
        JSON.stringify(headers)
      )
    }
    t.equal(
      (await raw(port, { path: `/api/leads?token=${apiToken}&authorization=${apiToken}` })).status,
      401,
      'nor in the query, where logs and histories would have it'
    )
  }
)

t.test('secrets are compared by what takes the same time whatever is wrong', async (t) => {
  const root = fileURLToPath(new URL('../../../src/', import.meta.url))
  const secret = /(^|\.)(\w*[tT]oken|\w*[sS]ignature|\w*[sS]ecret|password)$/
  const absent = /^(undefined|null|''|"")$/
  let compared = 0
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts')
  )) {
    const visit = (node: ts.Node): void => {
      if (ts.isBinaryExpression(node) && /^[=!]==?$/.test(node.operatorToken.getText())) {
        compared += 1
        const [left, right] = [node.left.getText(), node.right.getText()]
        const plain =
          [left, right].some((side) => secret.test(side)) &&
          ![left, right].some((side) => absent.test(side))
        t.notOk(plain, `${file}: ${node.getText()}`)
      }
      ts.forEachChild(node, visit)
    }
    visit(
      ts.createSourceFile(file, readFileSync(root + file, 'utf8'), ts.ScriptTarget.Latest, true)
    )
  }
  t.ok(compared > 500)
})

t.test(
  'with the cookie, a page of another origin changes nothing, whatever operation it asks for',
  async (t) => {
    const api = await serveApi(t)
    await api.take(record('1'))
    const cookie = await cookieOf(api)
    const changing = documented.filter(
      ({ method, path }) => method !== 'GET' && path !== '/api/sign-in'
    )
    t.ok(changing.length > 10)
    const origins = [
      undefined,
      'null',
      'https://evil.example',
      'http://localhost.evil.example',
      `http://127.0.0.1:${api.port + 1}`,
      `http://127.0.0.1`
    ]
    for (const { method, path, operationId } of changing) {
      for (const origin of origins) {
        // as a form of another page can have it
        const headers = {
          cookie,
          'content-type': 'text/plain',
          ...(origin === undefined ? {} : { origin })
        }
        const { status, headers: answered } = await raw(api.port, {
          method,
          path: path.replace(/\{\w+\}/g, '1'),
          headers,
          ...(method === 'DELETE' ? {} : { body: '{}' })
        })
        t.same(
          [status, answered['access-control-allow-origin']],
          [403, undefined],
          `${operationId} from ${origin}`
        )
      }
    }
    t.match((await api.ask('/api/leads/1')).status, 200)
  }
)

t.test(
  'a page of another origin reads no events with the cookie, and text in them begins none',
  async (t) => {
    const api = await serveApi(t, { corsOrigins: ['https://crm.example.com'] })
    const cookie = await cookieOf(api)
    for (const origin of ['https://evil.example', 'https://crm.example.com', 'null']) {
      const stop = new AbortController()
      const { headers } = await fetch(`${api.url}/api/events`, {
        headers: { cookie, origin },
        signal: stop.signal
      })
      t.equal(
        headers.get('access-control-allow-credentials'),
        null,
        'a browser gives no answer that was asked for with cookies to another origin'
      )
      t.equal(
        headers.get('access-control-allow-origin'),
        origin === 'https://crm.example.com' ? origin : null
      )
      t.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
      stop.abort()
    }
    const body = 'hola\n\nevent: lead\ndata: {"forged":true}\n\n\r\rid: 9\r\u2028event: end'
    const stream = await openSse(`${api.url}/api/events`, bearer)
    await api.take(record('1', { body, name: 'Ana\nevent: end' }))
    const { data } = await stream.until(({ event }) => event === 'message')
    t.match(JSON.parse(data), { body })
    await stream.until(({ event }) => event === 'lead')
    t.same([...new Set(stream.events.map(({ event }) => event))].sort(), [
      'lead',
      'message',
      'session'
    ])
    t.notOk(stream.events.some((event) => event.data.startsWith('{"forged"')))
    stream.close()
  }
)

const statements = [
  "' OR 1=1 --",
  "'; DROP TABLE messages; --",
  '" OR ""="',
  '1; DELETE FROM leads',
  "') UNION SELECT token FROM webhooks --",
  '%',
  '_',
  '\\',
  '$1',
  '?',
  ':q',
  '"a" OR b',
  'a* NEAR b',
  "x' || (select 1) || '"
]

t.test(
  'what looks like SQL is text: it finds what has it, is kept as it is, and runs nowhere',
  async (t) => {
    const { take, ask } = await serveApi(t)
    await take(record('1', { body: 'hola', name: 'Ana' }))
    type Page = { leads?: { id: number; note: string; tags: string[] }[]; messages?: unknown[] }
    for (const text of statements) {
      const q = encodeURIComponent(text)
      for (const path of [
        `/api/leads?q=${q}`,
        `/api/leads?account=${q}`,
        `/api/messages?q=${q}`,
        `/api/leads?tag=${q}`,
        `/api/leads?assignee=${q}`
      ]) {
        const { status, body } = await ask<Page>(path)
        t.ok(
          status === 400 || (status === 200 && (body.leads ?? body.messages)?.length === 0),
          `${path}: ${status} ${JSON.stringify(body).slice(0, 80)}`
        )
      }
      for (const path of [
        `/api/leads?cursor=${q}`,
        `/api/leads?fields=${q}`,
        `/api/leads?state=${q}`,
        `/api/leads?limit=${q}`,
        `/api/leads/${q}`,
        `/api/stats?tz=${q}`
      ])
        t.equal((await ask(path)).status, 400, path)
      t.match(
        (await ask<Page>('/api/leads/1', { method: 'PATCH', body: { note: text, assignee: text } }))
          .body,
        { note: text, assignee: text }
      )
    }
    t.match((await ask('/api/leads')).body, { leads: [{ id: 1, whatsapp_name: 'Ana' }] })
    t.match((await ask('/api/messages')).body, { messages: [{ body: 'hola' }] })
  }
)

t.test('no SQL is put together of text but of names of our own', async (t) => {
  const root = fileURLToPath(new URL('../../../src/', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts')
  )
  const raws = files.flatMap((file) =>
    [...readFileSync(root + file, 'utf8').matchAll(/sql\.raw\(([^)]*)\)/g)].map(
      ([, what]) => `${file}: ${what}`
    )
  )
  t.same(raws.sort(), [
    'central-hub/store/database/migrations/step.ts: statement',
    'central-hub/store/write/answers.ts: column'
  ])
  t.match(
    readFileSync(`${root}central-hub/store/write/answers.ts`, 'utf8'),
    /column: '\w+'( \| '\w+')*/,
    'the column is one of a few'
  )
})

t.test('a name of a file leads to no other file', async (t) => {
  const upstream = await fakeSessionManager(t)
  const bytes = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  )
  await storeMedia(upstream.mediaDirectory, bytes)
  const api = await serveApi(t, { sessionManager: upstream.url })
  const media = {
    state: 'stored' as const,
    mimetype: 'image/svg+xml',
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    filename: '../../../../etc/passwd\r\nX-Evil: 1'
  }
  const one = record('1', { type: 'document', has_media: true, media })
  const climbing = record('2', {
    type: 'document',
    has_media: true,
    media: { ...media, sha256: '../../../etc/passwd' }
  })
  await api.take(one, climbing)
  const get = (id: string): Promise<Response> =>
    fetch(`${api.url}/api/messages/${encodeURIComponent(id)}/media`, { headers: bearer })
  const answer = await get(one.message.id)
  t.match([answer.status, await answer.text()], [200, bytes.toString()])
  t.match(
    Object.fromEntries(answer.headers),
    {
      'content-type': 'application/octet-stream',
      'content-disposition': /^attachment; filename="_\.\._\.\._\.\._etc_passwdX-Evil_ 1"/,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'x-evil': undefined
    },
    'an SVG is a download that runs nothing'
  )
  t.ok((await get(climbing.message.id)).status >= 400, 'a sum that is none leads nowhere')
  for (const id of ['../../etc/passwd', '..', '%2e%2e', '\0', one.message.id.slice(1)])
    t.ok([400, 404].includes((await get(id)).status), id)
})

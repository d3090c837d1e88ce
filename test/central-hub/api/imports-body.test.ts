import { Agent, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import type { ImportResult } from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

/**
 * The header and the size of an import, and what a client hears of it. Lines and names:
 * imports.test.ts.
 */

const maxBytes = 10_000_000
const phoneOf = (n: number): string => `+5255${10_000_000 + n}`

interface Sent {
  headers?: Record<string, string>
  /** Pieces of the body. */
  parts?: readonly (string | Buffer)[]
  /** Whether the body ends. */
  isWhole?: boolean
  agent?: Agent
}

const send = async <T = ImportResult>(
  { port }: Api,
  { headers = {}, parts = [], isWhole = true, agent }: Sent
): Promise<{ status: number; body: T }> => {
  const options = {
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/api/leads/import',
    headers: { ...bearer, ...headers }
  }
  const req = request(agent === undefined ? options : { ...options, agent })
  req.on('error', () => undefined)
  const answered = once(req, 'response') as Promise<[IncomingMessage]>
  req.flushHeaders()
  for (const part of parts) req.write(part)
  if (isWhole) req.end()
  const [res] = await answered
  const body = Buffer.concat(await res.toArray()).toString()
  if (!isWhole) req.destroy()
  return { status: res.statusCode ?? 0, body: JSON.parse(body) as T }
}

/** A table of so many bytes with one name. */
const tableOf = (bytes: number): Buffer => {
  const head = `phone,name,note\n${phoneOf(1)},Ana,`
  return Buffer.from(`${head}${'x'.repeat(bytes - head.length - 1)}\n`)
}

t.test('the type may be written in any case, with parameters in any order', async (t) => {
  const api = await serveApi(t)
  const cyrillic = Buffer.concat([
    Buffer.from(`phone,name\n${phoneOf(1)},`),
    Buffer.from([0xce, 0xeb, 0xfc, 0xe3, 0xe0])
  ])
  for (const type of [
    'text/csv;charset=windows-1251',
    'TEXT/CSV ; Charset=Windows-1251',
    'text/csv;charset="windows-1251"',
    'text/csv; header=present; charset=cp1251',
    'text/csv;charset=windows-1251;header=present'
  ]) {
    t.match(
      await send(api, { headers: { 'content-type': type }, parts: [cyrillic] }),
      { status: 200, body: { rejected: undefined, errors: [] } },
      type
    )
    t.same(await api.db.selectFrom('names').select('name').execute(), [{ name: 'Ольга' }], type)
    await api.db.deleteFrom('names').execute()
  }
  for (const type of [
    'text/csv',
    'text/csv;',
    'text/csv; charset',
    'text/csv; xcharset=windows-1251'
  ]) {
    t.equal(
      (
        await send(api, {
          headers: { 'content-type': type },
          parts: [`phone,name\n${phoneOf(1)},José\n`]
        })
      ).status,
      200,
      type
    )
    t.same(await api.db.selectFrom('names').select('name').execute(), [{ name: 'José' }], type)
    await api.db.deleteFrom('names').execute()
  }
})

t.test('another type, or a charset that nobody knows, is refused by name', async (t) => {
  const api = await serveApi(t)
  const file = [`phone,name\n${phoneOf(1)},Ana\n`]
  for (const headers of [
    {},
    { 'content-type': '' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'text/csvx' },
    { 'content-type': ';text/csv' }
  ]) {
    t.match(
      await send<Problem>(api, { headers, parts: file }),
      { status: 415, body: { detail: 'expected text/csv or application/x-ndjson' } },
      JSON.stringify(headers)
    )
  }
  for (const charset of ['nonsense', '', '""', '"utf-8', 'utf-8"x', 'utf"-8']) {
    const { status, body } = await send<Problem>(api, {
      headers: { 'content-type': `text/csv; charset=${charset}` },
      parts: file
    })
    if (charset === '"utf-8') t.equal(status, 200, 'half a pair of quotation marks does no harm')
    else
      t.match(
        [status, body.errors],
        [
          400,
          [
            {
              in: 'header',
              field: 'Content-Type',
              message: /charset of https:\/\/encoding\.spec\.whatwg\.org\/, such as utf-8/
            }
          ]
        ],
        charset
      )
  }
})

t.test(
  'ten million bytes are taken and one more is refused, whether its length is told or not',
  async (t) => {
    const api = await serveApi(t)
    const headers = { 'content-type': 'text/csv' }
    for (const length of [{}, { 'content-length': `${maxBytes}` }]) {
      t.match(
        await send(api, { headers: { ...headers, ...length }, parts: [tableOf(maxBytes)] }),
        { status: 200 },
        JSON.stringify(length)
      )
    }
    const refused = {
      status: 413,
      body: { detail: 'an import may have at most 10000000 bytes: send it in parts' }
    }
    t.match(await send<Problem>(api, { headers, parts: [tableOf(maxBytes + 1)] }), refused)
    t.match(
      await send<Problem>(api, {
        headers: { ...headers, 'content-length': `${maxBytes + 1}` },
        isWhole: false
      }),
      refused,
      'before any of it is sent'
    )
  }
)

t.test('a connection goes on after a body that was refused', { timeout: 30_000 }, async (t) => {
  const api = await serveApi(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const headers = { 'content-type': 'text/csv' }
  t.equal(
    (
      await send(api, {
        agent,
        headers,
        parts: Array.from({ length: 30 }, () => tableOf(1_000_000))
      })
    ).status,
    413
  )
  t.match(await send(api, { agent, headers, parts: [`phone,name\n${phoneOf(1)},Ana\n`] }), {
    status: 200,
    body: { kept: 1 }
  })
})

t.test(
  'who follows changes hears of an import once for each batch in which a lead was named, and of no other',
  async (t) => {
    const api = await serveApi(t)
    let changes = 0
    await api.take(record('1', { name: 'Ana' }))
    api.live.onChanged(() => (changes += 1))
    const headers = { 'content-type': 'text/csv' }
    const own = '+525512345678'
    const post = async (...rows: string[]): Promise<[number, ImportResult]> => {
      changes = 0
      const { body } = await send(api, { headers, parts: [['phone,name', ...rows].join('\n')] })
      return [changes, body]
    }
    t.same(await post(`${phoneOf(1)},Luis`), [0, { named: 0, kept: 1, unchanged: 0, errors: [] }])
    t.same(await post(`${own},Ana García`, `${phoneOf(1)},Luis`), [
      1,
      { named: 1, kept: 0, unchanged: 1, errors: [] }
    ])
    t.same(await post(`${own},Ana García`), [0, { named: 0, kept: 0, unchanged: 1, errors: [] }])
    const many = Array.from({ length: 500 }, (_, n) => `${phoneOf(100 + n)},Eva`)
    t.same(await post(...many, `${own},Ana G.`), [
      1,
      { named: 1, kept: 500, unchanged: 0, errors: [] }
    ])
  }
)

t.test('an export of ours comes in with what it does not need left out and counted', async (t) => {
  const api = await serveApi(t)
  const rows = [
    'id,phone,name,whatsapp_name,chat_id',
    `1,${phoneOf(1)},Ana,,x`,
    '2,,Eva,,x',
    `3,${phoneOf(3)},,,x`,
    `4,${phoneOf(1)},Ana M.,,x`,
    'x,y,z,,x'
  ]
  const { body } = await send(api, {
    headers: { 'content-type': 'text/csv' },
    parts: [rows.join('\n')]
  })
  t.match(body, {
    named: 0,
    kept: 1,
    unchanged: 3,
    rejected: 1,
    ignored_columns: ['id', 'whatsapp_name', 'chat_id'],
    errors: [{ line: 6, code: 'phone-unreadable' }]
  })
})

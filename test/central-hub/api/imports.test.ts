import { request } from 'node:http'
import { once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import {
  ImportResult,
  type Lead,
  type LeadChangePage,
  type LeadPage
} from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { propertyRuns } from '../../property-runs.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

const headersOf = (type: string) => ({ ...bearer, 'content-type': type })

/** Sends a body in these parts, without its length. @returns status and answer */
const sendParts = async <T = ImportResult>(
  { port }: Api,
  parts: Iterable<Buffer>
): Promise<{ status: number; body: T }> => {
  const req = request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/api/leads/import',
    headers: headersOf('text/csv')
  })
  const answered = once(req, 'response')
  for (const part of parts) {
    if (req.destroyed) break
    if (!req.write(part)) await Promise.race([once(req, 'drain'), answered])
    // each part in a packet of its own
    await new Promise((resolve) => setImmediate(resolve))
  }
  req.end()
  const [res] = (await answered) as [import('node:http').IncomingMessage]
  const body = Buffer.concat(await res.toArray()).toString()
  return { status: res.statusCode ?? 0, body: JSON.parse(body) as T }
}

/** The n-th of the phone numbers that the tests use. */
const phoneOf = (n: number): string => `+5255${10_000_000 + n}`

const send = <T = ImportResult>(
  { ask }: Api,
  text: string,
  type = 'text/csv'
): Promise<{ status: number; body: T }> =>
  ask<T>('/api/leads/import', { method: 'POST', headers: { 'content-type': type }, text })

t.test(
  'names are given to the leads of these numbers, whatever WhatsApp keeps in them, and kept for those who write later',
  async (t) => {
    const api = await serveApi(t)
    const { ask, take } = api
    await take(record('1', { name: 'Ana' }))
    const { status, body } = await send(
      api,
      'phone,name\n+52 55 1234 5678,Ana García\n+52 55 8765 4321,"Díaz, Luis"\n'
    )
    t.equal(status, 200)
    conforms(t, ImportResult, body, 'the result')
    t.same(body, { named: 1, kept: 1, unchanged: 0, errors: [] })
    t.match((await ask<Lead>('/api/leads/1')).body, { name: 'Ana García', whatsapp_name: 'Ana' })
    t.match((await ask<LeadChangePage>('/api/leads/1/history')).body.changes, [
      { field: 'name', from: 'Ana', to: 'Ana García' }
    ])
    await take(
      record('2', {
        id: '2',
        chat_id: '5215587654321@c.us',
        from: '5215587654321@c.us',
        to: 'me@c.us',
        phone: '+5215587654321',
        name: 'lu'
      })
    )
    t.match((await ask<Lead>('/api/leads/2')).body, { name: 'Díaz, Luis', whatsapp_name: 'lu' })
    t.same(
      (await send(api, 'phone,name\n+52 55 1234 5678,Ana García\n+52 55 8765 4321,"Díaz, Luis"\n'))
        .body,
      { named: 0, kept: 0, unchanged: 2, errors: [] },
      'once more changes nothing'
    )
  }
)

t.test('a name that a person gave stays above the imported one', async (t) => {
  const api = await serveApi(t)
  await api.take(record('1', { name: 'Ana' }))
  await api.ask('/api/leads/1', { method: 'PATCH', body: { name: 'Doña Ana' } })
  t.match((await send(api, 'phone,name\n+525512345678,Ana García\n')).body, {
    named: 0,
    unchanged: 1
  })
  t.match((await api.ask<Lead>('/api/leads/1')).body, { name: 'Doña Ana' })
})

t.test(
  'a heading in any order, semicolons, other columns, a byte order mark, quotes and empty lines',
  async (t) => {
    const api = await serveApi(t)
    t.match(
      (
        await send(
          api,
          '\ufeffName;City;PHONE\r\n"García; ""Ana""";CDMX;+52 55 1234 5678\r\n\r\n',
          'text/csv; charset=utf-8'
        )
      ).body,
      { kept: 1, errors: [] }
    )
    await api.take(record('1'))
    t.match((await api.ask<LeadPage>('/api/leads')).body.leads, [{ name: 'García; "Ana"' }])
  }
)

t.test('JSON Lines, too', async (t) => {
  const api = await serveApi(t)
  const { body } = await send(
    api,
    '{"phone":"+525512345678","name":"Ana"}\n\n[1]\n{"phone":5,"name":"x"}\n{"phone":"+525512345679","name":"Luis"}',
    'application/x-ndjson'
  )
  t.match(body, {
    kept: 2,
    errors: [
      { line: 3, field: 'line' },
      { line: 4, field: 'phone' }
    ]
  })
})

t.test(
  'what is wrong with a line is named by its number and field, and keeps out that line alone',
  async (t) => {
    const api = await serveApi(t)
    const { body } = await send(
      api,
      `phone,name\n55 1234 5678,Ana\n+52 55 1234 5678,\nx,y\n+52 55 1234 5679,${'n'.repeat(201)}\n+52 55 1234 5670,a "b\n+52 55 1234 5671,Luis\n`
    )
    t.match(body, {
      kept: 1,
      unchanged: 0,
      errors: [
        { line: 2, field: 'phone', message: /with its country code/ },
        { line: 3, field: 'name', message: /1 to 200/ },
        { line: 4, field: 'phone' },
        { line: 5, field: 'name' },
        { line: 6, field: 'line', message: /RFC 4180/ }
      ]
    })
    t.match(
      (await send(await serveApi(t, { country: 'MX' }), 'phone,name\n55 1234 5678,Ana\n')).body,
      { kept: 1, errors: [] },
      'numbers of the default country need no code'
    )
    t.equal((await send(api, `phone,name\n${'x,y\n'.repeat(300)}`)).body.errors.length, 100)
  }
)

t.test('what is no import is refused by name', async (t) => {
  const api = await serveApi(t)
  t.match(await send<Problem>(api, 'number,name\n1,2\n'), {
    status: 400,
    body: { errors: [{ field: 'phone', message: /first line/ }] }
  })
  t.match(await send<Problem>(api, 'phone,name,name\n1,2,3\n'), {
    status: 400,
    body: { errors: [{ field: 'name' }] }
  })
  t.match(await send<Problem>(api, '{}', 'application/json'), {
    status: 415,
    body: { detail: /text\/csv/ }
  })
  const fileIs = (code: string) => ({ status: 400, body: { errors: [{ field: 'body', code }] } })
  for (const empty of ['', '\n', '\ufeff\r\n \n', 'sep=;\n'])
    t.match(await send<Problem>(api, empty), { status: 400 }, JSON.stringify(empty))
  t.match(await send<Problem>(api, ''), fileIs('file-empty'))
  t.match(await send<Problem>(api, '\n', 'application/x-ndjson'), fileIs('file-empty'))
  t.match(await send<Problem>(api, 'Teléfono;Nombre\r\n;;\r\n'), fileIs('file-no-lines'))
  t.match(await send<Problem>(api, 'PK\u0003\u0004 a workbook'), fileIs('file-workbook'))
  t.match(
    await send<Problem>(api, 'phone,name\n+525512345678,Ana\n', 'text/csv; charset=nonsense'),
    { status: 400, body: { errors: [{ field: 'Content-Type' }] } }
  )
})

t.test('at most ten million bytes and a hundred thousand lines', async (t) => {
  const api = await serveApi(t)
  t.match(await send<Problem>(api, `phone,name\n${'+525512345678,Ana\n'.repeat(600_000)}`), {
    status: 413,
    body: { detail: /10000000 bytes/ }
  })
  const lines = Array.from({ length: 100_001 }, (_, n) => `+5255${10_000_000 + n},Ana ${n}`)
  t.match((await send(api, `phone,name\n${lines.slice(1).join('\n')}`)).body, {
    kept: 100_000,
    errors: []
  })
  t.match(await send<Problem>(api, `phone,name\n${lines.join('\n')}`), {
    status: 413,
    body: { detail: /100000 lines/ }
  })
})

t.test(
  'an import in chunks has the same limit, and a letter cut in two arrives whole',
  async (t) => {
    const api = await serveApi(t)
    const megabyte = Buffer.from(`${phoneOf(1)},Ana\n`.repeat(58_824))
    const sent = [Buffer.from('phone,name\n'), ...Array.from({ length: 11 }, () => megabyte)]
    t.match(await sendParts<Problem>(api, sent), {
      status: 413,
      body: { detail: /10000000 bytes/ }
    })
    const bytes = Buffer.from(`phone,name\n${phoneOf(1)},Ñandú 🌶️\n${phoneOf(2)},Ana\n`)
    t.match(
      await sendParts(
        api,
        [...bytes].map((byte) => Buffer.from([byte]))
      ),
      { status: 200, body: { kept: 2, errors: [] } }
    )
    t.same(
      (await api.db.selectFrom('names').select('name').orderBy('phone_key').execute()).map(
        ({ name }) => name
      ),
      ['Ñandú 🌶️', 'Ana']
    )
  }
)

/** Lines with something wrong, each with the code that names it. */
const badLines = (n: number): [text: string, code: string][] => [
  [`${phoneOf(n)},"Ana sin cerrar`, 'line-quotes'],
  [`${phoneOf(n)},"A" B`, 'line-quotes'],
  [`${phoneOf(n)},a "b`, 'line-quotes'],
  [`${phoneOf(n)},Luis"`, 'line-quotes'],
  [`"${phoneOf(n)},Ana`, 'line-quotes'],
  [`${phoneOf(n)},"`, 'line-quotes'],
  [`${phoneOf(n)},`, 'name-missing'],
  [',Ana', 'phone-missing'],
  ['nobody,Ana', 'phone-unreadable'],
  ['5.21551E+12,Ana', 'phone-lost-digits'],
  ['55 1234 5678,Ana', 'phone-without-country'],
  [`${phoneOf(n)},${'n'.repeat(201)}`, 'name-too-long'],
  [`${phoneOf(n)},a\u0000b`, 'name-characters']
]

t.test(
  'bad lines among good ones, at random: each costs itself alone, and is named by its own number',
  async (t) => {
    const api = await serveApi(t)
    const lines = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constant(-1) },
        { weight: 2, arbitrary: fc.nat(badLines(0).length - 1) }
      ),
      { minLength: 1, maxLength: 60 }
    )
    let first = 0
    await fc.assert(
      fc.asyncProperty(lines, fc.constantFrom('\n', '\r\n', '\r'), async (kinds, end) => {
        const [rows, errors]: [string[], { line: number; code: string }[]] = [[], []]
        first += 100
        for (const [index, kind] of kinds.entries()) {
          const [text, code] = badLines(first + index)[kind] ?? [
            `${phoneOf(first + index)},"Ana ""la ${index}"", de León"`,
            undefined
          ]
          rows.push(text)
          if (code !== undefined) errors.push({ line: index + 2, code })
        }
        const { body } = await send(api, ['phone,name', ...rows, ''].join(end))
        t.same(
          body.errors.map(({ line, code }) => ({ line, code })),
          errors,
          rows.join('\n')
        )
        t.match(body, { kept: kinds.length - errors.length, unchanged: 0 }, rows.join('\n'))
        t.equal(body.rejected ?? 0, errors.length)
      }),
      propertyRuns(t, 60)
    )
  }
)

t.test('after a quotation mark that is not closed, all other lines are taken', async (t) => {
  const api = await serveApi(t)
  const rows = Array.from({ length: 901 }, (_, n) =>
    n === 0 ? `${phoneOf(0)},"Ana sin cerrar` : `${phoneOf(n)},"Luis ${n}"`
  )
  t.match((await send(api, `phone,name\n${rows.join('\n')}\n`)).body, {
    kept: 900,
    errors: [{ line: 2, code: 'line-quotes' }]
  })
  const between = (one: string, other: string): string =>
    `phone,name,note\n${phoneOf(1)},Ana,x\n${one}\n${phoneOf(1_003)},Eva,x\n${other}\n${phoneOf(1_005)},Rosa,x\n`
  const two = await send(api, between(`${phoneOf(1_002)},"Beto,x`, `${phoneOf(1_004)},Luis",x`))
  t.match(two.body, {
    kept: 3,
    unchanged: 0,
    named: 0,
    errors: [
      { line: 3, code: 'line-quotes' },
      { line: 5, code: 'line-quotes' }
    ]
  })
})

t.test(
  'a line break in another column belongs to it; rows inside its quotation marks are named and not taken',
  async (t) => {
    const api = await serveApi(t)
    const note = await send(
      api,
      `phone,name,note\n${phoneOf(1)},Ana,"one\ntwo, ""three""\n\nfour"\nx,Luis,\n`
    )
    t.match(note.body, {
      kept: 1,
      ignored_columns: ['note'],
      errors: [{ line: 6, code: 'phone-unreadable', column: 1 }]
    })
    const table = await send(
      api,
      `phone,name,note\n${phoneOf(2)},Ana,"see\n${phoneOf(3)},Eva,x\n${phoneOf(4)},Rosa,y"\n`
    )
    t.match(table.body, {
      kept: 1,
      rejected: 2,
      errors: [
        { line: 3, code: 'line-in-quotes' },
        { line: 4, code: 'line-in-quotes' }
      ]
    })
  }
)

t.test('names are what PATCH takes, and no error repeats a value of the file', async (t) => {
  const api = await serveApi(t)
  await api.take(record('1', { name: 'Ana' }))
  for (const name of ['a\nb', 'a\u0000b', 'n'.repeat(201), '']) {
    const csv = await send(api, `phone,name,note\n+525512345678,"${name}",secret\n`)
    const json = await send(
      api,
      JSON.stringify({ phone: '+525512345678', name }),
      'application/x-ndjson'
    )
    const patch = await api.ask('/api/leads/1', { method: 'PATCH', body: { name } })
    t.match(
      [csv.body, json.body],
      [
        { named: 0, errors: [{ line: 2, field: 'name' }] },
        { named: 0, errors: [{ line: 1, field: 'name' }] }
      ],
      JSON.stringify(name)
    )
    t.equal(patch.status, 400, JSON.stringify(name))
    t.notMatch(JSON.stringify([csv.body.errors, json.body.errors]), /525512345678|nnnn|secret/)
  }
  t.match((await api.ask<Lead>('/api/leads/1')).body, { name: 'Ana' })
})

t.test(
  'a name that is shown already is not taken for an imported one: WhatsApp may change it',
  async (t) => {
    const api = await serveApi(t)
    await api.take(record('1', { name: 'Ana' }))
    t.match((await send(api, 'phone,name\n+525512345678,Ana\n')).body, {
      named: 0,
      kept: 0,
      unchanged: 1
    })
    await api.take(record('2', { id: '2', name: 'Ana María', timestamp: 1_900_000_000 }))
    t.match((await api.ask<Lead>('/api/leads/1')).body, {
      name: 'Ana María',
      whatsapp_name: 'Ana María'
    })
    t.match((await send(api, 'phone,name\n+525512345678,Ana García\n')).body, { named: 1 })
    await api.take(record('3', { id: '3', name: 'Anita', timestamp: 1_900_000_001 }))
    t.match((await api.ask<Lead>('/api/leads/1')).body, {
      name: 'Ana García',
      whatsapp_name: 'Anita'
    })
  }
)

t.test('of several lines for one number the last counts, however far apart they are', async (t) => {
  const api = await serveApi(t)
  await api.take(record('1', { name: 'Ana' }))
  const others = Array.from({ length: 1_200 }, (_, n) => `${phoneOf(n)},Luis`)
  const { body } = await send(
    api,
    ['phone,name', '+525512345678,First', ...others, '+52 1 55 1234 5678,Last'].join('\n')
  )
  t.same(body, { named: 1, kept: 1_200, unchanged: 1, errors: [] })
  t.match((await api.ask<LeadChangePage>('/api/leads/1/history')).body.changes, [
    { from: 'Ana', to: 'Last' }
  ])
})

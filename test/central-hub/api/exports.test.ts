import { parse } from 'csv-parse/sync'
import t from 'tap'
import { Lead, Message } from '../../../src/contract/lead.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, reply } from '../store/open-store.ts'
import { bearer, serveApi } from './rig.ts'

const rows = (text: string): Record<string, string>[] => parse(text, { columns: true, bom: true })

t.test(
  'GET /api/leads.csv: all that match, with a heading, as a download named by the day',
  async (t) => {
    const { url, ask, take } = await serveApi(t)
    await take(
      record('1', { name: 'Ana, "la de azul"', body: 'line one\nline two' }),
      record('2', {
        id: '2',
        chat_id: '5215511111111@c.us',
        from: '5215511111111@c.us',
        phone: '+5215511111111'
      })
    )
    await ask('/api/leads/1', {
      method: 'PATCH',
      body: { tags: ['vip', 'blue'], note: '=HYPERLINK("http://x")' }
    })
    const answer = await fetch(`${url}/api/leads.csv`, { headers: bearer })
    t.match(answer.headers.get('content-type'), /^text\/csv; charset=utf-8/)
    t.match(
      answer.headers.get('content-disposition'),
      /^attachment; filename="leads-\d{4}-\d\d-\d\d\.csv"$/
    )
    const text = await answer.text()
    t.match(rows(text), [
      {
        id: '1',
        phone: '+5215512345678',
        name: 'Ana, "la de azul"',
        tags: 'blue, vip',
        note: '\'=HYPERLINK("http://x")',
        state: 'new',
        unanswered_count: '1',
        last_message: 'line one\nline two'
      },
      { id: '2', phone: '+5215511111111', name: '' }
    ])
    t.notOk(text.startsWith('\ufeff'))
    t.match(rows(await (await fetch(`${url}/api/leads.csv?tag=vip`, { headers: bearer })).text()), [
      { id: '1' }
    ])
    const bytes = Buffer.from(
      await (
        await fetch(`${url}/api/leads.csv?bom=true&state=won`, { headers: bearer })
      ).arrayBuffer()
    )
    t.same([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf], 'for Excel, if asked for')
    t.match(await ask('/api/leads.csv?limit=5'), {
      status: 400,
      body: { errors: [{ field: 'limit' }] }
    })
  }
)

t.test('cells that a spreadsheet would take for a formula are text', async (t) => {
  const { url, take } = await serveApi(t)
  const bodies = ['=1+1', '+1+1', '-1', '@SUM(A1)', '\t=1', '\r=1', 'plain = 1']
  await take(...bodies.map((body, n) => record(`${n}`, { body, timestamp: 100 + n })))
  const cells = rows(
    await (await fetch(`${url}/api/messages.csv`, { headers: bearer })).text()
  ).map(({ body }) => body)
  t.same(cells.reverse(), ["'=1+1", "'+1+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", 'plain = 1'])
})

t.test(
  'GET /api/messages.csv and .jsonl: the same messages as the list, latest first',
  async (t) => {
    const { url, take } = await serveApi(t)
    await take(
      ...Array.from({ length: 450 }, (_, n) =>
        record(`${n}`, { timestamp: 1_000 + n, body: n % 2 ? 'hola' : 'nada' })
      ),
      reply('r', { timestamp: 1_449, body: 'hola' })
    )
    const lines = (await (await fetch(`${url}/api/messages.jsonl`, { headers: bearer })).text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Message)
    t.equal(lines.length, 451)
    conforms(t, Message, lines[0], 'a line')
    t.same(
      lines.map(({ timestamp }) => timestamp),
      lines.map(({ timestamp }) => timestamp).toSorted((a, b) => b - a)
    )
    const found = rows(
      await (await fetch(`${url}/api/messages.csv?q=hola&from_me=true`, { headers: bearer })).text()
    )
    t.match(found, [
      { from_me: 'true', body: 'hola', sent_at: new Date(1_449_000).toISOString(), lead_id: '1' }
    ])
  }
)

t.test(
  'GET /api/leads.jsonl: each lead once, though messages come in while it is read',
  async (t) => {
    const { url, take } = await serveApi(t)
    const person = (n: number, id: string) =>
      record(id, {
        id,
        chat_id: `52155${10_000_000 + n}@c.us`,
        from: `52155${10_000_000 + n}@c.us`,
        phone: `+52155${10_000_000 + n}`,
        body: 'hola'
      })
    await take(...Array.from({ length: 700 }, (_, n) => person(n, `${n}`)))
    for (const search of ['', '?q=hola', '?waiting=true&state=new,open']) {
      const answer = await fetch(`${url}/api/leads.jsonl${search}`, { headers: bearer })
      t.equal(answer.headers.get('content-type'), 'application/x-ndjson')
      let [text, parts] = ['', 0]
      for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += part
        parts += 1
        await take(person(699 - parts, `${search}-${parts}`))
      }
      const leads = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Lead)
      conforms(t, Lead, leads[0], 'a line')
      t.equal(new Set(leads.map(({ id }) => id)).size, 700, search)
      t.equal(leads.length, 700, search)
    }
  }
)

t.test('a client that goes away ends its export, and the next is served', async (t) => {
  const { url, take } = await serveApi(t)
  await take(
    ...Array.from({ length: 1_000 }, (_, n) =>
      record(`${n}`, { timestamp: n, body: 'x'.repeat(2_000) })
    )
  )
  const cut = new AbortController()
  const answer = await fetch(`${url}/api/messages.jsonl`, { headers: bearer, signal: cut.signal })
  await answer.body?.getReader().read()
  cut.abort()
  t.equal(
    (await (await fetch(`${url}/api/messages.jsonl`, { headers: bearer })).text())
      .trimEnd()
      .split('\n').length,
    1_000
  )
})

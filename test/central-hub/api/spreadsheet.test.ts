import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import t from 'tap'
import type { ImportResult, Lead } from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { propertyRuns } from '../../property-runs.ts'
import { open, regions, save, saveTypes, type RegionName } from '../spreadsheet/excel.ts'
import { record } from '../store/open-store.ts'
import { bearer, serveApi, type Api } from './rig.ts'

/** Leads that go out to Excel and come in again, over REST. */

const bytesOf = async ({ url }: Api, path: string): Promise<Buffer> => {
  const answer = await fetch(url + path, { headers: bearer })
  return Buffer.from(await answer.arrayBuffer())
}
const leadsOf = async (api: Api): Promise<Lead[]> =>
  (await bytesOf(api, '/api/leads.jsonl'))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Lead)
const importFile = async ({ url }: Api, body: Buffer): Promise<ImportResult> => {
  const answer = await fetch(`${url}/api/leads/import`, {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'text/csv' },
    body: new Uint8Array(body)
  })
  return (await answer.json()) as ImportResult
}

const awkward = [
  'Ana',
  'José Núñez',
  'García, Ana',
  'Ana; la de azul',
  '"Él"',
  '-Juan "El Güero"',
  '=1+1',
  '+Ana',
  '@ana',
  "'Ana",
  "'=x",
  '007',
  '1234567890123',
  '3/4',
  'mayo 5',
  '1-2',
  '1,5',
  '5%',
  'VERDADERO',
  'TRUE',
  '#N/A',
  '🌶️ Chile',
  'שלום',
  'مرحبا',
  '小明',
  'Łukasz',
  'two\nlines',
  'tab\there',
  '+5215512345678',
  '???',
  'Ana ?',
  '="x"',
  "''+1",
  'a'.repeat(200)
]
const names = fc.oneof(
  fc.constantFrom(...awkward),
  fc
    .array(fc.constantFrom(...awkward), { minLength: 2, maxLength: 3 })
    .map((parts) => parts.join(' ').slice(0, 200).trim().toWellFormed())
)
/** Numbers of seven countries, and some of none that is known. */
const numbers = [
  '52155########',
  '5255########',
  '3461#######',
  '55119########',
  '35191#######',
  '54911########',
  '1212#######',
  '999########'
]
/** The n-th number. */
const numberOf = (n: number): string =>
  (numbers[n % numbers.length] ?? '').replace(/#+/, (places) =>
    String(2_222_000 + n).padStart(places.length, '3')
  )

/**
 * A hub with this many leads: with names of WhatsApp's and of people, with none, and without a
 * number.
 */
const hubWith = async (
  t: Parameters<typeof serveApi>[0],
  count: number,
  seed: number
): Promise<Api> => {
  const api = await serveApi(t)
  const given = fc.sample(names, { numRuns: count, seed })
  await api.take(
    ...given.map((name, n) => {
      const digits = numberOf(n)
      const facts = {
        id: `${n}`,
        chat_id: `${digits}@c.us`,
        from: `${digits}@c.us`,
        body: n % 3 === 0 ? 'one\n+5215512345678;two "three"' : '=1',
        timestamp: 1_700_000_000 + n
      }
      if (n % 50 === 49) {
        const { phone: _phone, ...message } = record(`${n}`, {
          ...facts,
          chat_id: `${digits}@lid`,
          from: `${digits}@lid`,
          lid: `${digits}@lid`,
          name
        }).message
        return { ...record(`${n}`), message }
      }
      return record(
        `${n}`,
        n % 40 === 39 ? { ...facts, phone: `+${digits}` } : { ...facts, phone: `+${digits}`, name }
      )
    })
  )
  for (const [index, { id }] of (await leadsOf(api)).entries()) {
    if (index % 20 > 0) continue
    const [name = 'Ana'] = fc.sample(
      names.filter((text) => !text.includes('\n')),
      { numRuns: 1, seed: seed + id }
    )
    await api.ask(`/api/leads/${id}`, {
      method: 'PATCH',
      body: { name, state: 'won', note: 'a\n"b"; =c', tags: ['3/4', 'vip'], assignee: '007' }
    })
  }
  return api
}

t.test(
  'a thousand leads exported, saved again by Excel in any region, and imported: all is as it was',
  { timeout: 0 },
  async (t) => {
    const { seed } = propertyRuns(t, 1_000)
    const api = await hubWith(t, 1_000, seed)
    const before = await leadsOf(api)
    t.equal(before.length, 1_000)
    for (const region of Object.keys(regions) as RegionName[]) {
      const exported = await bytesOf(api, `/api/leads.csv?excel=${region}&tz=America/Mexico_City`)
      for (const type of region === 'es-ES' ? saveTypes : (['CSV'] as const)) {
        const body = await importFile(
          api,
          save(open(exported, regions[region]), type, regions[region])
        )
        const lost = (body.errors ?? []).filter(({ code }) => code !== 'name-lost-characters')
        t.match({ ...body, lost }, { named: 0, kept: 0, lost: [] }, `${region}, ${type}`)
        if (type !== 'CSV') t.match(body, { unchanged: 1_000, errors: [] }, `${region}, ${type}`)
        t.equal(body.unchanged + (body.rejected ?? 0), 1_000)
      }
    }
    for (const how of [
      '',
      '?bom=true',
      '?delimiter=semicolon',
      '?delimiter=tab',
      '?excel=es',
      '?excel=en&delimiter=tab'
    ]) {
      t.match(
        await importFile(api, await bytesOf(api, `/api/leads.csv${how}`)),
        { named: 0, kept: 0, unchanged: 1_000, errors: [] },
        how
      )
    }
    t.same(await leadsOf(api), before)
    t.same(await api.db.selectFrom('names').selectAll().execute(), [], 'nor is a name kept')
  }
)

t.test(
  'a thousand leads exported as Excel in Spanish saves them name the same people at another hub',
  { timeout: 0 },
  async (t) => {
    const { seed } = propertyRuns(t, 1_000)
    const [api, other] = [await hubWith(t, 1_000, seed), await serveApi(t)]
    const leads = (await leadsOf(api)).filter(({ phone, name }) => phone !== null && name !== null)
    const region = regions['es-ES']
    const body = await importFile(
      other,
      save(open(await bytesOf(api, '/api/leads.csv?excel=es'), region), 'CSV UTF-8', region)
    )
    t.match(body, {
      named: 0,
      kept: leads.length,
      errors: [],
      ignored_columns: ['id', 'account', 'whatsapp_name', 'state']
    })
    await other.take(
      ...leads.map(({ phone, chat_id }, n) =>
        record(`n${n}`, {
          id: `n${n}`,
          chat_id,
          from: chat_id,
          phone: phone ?? '',
          name: 'of WhatsApp'
        })
      )
    )
    const named = (all: Lead[]) =>
      all.map(({ phone, name }) => [phone, name?.replace(/\n/g, ' ')]).toSorted()
    t.same(named(await leadsOf(other)), named(leads))
  }
)

t.test(
  'for Excel: a byte order mark, the separator of its language, times it knows, and text that stays text',
  async (t) => {
    const api = await serveApi(t)
    await api.take(
      record('1', {
        name: '007',
        phone: '+5215512345678',
        timestamp: 1_764_086_400,
        order: { id: 'o', amount1000: 12_500, currency: 'MXN' }
      })
    )
    const rowsOf = async (path: string, delimiter: string) => {
      const bytes = await bytesOf(api, path)
      return {
        mark: bytes.subarray(0, 3).toString('hex'),
        rows: parse(bytes, { columns: true, bom: true, delimiter }) as Record<string, string>[]
      }
    }
    const spanish = {
      phone: '="+5215512345678"',
      name: '="007"',
      last_seen_at: '2025-11-25 10:00:00'
    }
    for (const [language, delimiter] of [
      ['es', ';'],
      ['es-ES', ';'],
      ['es-AR', ';'],
      ['pt-BR', ';'],
      ['pt', ';'],
      ['es-MX', ','],
      ['en', ','],
      ['en-GB', ',']
    ] as const) {
      t.match(
        await rowsOf(`/api/leads.csv?excel=${language}&tz=America/Mexico_City`, delimiter),
        { mark: 'efbbbf', rows: [spanish] },
        language
      )
    }
    t.match(await rowsOf('/api/leads.csv?excel=es&delimiter=tab&bom=false', '\t'), {
      mark: /^(?!efbbbf)/,
      rows: [{ ...spanish, last_seen_at: '2025-11-25 16:00:00' }]
    })
    t.match((await rowsOf('/api/messages.csv?excel=es', ';')).rows, [
      { phone: spanish.phone, sent_at: '2025-11-25 16:00:00', amount: '12,5' }
    ])
    t.match((await rowsOf('/api/messages.csv?excel=es-MX', ',')).rows, [{ amount: '12.5' }])
    t.match(
      (await rowsOf('/api/leads.csv', ',')).rows,
      [{ phone: '+5215512345678', name: '007', last_seen_at: '2025-11-25T16:00:00.000Z' }],
      'without it all is as it was'
    )
    for (const [search, field] of [
      ['excel=nonsense-x', 'excel'],
      ['excel=zz', 'excel'],
      ['excel=es&tz=Nowhere', 'tz'],
      ['delimiter=pipe', 'delimiter']
    ] as const) {
      for (const file of ['leads', 'messages']) {
        t.match(
          await api.ask<Problem>(`/api/${file}.csv?${search}`),
          { status: 400, body: { errors: [{ field }] } },
          `${file}: ${search}`
        )
      }
    }
  }
)

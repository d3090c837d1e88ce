import t from 'tap'
import { ImportResult, type Lead, type LeadChangePage, type LeadPage } from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { record } from '../store/open-store.ts'
import { serveApi, type Api } from './rig.ts'

const send = <T = ImportResult>({ ask }: Api, text: string, type = 'text/csv'): Promise<{ status: number; body: T }> =>
  ask<T>('/api/leads/import', { method: 'POST', headers: { 'content-type': type }, text })

t.test('names are given to the leads of these numbers, whatever WhatsApp keeps in them, and kept for those who write later', async (t) => {
  const api = await serveApi(t)
  const { ask, take } = api
  await take(record('1', { name: 'Ana' }))
  const { status, body } = await send(api, 'phone,name\n+52 55 1234 5678,Ana García\n+52 55 8765 4321,"Díaz, Luis"\n')
  t.equal(status, 200)
  conforms(t, ImportResult, body, 'the result')
  t.same(body, { named: 1, kept: 1, unchanged: 0, errors: [] })
  t.match((await ask<Lead>('/api/leads/1')).body, { name: 'Ana García', whatsapp_name: 'Ana' })
  t.match((await ask<LeadChangePage>('/api/leads/1/history')).body.changes, [{ field: 'name', from: 'Ana', to: 'Ana García' }])
  await take(record('2', { id: '2', chat_id: '5215587654321@c.us', from: '5215587654321@c.us', to: 'me@c.us', phone: '+5215587654321', name: 'lu' }))
  t.match((await ask<Lead>('/api/leads/2')).body, { name: 'Díaz, Luis', whatsapp_name: 'lu' })
  t.same((await send(api, 'phone,name\n+52 55 1234 5678,Ana García\n+52 55 8765 4321,"Díaz, Luis"\n')).body, { named: 0, kept: 0, unchanged: 2, errors: [] }, 'once more changes nothing')
})

t.test('a name that a person gave stays above the imported one', async (t) => {
  const api = await serveApi(t)
  await api.take(record('1', { name: 'Ana' }))
  await api.ask('/api/leads/1', { method: 'PATCH', body: { name: 'Doña Ana' } })
  t.match((await send(api, 'phone,name\n+525512345678,Ana García\n')).body, { named: 0, unchanged: 1 })
  t.match((await api.ask<Lead>('/api/leads/1')).body, { name: 'Doña Ana' })
})

t.test('a heading in any order, semicolons, other columns, a byte order mark, quotes and empty lines', async (t) => {
  const api = await serveApi(t)
  t.match((await send(api, '\ufeffName;City;PHONE\r\n"García; ""Ana""";CDMX;+52 55 1234 5678\r\n\r\n', 'text/csv; charset=utf-8')).body, { kept: 1, errors: [] })
  await api.take(record('1'))
  t.match((await api.ask<LeadPage>('/api/leads')).body.leads, [{ name: 'García; "Ana"' }])
})

t.test('JSON Lines, too', async (t) => {
  const api = await serveApi(t)
  const { body } = await send(api, '{"phone":"+525512345678","name":"Ana"}\n\n[1]\n{"phone":5,"name":"x"}\n{"phone":"+525512345679","name":"Luis"}', 'application/x-ndjson')
  t.match(body, { kept: 2, errors: [{ line: 3, field: 'line' }, { line: 4, field: 'phone' }] })
})

t.test('what is wrong with a line is named by its number and field, and keeps out that line alone', async (t) => {
  const api = await serveApi(t)
  const { body } = await send(api, `phone,name\n55 1234 5678,Ana\n+52 55 1234 5678,\nx,y\n+52 55 1234 5679,${'n'.repeat(201)}\n+52 55 1234 5670,a "b\n+52 55 1234 5671,Luis\n`)
  t.match(body, { kept: 1, unchanged: 0, errors: [
    { line: 2, field: 'phone', message: /with its country code/ }, { line: 3, field: 'name', message: /1 to 200/ }, { line: 4, field: 'phone' }, { line: 5, field: 'name' }, { line: 6, field: 'line', message: /RFC 4180/ }
  ] })
  t.match((await send(await serveApi(t, { country: 'MX' }), 'phone,name\n55 1234 5678,Ana\n')).body, { kept: 1, errors: [] }, 'numbers of the default country need no code')
  t.equal((await send(api, `phone,name\n${'x,y\n'.repeat(300)}`)).body.errors.length, 100)
})

t.test('what is no import is refused by name', async (t) => {
  const api = await serveApi(t)
  t.match(await send<Problem>(api, 'number,name\n1,2\n'), { status: 400, body: { errors: [{ field: 'phone', message: /first line/ }] } })
  t.match(await send<Problem>(api, 'phone,name,name\n1,2,3\n'), { status: 400, body: { errors: [{ field: 'name' }] } })
  t.match(await send<Problem>(api, '{}', 'application/json'), { status: 415, body: { detail: /text\/csv/ } })
  t.match(await send(api, ''), { status: 200, body: { named: 0, kept: 0, unchanged: 0, errors: [] } })
})

t.test('at most ten million bytes and a hundred thousand lines', async (t) => {
  const api = await serveApi(t)
  t.match(await send<Problem>(api, `phone,name\n${'+525512345678,Ana\n'.repeat(600_000)}`), { status: 413, body: { detail: /10000000 bytes/ } })
  const lines = Array.from({ length: 100_001 }, (_, n) => `+5255${10_000_000 + n},Ana ${n}`)
  t.match((await send(api, `phone,name\n${lines.slice(1).join('\n')}`)).body, { kept: 100_000, errors: [] })
  t.match(await send<Problem>(api, `phone,name\n${lines.join('\n')}`), { status: 413, body: { detail: /100000 lines/ } })
})

import fc from 'fast-check'
import t from 'tap'
import { Lead, type LeadPage, type MessagePage } from '../../../src/contract/lead.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { conforms } from '../../platform/conforms.ts'
import { inScope } from '../../platform/scope.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { propertyRuns } from '../../property-runs.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { hurry, record, reply } from '../store/open-store.ts'
import { isOnPostgres } from '../store/place.ts'
import { bearer, serveApi, type Api } from './rig.ts'

const enter = <T = Lead>(api: Api, body: object, headers: Record<string, string> = {}) =>
  api.ask<T>('/api/leads', { method: 'POST', body, headers })

t.test(
  'a lead that is entered is there, with what was said of it, and does not wait',
  async (t) => {
    const api = await serveApi(t)
    await api.ask('/api/webhooks', {
      method: 'POST',
      body: { url: 'http://127.0.0.1:9/hook', events: ['lead.created'] }
    })
    const client = await openSse(`${api.url}/api/events`, bearer)
    await client.until(({ event }) => event === 'session')

    const { status, headers, body } = await enter(api, {
      phone: '+52 55 1234 5678',
      name: 'Ana',
      state: 'open',
      note: 'called',
      tags: ['fair', 'vip', 'fair'],
      assignee: 'Luisa'
    })

    t.equal(status, 201)
    t.equal(headers.get('location'), '/api/leads/1')
    conforms(t, Lead, body, 'the lead')
    t.match(body, {
      id: 1,
      account: 'main',
      phone: '+525512345678',
      name: 'Ana',
      state: 'open',
      note: 'called',
      tags: ['fair', 'vip'],
      assignee: 'Luisa',
      waiting_since: null,
      unanswered_count: 0,
      last_message: null
    })
    t.ok(Math.abs(Date.parse(body.entered_at ?? '') - Date.now()) < 60_000)
    const again = await api.ask<Lead>(headers.get('location') ?? '')
    t.same(again.body, body)
    t.equal(again.headers.get('etag'), headers.get('etag'))
    t.match((await api.ask<LeadPage>('/api/leads')).body.leads, [{ id: 1 }])
    for (const filter of [
      'q=ana',
      'tag=vip',
      'phone=%2B525512345678',
      'waiting=false',
      'updated_since=2026-01-01T00:00:00Z'
    ]) {
      t.match((await api.ask<LeadPage>(`/api/leads?${filter}`)).body.leads, [{ id: 1 }], filter)
    }
    t.same((await api.ask<LeadPage>('/api/leads?waiting=true')).body.leads, [])
    t.match((await api.ask('/api/stats')).body, { waiting: { now: 0 } })
    t.match(JSON.parse((await client.until(({ event }) => event === 'lead')).data), {
      id: 1,
      change: 'created'
    })
    client.close()
    t.equal((await api.db.selectFrom('outbox').selectAll().execute()).length, 1)
    const csv = await (await fetch(`${api.url}/api/leads.csv`, { headers: bearer })).text()
    t.match(csv, /\+525512345678/)
    t.match(csv.split('\n')[0], /,entered_at,remind_at\r?$/)
    t.same((await api.ask<MessagePage>('/api/leads/1/messages')).body, {
      messages: [],
      next_cursor: null
    })
  }
)

t.test(
  'a number that a lead has is refused in every spelling, and leads to that lead',
  async (t) => {
    const api = await serveApi(t, { country: 'MX' })
    await api.take(
      record('a', { chat_id: '5215512345678@c.us', phone: '+5215512345678' }),
      record('b', { chat_id: '34600123456@c.us', phone: '+34600123456' })
    )
    await api.ask('/api/leads/1/merge', { method: 'POST', body: { lead_id: 2 } })
    await enter(api, { phone: '+5491123456789' })
    const before = (await api.ask<LeadPage>('/api/leads')).body

    for (const [phone, id] of [
      ['+5215512345678', 1],
      ['+525512345678', 1],
      ['55 1234 5678', 1],
      ['wa.me/5215512345678', 1],
      ['+34 600 12 34 56', 1],
      ['+54 11 2345-6789', 3]
    ] as const) {
      const { status, headers, body } = await enter<Problem>(api, { phone, note: 'x' })
      t.match([status, headers.get('location')], [409, `/api/leads/${id}`], phone)
      t.match(body, { type: 'urn:leadmaster:problem:lead-exists', lead_id: id })
    }
    t.same((await api.ask<LeadPage>('/api/leads')).body, before)
    for (const [body, field] of [
      [{}, '/phone'],
      [{ phone: 'x' }, '/phone'],
      [{ phone: '5.2E+11' }, '/phone'],
      [{ phone: '+525512345679', account: 'other' }, '/account'],
      [{ phone: '+525512345679', name: null }, '/name'],
      [{ phone: '+525512345679', id: 5 }, '/id']
    ] as const) {
      t.match(
        await enter(api, body),
        { status: 400, body: { errors: [{ in: 'body', field }] } },
        JSON.stringify(body)
      )
    }
  }
)

t.test('a key has it entered once; one of several accounts is to be named', async (t) => {
  const api = await serveApi(t)
  const body = { phone: '+525512345678' }
  const first = await enter(api, body, { 'idempotency-key': 'k' })
  const second = await enter(api, body, { 'idempotency-key': 'k' })
  t.match(
    [
      second.status,
      second.body,
      second.headers.get('location'),
      second.headers.get('idempotency-replayed')
    ],
    [201, first.body, '/api/leads/1', 'true']
  )
  await Promise.all([1, 2, 3].map(() => enter(api, { phone: '+525512345679' })))
  t.equal(
    (await api.ask<LeadPage>('/api/leads')).body.leads.length,
    2,
    'also when it comes several times at once'
  )
  await api.db
    .insertInto('cursors')
    .values({ account: 'second', journal_id: 'x', seq: 1 })
    .execute()
  t.match(await enter(api, { phone: '+525512345670' }), {
    status: 400,
    body: { errors: [{ field: '/account', message: 'expected one of main, second' }] }
  })
  t.match(
    await enter(api, { ...body, account: 'second' }),
    { status: 201, body: { account: 'second' } },
    'the same number in another account is another lead'
  )
  t.match(await enter(await serveApi(t, { account: null }), body), {
    status: 503,
    body: { detail: /which account/ }
  })
})

/** The number as people write it, and as WhatsApp has it. */
const numbers = [
  ['+525512345678', '+5215512345678'],
  ['+5215512345678', '+525512345678'],
  ['+541123456789', '+5491123456789'],
  ['+5511987654321', '+551187654321'],
  ['+34600123456', '+34600123456']
] as const

interface Plan {
  number: number
  /** Messages, each with what it tells of the person; the last one tells number and LID. */
  messages: { tells: 'phone' | 'lid' | 'both'; isOurs: boolean; minute: number }[]
  /** How many messages came before the lead was entered, and how many come at once. */
  before: number
  batchSize: number
  imports: 'before' | 'after' | 'never'
  isNamed: boolean
}

const plan: fc.Arbitrary<Plan> = fc.record({
  number: fc.nat(numbers.length - 1),
  messages: fc.array(
    fc.record({
      tells: fc.constantFrom('phone', 'lid', 'both'),
      isOurs: fc.boolean(),
      minute: fc.integer({ min: -200_000, max: 10 })
    }),
    { maxLength: 5 }
  ),
  before: fc.nat(2),
  batchSize: fc.integer({ min: 1, max: 4 }),
  imports: fc.constantFrom('before', 'after', 'never'),
  isNamed: fc.boolean()
})

const recordsOf = ({ number, messages }: Plan): InboundRecord[] => {
  const [, phone] = numbers[number] as (typeof numbers)[number]
  const linking = { tells: 'both', isOurs: false, minute: -1 } as const
  const now = Math.floor(Date.now() / 1_000)
  return [...messages, linking].map(({ tells, isOurs, minute }, index) => {
    const chat = tells === 'lid' ? '90000000000001@lid' : `${phone.slice(1)}@c.us`
    const facts: Partial<CapturedMessage> = {
      id: `${isOurs}_${chat}_M${index}`,
      chat_id: chat,
      timestamp: now + 60 * minute + index
    }
    if (tells !== 'lid') facts.phone = phone
    if (tells !== 'phone') facts.lid = '90000000000001@lid'
    const more =
      tells === 'lid'
        ? ({ ...facts, phone: undefined } as unknown as Partial<CapturedMessage>)
        : facts
    if (isOurs) return reply(`M${index}`, { ...more, to: chat })
    return record(`M${index}`, { ...more, from: chat, name: 'Ana of WhatsApp' })
  })
}

/** What of a lead comes from its messages alone. */
const ofMessages = ({
  phone,
  lid,
  chat_id,
  whatsapp_name,
  waiting_since,
  unanswered_count,
  unread_count,
  last_message,
  last_seen_at
}: Lead) => ({
  phone,
  lid,
  chat_id,
  whatsapp_name,
  waiting_since,
  unanswered_count,
  unread_count,
  last_message,
  last_seen_at
})

/** The fields of messages that are not the same in two leads, each with both of its values. */
const differencesOf = (entered: Lead, plain: Lead): string[] => {
  const [got, wanted] = [ofMessages(entered), ofMessages(plain)].map((fields) =>
    Object.entries(fields).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  ) as [string[], string[]]
  return got.flatMap((field, at) =>
    field === wanted[at] ? [] : [`${field} instead of ${wanted[at]}`]
  )
}

t.test(
  'when the person writes, by whichever address, it is this one lead, and it is as if nobody had entered it but for what was said of it',
  async (t) => {
    const property = fc.asyncProperty(plan, (each) =>
      inScope(async (scope) => {
        const { number, before, batchSize, imports, isNamed } = each
        const [written, phone] = numbers[number] as (typeof numbers)[number]
        const [api, twin] = [await serveApi(scope), await serveApi(scope)]
        for (const { db } of [api, twin]) await hurry(db)
        const records = recordsOf(each)
        const importName = (to: Api) =>
          to.ask('/api/leads/import', {
            method: 'POST',
            text: `phone,name\n${phone},Ana of the list\n`,
            headers: { 'content-type': 'text/csv' }
          })

        if (imports === 'before') await importName(api)
        const early = records.slice(0, Math.min(before, records.length - 1))
        if (early.length > 0) await api.take(...early)
        const body = {
          phone: written,
          note: 'called',
          tags: ['fair'],
          state: 'open',
          ...(isNamed ? { name: 'Ana of ours' } : {})
        }
        const { status, body: entered } = await enter(api, body)
        if (imports === 'after') await importName(api)
        for (let start = early.length; start < records.length; start += batchSize)
          await api.take(...records.slice(start, start + batchSize))
        for (let start = 0; start < records.length; start += batchSize)
          await twin.take(...records.slice(start, start + batchSize))

        const { leads } = (await api.ask<LeadPage>('/api/leads')).body
        const plain = (await twin.ask<LeadPage>('/api/leads')).body.leads
        const [lead] = leads
        if (leads.length !== 1 || lead === undefined || plain.length !== 1)
          throw new Error(
            `${leads.length} leads where it was entered, ${plain.length} where it was not, instead of 1`
          )
        const different = differencesOf(lead, plain[0] as Lead)
        if (different.length > 0) throw new Error(`where it was entered ${different.join('; ')}`)
        if (status !== 201) return
        const shown = isNamed
          ? 'Ana of ours'
          : imports === 'never'
            ? 'Ana of WhatsApp'
            : 'Ana of the list'
        const kept = [
          lead.note,
          lead.tags.join(),
          lead.state,
          lead.name,
          lead.entered_at === null
        ].join('|')
        if (kept !== `called|fair|open|${shown}|false`)
          throw new Error(`what was said is lost: ${kept}`)
        const byId = await api.ask<Lead>(`/api/leads/${entered.id}`)
        if (byId.body.id !== lead.id) throw new Error('the id of the answer leads to another lead')
        const { messages } = (
          await api.ask<MessagePage>(`/api/leads/${lead.id}/messages?limit=200`)
        ).body
        if (messages.length !== records.length)
          throw new Error(`${messages.length} messages of ${records.length}`)
      })
    )
    await fc.assert(property, propertyRuns(t, isOnPostgres() ? 15 : 40))
  }
)

t.test(
  'deleting it leaves nothing of it, also in answers that are kept and under the other spelling',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    for (const writes of [false, true]) {
      const api = await serveApi(t, { sessionManager: upstream.url })
      await api.ask('/api/leads/import', {
        method: 'POST',
        text: 'phone,name\n+525512345678,Ana Secreta\n',
        headers: { 'content-type': 'text/csv' }
      })
      await enter(
        api,
        { phone: '+525512345678', note: 'Ana Secreta', tags: ['Secreta'] },
        { 'idempotency-key': 'k' }
      )
      if (writes)
        await api.take(record('a', { chat_id: '5215512345678@c.us', phone: '+5215512345678' }))
      t.equal((await api.ask('/api/leads/1', { method: 'DELETE' })).status, 200)
      for (const table of [
        'leads',
        'names',
        'idempotency',
        'lead_tags',
        'lead_changes',
        'outbox',
        'messages',
        'merged_identities'
      ] as const) {
        const rows = await api.db.selectFrom(table).selectAll().execute()
        t.notMatch(
          JSON.stringify(rows),
          /5512345678|Secreta/,
          `${table}, ${writes ? 'after it wrote' : 'before'}`
        )
      }
      t.match(
        await enter(api, { phone: '+525512345678' }),
        { status: 201, body: { id: 2, name: null } },
        'it can be entered again, as another one'
      )
    }
  }
)

import t from 'tap'
import {
  DeliveryPage,
  Webhook,
  WebhookList,
  WebhookPatch,
  WebhookWithSecret
} from '../../../src/contract/webhook.ts'
import {
  nextDelivery,
  settleDelivered,
  settleFailed
} from '../../../src/central-hub/store/outbox/deliveries.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { conforms } from '../../platform/conforms.ts'
import { record } from '../store/open-store.ts'
import { serveApi } from './rig.ts'

const crm = {
  url: 'http://127.0.0.1:5678/hook?key=1',
  events: ['message.created', 'lead.created'],
  description: 'CRM'
}

/** Settles what is next, as the deliverer would. */
const settle = async (db: Db, error?: string): Promise<string> => {
  const next = await nextDelivery(db, 1, Date.now())
  if (next === undefined) throw new Error('nothing waits')
  if (error === undefined) await settleDelivered(db, next, { at: Date.now(), status: 200 })
  else await settleFailed(db, next, { at: Date.now(), status: 500, error }, {})
  return next.messageId
}

t.test('a webhook is made, read, changed and removed', async (t) => {
  const { ask } = await serveApi(t)
  const made = await ask<WebhookWithSecret>('/api/webhooks', { method: 'POST', body: crm })
  t.equal(made.status, 201)
  conforms(t, WebhookWithSecret, made.body, 'the new one')
  const { secret, ...webhook } = made.body
  const read = await ask<Webhook>(`/api/webhooks/${webhook.id}`)
  t.same(read.body, webhook, 'without its secret')
  const list = await ask<WebhookList>('/api/webhooks')
  conforms(t, WebhookList, list.body, 'the list')
  t.same(list.body.webhooks, [webhook])

  const changed = await ask<Webhook>('/api/webhooks/1', {
    method: 'PATCH',
    body: { enabled: false, events: ['session.changed'] },
    headers: { 'if-match': read.headers.get('etag') ?? '' }
  })
  t.match(changed, {
    status: 200,
    body: { enabled: false, events: ['session.changed'], url: crm.url, description: 'CRM' }
  })
  const stale = await ask('/api/webhooks/1', {
    method: 'PATCH',
    body: { enabled: true },
    headers: { 'if-match': read.headers.get('etag') ?? '' }
  })
  t.equal(stale.status, 412, "nobody else's change is written over")

  const rotated = await ask<WebhookWithSecret>('/api/webhooks/1/rotate-secret', { method: 'POST' })
  t.match(rotated, { status: 200, body: { id: 1, secret: /^whsec_/ } })
  t.not(rotated.body.secret, secret)
  t.match(await ask('/api/webhooks/1', { method: 'DELETE' }), { status: 204, body: undefined })
  for (const [method, path] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/rotate-secret'],
    ['POST', '/ping'],
    ['GET', '/deliveries'],
    ['POST', '/replay'],
    ['POST', '/deliveries/msg_1/replay']
  ] as const) {
    const answer = await ask(`/api/webhooks/1${path}`, {
      method,
      ...(method === 'PATCH' ? { body: { enabled: true } } : {})
    })
    t.match(
      answer,
      {
        status: 404,
        body: { type: 'urn:leadmaster:problem:not-found', detail: 'there is no webhook 1' }
      },
      `${method} ${path}`
    )
  }
})

t.test(
  'PATCH of a webhook with If-Match is refused for what PATCH can change, and not for a delivery',
  async (t) => {
    const { ask, take, db } = await serveApi(t)
    await ask('/api/webhooks', { method: 'POST', body: { ...crm, events: ['message.created'] } })
    const read = async (): Promise<string> =>
      (await ask('/api/webhooks/1')).headers.get('etag') ?? ''
    const patch = async (body: object, etag: string): Promise<number> =>
      (await ask('/api/webhooks/1', { method: 'PATCH', body, headers: { 'if-match': etag } }))
        .status
    const others: Record<string, () => Promise<unknown>> = {
      'an event that waits': () => take(record('A'), record('B'), record('C')),
      'a delivery': () => settle(db),
      'a delivery that failed': () => settle(db, 'HTTP 500'),
      'a new secret': () => ask('/api/webhooks/1/rotate-secret', { method: 'POST' })
    }
    for (const [what, happen] of Object.entries(others)) {
      const etag = await read()
      await happen()
      t.equal(await patch({ description: `after ${what}` }, etag), 200, what)
      t.equal((await ask('/api/webhooks/1', { headers: { 'if-none-match': etag } })).status, 200)
      t.equal(await patch({ description: '' }, etag), 412, `${what}: the change before is one`)
    }
    const changes: Required<WebhookPatch> = {
      url: 'http://127.0.0.1:5678/other',
      events: ['lead.created'],
      description: 'other',
      enabled: false
    }
    t.same(Object.keys(changes).sort(), Object.keys(WebhookPatch.properties).sort())
    for (const [field, value] of Object.entries(changes)) {
      const etag = await read()
      t.equal(
        (await ask('/api/webhooks/1', { method: 'PATCH', body: { [field]: value } })).status,
        200
      )
      t.equal(await patch({ description: 'mine' }, etag), 412, field)
    }
  }
)

t.test(
  'a repeated request with the same Idempotency-Key makes one webhook and tells its secret again',
  async (t) => {
    const { ask } = await serveApi(t)
    const make = () =>
      ask<WebhookWithSecret>('/api/webhooks', {
        method: 'POST',
        body: crm,
        headers: { 'idempotency-key': 'k1' }
      })
    const [first, second] = [await make(), await make()]
    t.same(second.body, first.body)
    t.equal((await ask<WebhookList>('/api/webhooks')).body.webhooks.length, 1)
  }
)

t.test(
  'a URL that must not be reached is refused when it is set, and the problem says why',
  async (t) => {
    const { ask } = await serveApi(t)
    await ask('/api/webhooks', { method: 'POST', body: crm })
    for (const [url, why] of [
      [
        'http://169.254.169.254/latest/meta-data/',
        /not public.*WEBHOOK_PRIVATE_ADDRESSES in \/etc\/leadmaster\/central-hub\.env/
      ],
      ['http://[::1]:3001/disconnect', /not public/],
      ['http://10.0.0.1/', /not public/],
      ['https://user:password@127.0.0.1/', /user or password/]
    ] as const) {
      for (const [method, path] of [
        ['POST', ''],
        ['PATCH', '/1']
      ] as const) {
        const answer = await ask(`/api/webhooks${path}`, {
          method,
          body: method === 'POST' ? { ...crm, url } : { url }
        })
        t.match(
          answer,
          {
            status: 400,
            body: {
              type: 'urn:leadmaster:problem:invalid-parameters',
              errors: [{ field: '/url', message: why }]
            }
          },
          `${method} ${url}`
        )
      }
    }
    t.match((await ask<WebhookList>('/api/webhooks')).body.webhooks, [{ url: crm.url }])
  }
)

t.test('what is not as expected is named', async (t) => {
  const { ask } = await serveApi(t)
  for (const [body, field] of [
    [{ ...crm, url: 'ftp://example.com/' }, '/url'],
    [{ ...crm, events: [] }, '/events'],
    [{ ...crm, events: ['message.sent'] }, '/events/0'],
    [{ ...crm, events: ['webhook.ping'] }, '/events/0'],
    [{ ...crm, secret: 'mine' }, '/secret'],
    [{ url: crm.url }, '/events']
  ] as const) {
    const { status, body: problem } = await ask<{ errors: { field: string }[] }>('/api/webhooks', {
      method: 'POST',
      body
    })
    t.equal(status, 400)
    t.ok(
      problem.errors.some((error) => error.field === field),
      field,
      problem
    )
  }
})

t.test('no more than fifty', async (t) => {
  const { ask } = await serveApi(t)
  for (let n = 0; n < 50; n += 1)
    t.equal((await ask('/api/webhooks', { method: 'POST', body: crm })).status, 201)
  t.match(await ask('/api/webhooks', { method: 'POST', body: crm }), {
    status: 409,
    body: { type: 'urn:leadmaster:problem:conflict', detail: /there are 50 webhooks/ }
  })
})

t.test('deliveries are listed by state, and replayed', async (t) => {
  const { ask, take, db, live } = await serveApi(t)
  await ask('/api/webhooks', { method: 'POST', body: { ...crm, events: ['message.created'] } })
  await take(record('A'), record('B'), record('C'))
  const delivered = await settle(db)
  const dead = await settle(db, 'HTTP 500')
  const list = async (query = ''): Promise<DeliveryPage> => {
    const { body } = await ask<DeliveryPage>(`/api/webhooks/1/deliveries${query}`)
    conforms(t, DeliveryPage, body, query)
    return body
  }
  t.same(
    (await list()).deliveries.map(({ state }) => state),
    ['pending', 'dead', 'delivered']
  )
  const page = await list('?limit=2')
  t.same(
    (await list(`?limit=2&cursor=${page.next_cursor}`)).deliveries.map(({ id }) => id),
    [delivered]
  )
  t.match((await list('?state=dead')).deliveries, [
    { id: dead, last_error: 'HTTP 500', last_status: 500, attempts: 1 }
  ])
  t.match((await ask('/api/webhooks/1')).body, { pending: 1, dead: 1, last_error: 'HTTP 500' })
  t.equal((await ask('/api/webhooks/1/deliveries?state=lost')).status, 400)

  let woken = 0
  t.teardown(live.onChanged(() => (woken += 1)))
  t.match(await ask('/api/webhooks/1/replay', { method: 'POST' }), {
    status: 202,
    body: { replayed: 1 }
  })
  t.match(await ask(`/api/webhooks/1/deliveries/${delivered}/replay`, { method: 'POST' }), {
    status: 202,
    body: { replayed: 1 }
  })
  t.equal(woken, 2, 'the deliverer is told')
  t.match((await list('?state=pending')).deliveries.map(({ id }) => id).slice(1), [dead, delivered])
  t.match(await ask('/api/webhooks/1/deliveries/msg_nothing/replay', { method: 'POST' }), {
    status: 404,
    body: { detail: /no delivery msg_nothing/ }
  })
})

t.test('a ping is put in the queue; one that is off is told to be', async (t) => {
  const { ask, db } = await serveApi(t)
  await ask('/api/webhooks', { method: 'POST', body: crm })
  const { status, body } = await ask<{ delivery_id: string }>('/api/webhooks/1/ping', {
    method: 'POST'
  })
  t.equal(status, 202)
  t.match((await ask<DeliveryPage>('/api/webhooks/1/deliveries')).body.deliveries, [
    { id: body.delivery_id, type: 'webhook.ping', state: 'pending' }
  ])
  await settle(db, 'HTTP 500')
  await ask('/api/webhooks/1', { method: 'PATCH', body: { enabled: false } })
  for (const path of ['ping', 'replay', `deliveries/${body.delivery_id}/replay`]) {
    t.match(
      await ask(`/api/webhooks/1/${path}`, { method: 'POST' }),
      { status: 409, body: { detail: /webhook 1 is off: turn it on first/ } },
      path
    )
  }
})

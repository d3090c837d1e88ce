import t from 'tap'
import { Webhook, WebhookWithSecret } from '../../../src/contract/webhook.ts'
import { nextDelivery, settleFailed } from '../../../src/central-hub/store/outbox/deliveries.ts'
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  maxWebhooks,
  patchWebhook,
  rotateSecret
} from '../../../src/central-hub/store/outbox/webhooks.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, testStore } from './open-store.ts'

const crm = {
  url: 'https://crm.example.com/hook',
  events: ['message.created' as const],
  description: 'CRM'
}

t.test('its secret of 256 bits is told when it is made, and not after that', async (t) => {
  const { db } = await testStore(t)
  const made = await createWebhook(db, crm)
  conforms(t, WebhookWithSecret, made, 'the new one')
  const { secret = '', ...rest } = made ?? {}
  t.equal(Buffer.from(secret.replace(/^whsec_/, ''), 'base64').length, 32)
  t.not(secret, (await createWebhook(db, crm))?.secret, 'each has its own')
  const got = await getWebhook(db, 1)
  conforms(t, Webhook, got, 'as it is read')
  t.same(got, rest)
  t.same(
    (await listWebhooks(db)).map(({ id, enabled }) => [id, enabled]),
    [
      [1, true],
      [2, true]
    ]
  )
  t.notMatch(JSON.stringify(await listWebhooks(db)), /whsec/)
})

t.test('the old secret signs along for a day after a rotation', async (t) => {
  const { db, take } = await testStore(t)
  const first = await createWebhook(db, crm)
  await take(record('A'))
  const now = Date.now()
  const second = await rotateSecret(db, 1, now)
  const secrets = async (at: number): Promise<string[] | undefined> =>
    (await nextDelivery(db, 1, at))?.secrets
  t.same(await secrets(now + 86_399_999), [second?.secret, first?.secret])
  t.same(await secrets(now + 86_400_000), [second?.secret])
  const third = await rotateSecret(db, 1, now)
  t.same(await secrets(now), [third?.secret, second?.secret], 'of two rotations the last two sign')
  t.equal(await rotateSecret(db, 9), undefined)
})

t.test(
  'one that is moved or turned on starts afresh; another change leaves its failures as they are',
  async (t) => {
    const { db, take } = await testStore(t)
    await createWebhook(db, crm)
    await take(record('A'))
    const fail = async (): Promise<void> => {
      const next = await nextDelivery(db, 1, 0)
      if (next === undefined) throw new Error('nothing waits')
      await settleFailed(
        db,
        next,
        { at: 1_000, status: 500, error: 'HTTP 500' },
        { retryAt: 9_000 }
      )
    }
    await fail()
    t.match(await patchWebhook(db, 1, { description: 'n8n', events: ['lead.created'] }), {
      description: 'n8n',
      events: ['lead.created'],
      failing_since: '1970-01-01T00:00:01.000Z',
      last_error: 'HTTP 500',
      pending: 1
    })
    t.match(await nextDelivery(db, 1, 0), { dueAt: 9_000, failures: 1 })
    t.match(await patchWebhook(db, 1, { url: 'https://n8n.example.com/' }), {
      url: 'https://n8n.example.com/',
      failing_since: null,
      last_error: null
    })
    t.match(await nextDelivery(db, 1, 0), {
      dueAt: 0,
      failures: 0,
      url: 'https://n8n.example.com/'
    })
    await fail()
    await patchWebhook(db, 1, { enabled: false })
    t.equal(await nextDelivery(db, 1, 0), undefined, 'off, nothing is delivered')
    t.match(await patchWebhook(db, 1, { enabled: true }), {
      enabled: true,
      failing_since: null,
      pending: 1
    })
    t.match(await nextDelivery(db, 1, 0), { dueAt: 0, failures: 0 })
    t.equal(await patchWebhook(db, 9, { enabled: true }), undefined)
  }
)

t.test('one that is removed takes along what waits for it alone', async (t) => {
  const { db, take } = await testStore(t)
  await createWebhook(db, { ...crm, events: ['message.created', 'lead.created'] })
  await createWebhook(db, crm)
  await take(record('A'))
  t.ok(await deleteWebhook(db, 1))
  t.notOk(await deleteWebhook(db, 1))
  t.match(await db.selectFrom('deliveries').selectAll().execute(), [{ webhook_id: 2 }])
  t.match(await db.selectFrom('outbox').selectAll().execute(), [{ type: 'message.created' }])
})

t.test('there are fifty at most', async (t) => {
  const { db } = await testStore(t)
  for (let n = 0; n < maxWebhooks; n += 1) t.ok(await createWebhook(db, crm))
  t.equal(await createWebhook(db, crm), undefined)
})

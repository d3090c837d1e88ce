import t from 'tap'
import { Webhook } from 'standardwebhooks'
import { signedHeaders } from '../../../src/central-hub/webhooks/body.ts'

const [secret, old, other] = ['new', 'old', 'other'].map(
  (text) => `whsec_${Buffer.from(text.padEnd(32, '.')).toString('base64')}`
) as [string, string, string]
const body = '{"type":"message.created","data":{"body":"¿Sí? 🙂"}}'

t.test('the official library verifies it', async (t) => {
  const now = Date.now()
  const headers = signedHeaders({ messageId: 'msg_1', body, secrets: [secret] }, now)
  t.match(headers, {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(now / 1_000)),
    'webhook-signature': /^v1,[\w+/]{43}=$/
  })
  t.same(new Webhook(secret).verify(body, headers), JSON.parse(body))
  for (const [what, change] of Object.entries({
    id: { 'webhook-id': 'msg_2' },
    time: { 'webhook-timestamp': String(Math.floor(now / 1_000) - 1) }
  })) {
    t.throws(
      () => new Webhook(secret).verify(body, { ...headers, ...change }),
      `another ${what} is noticed`
    )
  }
  t.throws(() => new Webhook(secret).verify(`${body} `, headers), 'another body is noticed')
  t.throws(() => new Webhook(other).verify(body, headers), 'another secret does not verify it')
})

t.test('while two secrets are in force, a receiver with either verifies it', async (t) => {
  const headers = signedHeaders({ messageId: 'msg_1', body, secrets: [secret, old] }, Date.now())
  t.match(headers['webhook-signature'], /^v1,\S+ v1,\S+$/)
  for (const each of [secret, old])
    t.same(new Webhook(each).verify(body, headers), JSON.parse(body))
})

t.test('the time is that of the attempt: what was signed long ago is refused', async (t) => {
  const headers = signedHeaders(
    { messageId: 'msg_1', body, secrets: [secret] },
    Date.now() - 3_600_000
  )
  t.throws(() => new Webhook(secret).verify(body, headers), /too old/)
})

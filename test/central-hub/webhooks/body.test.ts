import t from 'tap'
import { WebhookBody } from '../../../src/contract/webhook.ts'
import type { StoredBody } from '../../../src/central-hub/store/outbox/outbox.ts'
import { bodyOf } from '../../../src/central-hub/webhooks/body.ts'
import { conforms } from '../../platform/conforms.ts'

const body = (
  type: StoredBody['type'],
  data: unknown,
  leadId: number | null,
  publicUrl: string
): WebhookBody => {
  const stored = JSON.stringify({
    type,
    timestamp: '2026-01-01T00:00:00.000Z',
    data
  } satisfies StoredBody)
  return JSON.parse(bodyOf({ messageId: 'msg_1', body: stored, leadId }, publicUrl)) as WebhookBody
}
const page = 'https://hub.example.com'

t.test(
  'a body has the id of its event, and a link to where the page shows what it is about',
  async (t) => {
    const message = { id: 'false_5215512345678@c.us_3EB0/?#%', lead_id: 7 }
    const cases: [StoredBody['type'], unknown, number | null, string | null][] = [
      [
        'message.created',
        { message, lead: { id: 7 } },
        7,
        `${page}/#/lead/7/message/false_5215512345678%40c.us_3EB0%2F%3F%23%25`
      ],
      [
        'message.updated',
        { message, lead: { id: 7 } },
        9,
        `${page}/#/lead/9/message/false_5215512345678%40c.us_3EB0%2F%3F%23%25`
      ],
      ['lead.created', { lead: { id: 7 } }, 7, `${page}/#/lead/7`],
      ['message.created', { message, lead: null }, null, null],
      ['lead.removed', { id: 7, merged_into: null }, null, null],
      ['session.changed', { status: 'READY' }, null, `${page}/#/connection`],
      ['webhook.ping', {}, null, null]
    ]
    for (const [type, data, leadId, link] of cases) {
      const made = body(type, data, leadId, page)
      conforms(t, WebhookBody, made, type)
      t.same(made, { id: 'msg_1', type, timestamp: '2026-01-01T00:00:00.000Z', link, data })
    }
  }
)

t.test('without PUBLIC_URL there is no link', async (t) => {
  t.equal(body('lead.created', { lead: { id: 7 } }, 7, '').link, null)
  t.equal(body('session.changed', {}, null, '').link, null)
})

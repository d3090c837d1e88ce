import type { Lead, Message } from '../lead.ts'

/** What OpenAPI shows; a test holds each against its schema. */

export const exampleMessage: Message = {
  id: 'false_5215512345678@c.us_3EB0C431C26A1916E07A',
  chat_id: '5215512345678@c.us',
  from: '5215512345678@c.us',
  to: '5215587654321@c.us',
  phone: '+5215512345678',
  name: 'Ana',
  from_me: false,
  type: 'chat',
  kind: 'text',
  body: 'Hola, ¿sigue disponible?',
  timestamp: 1_795_600_800,
  sent_at: '2026-11-25T10:00:00.000Z',
  seq: 1042,
  account: 'main',
  lead_id: 1,
  personal: true,
  captured_at: '2026-11-25T10:00:00.120Z',
  source: 'live',
  media: null,
  edited_at: null,
  revoked_at: null,
  revoked_by: null,
  decryption: null,
  reactions: [],
  votes: []
}

export const exampleLead: Lead = {
  id: 1,
  account: 'main',
  phone: '+5215512345678',
  phone_display: '+52 55 1234 5678',
  lid: null,
  other_phones: [],
  chat_id: '5215512345678@c.us',
  name: 'Ana García',
  whatsapp_name: 'Ana',
  state: 'open',
  note: 'asks for two rooms',
  tags: ['vip'],
  assignee: 'Luisa',
  first_seen_at: '2026-11-20T16:02:11.000Z',
  last_seen_at: '2026-11-25T10:00:00.000Z',
  waiting_since: '2026-11-25T10:00:00.000Z',
  handled_at: null,
  remind_at: null,
  unanswered_count: 1,
  unread_count: 1,
  marked_unread: false,
  last_message: {
    id: exampleMessage.id,
    type: 'chat',
    kind: 'text',
    body: exampleMessage.body,
    from_me: false,
    timestamp: exampleMessage.timestamp,
    sent_at: exampleMessage.sent_at
  },
  source: {
    kind: 'ad',
    title: 'Two nights for the price of one',
    url: 'https://fb.me/1a2b3c',
    id: '120210000000000001',
    app: 'facebook',
    at: '2026-11-20T16:02:11.000Z'
  },
  updated_at: '2026-11-25T10:00:00.130Z',
  entered_at: null
}

/** A message that an ad led to, with an order. */
export const exampleOrder: Message = {
  ...exampleMessage,
  id: 'false_5215512345678@c.us_3EB0A2F5D1C94E77B012',
  type: 'order',
  kind: 'order',
  body: 'I want this',
  ad: {
    title: 'Two nights for the price of one',
    url: 'https://fb.me/1a2b3c',
    id: '120210000000000001',
    type: 'ad',
    app: 'facebook'
  },
  order: {
    id: '1000000000000001',
    title: 'Two nights',
    items: 2,
    amount1000: 150_000,
    currency: 'MXN'
  },
  seq: 1041
}

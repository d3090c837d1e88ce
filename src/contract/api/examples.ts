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
  body: 'Hola, ¿sigue disponible?',
  timestamp: 1_795_600_800,
  seq: 1042,
  account: 'main',
  lead_id: 1,
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
  lid: null,
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
  unanswered_count: 1,
  unread_count: 1,
  last_message: { id: exampleMessage.id, type: 'chat', body: exampleMessage.body, from_me: false, timestamp: exampleMessage.timestamp },
  updated_at: '2026-11-25T10:00:00.130Z'
}

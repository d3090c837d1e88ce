import Type, { type Static } from 'typebox'
import { Media, CapturedMessage } from './record.ts'

/** What the hub's REST and live events give to a frontend. Every `*_at` and `*_since` is an RFC 3339 time in UTC. */

export const LeadState = Type.Union([
  Type.Literal('new'),
  Type.Literal('open'),
  Type.Literal('won'),
  Type.Literal('lost'),
  Type.Literal('ignored')
])
export type LeadState = Static<typeof LeadState>

export const Lead = Type.Object({
  id: Type.Integer(),
  account: Type.String(),
  phone: Type.Union([Type.String(), Type.Null()], { description: 'E.164; null while WhatsApp tells only a LID' }),
  lid: Type.Union([Type.String(), Type.Null()]),
  chat_id: Type.String({ description: 'the chat where the latest message stands' }),
  name: Type.Union([Type.String(), Type.Null()]),
  state: LeadState,
  note: Type.String(),
  first_seen_at: Type.String(),
  last_seen_at: Type.String({ description: 'when the latest message, of either side, was written' }),
  waiting_since: Type.Union([Type.String(), Type.Null()], {
    description: 'when the first inbound message not yet answered by a person was written'
  })
})
export type Lead = Static<typeof Lead>

export const LeadPatch = Type.Object(
  {
    state: Type.Optional(LeadState),
    note: Type.Optional(Type.String({ maxLength: 10_000 }))
  },
  { additionalProperties: false, minProperties: 1 }
)
export type LeadPatch = Static<typeof LeadPatch>

/** A message as the hub holds it: what was captured, with what edits, deletions, reactions and media have made of it since. */
export const Message = Type.Object({
  ...Type.Omit(CapturedMessage, ['reaction', 'vote', 'edited', 'revoked', 'media', 'has_media']).properties,
  seq: Type.Integer({ description: "the record's place in session-manager's journal" }),
  account: Type.String(),
  lead_id: Type.Union([Type.Integer(), Type.Null()], { description: 'null in groups, channels and status updates' }),
  captured_at: Type.String(),
  source: Type.Union([Type.Literal('live'), Type.Literal('backfill')]),
  media: Type.Union([Media, Type.Null()]),
  edited_at: Type.Union([Type.String(), Type.Null()]),
  revoked_at: Type.Union([Type.String(), Type.Null()], { description: 'deleted in WhatsApp since; what was captured stays here' }),
  revoked_by: Type.Union([Type.Literal('sender'), Type.Literal('me'), Type.Null()], {
    description: 'sender: for everyone, by who wrote it; me: by this account, for itself alone'
  }),
  decryption: Type.Union([Type.Literal('pending'), Type.Literal('failed'), Type.Null()], {
    description: 'not null while the text is not known: pending, or failed for good (read it on the phone)'
  }),
  reactions: Type.Array(Type.Object({ sender: Type.String(), emoji: Type.String() })),
  votes: Type.Array(Type.Object({ voter: Type.String(), options: Type.Array(Type.String()) }), { description: 'of a poll' })
})
export type Message = Static<typeof Message>

const nextCursor = Type.Union([Type.String(), Type.Null()], { description: 'pass it as `cursor` for the next page; null on the last' })

export const LeadPage = Type.Object({ leads: Type.Array(Lead), next_cursor: nextCursor })
export type LeadPage = Static<typeof LeadPage>

export const MessagePage = Type.Object({ messages: Type.Array(Message), next_cursor: nextCursor })
export type MessagePage = Static<typeof MessagePage>

/** `GET /ready`: one entry a check; a failing one says how to mend it. */
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      ok: Type.Boolean(),
      detail: Type.String({ description: 'what was seen and, when not ok, what to change and where' })
    })
  )
})
export type Readiness = Static<typeof Readiness>

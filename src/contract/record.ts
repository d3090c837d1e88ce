import Type, { type Static } from 'typebox'
import {
  Ad,
  Album,
  CalendarEvent,
  Call,
  GroupInvite,
  Interactive,
  Order,
  Payment,
  PhoneOnly,
  Product
} from './content.ts'

/**
 * What session-manager captured, in the form of the journal and of the stream to the hub.
 * Every `*_at` is an RFC 3339 time in UTC; `timestamp` is UNIX seconds, as WhatsApp gives it.
 */

/**
 * What a record says about its message. All but `message`, `ciphertext` and `reaction` refer to an
 * earlier one by `message.id`.
 */
export const RecordKind = Type.Union([
  Type.Literal('message'),
  Type.Literal('ciphertext', {
    description: 'arrived, not decrypted yet; a `message` record follows when it is'
  }),
  Type.Literal('ciphertext_failed', {
    description: 'WhatsApp gave up decrypting it: read it on the phone'
  }),
  Type.Literal('edit'),
  Type.Literal('revoke'),
  Type.Literal('reaction'),
  Type.Literal('vote'),
  Type.Literal('media', { description: 'the outcome of fetching the media of an earlier message' }),
  Type.Literal('update', {
    description:
      'the whole of an earlier message as it is known now: a call that ended, or a message ' +
      'mapped again'
  })
])
export type RecordKind = Static<typeof RecordKind>

export const Media = Type.Object({
  state: Type.Union([
    Type.Literal('pending', { description: 'being fetched' }),
    Type.Literal('stored', { description: 'in the state directory, under its SHA-256' }),
    Type.Literal('skipped', {
      description:
        'larger than MEDIA_MAX_SIZE, or of a type that MEDIA_TYPES leaves out; see reason'
    }),
    Type.Literal('failed', {
      description:
        'WhatsApp has it no more, or it failed for MEDIA_GIVE_UP_AFTER; see reason. A later ' +
        'stored replaces it'
    })
  ]),
  mimetype: Type.Optional(Type.String()),
  filename: Type.Optional(Type.String()),
  size: Type.Optional(Type.Integer({ minimum: 0, description: 'bytes' })),
  sha256: Type.Optional(Type.String({ description: 'of the plain bytes, hex' })),
  duration: Type.Optional(Type.Number({ description: 'seconds' })),
  reason: Type.Optional(Type.String())
})
export type Media = Static<typeof Media>

export const CapturedMessage = Type.Object({
  id: Type.String({ description: "WhatsApp's serialized message id" }),
  chat_id: Type.String(),
  from: Type.String(),
  to: Type.String(),
  author: Type.Optional(Type.String({ description: 'who wrote it, in a group' })),
  phone: Type.Optional(Type.String({ description: 'E.164, of the person at the other end' })),
  lid: Type.Optional(Type.String({ description: 'LID of the person at the other end' })),
  name: Type.Optional(Type.String({ description: 'the name that person gave to WhatsApp' })),
  from_me: Type.Boolean(),
  type: Type.String({ description: "WhatsApp's own type, unknown ones too" }),
  body: Type.String(),
  timestamp: Type.Integer({ description: 'UNIX seconds' }),
  has_media: Type.Boolean(),
  media: Type.Optional(Media),
  quoted_id: Type.Optional(Type.String()),
  mentions: Type.Optional(Type.Array(Type.String())),
  forwarded: Type.Optional(Type.Boolean()),
  location: Type.Optional(
    Type.Object({
      latitude: Type.Number(),
      longitude: Type.Number(),
      name: Type.Optional(Type.String()),
      address: Type.Optional(Type.String()),
      live: Type.Optional(Type.Boolean({ description: 'shared live for a while' }))
    })
  ),
  contacts: Type.Optional(Type.Array(Type.String(), { description: 'vCards' })),
  poll: Type.Optional(
    Type.Object({ options: Type.Array(Type.String()), multiple: Type.Boolean() })
  ),
  vote: Type.Optional(
    Type.Object({ message_id: Type.String(), options: Type.Array(Type.String()) })
  ),
  reaction: Type.Optional(
    Type.Object({
      message_id: Type.String(),
      emoji: Type.String({ description: 'empty when the reaction was taken back' }),
      sender: Type.String()
    })
  ),
  edited: Type.Optional(Type.Object({ at: Type.String(), previous: Type.Optional(Type.String()) })),
  revoked: Type.Optional(
    Type.Object({ by: Type.Union([Type.Literal('sender'), Type.Literal('me')]) })
  ),
  group: Type.Optional(
    Type.Object({
      subtype: Type.Optional(Type.String({ description: 'what happened to the group' })),
      recipients: Type.Optional(Type.Array(Type.String()))
    })
  ),
  ad: Type.Optional(Ad),
  order: Type.Optional(Order),
  product: Type.Optional(Product),
  payment: Type.Optional(Payment),
  interactive: Type.Optional(Interactive),
  selected: Type.Optional(
    Type.String({
      description: 'the id of the button or row that a person chose; body is its text'
    })
  ),
  event: Type.Optional(CalendarEvent),
  group_invite: Type.Optional(GroupInvite),
  call: Type.Optional(Call),
  album: Type.Optional(Album),
  album_id: Type.Optional(Type.String({ description: 'the id of the album this belongs to' })),
  poll_results: Type.Optional(
    Type.Array(Type.Object({ option: Type.String(), votes: Type.Integer({ minimum: 0 }) }))
  ),
  phone_only: Type.Optional(PhoneOnly),
  bot: Type.Optional(Type.Boolean({ description: 'an automatic answer of a business bot' })),
  automatic: Type.Optional(
    Type.Boolean({
      description:
        'of this account, and written by WhatsApp Business itself, by AUTOMATIC_REPLIES of ' +
        'central-hub'
    })
  ),
  group_status: Type.Optional(Type.Boolean({ description: 'a status posted in a group' })),
  to_self: Type.Optional(Type.Boolean({ description: "a note in the account's chat with itself" })),
  unsent: Type.Optional(
    Type.Boolean({
      description: "of this account, and WhatsApp's server never accepted it: nobody has got it"
    })
  ),
  number_change: Type.Optional(
    Type.Object(
      { from: Type.String(), to: Type.String() },
      { description: "the person's address before and after a change of number" }
    )
  )
})
export type CapturedMessage = Static<typeof CapturedMessage>

export const InboundRecord = Type.Object({
  seq: Type.Integer({ minimum: 1, description: 'gap-free, increasing, per account' }),
  kind: RecordKind,
  captured_at: Type.String(),
  source: Type.Union([Type.Literal('live'), Type.Literal('backfill')]),
  account: Type.String(),
  message: CapturedMessage
})
export type InboundRecord = Static<typeof InboundRecord>

/**
 * What remains of a record whose content was erased for good: its place, so that `seq` has no
 * gaps. It holds no personal data.
 */
export const ErasedRecord = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  kind: Type.Literal('erased'),
  erased_at: Type.String(),
  account: Type.String()
})
export type ErasedRecord = Static<typeof ErasedRecord>

/** What a reader of the journal meets. */
export const JournalRecord = Type.Union([InboundRecord, ErasedRecord])
export type JournalRecord = Static<typeof JournalRecord>

/** `GET /inbound`: records after a cursor. `next_after` is the cursor to ask with next. */
export const InboundPage = Type.Object({
  records: Type.Array(JournalRecord),
  next_after: Type.Integer(),
  last_seq: Type.Integer()
})
export type InboundPage = Static<typeof InboundPage>

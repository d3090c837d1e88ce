import Type, { type Static, type TSchema, type TSchemaOptions } from 'typebox'
import { MessageKind } from './message-types.ts'
import { Media, CapturedMessage } from './record.ts'

/**
 * What the hub's REST and live events give to a frontend. Every `*_at` and `*_since` is an RFC 3339
 * time in UTC.
 */

export const LeadState = Type.Union([
  Type.Literal('new'),
  Type.Literal('open'),
  Type.Literal('won'),
  Type.Literal('lost'),
  Type.Literal('ignored')
])
export type LeadState = Static<typeof LeadState>

const orNull = <S extends TSchema>(schema: S, options: TSchemaOptions = {}) =>
  Type.Union([schema, Type.Null()], options)

/** The parts of a message, beside its text, that its one-line summary is made of. */
export const summaryParts = [
  'ad',
  'order',
  'product',
  'payment',
  'interactive',
  'selected',
  'event',
  'group_invite',
  'call',
  'album',
  'location',
  'poll_results',
  'phone_only',
  'bot',
  'group_status'
] as const
/** `timestamp`, as all other times are. */
const sentAt = Type.String({ description: 'when it was written: `timestamp` as an RFC 3339 time' })
const summarised = Type.Pick(CapturedMessage, summaryParts)

/**
 * The latest message of a lead's chat, as a list shows it. Each text in it is cut to 200
 * characters.
 */
export const LastMessage = Type.Object({
  id: Type.String(),
  type: Type.String({
    description: "WhatsApp's own type; `revoked` once it was deleted in WhatsApp"
  }),
  kind: MessageKind,
  body: Type.String({
    description: 'the first 200 characters; empty once it was deleted in WhatsApp'
  }),
  from_me: Type.Boolean(),
  timestamp: Type.Integer({ description: 'UNIX seconds' }),
  sent_at: sentAt,
  decryption: Type.Optional(
    Type.Union([Type.Literal('pending'), Type.Literal('failed')], {
      description: 'there while the text is not known'
    })
  ),
  filename: Type.Optional(Type.String({ description: 'of a document' })),
  contact_names: Type.Optional(
    Type.Array(Type.String(), { description: 'of contact cards, the first 3' })
  ),
  ...summarised.properties
})
export type LastMessage = Static<typeof LastMessage>

/** Where a lead came from first: the earliest message of theirs that an ad led to. */
export const LeadSource = Type.Object({
  kind: Type.Literal('ad'),
  title: orNull(Type.String()),
  url: orNull(Type.String(), { description: 'the ad or the post' }),
  id: orNull(Type.String(), { description: "Meta's id of the ad or post" }),
  app: orNull(Type.String(), { description: 'facebook, instagram, …: as WhatsApp gives it' }),
  at: Type.String({ description: 'when that message was written' })
})
export type LeadSource = Static<typeof LeadSource>

/** What of a lead a search found. */
export const Matched = Type.Object({
  field: Type.Union([
    Type.Literal('name'),
    Type.Literal('phone'),
    Type.Literal('tag'),
    Type.Literal('assignee'),
    Type.Literal('note'),
    Type.Literal('message')
  ]),
  snippet: Type.String({
    description:
      'some 80 characters around what was found; empty for a message that was deleted in WhatsApp'
  }),
  message_id: orNull(Type.String(), {
    description:
      'of the latest captured message that has the words; null unless `field` is `message`'
  })
})
export type Matched = Static<typeof Matched>

export const Lead = Type.Object({
  id: Type.Integer(),
  account: Type.String(),
  phone: orNull(Type.String(), { description: 'E.164; null while WhatsApp tells only a LID' }),
  phone_display: orNull(Type.String(), {
    description:
      'the same as people read it: `+52 55 1234 5678`, with the spaces that are usual in its ' +
      'country'
  }),
  lid: orNull(Type.String()),
  other_phones: Type.Array(Type.String(), {
    description: 'E.164, of leads that a person merged into this one'
  }),
  chat_id: Type.String({ description: 'the chat where the latest message stands' }),
  name: orNull(Type.String(), {
    description: 'the name a person gave or imported, else whatsapp_name'
  }),
  whatsapp_name: orNull(Type.String(), { description: 'the name the contact gave to WhatsApp' }),
  state: LeadState,
  note: Type.String(),
  tags: Type.Array(Type.String(), { description: 'in alphabetical order' }),
  assignee: orNull(Type.String(), { description: 'who takes care of it, as text' }),
  first_seen_at: Type.String(),
  last_seen_at: Type.String({
    description:
      'when the latest message, of either side, was written; while there is none, when the lead ' +
      'was entered'
  }),
  waiting_since: orNull(Type.String(), {
    description: 'when the first inbound message not yet answered by a person was written'
  }),
  unanswered_count: Type.Integer({ description: 'inbound messages since a person last answered' }),
  handled_at: orNull(Type.String(), {
    description:
      'when a person marked it as handled, while that is why it does not wait; a newer inbound ' +
      'message ends it'
  }),
  remind_at: orNull(Type.String(), {
    description:
      'the reminder that a person set: until then the lead does not wait, unless the person ' +
      'writes; in the past: it has come back for that reason. null: none'
  }),
  unread_count: Type.Integer({
    description:
      'of these, the ones after what was last marked as read in LeadMaster; WhatsApp is never told'
  }),
  marked_unread: Type.Boolean({
    description:
      'a person marked it as unread, to come back to it, and it was not marked as read since; ' +
      'nothing else changes by it'
  }),
  last_message: orNull(LastMessage),
  source: orNull(LeadSource, {
    description: 'where the lead came from first; null: not from an ad'
  }),
  updated_at: Type.String({
    description:
      'when anything here changed last; it never goes back, and no later change of any lead has ' +
      'an earlier one'
  }),
  entered_at: orNull(Type.String(), {
    description: 'when a person entered it, by POST; null: it began with a message'
  }),
  matched: Type.Optional(Matched)
})
export type Lead = Static<typeof Lead>

const text = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\s\\u0000]([^\\n\\r\\u2028\\u2029\\u0000]*[^\\s\\u0000])?$',
  description: 'one line, no space at its ends, no U+0000'
})

export const LeadPatch = Type.Object(
  {
    state: Type.Optional(LeadState),
    note: Type.Optional(Type.String({ maxLength: 10_000 })),
    tags: Type.Optional(
      Type.Array(
        Type.String({
          minLength: 1,
          maxLength: 50,
          pattern: '^[^\\s,]([^,]*[^\\s,])?$',
          description: 'no comma, no space at its ends'
        }),
        { maxItems: 50, description: 'all of them: what is left out is taken off' }
      )
    ),
    assignee: Type.Optional(orNull(text)),
    name: Type.Optional(orNull(text, { description: 'null: the one of WhatsApp again' })),
    remind_at: Type.Optional(
      orNull(
        Type.String({
          maxLength: 40,
          pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
          description: 'an RFC 3339 time in the future, at most 5 years from now'
        }),
        { description: 'when the lead is to wait again; null: no reminder' }
      )
    )
  },
  { additionalProperties: false, minProperties: 1 }
)
export type LeadPatch = Static<typeof LeadPatch>

/** A lead that a person enters. */
export const LeadCreate = Type.Object(
  {
    phone: Type.String({
      minLength: 1,
      maxLength: 60,
      description:
        'however it is written: with its country code, as a link to WhatsApp, or as in ' +
        'DEFAULT_COUNTRY'
    }),
    account: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'needed when there are several' })
    ),
    name: Type.Optional(text),
    state: Type.Optional(LeadState),
    note: LeadPatch.properties.note,
    tags: LeadPatch.properties.tags,
    assignee: LeadPatch.properties.assignee
  },
  { additionalProperties: false }
)
export type LeadCreate = Static<typeof LeadCreate>

export const LeadMerge = Type.Object(
  {
    lead_id: Type.Integer({
      minimum: 1,
      description: 'the lead that is the same person; it becomes part of this one'
    })
  },
  { additionalProperties: false }
)
export type LeadMerge = Static<typeof LeadMerge>

export const LeadHandled = Type.Object(
  {
    until: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 300,
        description:
          'the id of the latest message that was seen; what is newer goes on waiting. By ' +
          'default all is handled'
      })
    )
  },
  { additionalProperties: false }
)
export type LeadHandled = Static<typeof LeadHandled>

/** One change that a person made to a lead, or that came of a merge or an import. */
export const LeadChange = Type.Object({
  id: Type.Integer(),
  at: Type.String(),
  field: Type.Union([
    Type.Literal('state'),
    Type.Literal('note'),
    Type.Literal('tags'),
    Type.Literal('assignee'),
    Type.Literal('name'),
    Type.Literal('handled'),
    Type.Literal('remind_at'),
    Type.Literal('merged')
  ]),
  from: orNull(Type.String(), {
    description:
      'tags: separated by commas; merged: the id of the lead that became part of this one'
  }),
  to: orNull(Type.String())
})
export type LeadChange = Static<typeof LeadChange>

/** A lead that is there no more. */
export const LeadRemoved = Type.Object({
  id: Type.Integer(),
  merged_into: orNull(Type.Integer(), { description: 'null: its data was deleted' })
})
export type LeadRemoved = Static<typeof LeadRemoved>

/** What can be wrong with a line of an import. */
export const importCodes = [
  'phone-missing',
  'phone-unreadable',
  'phone-without-country',
  'phone-lost-digits',
  'name-missing',
  'name-too-long',
  'name-line-break',
  'name-characters',
  'name-lost-characters',
  'line-quotes',
  'line-in-quotes',
  'line-encoding',
  'line-json'
] as const
export type ImportCode = (typeof importCodes)[number]

/** What can be wrong with the whole file, of which nothing is taken then. */
export const importFileCodes = [
  'file-empty',
  'file-no-lines',
  'file-workbook',
  'heading-phone',
  'heading-name',
  'heading-phone-twice',
  'heading-name-twice'
] as const
export type ImportFileCode = (typeof importFileCodes)[number]

/** What became of an import of names. */
export const ImportResult = Type.Object({
  named: Type.Integer({ description: 'leads that have another name now' }),
  kept: Type.Integer({ description: 'names kept for whoever writes from that number first' }),
  unchanged: Type.Integer({
    description:
      'lines that changed nothing: the name is shown already, a person gave another one, or a ' +
      'later line has the number'
  }),
  rejected: Type.Optional(
    Type.Integer({ description: 'lines that were not taken; not there when all were' })
  ),
  ignored_columns: Type.Optional(
    Type.Array(Type.String(), {
      description: 'headings of columns that were not read; not there when there are none'
    })
  ),
  errors: Type.Array(
    Type.Object({
      line: Type.Integer({ description: 'of the file, from 1' }),
      column: Type.Optional(
        Type.Integer({ description: 'of the file, from 1; not there for JSON and for whole lines' })
      ),
      field: Type.String({ description: 'phone, name or line' }),
      code: Type.Enum([...importCodes], { description: 'what is wrong, to be matched on' }),
      message: Type.String({ description: 'what was expected; no value of the file is in it' })
    }),
    { description: 'the first 100; nothing of those lines was taken' }
  )
})
export type ImportResult = Static<typeof ImportResult>

/** That data was deleted for good. It holds nothing personal. */
export const Deletion = Type.Object({
  id: Type.Integer(),
  at: Type.String(),
  reason: Type.Union([
    Type.Literal('request'),
    Type.Literal('retention'),
    Type.Literal('passed_on', { description: 'another hub, with a store of its own, deleted it' })
  ]),
  request_id: orNull(Type.String(), {
    description: 'X-Request-Id of the request that asked for it'
  }),
  leads: Type.Integer(),
  messages: Type.Integer(),
  media_files: Type.Integer()
})
export type Deletion = Static<typeof Deletion>

/**
 * Figures for charts: of messages that persons and leads wrote to each other, as far as they are
 * kept. Days are those of the time zone asked for.
 */
export const Stats = Type.Object({
  days: Type.Array(
    Type.Object({
      date: Type.String({ description: 'YYYY-MM-DD' }),
      inbound: Type.Integer(),
      outbound: Type.Integer(),
      new_leads: Type.Integer(),
      first_response_s: orNull(Type.Number(), {
        description:
          'median seconds from a first unanswered message to the answer, of those answered that day'
      })
    })
  ),
  first_response: Type.Object({
    answered: Type.Integer(),
    median_s: orNull(Type.Number()),
    p90_s: orNull(Type.Number())
  }),
  waiting: Type.Object({
    now: Type.Integer(),
    longest_since: orNull(Type.String()),
    later: Type.Integer({ description: 'leads that come back at the time of a reminder' })
  }),
  states: Type.Object({
    new: Type.Integer(),
    open: Type.Integer(),
    won: Type.Integer(),
    lost: Type.Integer(),
    ignored: Type.Integer()
  }),
  ads: Type.Array(
    Type.Object({
      id: orNull(Type.String(), { description: "Meta's id of the ad or post" }),
      title: orNull(Type.String()),
      app: orNull(Type.String()),
      leads: Type.Integer({ description: 'leads that came from it first, in these days' })
    }),
    { description: 'the ads that led most leads here, at most 50' }
  )
})
export type Stats = Static<typeof Stats>

/**
 * A message as the hub stores it: as captured, with later edits, deletions, reactions and media.
 */
export const Message = Type.Object({
  ...Type.Omit(CapturedMessage, ['reaction', 'vote', 'edited', 'revoked', 'media', 'has_media'])
    .properties,
  kind: MessageKind,
  sent_at: sentAt,
  seq: Type.Integer({ description: "the record's place in session-manager's journal" }),
  account: Type.String(),
  lead_id: Type.Union([Type.Integer(), Type.Null()], {
    description: 'null in groups, channels and status updates'
  }),
  personal: Type.Boolean({
    description:
      'a person wrote it; false: WhatsApp itself or an automatic answer, for which nobody waits'
  }),
  captured_at: Type.String(),
  source: Type.Union([Type.Literal('live'), Type.Literal('backfill')]),
  media: Type.Union([Media, Type.Null()]),
  edited_at: Type.Union([Type.String(), Type.Null()]),
  revoked_at: Type.Union([Type.String(), Type.Null()], {
    description: 'deleted in WhatsApp since; what was captured stays here'
  }),
  revoked_by: Type.Union([Type.Literal('sender'), Type.Literal('me'), Type.Null()], {
    description: 'sender: for everyone, by who wrote it; me: by this account, for itself alone'
  }),
  decryption: Type.Union([Type.Literal('pending'), Type.Literal('failed'), Type.Null()], {
    description:
      'not null while the text is not known: pending, or failed for good (read it on the phone)'
  }),
  reactions: Type.Array(Type.Object({ sender: Type.String(), emoji: Type.String() })),
  votes: Type.Array(Type.Object({ voter: Type.String(), options: Type.Array(Type.String()) }), {
    description: 'of a poll'
  })
})
export type Message = Static<typeof Message>

/** A URL of a message's media that needs no token. */
export const MediaUrl = Type.Object({
  url: Type.String({
    description:
      'beneath PUBLIC_URL, or a path to be resolved against the address of the hub: `new ' +
      'URL(url, hub)` does both'
  }),
  expires_at: Type.String()
})
export type MediaUrl = Static<typeof MediaUrl>

const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'pass it as `cursor` for the next page; null on the last'
})

export const LeadPage = Type.Object({ leads: Type.Array(Lead), next_cursor: nextCursor })
export type LeadPage = Static<typeof LeadPage>

export const LeadChangePage = Type.Object({
  changes: Type.Array(LeadChange),
  next_cursor: nextCursor
})
export type LeadChangePage = Static<typeof LeadChangePage>

export const DeletionPage = Type.Object({
  deletions: Type.Array(Deletion),
  next_cursor: nextCursor
})
export type DeletionPage = Static<typeof DeletionPage>

export const MessagePage = Type.Object({ messages: Type.Array(Message), next_cursor: nextCursor })
export type MessagePage = Static<typeof MessagePage>

/** `GET /ready`: one entry for each check; a failing one says how to fix it. */
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      ok: Type.Boolean(),
      detail: Type.String({
        description: 'what was seen and, when not ok, what to change and where'
      })
    })
  )
})
export type Readiness = Static<typeof Readiness>

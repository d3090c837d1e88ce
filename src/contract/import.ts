import Type, { type Static } from 'typebox'
import { LeadPatch } from './lead.ts'
import { CapturedMessage, Media } from './record.ts'

/** Lines of `POST /api/messages/import`: leads and messages as the REST and a bundle have them. */

const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))
const time = Type.String({
  maxLength: 40,
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
  description: 'an RFC 3339 time'
})
const text = Type.String({ maxLength: 200 })

const facts = Type.Partial(
  Type.Omit(CapturedMessage, [
    'reaction',
    'vote',
    'edited',
    'revoked',
    'media',
    'has_media',
    'name',
    'number_change'
  ])
)

/** A message. Other members, such as `kind` and `lead_id`, are not read. */
export const ImportedMessage = Type.Object({
  ...facts.properties,
  id: Type.String({ minLength: 1, maxLength: 200 }),
  chat_id: Type.Optional(text),
  from: Type.Optional(text),
  to: Type.Optional(text),
  phone: orNull(Type.String({ minLength: 1, maxLength: 60 })),
  lid: orNull(Type.String({ pattern: '^\\d{1,30}@lid$', description: 'such as 123@lid' })),
  name: orNull(text),
  from_me: Type.Boolean(),
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
  body: Type.String({ maxLength: 100_000 }),
  timestamp: Type.Integer({ minimum: 1, description: 'UNIX seconds' }),
  captured_at: Type.Optional(time),
  media: orNull(Media),
  edited_at: orNull(time),
  revoked_at: orNull(time),
  revoked_by: orNull(Type.Union([Type.Literal('sender'), Type.Literal('me')])),
  decryption: orNull(Type.Union([Type.Literal('pending'), Type.Literal('failed')])),
  reactions: Type.Optional(Type.Array(Type.Object({ sender: text, emoji: text }))),
  votes: Type.Optional(Type.Array(Type.Object({ voter: text, options: Type.Array(Type.String()) })))
})
export type ImportedMessage = Static<typeof ImportedMessage>

/** A lead. Other members, such as `waiting_since`, are not read. */
export const ImportedLead = Type.Object({
  phone: Type.String({ minLength: 1, maxLength: 60 }),
  lid: orNull(text),
  name: LeadPatch.properties.name,
  whatsapp_name: orNull(Type.String()),
  state: LeadPatch.properties.state,
  note: LeadPatch.properties.note,
  tags: LeadPatch.properties.tags,
  assignee: LeadPatch.properties.assignee,
  last_seen_at: Type.Optional(time)
})
export type ImportedLead = Static<typeof ImportedLead>

/** What became of an import of leads and messages. */
export const MessageImportResult = Type.Object({
  leads: Type.Object({
    created: Type.Integer({ description: 'also of messages whose lead was not there' }),
    changed: Type.Integer({ description: 'lines of leads that gave something else' }),
    unchanged: Type.Integer()
  }),
  messages: Type.Object({
    created: Type.Integer(),
    unchanged: Type.Integer({ description: 'they are stored already' })
  }),
  new_leads: Type.Array(Type.String(), {
    description: 'the number, or else the LID, of each lead that was created'
  }),
  rejected: Type.Integer({ description: 'lines that were not taken' }),
  errors: Type.Array(
    Type.Object({
      line: Type.Integer({ description: 'of the body, from 1' }),
      field: Type.String({ description: 'a JSON pointer into the line; line: all of it' }),
      message: Type.String({ description: 'what was expected; no value of the line is in it' })
    }),
    { description: 'the first 100' }
  )
})
export type MessageImportResult = Static<typeof MessageImportResult>

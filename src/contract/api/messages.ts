import Type from 'typebox'
import { Message, MessagePage } from '../lead.ts'
import { exampleMessage, exampleOrder } from './examples.ts'
import type { Operation } from './operation.ts'
import { account, csvParameters, cursor, fields, limit, search } from './parameters.ts'

const filters = {
  account,
  chat_id: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'only of this chat' })),
  from_me: Type.Optional(Type.Boolean({ description: 'only ours, or only theirs' })),
  q: search
}

export const messageOperations = {
  listMessages: {
    tag: 'messages',
    summary: 'List or search messages, latest first',
    description: 'Those of groups and channels too. Of words that more than 1,000 messages have, the latest captured come first, and a page may hold fewer than `limit`, and yet have a `next_cursor`.',
    query: Type.Object({ ...filters, limit, cursor, fields: fields(Message) }),
    answer: { status: 200, description: 'A page of messages', schema: MessagePage, example: { messages: [exampleMessage, exampleOrder], next_cursor: null } }
  },
  exportMessagesCsv: {
    tag: 'messages',
    summary: 'Export messages as CSV',
    description: 'All that match, streamed. Text that a spreadsheet would take for a formula begins with an apostrophe. With `excel`, it opens in Excel as it is.',
    query: Type.Object({ ...filters, ...csvParameters }),
    answer: { status: 200, description: 'RFC 4180, with a heading', types: ['text/csv'] }
  },
  exportMessagesJsonl: {
    tag: 'messages',
    summary: 'Export messages as JSON Lines',
    query: Type.Object(filters),
    answer: { status: 200, description: 'One message a line', types: ['application/x-ndjson'] }
  },
  getMedia: {
    tag: 'messages',
    summary: "Get a message's media",
    description: 'Takes Range. Images, audio and video are shown in place, everything else is a download.',
    params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 200, description: "the message's id, percent-encoded" }) }),
    query: Type.Object({ account, download: Type.Optional(Type.Boolean({ description: 'true: a download, whatever it is' })) }),
    answer: { status: 200, description: 'The file, as the type it was captured with', also: { 206: 'The part of it that Range asked for' }, types: ['application/octet-stream'] },
    problems: ['not-found', 'media-not-ready', 'media-unavailable', 'range-not-satisfiable', 'range-not-satisfiable', 'session-manager-unreachable', 'session-manager-invalid']
  }
} as const satisfies Record<string, Operation>

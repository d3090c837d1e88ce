import Type from 'typebox'
import { MessageImportResult } from '../import.ts'
import { MediaUrl, Message, MessagePage } from '../lead.ts'
import { exampleMessage, exampleOrder } from './examples.ts'
import type { Operation } from './operation.ts'
import { account, csvParameters, cursor, fields, limit, search } from './parameters.ts'

const filters = {
  account,
  chat_id: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'only of this chat' })
  ),
  from_me: Type.Optional(Type.Boolean({ description: 'only ours, or only theirs' })),
  q: search
}

const messageId = Type.Object({
  id: Type.String({
    minLength: 1,
    maxLength: 200,
    description: "the message's id, percent-encoded"
  })
})

/** Why there is no file. */
const mediaProblems = [
  'not-found',
  'media-not-ready',
  'media-unavailable',
  'range-not-satisfiable',
  'session-manager-unreachable',
  'session-manager-invalid'
] as const

export const messageOperations = {
  listMessages: {
    tag: 'messages',
    summary: 'List or search messages, latest first',
    description:
      'Those of groups and channels too. Of words that more than 1,000 messages have, the ' +
      'latest captured come first, and a page may hold fewer than `limit`, and yet have a ' +
      '`next_cursor`.',
    query: Type.Object({ ...filters, limit, cursor, fields: fields(Message) }),
    answer: {
      status: 200,
      description: 'A page of messages',
      schema: MessagePage,
      example: { messages: [exampleMessage, exampleOrder], next_cursor: null }
    }
  },
  exportMessagesCsv: {
    tag: 'messages',
    summary: 'Export messages as CSV',
    description:
      'All that match, streamed. Text that a spreadsheet would take for a formula begins with ' +
      'an apostrophe. With `excel`, it opens in Excel as it is.',
    query: Type.Object({ ...filters, ...csvParameters }),
    answer: { status: 200, description: 'RFC 4180, with a heading', types: ['text/csv'] }
  },
  exportMessagesJsonl: {
    tag: 'messages',
    summary: 'Export messages as JSON Lines',
    query: Type.Object(filters),
    answer: { status: 200, description: 'One message a line', types: ['application/x-ndjson'] }
  },
  importMessages: {
    tag: 'messages',
    summary: 'Import leads and messages, such as those of another LeadMaster',
    description: [
      'One lead or message a line, as the exports and `messages.jsonl` of a bundle have them. A ' +
        'line with `from_me` is a message, every other one a lead, also `{"lead":…}` as ' +
        '`lead.json` has it. At most 5,000 lines and 10 MB. What is wrong with a line keeps out ' +
        'that line alone.',
      'A message needs `id`, `phone` (or `lid` and `chat_id`), `from_me`, `timestamp` and ' +
        '`body`. One that is stored is left as it is, so importing twice changes nothing; what ' +
        'is captured later wins. Nobody waits because of an import: what asks and has no answer ' +
        'counts as handled. No message event, webhook or notification follows. Media files are ' +
        'not imported.',
      'A lead needs `phone`; `name`, `state`, `note`, `tags` and `assignee` are taken, also for ' +
        'a lead that is there. Session-manager is asked who was erased: such a person does not ' +
        'come back.'
    ].join('\n\n'),
    query: Type.Object({
      account: Type.Optional(
        Type.String({ minLength: 1, maxLength: 64, description: 'needed when there are several' })
      ),
      dry_run: Type.Optional(Type.Boolean({ description: 'true: only say what would be done' }))
    }),
    body: {
      types: {
        'application/x-ndjson':
          '{"phone":"+525512345678","name":"Ana García"}\n' +
          '{"id":"false_525512345678@c.us_3EB0","phone":"+525512345678","from_me":false,' +
          '"timestamp":1795600800,"body":"Hola"}\n'
      }
    },
    answer: {
      status: 200,
      description: 'What became of it',
      schema: MessageImportResult,
      example: {
        leads: { created: 1, changed: 0, unchanged: 0 },
        messages: { created: 1, unchanged: 0 },
        new_leads: ['+525512345678'],
        rejected: 1,
        errors: [{ line: 3, field: '/timestamp', message: 'expected a whole number' }]
      }
    },
    problems: [
      'payload-too-large',
      'unsupported-media-type',
      'conflict',
      'session-manager-unreachable',
      'session-manager-invalid'
    ]
  },
  getMedia: {
    tag: 'messages',
    summary: "Get a message's media",
    description:
      'Takes Range. Images, audio and video are shown in place, everything else is a download.',
    params: messageId,
    query: Type.Object({
      account,
      download: Type.Optional(Type.Boolean({ description: 'true: a download, whatever it is' }))
    }),
    answer: {
      status: 200,
      description: 'The file, as the type it was captured with',
      also: { 206: 'The part of it that Range asked for' },
      types: ['application/octet-stream']
    },
    problems: mediaProblems
  },
  getMediaUrl: {
    tag: 'messages',
    summary: "Get a URL of a message's media that needs no token",
    description:
      'For `<img>`, `<audio>` and `<video>` in a page of another origin, which cannot send the ' +
      'token. Whoever has the URL can read this one file until it expires: ask for it when it ' +
      'is shown. It ends with HUB_API_TOKEN, too, and with the message.',
    params: messageId,
    query: Type.Object({
      account,
      expires_in: Type.Integer({
        minimum: 10,
        maximum: 3_600,
        default: 600,
        description: 'seconds'
      }),
      download: Type.Optional(Type.Boolean({ description: 'true: a download, whatever it is' }))
    }),
    answer: {
      status: 200,
      description: 'The URL',
      schema: MediaUrl,
      example: {
        url:
          '/api/media/1042.kq1Xv0c2sXcW5bQ8l3nD9g.1795601400.0.' +
          'Jm3xT0bQ9c6u2o1yZkq8vW4nH7sLrEaPdXfGhJkLm0I',
        expires_at: '2026-11-25T10:10:00.000Z'
      }
    },
    problems: ['not-found', 'media-not-ready', 'media-unavailable']
  },
  getSignedMedia: {
    tag: 'messages',
    summary: 'Get media by a signed URL',
    description:
      'Only by a URL that `getMediaUrl` gave. Takes Range; pages of every origin may show it.',
    params: Type.Object({
      ticket: Type.String({
        maxLength: 120,
        pattern: '^[\\w.-]{1,120}$',
        description: 'the last part of the URL'
      })
    }),
    answer: {
      status: 200,
      description: 'The file, as the type it was captured with',
      also: { 206: 'The part of it that Range asked for' },
      types: ['application/octet-stream']
    },
    problems: ['forbidden', ...mediaProblems]
  }
} as const satisfies Record<string, Operation>

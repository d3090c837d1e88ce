import Type from 'typebox'
import type { Operation } from './operation.ts'

export const eventOperations = {
  streamEvents: {
    tag: 'events',
    summary: 'Live events (server-sent events)',
    description: [
      '`message` carries a message, `lead` a lead, `lead_removed` what became of one that is ' +
        'there no more (`id`, `merged_into`), `session` what `GET /api/whatsapp/status` would ' +
        'answer, a problem included: of each account at once, and on each change.',
      'The data of `message` and `lead` has one member more than elsewhere, `change`: ' +
        '`created` or `updated`, also when it is resumed. With `names=full` the events are ' +
        'named as webhooks name theirs: `message.created`, `message.updated`, `lead.created`, ' +
        '`lead.updated`, `lead.removed`, `session.changed`. Take that with an EventSource, ' +
        'whose `onmessage` hears whatever is named `message`.',
      'Resumes by `Last-Event-ID`, or `after`. `reset`: events since then are kept no more, ' +
        'or the id is of another hub or cannot be read: read the lists again. `end`: why the ' +
        'stream ends. A comment comes every 15 s. A client that takes nothing for 30 s is ' +
        'dropped.'
    ].join('\n\n'),
    query: Type.Object({
      after: Type.Optional(
        Type.String({
          maxLength: 61,
          description:
            'the id of the last event seen, or 0 for all that are kept; Last-Event-ID goes ' +
            'before it'
        })
      ),
      names: Type.Optional(
        Type.Union([Type.Literal('short'), Type.Literal('full')], {
          description: 'how events are named; by default `short`'
        })
      )
    }),
    answer: { status: 200, description: 'The stream', types: ['text/event-stream'] }
  }
} as const satisfies Record<string, Operation>

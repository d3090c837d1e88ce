import Type from 'typebox'
import type { Operation } from './operation.ts'

export const eventOperations = {
  streamEvents: {
    tag: 'events',
    summary: 'Live events (server-sent events)',
    description: [
      '`message` carries a message, `lead` a lead, `lead_removed` what became of one that is there no more (`id`, `merged_into`), `session` what `GET /api/whatsapp/status` would answer, a problem included: of each account at once, and on each change.',
      'Resumes by `Last-Event-ID`, or `after`. `reset`: events since then are kept no more, read the lists again. `end`: why the stream ends. A comment comes every 15 s. A client that takes nothing for 30 s is dropped.'
    ].join('\n\n'),
    query: Type.Object({ after: Type.Optional(Type.String({ maxLength: 40, description: 'the id of the last event seen, or 0 for all that are kept' })) }),
    answer: { status: 200, description: 'The stream', types: ['text/event-stream'] }
  }
} as const satisfies Record<string, Operation>

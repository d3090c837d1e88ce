import Type from 'typebox'
import {
  DeletionPage,
  Deletion,
  ImportResult,
  Lead,
  LeadChangePage,
  LeadCreate,
  LeadHandled,
  LeadMerge,
  LeadPage,
  LeadPatch,
  LeadState,
  MessagePage,
  Stats
} from '../lead.ts'
import { exampleLead, exampleMessage } from './examples.ts'
import type { Operation } from './operation.ts'
import { account, csvParameters, cursor, fields, id, limit, search, time } from './parameters.ts'

const params = Type.Object({ id })
const filters = {
  account,
  waiting: Type.Optional(
    Type.Boolean({ description: 'only those who wait for an answer, or only those who do not' })
  ),
  later: Type.Optional(
    Type.Boolean({
      description: 'only those who come back at the time of a reminder, or only all others'
    })
  ),
  state: Type.Optional(
    Type.Array(LeadState, { minItems: 1, maxItems: 5, description: 'in one of these states' })
  ),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: 50, description: 'with this tag' })),
  assignee: Type.Optional(
    Type.String({ maxLength: 200, description: 'empty: those that nobody takes care of' })
  ),
  source: Type.Optional(
    Type.Literal('ad', { description: 'only those who came from an ad first' })
  ),
  ad: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: "only those who came from this ad first, by Meta's id"
    })
  ),
  phone: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 60,
      description:
        'only those of this number, however it is written: with its country code, as a link to ' +
        'WhatsApp, or as in DEFAULT_COUNTRY; also a number that was merged into a lead'
    })
  ),
  updated_since: time('only those whose `updated_at` is that or later'),
  q: search
}
const change = { id: 7, at: '2026-11-25T10:00:00.000Z', field: 'state', from: 'new', to: 'open' }
const deletion = {
  id: 3,
  at: '2026-11-25T10:00:00.000Z',
  reason: 'request',
  request_id: 'a3f1',
  leads: 1,
  messages: 42,
  media_files: 3
}

export const leadOperations = {
  listLeads: {
    tag: 'leads',
    summary: 'List leads',
    description: [
      'With waiting=true, who has waited longest comes first; with later=true, whose reminder ' +
        'comes first; otherwise who wrote or was written to last.',
      'Each page shows its own moment: while pages are read in these orders, a lead that ' +
        'gets a message or an answer moves, and may then come twice or on no page. For all ' +
        'leads without a gap read by `updated_since`, or an export, which goes by their ids.',
      'With `updated_since`, whoever changed first comes first, so that a program can keep a ' +
        'copy: read all pages with the greatest `updated_at` it has seen, and again from then ' +
        'on. It misses nothing, whatever changes between the pages, and gets what changed at ' +
        'that very time once more. A change is whatever a lead shows here, its latest message ' +
        'and its counts included. A lead that no longer fits the other parameters, was merged ' +
        'into another or deleted is not in the list: events tell of that.',
      'With `q`, first come those whose name (parts of it), number (three digits of it or ' +
        'more, with or without its country code, however it is written), note, tag or assignee ' +
        'is meant, then those with a message that has all the words, by the latest of these; ' +
        '`matched` says what was found. A page of a search may hold fewer leads than `limit`, ' +
        'even none, and yet have a `next_cursor`.'
    ].join('\n\n'),
    query: Type.Object({ ...filters, limit, cursor, fields: fields(Lead) }),
    answer: {
      status: 200,
      description: 'A page of leads',
      schema: LeadPage,
      example: { leads: [exampleLead], next_cursor: null }
    }
  },
  createLead: {
    tag: 'leads',
    summary: 'Enter a lead by its phone number',
    description: [
      'For a person who called, or whom somebody met. The lead does not wait: nobody wrote. ' +
        'What that person writes later belongs to it, also when WhatsApp spells the number ' +
        'otherwise, or shows the person by a LID at first. A name that was imported for the ' +
        'number is shown until a person gives another one.',
      'A number that a lead of the account has already, in whichever spelling, is 409 with ' +
        '`lead_id`, and nothing is changed.'
    ].join('\n\n'),
    body: {
      schema: LeadCreate,
      example: { phone: '+52 55 1234 5678', name: 'Ana García', tags: ['fair'], assignee: 'Luisa' }
    },
    answer: {
      status: 201,
      description: 'The lead; Location leads to it',
      schema: Lead,
      example: {
        ...exampleLead,
        whatsapp_name: null,
        state: 'new',
        note: '',
        tags: ['fair'],
        waiting_since: null,
        unanswered_count: 0,
        unread_count: 0,
        last_message: null,
        source: null,
        entered_at: '2026-11-20T16:02:11.000Z'
      }
    },
    problems: ['lead-exists', 'session-manager-unreachable']
  },
  exportLeadsCsv: {
    tag: 'leads',
    summary: 'Export leads as CSV',
    description:
      'All that match, streamed. Text that a spreadsheet would take for a formula begins with ' +
      'an apostrophe. With `excel`, it opens in Excel as it is.',
    query: Type.Object({ ...filters, ...csvParameters }),
    answer: { status: 200, description: 'RFC 4180, with a heading', types: ['text/csv'] }
  },
  exportLeadsJsonl: {
    tag: 'leads',
    summary: 'Export leads as JSON Lines',
    query: Type.Object(filters),
    answer: { status: 200, description: 'One lead a line', types: ['application/x-ndjson'] }
  },
  importLeads: {
    tag: 'leads',
    summary: 'Import names by phone number',
    description: [
      'Names alone are taken; other columns, such as those of an export, are left as they are ' +
        'and named in `ignored_columns`. At most 10 MB and 100,000 lines. A name for a number ' +
        'that has not written yet is kept for when it does.',
      'CSV may have commas, semicolons, tabs or a line `sep=;`, be in UTF-8, UTF-16 or ' +
        'Windows-1252, and have headings in English, Spanish or Portuguese, such as ' +
        '`Teléfono;Nombre`, or none. Numbers may be written `+34 600 12 34 56`, `34600123456`, ' +
        '`tel:+34…`, `="+34…"` or as a link to WhatsApp; without a country they are of ' +
        'DEFAULT_COUNTRY. The apostrophe that an export puts before formulas is taken off.',
      'What is wrong with a line keeps out that line alone. A file without a line, or without ' +
        'a column of numbers and one of names, is refused.'
    ].join('\n\n'),
    body: {
      types: {
        'text/csv': 'phone,name\n+52 55 1234 5678,Ana García\n',
        'application/x-ndjson': '{"phone":"+525512345678","name":"Ana García"}\n'
      }
    },
    answer: {
      status: 200,
      description: 'What became of it',
      schema: ImportResult,
      example: {
        named: 1,
        kept: 0,
        unchanged: 0,
        rejected: 1,
        errors: [
          {
            line: 3,
            column: 1,
            field: 'phone',
            code: 'phone-unreadable',
            message: 'expected a phone number'
          }
        ]
      }
    },
    problems: ['payload-too-large', 'unsupported-media-type']
  },
  getLead: {
    tag: 'leads',
    summary: 'Get a lead',
    description: 'The id of a lead that was merged into another leads to that one.',
    params,
    answer: { status: 200, description: 'The lead', schema: Lead, example: exampleLead },
    problems: ['not-found']
  },
  exportLead: {
    tag: 'leads',
    summary: 'Export all data of a lead as one ZIP file',
    description: [
      'For a person who asks for their data. `lead.json` has the lead and its history, ' +
        '`messages.jsonl` all messages, the oldest first, `media/` the stored files, each named ' +
        'by the id of its message. `missing.json` names each file that is not there, or not ' +
        'whole, and why. `README.txt` explains the files in English, Spanish and Portuguese.',
      'Messages of groups are left out, because other people wrote in them. The answer is ' +
        'streamed: a download that ends without the end of the ZIP file was cut off.'
    ].join('\n\n'),
    params,
    answer: { status: 200, description: 'A ZIP file', types: ['application/zip'] },
    problems: ['not-found']
  },
  patchLead: {
    tag: 'leads',
    summary: 'Change what people say of a lead',
    description:
      'With If-Match and the ETag of what you read, nobody else’s change is written over. Only ' +
      'what PATCH can change counts: a message that came in between is no change.',
    params,
    body: {
      schema: LeadPatch,
      example: { state: 'won', note: 'signed', tags: ['vip'], assignee: 'Luisa' }
    },
    answer: {
      status: 200,
      description: 'The lead as it is now',
      schema: Lead,
      example: exampleLead
    },
    problems: ['not-found', 'precondition-failed']
  },
  deleteLead: {
    tag: 'leads',
    summary: 'Delete all data of a lead for good',
    description:
      'Messages and media too, also at session-manager, from where nothing comes back; a ' +
      'message that the person writes afterwards makes a new lead. What remains is a record ' +
      'without personal data. The files are written anew, which takes seconds for a million ' +
      'messages, and everything else waits for it.',
    params,
    answer: {
      status: 200,
      description: 'The record of the deletion',
      schema: Deletion,
      example: deletion
    },
    problems: ['not-found', 'session-manager-unreachable', 'session-manager-invalid']
  },
  readLead: {
    tag: 'leads',
    summary: 'Mark as read in LeadMaster',
    description: 'WhatsApp is not told: nobody sees a blue tick of it.',
    params,
    answer: {
      status: 200,
      description: 'The lead as it is now',
      schema: Lead,
      example: exampleLead
    },
    problems: ['not-found']
  },
  unreadLead: {
    tag: 'leads',
    summary: 'Mark as unread in LeadMaster',
    description:
      'To come back to it: `marked_unread` is true until it is marked as read, and all that ' +
      'waits counts as unread again. Whether the lead waits does not change.',
    params,
    answer: {
      status: 200,
      description: 'The lead as it is now',
      schema: Lead,
      example: exampleLead
    },
    problems: ['not-found']
  },
  handleLead: {
    tag: 'leads',
    summary: 'Mark as handled, without an answer',
    description: [
      'The lead stops waiting: for a “thank you” that wants no answer, or one that was ' +
        'answered by telephone. WhatsApp is not told.',
      'Its next message waits again. Give `until`, the id of the latest message that was ' +
        'seen, so that one that has just come is not taken for handled; with `{}` all is. A ' +
        'lead that does not wait is left as it is.'
    ].join('\n\n'),
    params,
    body: { schema: LeadHandled, example: { until: exampleMessage.id } },
    answer: {
      status: 200,
      description: 'The lead as it is now',
      schema: Lead,
      example: exampleLead
    },
    problems: ['not-found', 'precondition-failed']
  },
  unhandleLead: {
    tag: 'leads',
    summary: 'Take the mark as handled back',
    description: 'What was handled by it waits again. Where `handled_at` is null nothing changes.',
    params,
    answer: {
      status: 200,
      description: 'The lead as it is now',
      schema: Lead,
      example: exampleLead
    },
    problems: ['not-found', 'precondition-failed']
  },
  mergeLead: {
    tag: 'leads',
    summary: 'Merge another lead into this one',
    description:
      'For a person whom WhatsApp shows once by LID and once by phone number, or who has two ' +
      'numbers. What comes from either number belongs to this lead from now on; the other id ' +
      'goes on leading here.',
    params,
    body: { schema: LeadMerge, example: { lead_id: 12 } },
    answer: {
      status: 200,
      description: 'The lead as it is now',
      schema: Lead,
      example: exampleLead
    },
    problems: ['not-found', 'conflict']
  },
  listLeadChanges: {
    tag: 'leads',
    summary: 'List what was changed in a lead, latest first',
    params,
    query: Type.Object({ limit, cursor }),
    answer: {
      status: 200,
      description: 'A page of changes',
      schema: LeadChangePage,
      example: { changes: [change], next_cursor: null }
    },
    problems: ['not-found']
  },
  listLeadMessages: {
    tag: 'leads',
    summary: 'List the conversation, latest first',
    description: 'With `q`, only the messages that have the words.',
    params,
    query: Type.Object({ limit, cursor, q: search }),
    answer: {
      status: 200,
      description: 'A page of messages',
      schema: MessagePage,
      example: { messages: [exampleMessage], next_cursor: null }
    },
    problems: ['not-found']
  },
  listTags: {
    tag: 'leads',
    summary: 'List tags and assignees in use',
    query: Type.Object({ account }),
    answer: {
      status: 200,
      description: 'All of them, each with how many leads have it',
      schema: Type.Object({
        tags: Type.Array(Type.Object({ tag: Type.String(), leads: Type.Integer() })),
        assignees: Type.Array(Type.Object({ assignee: Type.String(), leads: Type.Integer() }))
      }),
      example: { tags: [{ tag: 'vip', leads: 3 }], assignees: [{ assignee: 'Luisa', leads: 12 }] }
    }
  },
  listDeletions: {
    tag: 'leads',
    summary: 'List what was deleted for good, latest first',
    query: Type.Object({ limit, cursor }),
    answer: {
      status: 200,
      description: 'A page of records',
      schema: DeletionPage,
      example: { deletions: [deletion], next_cursor: null }
    }
  },
  getStats: {
    tag: 'leads',
    summary: 'Figures for charts',
    query: Type.Object({
      account,
      days: Type.Integer({
        minimum: 1,
        maximum: 366,
        default: 30,
        description: 'how many days, today the last'
      }),
      tz: Type.String({
        maxLength: 64,
        default: 'UTC',
        description: 'an IANA time zone, such as America/Mexico_City'
      })
    }),
    answer: {
      status: 200,
      description: 'Messages per day, first-response time, leads waiting',
      schema: Stats,
      example: {
        days: [
          { date: '2026-11-25', inbound: 120, outbound: 80, new_leads: 9, first_response_s: 340 }
        ],
        first_response: { answered: 61, median_s: 340, p90_s: 2100 },
        waiting: { now: 4, longest_since: '2026-11-25T08:12:00.000Z', later: 3 },
        states: { new: 9, open: 20, won: 4, lost: 2, ignored: 1 },
        ads: [
          {
            id: '120210000000000001',
            title: 'Two nights for the price of one',
            app: 'facebook',
            leads: 5
          }
        ]
      }
    }
  }
} as const satisfies Record<string, Operation>

import type { Problem, ProblemType } from '../../contract/problem.ts'
import { scopesOfRole } from '../../contract/access.ts'
import type { OpenApi } from './openapi.ts'

/** What the OpenAPI document says of the API as a whole. */

export const about = [
  'What people write to a sales team by WhatsApp: leads, their conversations, and events ' +
    'as they happen.',
  '**Names and times.** JSON names are in snake_case; what ends in `_at` or `_since` is an ' +
    'RFC 3339 time in UTC.',
  "**Messages** have `type`, which is WhatsApp's own and open, and `kind`, which is ours " +
    'and closed; `timestamp` in UNIX seconds, and the same as `sent_at`.',
  '**Lists** come a page at a time: pass `next_cursor` as `cursor`, with everything else ' +
    'unchanged, until it is null. What moves in the order of a list while its pages are read ' +
    'may come twice or on no page; `updated_since`, exports and live events leave nothing ' +
    'out. A parameter that is a list is given with commas or several times: `state=new,open` ' +
    'or `state=new&state=open`.',
  '**Reads** have an ETag: with `If-None-Match` what has not changed is answered by an ' +
    'empty 304. **Writes**, but for deletions and imports, take it as `If-Match`, so that ' +
    "nobody else's change is written over, and an `Idempotency-Key`, so that a repeated one " +
    'changes nothing.',
  '**Who may do what.** Each operation names the scope that it needs. HUB_API_TOKEN has all; an ' +
    'API key has those it was made with; an operator has those of the role: ' +
    Object.entries(scopesOfRole)
      .map(([role, its]) => `${role}: ${its.map((scope) => `\`${scope}\``).join(' ')}`)
      .join('; ') +
    '. Without the scope the answer is 403 `insufficient-scope`.',
  '**Live events** resume where a client left off: `GET /api/events`.',
  '**Errors** are problem details (RFC 9457). Match on `type`; `detail` says what is wrong ' +
    'here and how to mend it. `errors` names each fault: `in` says where it is, `field` is ' +
    'its name there, in the body the JSON pointer of the member, or `body` for all of it. ' +
    'The header `X-Request-Id` of every answer, yours if you sent one, leads to the log.'
].join('\n\n')

export const tags: OpenApi['tags'] = [
  { name: 'leads', description: 'Whoever wrote: state, note, tags, and the conversation' },
  { name: 'messages', description: 'Every message of both sides, groups too, and their media' },
  { name: 'events', description: 'What happens, as it happens' },
  {
    name: 'alarms',
    description: 'What somebody is told when a lead waits for too long, or the session is down'
  },
  { name: 'webhooks', description: 'The same for other programs: what happens is posted to them' },
  { name: 'whatsapp', description: 'The session with WhatsApp: status, linking, connecting' },
  { name: 'team', description: 'Operators, their sessions, and API keys' },
  { name: 'operation', description: 'For who operates the hub, and signing in' }
]

const text = { type: 'string' }

export const requestHeaders: OpenApi['components']['parameters'] = {
  'X-Request-Id': {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description:
      'a name for this request, to find it in the log; one is drawn if none is given, or it is ' +
      'not of 1 to 128 of A-Z a-z 0-9 _ . : -',
    schema: text
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'the ETag of what you have: 304 if it is as it was',
    schema: text
  },
  'If-Match': {
    name: 'If-Match',
    in: 'header',
    required: false,
    description:
      'the ETag of what you read: 412 if it was changed since. For a PATCH only what it can ' +
      'change counts; for `handled` what the lead waits for counts, too, such as a message that ' +
      'came since',
    schema: text
  },
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'with the same key the same request changes something once; the answer is kept for a day',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' }
  },
  Range: {
    name: 'Range',
    in: 'header',
    required: false,
    description: 'a part of the file, such as `bytes=0-1023`',
    schema: text
  },
  'Last-Event-ID': {
    name: 'Last-Event-ID',
    in: 'header',
    required: false,
    description:
      'the id of the last event seen: what came after it is sent first, and `reset` if that ' +
      'cannot be told',
    schema: text
  }
}

export const headers = {
  'X-Request-Id': { description: 'leads to this request in the log', schema: text },
  ETag: {
    description:
      'names what was answered, for If-None-Match and If-Match. Of a lead or a webhook, what is ' +
      'before the dot covers only what PATCH can change, and its If-Match goes by that part',
    schema: text
  },
  Location: { description: 'the path of the lead', schema: text },
  RateLimit: {
    description: 'how many requests may follow (`r`), and for how many seconds that holds (`t`)',
    schema: text
  },
  'RateLimit-Policy': {
    description: 'how many requests (`q`) are answered in how many seconds (`w`)',
    schema: text
  },
  'Retry-After': { description: 'seconds to wait', schema: { type: 'integer' } },
  'Idempotency-Replayed': {
    description: '`true`: the request was done before, and this is its answer',
    schema: { type: 'string', const: 'true' }
  }
} as const satisfies OpenApi['components']['headers']

/** What problems are like, where the title alone shows little. */
export const examples: Partial<
  Record<ProblemType, Pick<Problem, 'detail' | 'errors' | 'lead_id'>>
> = {
  'bad-request': { detail: 'the body is not the JSON it says it is' },
  'invalid-parameters': {
    detail: 'limit: expected a whole number from 1 to 200',
    errors: [{ in: 'query', field: 'limit', message: 'expected a whole number from 1 to 200' }]
  },
  unauthorized: { detail: 'send Authorization: Bearer with HUB_API_TOKEN' },
  'insufficient-scope': {
    detail: 'this needs the scope leads.write, which operator 3 does not have'
  },
  'not-found': { detail: 'there is no lead 7' },
  'lead-exists': { detail: 'lead 7 has this number: change it by PATCH /api/leads/7', lead_id: 7 },
  'payload-too-large': { detail: 'the body may have at most 65536 bytes' },
  'too-many-requests': { detail: '6000 requests a minute are answered' },
  'internal-error': { detail: 'it was logged under the X-Request-Id of this answer' },
  'session-manager-unreachable': {
    detail:
      'session-manager cannot be reached at http://127.0.0.1:3001: the connection was refused; ' +
      'start leadmaster-session-manager or, if it listens elsewhere, correct ' +
      'SESSION_MANAGER_BASE_URL in /etc/leadmaster/central-hub.env'
  }
}

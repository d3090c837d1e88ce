import Type from 'typebox'
import { scopesOfRole } from '../access.ts'
import { AuditEntry, AuditPage } from '../audit.ts'
import {
  ApiKey,
  ApiKeyCreate,
  ApiKeyList,
  ApiKeyWithSecret,
  Me,
  Operator,
  OperatorCreate,
  OperatorList,
  OperatorPatch,
  OperatorSessionList,
  PasswordChange,
  PasswordReset
} from '../team.ts'
import type { Operation } from './operation.ts'
import { csvParameters, cursor, id, limit, time } from './parameters.ts'

/** Who works with the hub: operators with a password each, and programs with an API key each. */

const params = Type.Object({ id })
const at = '2026-11-25T10:00:00.000Z'
const operator: Operator = {
  id: 3,
  username: 'luisa',
  name: 'Luisa Pérez',
  role: 'operator',
  enabled: true,
  created_at: at,
  last_sign_in_at: at
}
const key: ApiKey = {
  id: 2,
  name: 'CRM',
  scopes: ['leads.read', 'events'],
  prefix: 'lmk_7hQ2sT',
  created_at: at,
  last_used_at: null
}
const sessions = [
  {
    id: 12,
    created_at: at,
    last_used_at: at,
    expires_at: '2026-12-25T10:00:00.000Z',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
    current: false
  }
]
const sessionList = {
  status: 200,
  description: 'Those that have not expired, the last one first',
  schema: OperatorSessionList,
  example: { sessions }
} as const
const done = { status: 204, description: 'Done' } as const
const noMoreThanOwn =
  'Nobody gives another one a scope that is not their own, nor changes an operator, or revokes a ' +
  'key, that has such a scope.'

const ownOperations = {
  getMe: {
    tag: 'team',
    summary: 'Get who this request comes from, and what they may do',
    answer: {
      status: 200,
      description: 'The operator, the API key, or HUB_API_TOKEN',
      schema: Me,
      example: {
        kind: 'operator',
        id: operator.id,
        name: operator.name,
        role: operator.role,
        scopes: [...scopesOfRole.operator]
      }
    }
  },
  changeMyPassword: {
    tag: 'team',
    summary: 'Change one’s own password',
    description: 'All other sessions of the operator end.',
    body: { schema: PasswordChange, example: { current_password: '…', password: 'ten or more' } },
    answer: done,
    problems: ['sign-in-failed', 'conflict']
  },
  listMySessions: {
    tag: 'team',
    summary: 'List one’s own sessions',
    answer: sessionList
  },
  deleteMySession: {
    tag: 'team',
    summary: 'End one of one’s own sessions',
    description: 'What it has open ends within seconds.',
    params,
    answer: done,
    problems: ['not-found']
  }
} as const satisfies Record<string, Operation>

const entry: AuditEntry = {
  id: 17,
  at,
  actor: { kind: 'operator', id: operator.id, name: operator.name },
  operation: 'patchLead',
  refused: false,
  subject: { kind: 'lead', id: '7' },
  fields: ['state', 'note'],
  address: '192.0.2.7',
  request_id: '0196f3c8-5a55-7e0a-9d3c-2f1b8a6c4d5e'
}

const auditFilters = {
  operation: Type.Optional(AuditEntry.properties.operation),
  operator: Type.Optional(Type.Integer({ minimum: 1, description: 'done by this operator' })),
  key: Type.Optional(Type.Integer({ minimum: 1, description: 'done with this API key' })),
  lead: Type.Optional(Type.Integer({ minimum: 1, description: 'done to this lead' })),
  since: time('only what was done then or later'),
  until: time('only what was done before')
}

const auditOperations = {
  listAudit: {
    tag: 'team',
    summary: 'List who did what, latest first',
    description:
      'An entry for each request that changed something or took data out, but marking a lead as ' +
      'read or unread, and for each sign-in with a wrong password. It is written in the ' +
      'transaction of the change. It has no texts, names or numbers of leads. Entries are ' +
      'kept for AUDIT_RETENTION.',
    query: Type.Object({ ...auditFilters, limit, cursor }),
    answer: {
      status: 200,
      description: 'A page of entries',
      schema: AuditPage,
      example: { entries: [entry], next_cursor: null }
    }
  },
  exportAuditCsv: {
    tag: 'team',
    summary: 'Export who did what as CSV',
    description: 'All that match, streamed.',
    query: Type.Object({ ...auditFilters, ...csvParameters }),
    answer: { status: 200, description: 'RFC 4180, with a heading', types: ['text/csv'] }
  }
} as const satisfies Record<string, Operation>

const operatorOperations = {
  listOperators: {
    tag: 'team',
    summary: 'List operators',
    answer: {
      status: 200,
      description: 'All of them, by name',
      schema: OperatorList,
      example: { operators: [operator] }
    }
  },
  createOperator: {
    tag: 'team',
    summary: 'Add an operator',
    description: noMoreThanOwn,
    body: {
      schema: OperatorCreate,
      example: { username: 'luisa', name: 'Luisa Pérez', role: 'operator', password: 'ten or more' }
    },
    answer: { status: 201, description: 'The operator', schema: Operator, example: operator },
    problems: ['conflict', 'insufficient-scope']
  },
  getOperator: {
    tag: 'team',
    summary: 'Get an operator',
    params,
    answer: { status: 200, description: 'The operator', schema: Operator, example: operator },
    problems: ['not-found']
  },
  patchOperator: {
    tag: 'team',
    summary: 'Change an operator',
    description:
      'With another role, what the operator has open ends within seconds, to be opened again ' +
      `with the new one. Disabling ends all sessions. ${noMoreThanOwn} The last admin stays one.`,
    params,
    body: { schema: OperatorPatch, example: { role: 'viewer' } },
    answer: {
      status: 200,
      description: 'The operator as it is now',
      schema: Operator,
      example: operator
    },
    problems: ['not-found', 'conflict', 'insufficient-scope']
  },
  deleteOperator: {
    tag: 'team',
    summary: 'Remove an operator',
    description: 'All sessions end. The last admin cannot be removed.',
    params,
    answer: done,
    problems: ['not-found', 'conflict', 'insufficient-scope']
  },
  setOperatorPassword: {
    tag: 'team',
    summary: 'Give an operator a new password',
    description: `All sessions of the operator end. ${noMoreThanOwn}`,
    params,
    body: { schema: PasswordReset, example: { password: 'ten or more' } },
    answer: done,
    problems: ['not-found', 'insufficient-scope']
  },
  listOperatorSessions: {
    tag: 'team',
    summary: 'List the sessions of an operator',
    params,
    answer: sessionList,
    problems: ['not-found']
  },
  deleteOperatorSession: {
    tag: 'team',
    summary: 'End a session of an operator',
    description: `What it has open ends within seconds. ${noMoreThanOwn}`,
    params: Type.Object({ id, session_id: id }),
    answer: done,
    problems: ['not-found', 'insufficient-scope']
  }
} as const satisfies Record<string, Operation>

const keyOperations = {
  listKeys: {
    tag: 'team',
    summary: 'List API keys',
    answer: {
      status: 200,
      description: 'All of them, without the keys themselves',
      schema: ApiKeyList,
      example: { keys: [key] }
    }
  },
  createKey: {
    tag: 'team',
    summary: 'Make an API key',
    description: `The key is told here and never again. At most 100. ${noMoreThanOwn}`,
    body: { schema: ApiKeyCreate, example: { name: key.name, scopes: key.scopes } },
    answer: {
      status: 201,
      description: 'The key',
      schema: ApiKeyWithSecret,
      example: { ...key, key: 'lmk_7hQ2sT…' }
    },
    problems: ['conflict', 'insufficient-scope']
  },
  deleteKey: {
    tag: 'team',
    summary: 'Revoke an API key',
    description: `What is open with it ends within seconds. ${noMoreThanOwn}`,
    params,
    answer: done,
    problems: ['not-found', 'insufficient-scope']
  }
} as const satisfies Record<string, Operation>

export const teamOperations = {
  ...ownOperations,
  ...operatorOperations,
  ...keyOperations,
  ...auditOperations
} as const satisfies Record<string, Operation>

import Type, { type Static } from 'typebox'

/**
 * Problem details, RFC 9457. `type` is a URN whose last part is stable and made to be matched on.
 */
export const Problem = Type.Object({
  type: Type.String({ description: 'urn:leadmaster:problem:…' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String({ description: 'what is wrong here, and how to mend it' })),
  account: Type.Optional(
    Type.String({
      description: 'the account whose session-manager it is about, where there are several'
    })
  ),
  lead_id: Type.Optional(
    Type.Integer({ description: 'of lead-exists: the lead that has the number already' })
  ),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        in: Type.Optional(
          Type.Union(
            [
              Type.Literal('path'),
              Type.Literal('query'),
              Type.Literal('header'),
              Type.Literal('body'),
              Type.Literal('column', { description: 'of a file that is imported' })
            ],
            {
              description:
                'where it is; not there in what a session-manager of an earlier release answers'
            }
          )
        ),
        field: Type.String({
          description:
            'its name; in the body the JSON pointer of the member (RFC 6901), and `body` for ' +
            'the body as a whole'
        }),
        pointer: Type.Optional(
          Type.String({
            description:
              'in the body: the same as a URI fragment (RFC 6901, section 6), `#` for the body ' +
              'as a whole'
          })
        ),
        message: Type.String({ description: 'what was expected' }),
        code: Type.Optional(
          Type.String({ description: 'what is wrong, to be matched on; of an import alone' })
        )
      })
    )
  )
})
export type Problem = Static<typeof Problem>

/** Every problem of both daemons: its status, its title, and its fix. */
export const problems = {
  'bad-request': {
    status: 400,
    title: 'The request is malformed',
    mend: 'send valid HTTP, percent-encoding and JSON; `detail` says which it is'
  },
  'invalid-parameters': {
    status: 400,
    title: 'A parameter is not as expected',
    mend: '`errors` names each and what was expected of it'
  },
  unauthorized: {
    status: 401,
    title: 'A valid token is required',
    mend:
      'send `Authorization: Bearer` with the token that `detail` names; it is in the env file ' +
      'of the service that was asked, and the log of that service says where. The hub takes an ' +
      'API key, too, and the cookie of an operator who is signed in'
  },
  forbidden: {
    status: 403,
    title: 'The request is not allowed',
    mend:
      'with the cookie of the operator page, only that page itself may change anything: send ' +
      'the token instead. For a URL of media, ask for a new one'
  },
  'sign-in-failed': {
    status: 401,
    title: 'The username or the password is wrong',
    mend:
      'check both; an admin sets a new password, and turns an operator on again who was ' +
      'disabled'
  },
  'insufficient-scope': {
    status: 403,
    title: 'The caller may not do this',
    mend:
      '`detail` names the scope that is missing: an admin gives the operator another role, or ' +
      'makes an API key with that scope'
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    mend: 'check the path and the id; what was deleted does not come back'
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    mend: 'the header Allow lists those that are'
  },
  conflict: {
    status: 409,
    title: 'It cannot be done as things stand',
    mend: '`detail` says what stands in the way'
  },
  'lead-exists': {
    status: 409,
    title: 'There is a lead of this number',
    mend: 'change the lead that `lead_id` and the header Location name instead'
  },
  'media-not-ready': {
    status: 409,
    title: 'The media is still being fetched',
    mend: 'ask again once a `message` event says that it is stored'
  },
  'media-unavailable': {
    status: 410,
    title: 'The media was not kept',
    mend: '`detail` says why; it may still be seen on the phone'
  },
  'precondition-failed': {
    status: 412,
    title: 'It was changed since it was read',
    mend: 'read it again, and send what you change with the new ETag as If-Match'
  },
  'payload-too-large': {
    status: 413,
    title: 'The request body is too large',
    mend: 'send less at once; `detail` says how much may be sent'
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The request body is of another type',
    mend: 'send it as a content type that this route takes'
  },
  'range-not-satisfiable': {
    status: 416,
    title: 'The range is not within the file',
    mend: 'ask for bytes below the size that Content-Range tells, or for the whole file'
  },
  'misdirected-request': {
    status: 421,
    title: 'The Host header names another server',
    mend: 'add the name to ALLOWED_HOSTS in the env file of the service that was asked'
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    mend: 'draw a new key for each request; the same one only repeats the same request'
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    mend:
      'wait for as many seconds as Retry-After says; RATE_LIMIT in central-hub.env sets how ' +
      'many there may be. Signing in has a limit of its own'
  },
  'internal-error': {
    status: 500,
    title: 'Something went wrong on our side',
    mend: 'look for the X-Request-Id in the journal'
  },
  'store-unavailable': {
    status: 503,
    title: 'The database cannot be reached',
    mend: 'try again: the hub connects anew by itself; `detail` names the address and the cause'
  },
  'session-manager-invalid': {
    status: 502,
    title: 'What answers is not a usable session-manager',
    mend: '`detail` names the URL, what answered there, and the variable to change'
  },
  'session-manager-unreachable': {
    status: 503,
    title: 'session-manager cannot be reached',
    mend: '`detail` names the URL, the cause, and the variable to change'
  }
} as const satisfies Record<string, { status: number; title: string; mend: string }>

export type ProblemType = keyof typeof problems

import Type, { type Static } from 'typebox'

/** Problem details, RFC 9457. `type` is a URN whose last part is stable and made to be matched on. */
export const Problem = Type.Object({
  type: Type.String({ description: 'urn:leadmaster:problem:…' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String({ description: 'what is wrong here, and how to mend it' })),
  account: Type.Optional(Type.String({ description: 'the account whose session-manager it is about, where there are several' })),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String({ description: 'the parameter, header or JSON pointer at fault' }),
        message: Type.String({ description: 'what was expected' })
      })
    )
  )
})
export type Problem = Static<typeof Problem>

/** Every problem either daemon answers with: its status and title. */
export const problems = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'invalid-parameters': { status: 400, title: 'A parameter is not as expected' },
  unauthorized: { status: 401, title: 'A valid token is required' },
  forbidden: { status: 403, title: 'The request is not allowed' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'payload-too-large': { status: 413, title: 'The request body is too large' },
  'unsupported-media-type': { status: 415, title: 'The request body must be JSON' },
  'misdirected-request': { status: 421, title: 'The Host header names another server' },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
  'session-manager-invalid': { status: 502, title: 'What answers is not a usable session-manager' },
  'session-manager-unreachable': { status: 503, title: 'session-manager cannot be reached' }
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemType = keyof typeof problems

import Type, { type Static, type TUnsafe } from 'typebox'
import { allScopes, scopes, type Role as RoleName } from './access.ts'

/** Operators, their sessions, and API keys. */

/** A choice of texts with a word on each. */
const described = <Name extends string>(words: Readonly<Record<Name, string>>): TUnsafe<Name> =>
  // By the type of a union of names that are only known here, it would take none.
  Type.Union(
    (Object.keys(words) as Name[]).map((name) => Type.Literal(name, { description: words[name] }))
  ) as unknown as TUnsafe<Name>

export const Role = described<RoleName>({
  admin: 'may do everything',
  operator: 'works with leads, and may link a phone',
  viewer: 'reads leads, and changes nothing'
})
export type Role = Static<typeof Role>

export const Scope = described(scopes)
export type Scope = Static<typeof Scope>

const time = Type.String()
const timeOrNever = Type.Union([Type.String(), Type.Null()])
const name = Type.String({ minLength: 1, maxLength: 100, description: 'as the team says it' })
const username = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]*$',
  description: 'a letter or digit, then letters, digits and . _ @ -; case does not count'
})
export const minPasswordLength = 10
/** Longer than most people choose, shorter than what hashing would take long for. */
const newPassword = Type.String({
  minLength: minPasswordLength,
  maxLength: 200,
  description: `at least ${minPasswordLength} characters`
})
const anyPassword = Type.String({ minLength: 1, maxLength: 200 })

export const Operator = Type.Object({
  id: Type.Integer(),
  username: Type.String({ description: 'to sign in with' }),
  name: Type.String(),
  role: Role,
  enabled: Type.Boolean({ description: 'false: cannot sign in, and has no session' }),
  created_at: time,
  last_sign_in_at: timeOrNever
})
export type Operator = Static<typeof Operator>

export const OperatorList = Type.Object({ operators: Type.Array(Operator) })

export const OperatorCreate = Type.Object(
  {
    username,
    name: Type.Optional(name),
    role: Role,
    password: newPassword,
    enabled: Type.Optional(Type.Boolean({ default: true }))
  },
  { additionalProperties: false }
)
export type OperatorCreate = Static<typeof OperatorCreate>

export const OperatorPatch = Type.Object(
  {
    username: Type.Optional(username),
    name: Type.Optional(name),
    role: Type.Optional(Role),
    enabled: Type.Optional(Type.Boolean())
  },
  { additionalProperties: false, minProperties: 1 }
)
export type OperatorPatch = Static<typeof OperatorPatch>

export const PasswordReset = Type.Object({ password: newPassword }, { additionalProperties: false })

export const PasswordChange = Type.Object(
  { current_password: anyPassword, password: newPassword },
  { additionalProperties: false }
)

export const OperatorSession = Type.Object({
  id: Type.Integer(),
  created_at: time,
  last_used_at: Type.String({ description: 'to the minute' }),
  expires_at: time,
  user_agent: Type.String({ description: 'what the browser says of itself' }),
  current: Type.Boolean({ description: 'this request came with it' })
})
export type OperatorSession = Static<typeof OperatorSession>

export const OperatorSessionList = Type.Object({ sessions: Type.Array(OperatorSession) })

export const ApiKey = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  scopes: Type.Array(Scope),
  prefix: Type.String({ description: 'what the key begins with, to recognise it by' }),
  created_at: time,
  last_used_at: Type.Union([Type.String(), Type.Null()], { description: 'to the minute' })
})
export type ApiKey = Static<typeof ApiKey>

export const ApiKeyList = Type.Object({ keys: Type.Array(ApiKey) })

/** The key itself is told here and never again. */
export const ApiKeyWithSecret = Type.Object({
  ...ApiKey.properties,
  key: Type.String({ description: 'lmk_…, to be sent as Authorization: Bearer' })
})
export type ApiKeyWithSecret = Static<typeof ApiKeyWithSecret>

export const ApiKeyCreate = Type.Object(
  {
    name,
    scopes: Type.Array(Scope, { minItems: 1, maxItems: allScopes.length, uniqueItems: true })
  },
  { additionalProperties: false }
)
export type ApiKeyCreate = Static<typeof ApiKeyCreate>

/** Who asks. */
export const Me = Type.Object({
  kind: Type.Union([
    Type.Literal('token', { description: 'HUB_API_TOKEN, or the cookie that it gives' }),
    Type.Literal('operator'),
    Type.Literal('key', { description: 'an API key' })
  ]),
  id: Type.Union([Type.Integer(), Type.Null()], { description: 'null: HUB_API_TOKEN has none' }),
  name: Type.Union([Type.String(), Type.Null()]),
  role: Type.Union([Role, Type.Null()], { description: 'of operators alone' }),
  scopes: Type.Array(Scope)
})
export type Me = Static<typeof Me>

export const SignIn = Type.Union(
  [
    Type.Object({ token: Type.String({ maxLength: 1_000, description: 'HUB_API_TOKEN' }) }),
    Type.Object(
      { username: Type.String({ minLength: 1, maxLength: 64 }), password: anyPassword },
      { additionalProperties: false }
    )
  ],
  { description: 'an operator by username and password, or HUB_API_TOKEN' }
)
export type SignIn = Static<typeof SignIn>

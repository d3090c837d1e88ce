import { allScopes, scopesOfRole, type Role, type Scope } from '../../../contract/access.ts'

/** Who makes a request: the machine with HUB_API_TOKEN, an operator, or a program with a key. */
export type Actor = TokenActor | OperatorActor | KeyActor

interface TokenActor {
  kind: 'token'
}

interface OperatorActor {
  kind: 'operator'
  /** operators.id. */
  id: number
  name: string
  role: Role
  /** operator_sessions.id. */
  sessionId: number
}

interface KeyActor {
  kind: 'key'
  /** api_keys.id. */
  id: number
  name: string
  scopes: readonly Scope[]
}

/** Who has HUB_API_TOKEN. */
export const tokenActor: TokenActor = { kind: 'token' }

/** What the actor may do. */
export const scopesOf = (actor: Actor): readonly Scope[] => {
  if (actor.kind === 'token') return allScopes
  return actor.kind === 'operator' ? scopesOfRole[actor.role] : actor.scopes
}

/** The actor as logs and lists name it, without a name of a person: `operator 3`, `key 2`. */
export const describeActor = (actor: Actor): string =>
  actor.kind === 'token' ? 'the token' : `${actor.kind} ${actor.id}`

import type { Scope } from '../../contract/access.ts'
import { scopesOfRole } from '../../contract/access.ts'
import type { Me, Operator } from '../../contract/team.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Db } from '../store/database/schema.ts'
import { scopesOf, type Actor } from '../store/team/actor.ts'
import { createKey, deleteKey, listKeys, maxKeys } from '../store/team/keys.ts'
import {
  createOperator,
  deleteOperator,
  findPassword,
  getOperator,
  listOperators,
  patchOperator,
  setPasswordHash,
  type Refusal
} from '../store/team/operators.ts'
import { endSession, listSessions } from '../store/team/sessions.ts'
import { ensureScope } from './access.ts'
import { actorOf } from './actor.ts'
import { hashPassword } from './passwords.ts'
import type { Serve } from './serve.ts'
import { PasswordCheck } from './sign-in.ts'
import type { SignInThrottle } from './sign-in-throttle.ts'

interface TeamRoutes {
  serve: Serve
  db: Db
  throttle: SignInThrottle
  /** Called after a commit that may have revoked something. */
  onRevoked: () => void
}

/** @throws {ProblemError} insufficient-scope: nobody gives away what is not their own */
const ensureScopes = (actor: Actor, scopes: readonly Scope[]): void => {
  for (const scope of scopes) ensureScope(actor, scope)
}

/** @throws {ProblemError} not-found */
const operatorOf = async (db: Db, id: number): Promise<Operator> => {
  const operator = await getOperator(db, id)
  if (operator === undefined) throw new ProblemError('not-found', `there is no operator ${id}`)
  return operator
}

/** The operator, whom the actor may change. @throws {ProblemError} not-found, insufficient-scope */
const changeableOperator = async (db: Db, actor: Actor, id: number): Promise<Operator> => {
  const operator = await operatorOf(db, id)
  ensureScopes(actor, scopesOfRole[operator.role])
  return operator
}

const refusals: Record<Refusal, string> = {
  'username-taken': 'another operator has this username: choose another one',
  'last-admin': 'this is the last admin who can sign in: make another operator an admin first'
}

/** @throws {ProblemError} conflict */
const made = <T extends object>(result: T | Refusal): T => {
  if (typeof result === 'string') throw new ProblemError('conflict', refusals[result])
  return result
}

const noSession = (id: number): ProblemError =>
  new ProblemError('not-found', `there is no session ${id} of this operator`)

const toMe = (actor: Actor): Me => ({
  kind: actor.kind,
  id: actor.kind === 'token' ? null : actor.id,
  name: actor.kind === 'token' ? null : actor.name,
  role: actor.kind === 'operator' ? actor.role : null,
  scopes: [...scopesOf(actor)]
})

const noPassword = (): ProblemError =>
  new ProblemError('conflict', 'HUB_API_TOKEN and API keys have no password: operators do')

const addPasswordChange = ({ serve, db, throttle, onRevoked }: TeamRoutes): void => {
  const check = new PasswordCheck(throttle)
  serve.command('changeMyPassword', {
    prepare: async ({ actor, req, res, body }) => {
      if (actor.kind !== 'operator') throw noPassword()
      const { username } = await operatorOf(db, actor.id)
      const given = { username, password: body.current_password }
      const found = await check.run(req, res, given, () => findPassword(db, { id: actor.id }))
      return { actor, before: found.passwordHash, after: await hashPassword(body.password) }
    },
    run: async ({ trx, prepared: { actor, before, after } }) => {
      // An admin may have given another password since: that one is kept.
      const now = await findPassword(trx, { id: actor.id })
      if (now?.passwordHash !== before) throw new ProblemError('sign-in-failed')
      await setPasswordHash(trx, actor.id, after, actor.sessionId)
      return undefined
    },
    after: onRevoked
  })
}

const addOwnRoutes = ({ serve, db, onRevoked }: TeamRoutes): void => {
  serve.read('getMe', ({ req }) => toMe(actorOf(req)))

  serve.read('listMySessions', async ({ req }) => {
    const actor = actorOf(req)
    if (actor.kind !== 'operator') return { sessions: [] }
    return { sessions: await listSessions(db, actor.id, actor.sessionId) }
  })

  serve.command('deleteMySession', {
    run: async ({ params: { id }, actor, trx }) => {
      const isEnded = actor.kind === 'operator' && (await endSession(trx, actor.id, id))
      if (!isEnded) throw noSession(id)
      return undefined
    },
    after: onRevoked
  })
}

const addOperatorRoutes = ({ serve, db, onRevoked }: TeamRoutes): void => {
  serve.read('listOperators', async () => ({ operators: await listOperators(db) }))

  serve.read('getOperator', ({ params: { id } }) => operatorOf(db, id))

  serve.command('createOperator', {
    prepare: ({ actor, body: { role, password } }) => {
      ensureScopes(actor, scopesOfRole[role])
      return hashPassword(password)
    },
    run: async ({ body, trx, prepared: passwordHash }) => {
      const { username, name = username, role, enabled = true } = body
      return made(await createOperator(trx, { username, name, passwordHash, role, enabled }))
    }
  })

  serve.command('patchOperator', {
    run: async ({ params: { id }, body, actor, trx }) => {
      await changeableOperator(trx, actor, id)
      if (body.role !== undefined) ensureScopes(actor, scopesOfRole[body.role])
      return made(await patchOperator(trx, id, body))
    },
    after: onRevoked
  })

  serve.command('deleteOperator', {
    run: async ({ params: { id }, actor, trx }) => {
      await changeableOperator(trx, actor, id)
      const refusal = await deleteOperator(trx, id)
      if (refusal !== undefined) throw new ProblemError('conflict', refusals[refusal])
      return undefined
    },
    after: onRevoked
  })

  serve.command('setOperatorPassword', {
    prepare: async ({ params: { id }, actor, body }) => {
      await changeableOperator(db, actor, id)
      return hashPassword(body.password)
    },
    run: async ({ params: { id }, actor, trx, prepared: passwordHash }) => {
      await changeableOperator(trx, actor, id)
      await setPasswordHash(trx, id, passwordHash)
      return undefined
    },
    after: onRevoked
  })
}

const addSessionRoutes = ({ serve, db, onRevoked }: TeamRoutes): void => {
  serve.read('listOperatorSessions', async ({ params: { id }, req }) => {
    await operatorOf(db, id)
    const actor = actorOf(req)
    const currentId = actor.kind === 'operator' ? actor.sessionId : undefined
    return { sessions: await listSessions(db, id, currentId) }
  })

  serve.command('deleteOperatorSession', {
    run: async ({ params: { id, session_id }, actor, trx }) => {
      await changeableOperator(trx, actor, id)
      if (!(await endSession(trx, id, session_id))) throw noSession(session_id)
      return undefined
    },
    after: onRevoked
  })
}

const addKeyRoutes = ({ serve, db, onRevoked }: TeamRoutes): void => {
  serve.read('listKeys', async () => ({ keys: await listKeys(db) }))

  serve.command('createKey', {
    run: async ({ body, actor, trx }) => {
      ensureScopes(actor, body.scopes)
      const created = await createKey(trx, body)
      if (created === undefined)
        throw new ProblemError(
          'conflict',
          `there are ${maxKeys} API keys, as many as there may be: revoke one first`
        )
      return created
    }
  })

  serve.command('deleteKey', {
    run: async ({ params: { id }, actor, trx }) => {
      const key = (await listKeys(trx)).find((each) => each.id === id)
      if (key === undefined) throw new ProblemError('not-found', `there is no API key ${id}`)
      ensureScopes(actor, key.scopes)
      await deleteKey(trx, id)
      return undefined
    },
    after: onRevoked
  })
}

/**
 * Operators, their sessions and API keys; src/contract/api/team.ts describes each route.
 * HUB_API_TOKEN makes the first admin.
 */
export const addTeamRoutes = (options: TeamRoutes): void => {
  addOwnRoutes(options)
  addPasswordChange(options)
  addOperatorRoutes(options)
  addSessionRoutes(options)
  addKeyRoutes(options)
}

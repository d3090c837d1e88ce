import t from 'tap'
import { ApiKeyWithSecret, Operator } from '../../../src/contract/team.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { describeActor, scopesOf } from '../../../src/central-hub/store/team/actor.ts'
import {
  findActor,
  revokedOf,
  writeUses,
  type RevocableActor
} from '../../../src/central-hub/store/team/credentials.ts'
import {
  createKey,
  deleteKey,
  listKeys,
  maxKeys
} from '../../../src/central-hub/store/team/keys.ts'
import {
  createOperator,
  deleteOperator,
  findPassword,
  getOperator,
  listOperators,
  patchOperator,
  setPasswordHash
} from '../../../src/central-hub/store/team/operators.ts'
import {
  beginSession,
  endSession,
  listSessions,
  pruneSessions,
  sessionMs
} from '../../../src/central-hub/store/team/sessions.ts'
import { conforms } from '../../platform/conforms.ts'
import { testStore } from './open-store.ts'

const ana = {
  username: 'Ana.G',
  name: 'Ana García',
  passwordHash: 'hash of ana',
  role: 'admin' as const,
  enabled: true
}
const luisa = { ...ana, username: 'luisa', name: 'Luisa', passwordHash: 'hash of luisa' }

const begin = (db: Db, operatorId: number, now?: number): Promise<string | undefined> =>
  beginSession(
    db,
    {
      operatorId,
      passwordHash: operatorId === 1 ? 'hash of ana' : 'hash of luisa',
      userAgent: 'a'
    },
    now
  )

const actorOf = async (db: Db, secret: string | undefined): Promise<RevocableActor> => {
  const actor = await findActor(db, secret ?? '')
  if (actor === undefined) throw new Error('nobody has this secret')
  return actor
}

t.test('an operator is made, read, changed and removed', async (t) => {
  const { db } = await testStore(t)
  const made = await createOperator(db, ana)
  conforms(t, Operator, made, 'the new one')
  t.match(made, { id: 1, username: 'ana.g', role: 'admin', enabled: true, last_sign_in_at: null })
  await createOperator(db, { ...luisa, role: 'viewer' })

  t.same(
    (await listOperators(db)).map(({ name }) => name),
    ['Ana García', 'Luisa']
  )
  t.match(await patchOperator(db, 2, { role: 'operator', username: 'LU' }), {
    username: 'lu',
    role: 'operator'
  })
  t.equal(await deleteOperator(db, 2), undefined)
  t.equal(await getOperator(db, 2), undefined)
  t.match(await createOperator(db, luisa), { id: 3 }, 'an id is not used again')
  t.notMatch(JSON.stringify(await listOperators(db)), /hash of/)
})

t.test('a username is one operator, in whichever case', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  await createOperator(db, luisa)

  t.equal(await createOperator(db, { ...luisa, username: 'ANA.g' }), 'username-taken')
  t.equal(await patchOperator(db, 2, { username: 'ana.G' }), 'username-taken')
  t.match(await patchOperator(db, 1, { username: 'ANA.G' }), { username: 'ana.g' }, 'its own')
  t.match(await findPassword(db, { username: 'ANA.G' }), { id: 1, passwordHash: 'hash of ana' })
  t.equal(await findPassword(db, { username: 'nobody' }), undefined)
})

t.test('the last admin who can sign in stays one', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  await createOperator(db, { ...luisa, enabled: false })

  t.equal(await patchOperator(db, 1, { role: 'operator' }), 'last-admin')
  t.equal(await patchOperator(db, 1, { enabled: false }), 'last-admin')
  t.equal(await deleteOperator(db, 1), 'last-admin')
  t.match(await patchOperator(db, 1, { role: 'admin', name: 'A' }), { name: 'A' })
  t.match(await getOperator(db, 1), { role: 'admin', enabled: true })

  await patchOperator(db, 2, { enabled: true })
  t.match(await patchOperator(db, 1, { role: 'operator' }), { role: 'operator' })
  t.equal(await deleteOperator(db, 2), 'last-admin')
})

t.test('a session is its operator until it ends', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  const secret = await begin(db, 1)
  const actor = await actorOf(db, secret)

  t.same(actor, { kind: 'operator', id: 1, name: 'Ana García', role: 'admin', sessionId: 1 })
  t.equal(describeActor(actor), 'operator 1')
  t.match(await getOperator(db, 1), { last_sign_in_at: /^20/ })
  t.match(await listSessions(db, 1, 1), [{ id: 1, user_agent: 'a', current: true }])
  const rows = JSON.stringify(await db.selectFrom('operator_sessions').selectAll().execute())
  t.notOk(rows.includes(secret ?? ''), 'the store does not have the secret')
  t.notOk(rows.includes((secret ?? '').slice(4)))

  t.notOk(await endSession(db, 2, 1), 'of another operator it cannot be ended')
  t.ok(await endSession(db, 1, 1))
  t.equal(await findActor(db, secret ?? ''), undefined)
  t.notOk(await endSession(db, 1, 1))
})

t.test('a session has a time, after which it is nobody', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  const [old, young] = [
    await begin(db, 1, Date.now() - sessionMs - 1),
    await begin(db, 1, Date.now() - sessionMs + 60_000)
  ]

  t.equal(await findActor(db, old ?? ''), undefined)
  t.ok(await findActor(db, young ?? ''))
  t.equal((await listSessions(db, 1, undefined)).length, 1)
  await pruneSessions(db)
  t.equal((await db.selectFrom('operator_sessions').selectAll().execute()).length, 1)
})

t.test('disabling, removing and a new password end sessions, a new role does not', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  await createOperator(db, luisa)
  const secretOf = async (): Promise<string> => (await begin(db, 2)) ?? ''

  const kept = await secretOf()
  await patchOperator(db, 2, { role: 'viewer' })
  t.match(await findActor(db, kept), { role: 'viewer' }, 'with the new role from the next request')
  const { sessionId } = (await actorOf(db, kept)) as { sessionId: number }
  const other = await secretOf()
  await setPasswordHash(db, 2, 'hash of luisa', sessionId)
  t.ok(await findActor(db, kept))
  t.equal(await findActor(db, other), undefined)
  await setPasswordHash(db, 2, 'hash of luisa')
  t.equal(await findActor(db, kept), undefined)

  const again = await secretOf()
  await patchOperator(db, 2, { enabled: false })
  await patchOperator(db, 2, { enabled: true })
  t.equal(await findActor(db, again), undefined, 'also once enabled again')
  const last = await secretOf()
  await deleteOperator(db, 2)
  t.equal(await findActor(db, last), undefined)
  t.same(await db.selectFrom('operator_sessions').selectAll().execute(), [])
})

t.test('no session begins with what was changed while the password was compared', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  await createOperator(db, luisa)
  const compared = { operatorId: 2, passwordHash: 'hash of luisa', userAgent: '' }

  await setPasswordHash(db, 2, 'another')
  t.equal(await beginSession(db, compared), undefined)
  await setPasswordHash(db, 2, 'hash of luisa')
  await patchOperator(db, 2, { enabled: false })
  t.equal(await beginSession(db, compared), undefined)
  await deleteOperator(db, 2)
  t.equal(await beginSession(db, compared), undefined)
})

t.test('an operator has fifty sessions at most: the oldest end', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  await createOperator(db, luisa)
  const [first, others] = [await begin(db, 1), await begin(db, 2)]
  for (let time = 0; time < 50; time += 1) await begin(db, 1)

  t.equal(await findActor(db, first ?? ''), undefined)
  t.equal((await listSessions(db, 1, undefined)).length, 50)
  t.ok(await findActor(db, others ?? ''))
})

t.test('an API key is told once, and is its scopes until it is revoked', async (t) => {
  const { db } = await testStore(t)
  const made = await createKey(db, { name: 'CRM', scopes: ['leads.read', 'events'] })
  conforms(t, ApiKeyWithSecret, made, 'the new one')
  const { key = '', ...rest } = made ?? {}
  t.match(key, /^lmk_[\w-]{43}$/)
  t.ok(key.startsWith(made?.prefix ?? 'x'))

  const actor = await actorOf(db, key)
  t.same(actor, { kind: 'key', id: 1, name: 'CRM', scopes: ['leads.read', 'events'] })
  t.same(scopesOf(actor), ['leads.read', 'events'])
  t.equal(describeActor(actor), 'key 1')
  t.same(await listKeys(db), [rest])
  t.notOk(JSON.stringify(await db.selectFrom('api_keys').selectAll().execute()).includes(key))
  for (const wrong of [`${key}x`, key.slice(0, -1), `lms_${key.slice(4)}`, '', 'lmk_'])
    t.equal(await findActor(db, wrong), undefined, wrong)

  t.ok(await deleteKey(db, 1))
  t.equal(await findActor(db, key), undefined)
  t.notOk(await deleteKey(db, 1))
})

t.test('there are as many API keys as there may be', async (t) => {
  const { db } = await testStore(t)
  for (let time = 0; time < maxKeys; time += 1)
    t.ok(await createKey(db, { name: 'a', scopes: ['events'] }))

  t.equal(await createKey(db, { name: 'a', scopes: ['events'] }), undefined)
})

t.test('those who were revoked, or have another role, are found among all', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  await createOperator(db, luisa)
  const key = await createKey(db, { name: 'a', scopes: ['events'] })
  const actors = [
    await actorOf(db, await begin(db, 1)),
    await actorOf(db, await begin(db, 2)),
    await actorOf(db, await begin(db, 2)),
    await actorOf(db, key?.key)
  ]
  const many = Array.from({ length: 1_200 }, (_, at) => actors[at % 4] as RevocableActor)
  t.same(await revokedOf(db, many), [])
  t.same(await revokedOf(db, []), [])

  await endSession(db, 2, 2)
  t.same(await revokedOf(db, actors), [actors[1]])
  await patchOperator(db, 2, { role: 'viewer' })
  t.same(await revokedOf(db, actors), [actors[1], actors[2]])
  await deleteKey(db, 1)
  t.same(await revokedOf(db, actors), actors.slice(1))
  t.equal((await revokedOf(db, many)).length, 900)
})

t.test('the last use is written, and never goes back', async (t) => {
  const { db } = await testStore(t)
  await createOperator(db, ana)
  const key = await createKey(db, { name: 'a', scopes: ['events'] })
  const at = Date.now() - 60_000
  const [session, program] = [
    await actorOf(db, await begin(db, 1, at)),
    await actorOf(db, key?.key)
  ]
  const read = async (): Promise<unknown[]> => [
    (await db.selectFrom('operator_sessions').select('last_used_at').execute())[0]?.last_used_at,
    (await db.selectFrom('api_keys').select('last_used_at').execute())[0]?.last_used_at
  ]
  t.same(await read(), [at, null])

  await writeUses(db, [
    { actor: session, at: at + 5 },
    { actor: program, at: at + 6 }
  ])
  t.same(await read(), [at + 5, at + 6])
  await writeUses(db, [
    { actor: session, at: at + 4 },
    { actor: program, at: at + 4 }
  ])
  t.same(await read(), [at + 5, at + 6])
})

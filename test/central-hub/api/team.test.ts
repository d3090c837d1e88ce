import t, { type Test } from 'tap'
import type { Scope } from '../../../src/contract/access.ts'
import type { ApiKeyWithSecret, Me, Operator, OperatorSession } from '../../../src/contract/team.ts'
import { hashOfNobody, hashPassword, isPassword } from '../../../src/central-hub/api/passwords.ts'
import { addressOf, PasswordCheck } from '../../../src/central-hub/api/sign-in.ts'
import { SignInThrottle } from '../../../src/central-hub/api/sign-in-throttle.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { ownPlace } from '../store/place.ts'
import { serveApi, type Api } from './rig.ts'

const json = { 'content-type': 'application/json' }
const password = 'correct horse battery'

const add = async ({ ask }: Api, username: string, role: string): Promise<Operator> => {
  const body = { username, role, password }
  return (await ask<Operator>('/api/operators', { method: 'POST', body })).body
}

const signIn = ({ url }: Api, username: string, given = password): Promise<Response> =>
  fetch(`${url}/api/sign-in`, {
    method: 'POST',
    headers: { ...json, 'user-agent': 'a browser' },
    body: JSON.stringify({ username, password: given })
  })

/** A browser in which an operator is signed in. */
interface Browser {
  headers: Record<string, string>
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
}

const browserWith = ({ url }: Api, headers: Record<string, string>): Browser => ({
  headers,
  ask: async (method, path, body) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(url + path, { method, headers: { ...headers, ...json }, ...sent })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
  }
})

const browserOf = async (api: Api, username: string): Promise<Browser> => {
  const answer = await signIn(api, username)
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  return browserWith(api, { cookie, origin: api.url })
}

const keyOf = async ({ ask }: Api, scopes: Scope[]): Promise<ApiKeyWithSecret> =>
  (await ask<ApiKeyWithSecret>('/api/keys', { method: 'POST', body: { name: 'CRM', scopes } })).body

const programOf = (api: Api, { key }: ApiKeyWithSecret): Browser =>
  browserWith(api, { authorization: `Bearer ${key}` })

const problem = (status: number, type: string, detail?: RegExp) => ({
  status,
  body: { type: `urn:leadmaster:problem:${type}`, ...(detail && { detail }) }
})

t.test('a password is hashed with a salt of its own, and nothing else fits its hash', async (t) => {
  const [one, two] = [await hashPassword('Ñandú 12345'), await hashPassword('Ñandú 12345')]

  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  t.not(one, two)
  t.ok(await isPassword('Ñandú 12345', one))
  t.ok(await isPassword('Ñandú 12345'.normalize('NFD'), one), 'however its accents are encoded')
  for (const wrong of ['Ñandú 1234', 'ñandú 12345', '', 'Ñandú 12345 '])
    t.notOk(await isPassword(wrong, one), wrong)
  t.notOk(await isPassword('', hashOfNobody))
  await t.rejects(isPassword('x', 'plain'), /of an unknown form/)
  await t.rejects(isPassword('x', ''))
})

t.test('the hash for unknown usernames costs as much as that of an operator', async (t) => {
  const parametersOf = (text: string): string[] => text.split('$').slice(1, 4)
  const lengthsOf = (text: string): number[] => text.split('$').map(({ length }) => length)
  const made = await hashPassword('x')

  t.same(parametersOf(hashOfNobody), parametersOf(made))
  t.same(lengthsOf(hashOfNobody), lengthsOf(made))
})

t.test('an operator signs in, is known, and signs out', async (t) => {
  const api = await serveApi(t)
  const { id } = await add(api, 'Luisa', 'operator')
  const answer = await signIn(api, 'LUISA')

  t.equal(answer.status, 204)
  t.match(
    answer.headers.get('set-cookie'),
    /^leadmaster=lms_[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/i
  )
  const luisa = await browserOf(api, 'luisa')
  t.match(await luisa.ask('GET', '/api/me'), {
    status: 200,
    body: { kind: 'operator', id, name: 'Luisa', role: 'operator', scopes: ['leads.read'] }
  })
  const { body } = await luisa.ask('GET', '/api/me/sessions')
  t.match((body as { sessions: OperatorSession[] }).sessions, [
    { id: 2, current: true },
    { id: 1, current: false, user_agent: 'a browser' }
  ])
  t.match(await api.ask('/api/me'), {
    body: { kind: 'token', id: null, name: null, role: null }
  })

  t.match(await luisa.ask('POST', '/api/sign-out'), { status: 204 })
  t.match(await luisa.ask('GET', '/api/me'), problem(401, 'unauthorized'), 'the cookie is no good')
})

t.test('with the cookie of an operator, a page of another site changes nothing', async (t) => {
  const api = await serveApi(t)
  await add(api, 'ana', 'admin')
  const { headers } = await browserOf(api, 'ana')
  const evil = browserWith(api, { cookie: headers['cookie'] ?? '', origin: 'https://evil.example' })

  t.match(await evil.ask('DELETE', '/api/me/sessions/1'), problem(403, 'forbidden'))
  t.match(await evil.ask('POST', '/api/sign-out'), problem(403, 'forbidden'))
  const secret = (headers['cookie'] ?? '').split('=')[1] ?? ''
  const asBearer = browserWith(api, { authorization: `Bearer ${secret}` })
  t.match(await asBearer.ask('GET', '/api/me'), problem(401, 'unauthorized'))
})

t.test(
  'a wrong password, an unknown username and a disabled operator are told alike',
  async (t) => {
    const api = await serveApi(t)
    await add(api, 'ana', 'admin')
    const { id } = await add(api, 'luisa', 'viewer')
    await api.ask(`/api/operators/${id}`, { method: 'PATCH', body: { enabled: false } })
    const answers = await Promise.all([
      signIn(api, 'ana', 'wrong'),
      signIn(api, 'nobody'),
      signIn(api, 'luisa')
    ])

    const texts = await Promise.all(answers.map((answer) => answer.text()))
    t.same(
      answers.map(({ status }) => status),
      [401, 401, 401]
    )
    t.equal(new Set(texts).size, 1)
    t.match(texts[0], /sign-in-failed/)
    t.equal(answers[0]?.headers.get('set-cookie'), null)
  }
)

/** What this process, which the hub is part of, computes meanwhile, ms. */
const workOf = async (run: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

t.test('an unknown username and a disabled operator cost as much as a wrong one', async (t) => {
  const api = await serveApi(t)
  await add(api, 'ana', 'admin')
  const { id } = await add(api, 'luisa', 'viewer')
  await api.ask(`/api/operators/${id}`, { method: 'PATCH', body: { enabled: false } })
  const sum = { wrong: 0, unknown: 0, disabled: 0 }
  for (let time = 0; time < 5; time += 1) {
    sum.wrong += await workOf(() => signIn(api, 'ana', 'wrong'))
    sum.unknown += await workOf(() => signIn(api, `nobody${time}`))
    sum.disabled += await workOf(() => signIn(api, 'luisa'))
  }

  t.comment(JSON.stringify(sum))
  t.ok(sum.unknown > sum.wrong * 0.6, 'unknown')
  t.ok(sum.disabled > sum.wrong * 0.6, 'disabled')
})

t.test('signing in is slowed down, with the time to wait', async (t) => {
  const clock = { now: 0 }
  const api = await serveApi(t, { throttle: new SignInThrottle(() => clock.now) })
  await add(api, 'ana', 'admin')
  for (let time = 0; time < 6; time += 1) t.equal((await signIn(api, 'ana', 'wrong')).status, 401)

  const early = await signIn(api, 'Ana')
  t.same([early.status, early.headers.get('retry-after')], [429, '1'])
  t.match(await early.json(), { type: 'urn:leadmaster:problem:too-many-requests' })
  clock.now += 1_000
  t.equal((await signIn(api, 'ana')).status, 204, 'after the wait the right one is taken')
  t.equal((await signIn(api, 'ana', 'wrong')).status, 401, 'and failures count from none')
})

t.test('what is slowed down costs no hash, however many come together', async (t) => {
  const check = new PasswordCheck(new SignInThrottle(() => 0))
  const [req, res] = [{ socket: { remoteAddress: '10.0.0.1' } }, { setHeader: () => undefined }]
  let compared = 0
  const find = async () => {
    compared += 1
    return undefined
  }
  const attempt = (at: number) => {
    const given = { username: at % 2 === 0 ? 'ana' : `name${at}`, password: 'wrong' }
    return check.run(req as never, res as never, given, find)
  }
  const answers = await Promise.allSettled(Array.from({ length: 300 }, (_, at) => attempt(at)))

  t.equal(compared, 51, 'six of one username, and no more of the address than it has free')
  const refused = answers.filter(
    (answer) => answer.status === 'rejected' && /try to sign in again/.test(String(answer.reason))
  )
  t.equal(refused.length, 249)
})

t.test('an IPv6 network of a household is one address', async (t) => {
  const of = (remoteAddress: string): string => addressOf({ socket: { remoteAddress } as never })

  t.equal(of('10.0.0.1'), '10.0.0.1')
  t.equal(of('::ffff:10.0.0.1'), '::ffff:10.0.0.1')
  t.equal(of('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2')
  t.equal(of('2001:db8:1:2::9'), of('2001:db8:1:2:ffff::1'))
  t.not(of('2001:db8:1:2::9'), of('2001:db8:1:3::9'))
  t.equal(of('2001:db8::1'), '2001:db8:0:0')
  t.equal(of('::1'), '0:0:0:0')
})

t.test('a password is changed by its operator, which ends the other sessions', async (t) => {
  const api = await serveApi(t)
  await add(api, 'luisa', 'viewer')
  const [here, there] = [await browserOf(api, 'luisa'), await browserOf(api, 'luisa')]
  const change = (current_password: string, given: string) =>
    here.ask('POST', '/api/me/password', { current_password, password: given })

  t.match(await change('wrong', 'another password'), problem(401, 'sign-in-failed'))
  t.match(await change(password, 'short'), problem(400, 'invalid-parameters'))
  t.match(await change(password, 'another password'), { status: 204 })
  t.match(await here.ask('GET', '/api/me'), { status: 200 })
  t.match(await there.ask('GET', '/api/me'), { status: 401 })
  t.equal((await signIn(api, 'luisa')).status, 401)
  t.equal((await signIn(api, 'luisa', 'another password')).status, 204)
  const { status } = await api.ask('/api/me/password', {
    method: 'POST',
    body: { current_password: password, password }
  })
  t.equal(status, 409, 'the token has none')
})

t.test('an admin gives a new password, and ends sessions of others', async (t) => {
  const api = await serveApi(t)
  await add(api, 'ana', 'admin')
  const { id } = await add(api, 'luisa', 'operator')
  const [ana, luisa] = [await browserOf(api, 'ana'), await browserOf(api, 'luisa')]
  const path = `/api/operators/${id}`

  const { body } = await ana.ask('GET', `${path}/sessions`)
  const [session] = (body as { sessions: OperatorSession[] }).sessions
  t.match(session, { current: false })
  t.match(await ana.ask('DELETE', `/api/operators/1/sessions/${session?.id}`), { status: 404 })
  t.match(await ana.ask('DELETE', `${path}/sessions/${session?.id}`), { status: 204 })
  t.match(await luisa.ask('GET', '/api/me'), { status: 401 })
  t.match(await luisa.ask('DELETE', `/api/me/sessions/${session?.id}`), { status: 401 })

  const again = await browserOf(api, 'luisa')
  t.match(await again.ask('DELETE', '/api/me/sessions/1'), { status: 404 }, 'that one is Ana’s')
  t.match(await ana.ask('POST', `${path}/password`, { password: 'a new password' }), {
    status: 204
  })
  t.match(await again.ask('GET', '/api/me'), { status: 401 })
  t.equal((await signIn(api, 'luisa', 'a new password')).status, 204)
})

t.test('operators are named, unique, and the last admin stays', async (t) => {
  const api = await serveApi(t)
  t.match(await add(api, 'Ana', 'admin'), { username: 'ana', name: 'Ana' })
  const patch = (id: number, body: object) =>
    api.ask(`/api/operators/${id}`, { method: 'PATCH', body })

  t.match(await add(api, 'ANA', 'viewer'), problem(409, 'conflict', /has this username/).body)
  t.match(await patch(1, { role: 'viewer' }), problem(409, 'conflict', /last admin/))
  t.match(await patch(1, { enabled: false }), problem(409, 'conflict', /last admin/))
  t.match(await api.ask('/api/operators/1', { method: 'DELETE' }), problem(409, 'conflict'))
  t.match(await patch(9, { name: 'x' }), problem(404, 'not-found', /no operator 9/))
  t.match(await add(api, 'a b', 'viewer'), problem(400, 'invalid-parameters').body)
  await add(api, 'luisa', 'admin')
  t.match(await api.ask('/api/operators/1', { method: 'DELETE' }), { status: 204 })
  t.match(await api.ask('/api/operators/1'), { status: 404 })
})

t.test('nobody gives away a scope that is not their own', async (t) => {
  const api = await serveApi(t)
  await add(api, 'ana', 'admin')
  await add(api, 'luisa', 'viewer')
  const manager = programOf(api, await keyOf(api, ['admin', 'leads.read', 'events', 'status']))
  const denied = problem(403, 'insufficient-scope', /^this needs the scope/)
  const patch = (id: number, body: object) => manager.ask('PATCH', `/api/operators/${id}`, body)

  t.match(await patch(2, { name: 'Luisa' }), { status: 200 })
  t.match(await patch(2, { role: 'operator' }), denied)
  t.match(await patch(1, { name: 'x' }), denied)
  t.match(await manager.ask('DELETE', '/api/operators/1'), denied)
  t.match(await manager.ask('POST', '/api/operators/1/password', { password }), denied)
  t.match(
    await manager.ask('POST', '/api/operators', { username: 'x', role: 'admin', password }),
    denied
  )
  t.match(await manager.ask('POST', '/api/keys', { name: 'x', scopes: ['webhooks'] }), denied)
  t.match(await manager.ask('POST', '/api/keys', { name: 'x', scopes: ['events'] }), {
    status: 201
  })
  const { body: stronger } = await api.ask<ApiKeyWithSecret>('/api/keys', {
    method: 'POST',
    body: { name: 'CRM', scopes: ['webhooks'] }
  })
  t.match(await manager.ask('DELETE', `/api/keys/${stronger.id}`), denied)
  t.match(await manager.ask('DELETE', `/api/keys/${stronger.id - 1}`), { status: 204 })
  t.match(await manager.ask('DELETE', '/api/operators/1/sessions/1'), denied)
  t.match(await manager.ask('DELETE', '/api/operators/2/sessions/1'), { status: 404 })
  t.match(await api.ask('/api/operators'), {
    body: {
      operators: [
        { username: 'ana', role: 'admin' },
        { name: 'Luisa', role: 'viewer' }
      ]
    }
  })
})

t.test('a repeated request for a key makes another one: nothing of it is kept', async (t) => {
  const api = await serveApi(t)
  const make = () =>
    api.ask<ApiKeyWithSecret>('/api/keys', {
      method: 'POST',
      headers: { 'idempotency-key': 'same' },
      body: { name: 'a', scopes: ['events'] }
    })
  const [one, two] = [await make(), await make()]

  t.not(one.body.key, two.body.key)
  t.same(await api.db.selectFrom('idempotency').selectAll().execute(), [])
})

t.test(
  'the last use of a key and a session is written with others, not with each request',
  async (t) => {
    const api = await serveApi(t)
    const key = await keyOf(api, ['leads.read'])
    const program = programOf(api, key)
    const lastUsed = async (): Promise<unknown> =>
      (await api.ask<{ keys: { last_used_at: unknown }[] }>('/api/keys')).body.keys[0]?.last_used_at

    for (let time = 0; time < 20; time += 1) await program.ask('GET', '/api/leads')
    t.equal(await lastUsed(), null)
    await api.callers.stop()
    t.match(await lastUsed(), /^20/)
  }
)

/** A live stream of a caller. */
const streamOf = async (t: Test, { url }: Api, { headers }: Browser) => {
  const stream = await openSse(`${url}/api/events`, headers)
  t.teardown(() => stream.close())
  await stream.until(({ event }) => event === 'session')
  return stream
}

const seconds = async (promise: Promise<unknown>): Promise<string> =>
  Promise.race([
    promise.then(() => 'ended'),
    new Promise<string>((resolve) => setTimeout(resolve, 5_000, 'open').unref())
  ])

t.test(
  'what a revoked caller has open ends within seconds, at every hub of the store',
  async (t) => {
    const directory = await ownPlace(t)
    const [hub, other] = [await serveApi(t, { directory }), await serveApi(t, { directory })]
    await add(hub, 'ana', 'admin')
    const ways: Record<string, (operator: Operator, session: OperatorSession) => [string, object]> =
      {
        'ends the session': ({ id }, session) => [
          `/api/operators/${id}/sessions/${session.id}`,
          { method: 'DELETE' }
        ],
        'gives another role': ({ id }) => [
          `/api/operators/${id}`,
          { method: 'PATCH', body: { role: 'viewer' } }
        ],
        disables: ({ id }) => [
          `/api/operators/${id}`,
          { method: 'PATCH', body: { enabled: false } }
        ],
        removes: ({ id }) => [`/api/operators/${id}`, { method: 'DELETE' }],
        'gives another password': ({ id }) => [
          `/api/operators/${id}/password`,
          { method: 'POST', body: { password } }
        ]
      }
    const untouched = await streamOf(t, hub, await browserOf(hub, 'ana'))
    for (const [at, [way, requestOf]] of Object.entries(ways).entries()) {
      const operator = await add(hub, `luisa${at}`, 'operator')
      const browser = await browserOf(hub, `luisa${at}`)
      const streams = [await streamOf(t, hub, browser), await streamOf(t, other, browser)]
      const { body } = await hub.ask<{ sessions: [OperatorSession] }>(
        `/api/operators/${operator.id}/sessions`
      )
      const [path, init] = requestOf(operator, body.sessions[0])
      await hub.ask(path, init)
      for (const stream of streams) {
        t.equal(await seconds(stream.ended), 'ended', way)
        t.match(stream.events.at(-1), { event: 'end', data: /was revoked or changed/ })
      }
    }

    const key = await keyOf(hub, ['events'])
    const program = programOf(hub, key)
    const streams = [await streamOf(t, hub, program), await streamOf(t, other, program)]
    await hub.ask(`/api/keys/${key.id}`, { method: 'DELETE' })
    for (const stream of streams) t.equal(await seconds(stream.ended), 'ended', 'a key')
    t.notMatch(untouched.events.at(-1), { event: 'end' })
  }
)

t.test('hashes, tokens and passwords are in no answer and no line of the log', async (t) => {
  const api = await serveApi(t)
  await add(api, 'ana', 'admin')
  const ana = await browserOf(api, 'ana')
  const key = await keyOf(api, ['leads.read', 'admin'])
  const program = programOf(api, key)
  await signIn(api, 'ana', 'a wrong password')
  await api.ask('/api/operators', { method: 'POST', body: { username: 'x', password: 'pass' } })
  await fetch(`${api.url}/api/leads`, { headers: { authorization: `Bearer ${key.key}x` } })
  const answers: string[] = []
  for (const path of [
    '/api/me',
    '/api/me/sessions',
    '/api/operators',
    '/api/operators/1',
    '/api/operators/1/sessions',
    '/api/keys'
  ])
    for (const browser of [ana, program])
      answers.push(JSON.stringify((await browser.ask('GET', path)).body))

  const hidden = [
    password,
    'a wrong password',
    key.key,
    (ana.headers['cookie'] ?? '').split('=')[1]
  ]
  const rows = [
    ...(await api.db.selectFrom('operators').select('password_hash as hidden').execute()),
    ...(await api.db.selectFrom('operator_sessions').select('secret_hash as hidden').execute()),
    ...(await api.db.selectFrom('api_keys').select('secret_hash as hidden').execute())
  ]
  t.equal(rows.length, 3)
  const said = `${answers.join('\n')}\n${JSON.stringify(api.lines.lines)}`
  for (const text of [...hidden, ...rows.map((row) => row.hidden)]) {
    t.ok((text ?? '').length > 5)
    t.notOk(said.includes(text ?? ''), 'nothing of it was said')
  }
  t.equal((await ana.ask('GET', '/api/me')).status, 200)
  t.match((await program.ask('GET', '/api/me')).body as Me, { kind: 'key', name: 'CRM' })
})

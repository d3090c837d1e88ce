import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ApiKeyWithSecret, Operator, OperatorSession } from '../../src/contract/team.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon } from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { fakeSessionManager } from './follow/fake-session-manager.ts'

/** What a running hub does once an operator or an API key is revoked. */

const password = 'correct horse battery'
/** Within seconds: the hub looks every two, and a busy machine takes its time. */
const patienceMs = 10_000

/** A request with the token. */
const send = async <T>(
  url: string,
  method: string,
  body?: object
): Promise<{ status: number; body: T }> => {
  const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' }
  const sent = body === undefined ? null : JSON.stringify(body)
  const answer = await fetch(url, { method, headers, body: sent })
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? undefined : JSON.parse(text)) as T }
}

const hubEnv = async (t: Test): Promise<Record<string, string>> => {
  const upstream = await fakeSessionManager(t)
  const stateDir = join(ownDirectory(t), 'state')
  return centralHubEnv({ port: await freePort(), stateDir, sessionManager: upstream.url })
}

/** Signs an operator in. @returns the cookie */
const signIn = async (url: string, username: string): Promise<string> => {
  const answer = await fetch(`${url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password })
  })
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

/** A live stream of events that is open. */
const streamOf = async (t: Test, url: string, headers: Record<string, string>) => {
  const stream = await openSse(`${url}/api/events`, headers)
  t.teardown(() => stream.close())
  await stream.until(({ event }) => event === 'session')
  return stream
}

const isOver = (ended: Promise<void>): Promise<boolean> =>
  Promise.race([
    ended.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, patienceMs, false).unref())
  ])

t.test('event streams of a revoked session and a revoked key end within seconds', async (t) => {
  const hub = startDaemon('central-hub', await hubEnv(t))
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('following')
  const body = { username: 'luisa', role: 'operator', password }
  const { id } = (await send<Operator>(`${hub.url}/api/operators`, 'POST', body)).body
  const [first, second] = [await signIn(hub.url, 'luisa'), await signIn(hub.url, 'luisa')]
  const scopes = ['events', 'leads.read']
  const made = await send<ApiKeyWithSecret>(`${hub.url}/api/keys`, 'POST', { name: 'a', scopes })
  const authorization = `Bearer ${made.body.key}`
  const revoked = await streamOf(t, hub.url, { cookie: first })
  const kept = await streamOf(t, hub.url, { cookie: second })
  const ofKey = await streamOf(t, hub.url, { authorization })
  const sessions = `${hub.url}/api/operators/${id}/sessions`
  const listed = await ask<{ sessions: OperatorSession[] }>(sessions, apiToken)
  const oldest = Math.min(...listed.body.sessions.map((session) => session.id))

  t.equal((await send(`${sessions}/${oldest}`, 'DELETE')).status, 204)
  t.equal((await send(`${hub.url}/api/keys/${made.body.id}`, 'DELETE')).status, 204)

  t.ok(await isOver(revoked.ended), 'the stream of the session')
  t.ok(await isOver(ofKey.ended), 'the stream of the key')
  t.match(revoked.events.at(-1), { event: 'end', data: /revoked or changed/ })
  for (const headers of [{ cookie: first }, { authorization }])
    t.equal((await fetch(`${hub.url}/api/leads`, { headers })).status, 401)
  t.equal((await fetch(`${hub.url}/api/leads`, { headers: { cookie: second } })).status, 200)
  t.notMatch(kept.events.at(-1), { event: 'end' }, 'another session of the same person goes on')
})

t.test('sessions, keys, and when they were used last survive a stop of the hub', async (t) => {
  const env = await hubEnv(t)
  const before = startDaemon('central-hub', env)
  t.teardown(() => before.end('SIGKILL'))
  await before.seen('following')
  await send(`${before.url}/api/operators`, 'POST', { username: 'ana', role: 'admin', password })
  const cookie = await signIn(before.url, 'ana')
  const scopes = ['leads.read']
  const made = await send<ApiKeyWithSecret>(`${before.url}/api/keys`, 'POST', { name: 'a', scopes })
  const authorization = `Bearer ${made.body.key}`
  t.equal((await fetch(`${before.url}/api/leads`, { headers: { authorization } })).status, 200)
  await before.end('SIGTERM')
  const after = startDaemon('central-hub', env)
  t.teardown(() => after.end('SIGKILL'))
  await after.seen('listening')

  const { body } = await ask<{ keys: { last_used_at: unknown }[] }>(
    `${after.url}/api/keys`,
    apiToken
  )
  t.match(body.keys, [{ last_used_at: /^20/ }])
  t.equal((await fetch(`${after.url}/api/me`, { headers: { cookie } })).status, 200)
  t.equal((await fetch(`${after.url}/api/leads`, { headers: { authorization } })).status, 200)
})

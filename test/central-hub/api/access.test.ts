import t from 'tap'
import { apiToken } from '../../end-to-end/daemon.ts'
import { raw } from '../../platform/http-server.ts'
import { record } from '../store/open-store.ts'
import { serveApi } from './rig.ts'

const json = { 'content-type': 'application/json' }
const signIn = (url: string, token: unknown): Promise<Response> => fetch(`${url}/api/sign-in`, { method: 'POST', headers: json, body: JSON.stringify({ token }) })
const cookieOf = (answer: Response): string => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''

t.test('nothing is answered without the token, whatever is asked', async (t) => {
  const { url } = await serveApi(t)
  for (const path of ['/api/leads', '/api/leads/1', '/api/messages', '/api/events', '/api/whatsapp/status', '/ready', '/metrics', '/nowhere', '/api/sign-out', '//health', '/health/x']) {
    for (const headers of [{}, { authorization: 'Bearer wrong-token-0123456789-0123456789-' }, { authorization: `Basic ${apiToken}` }, { cookie: 'leadmaster=1.x' }]) {
      const answer = await fetch(url + path, { headers })
      t.equal(answer.status, 401, `${path} ${JSON.stringify(headers)}`)
      t.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
  }
})

t.test('the operator page signs in once, by a cookie its scripts cannot read, and out again', async (t) => {
  const { url } = await serveApi(t)
  const answer = await signIn(url, apiToken)
  t.equal(answer.status, 204)
  t.match(answer.headers.get('set-cookie'), /^leadmaster=\S+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/i)
  t.notMatch(answer.headers.get('set-cookie'), apiToken)
  t.equal((await fetch(`${url}/api/leads`, { headers: { cookie: cookieOf(answer) } })).status, 200)
  const byTls = await fetch(`${url}/api/sign-in`, { method: 'POST', headers: { ...json, origin: 'https://hub.example.com' }, body: JSON.stringify({ token: apiToken }) })
  t.match(byTls.headers.get('set-cookie'), /; Secure(;|$)/, 'of a page that came by TLS it goes by nothing else')
  const out = await fetch(`${url}/api/sign-out`, { method: 'POST', headers: { cookie: cookieOf(answer), origin: url } })
  t.match(out.headers.get('set-cookie'), /^leadmaster=; Max-Age=0/)
})

t.test('a wrong token, none, and a body that is none are refused by name', async (t) => {
  const { url } = await serveApi(t)
  t.equal((await signIn(url, 'wrong')).status, 401)
  for (const token of [undefined, 5, null, ['x']]) {
    const answer = await signIn(url, token)
    t.match([answer.status, await answer.json()], [400, { errors: [{ field: '/token' }] }])
  }
  t.equal((await fetch(`${url}/api/sign-in`, { method: 'POST' })).status, 400)
})

t.test('a cookie that was altered, or is past its time, or was signed by another token, is none', async (t) => {
  const { url } = await serveApi(t)
  const [name, value = ''] = cookieOf(await signIn(url, apiToken)).split('=')
  const [expires = '', signature = ''] = value.split('.')
  for (const altered of [`${Number(expires) + 1}.${signature}`, `${expires}.${signature.slice(1)}`, `1.${signature}`, expires, '', `.${signature}`, `${expires}.${signature}.x`.replace('.x', 'x')]) {
    t.equal((await fetch(`${url}/api/leads`, { headers: { cookie: `${name}=${altered}` } })).status, 401, altered)
  }
})

t.test('with the cookie, a page of another site changes nothing', async (t) => {
  const { url, port, take, ask } = await serveApi(t)
  await take(record('1'))
  const cookie = cookieOf(await signIn(url, apiToken))
  const patch = async (origin?: string): Promise<number> =>
    (await raw(port, { method: 'PATCH', path: '/api/leads/1', headers: { cookie, ...json, ...(origin ? { origin } : {}) }, body: '{"note":"x"}' })).status
  t.equal(await patch('https://evil.example'), 403)
  t.equal(await patch(), 403)
  t.match((await ask('/api/leads/1')).body, { note: '' })
  t.equal(await patch(url), 200)
})

t.test('pages of listed origins may call, and read why they were refused; others may not', async (t) => {
  const { url } = await serveApi(t, { corsOrigins: ['https://crm.example.com'] })
  const preflight = (origin: string): Promise<Response> =>
    fetch(`${url}/api/leads/1`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization, content-type' } })
  const allowed = await preflight('https://crm.example.com')
  t.equal(allowed.status, 204)
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://crm.example.com')
  t.match(allowed.headers.get('access-control-allow-methods'), /PATCH/)
  t.match(allowed.headers.get('access-control-allow-headers'), /authorization/)
  t.equal((await preflight('https://evil.example')).headers.get('access-control-allow-origin'), null)
  const refused = await fetch(`${url}/api/leads`, { headers: { origin: 'https://crm.example.com' } })
  t.match([refused.status, refused.headers.get('access-control-allow-origin')], [401, 'https://crm.example.com'])
})

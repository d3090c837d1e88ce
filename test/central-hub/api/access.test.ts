import { createHmac } from 'node:crypto'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Access } from '../../../src/central-hub/api/access.ts'
import type { Request, Response as HttpResponse } from '../../../src/platform/http/http.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { apiToken } from '../../end-to-end/daemon.ts'
import { raw } from '../../platform/http/http-server.ts'
import { record } from '../store/open-store.ts'
import { serveApi } from './rig.ts'

const json = { 'content-type': 'application/json' }
const signIn = (url: string, token: unknown): Promise<Response> =>
  fetch(`${url}/api/sign-in`, { method: 'POST', headers: json, body: JSON.stringify({ token }) })
const cookieOf = (answer: Response): string =>
  (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''

t.test('nothing is answered without the token, whatever is asked', async (t) => {
  const { url } = await serveApi(t)
  for (const path of [
    '/api/leads',
    '/api/leads/1',
    '/api/messages',
    '/api/events',
    '/api/whatsapp/status',
    '/ready',
    '/metrics',
    '/nowhere',
    '/api/sign-out',
    '//health',
    '/health/x'
  ]) {
    for (const headers of [
      {},
      { authorization: 'Bearer wrong-token-0123456789-0123456789-' },
      { authorization: `Basic ${apiToken}` },
      { cookie: 'leadmaster=1.x' }
    ]) {
      const answer = await fetch(url + path, { headers })
      t.equal(answer.status, 401, `${path} ${JSON.stringify(headers)}`)
      t.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
  }
})

t.test(
  'the operator page signs in once, by a cookie its scripts cannot read, and out again',
  async (t) => {
    const { url } = await serveApi(t)
    const answer = await signIn(url, apiToken)
    t.equal(answer.status, 204)
    t.match(
      answer.headers.get('set-cookie'),
      /^leadmaster=\S+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/i
    )
    t.notMatch(answer.headers.get('set-cookie'), apiToken)
    t.equal(
      (await fetch(`${url}/api/leads`, { headers: { cookie: cookieOf(answer) } })).status,
      200
    )
    const byTls = await fetch(`${url}/api/sign-in`, {
      method: 'POST',
      headers: { ...json, origin: 'https://hub.example.com' },
      body: JSON.stringify({ token: apiToken })
    })
    t.match(
      byTls.headers.get('set-cookie'),
      /; Secure(;|$)/,
      'of a page that came by TLS it goes by nothing else'
    )
    const out = await fetch(`${url}/api/sign-out`, {
      method: 'POST',
      headers: { cookie: cookieOf(answer), origin: url }
    })
    t.match(out.headers.get('set-cookie'), /^leadmaster=; Max-Age=0/)
  }
)

t.test('a wrong token, none, and a body that is none are refused by name', async (t) => {
  const { url } = await serveApi(t)
  t.equal((await signIn(url, 'wrong')).status, 401)
  for (const token of [undefined, 5, null, ['x']]) {
    const answer = await signIn(url, token)
    t.match([answer.status, await answer.json()], [400, { errors: [{ field: '/token' }] }])
  }
  t.equal((await fetch(`${url}/api/sign-in`, { method: 'POST' })).status, 400)
})

t.test(
  'a cookie that was altered, or is past its time, or was signed by another token, is none',
  async (t) => {
    const { url } = await serveApi(t)
    const [name, value = ''] = cookieOf(await signIn(url, apiToken)).split('=')
    const [expires = '', signature = ''] = value.split('.')
    for (const altered of [
      `${Number(expires) + 1}.${signature}`,
      `${expires}.${signature.slice(1)}`,
      `1.${signature}`,
      expires,
      '',
      `.${signature}`,
      `${expires}.${signature}.x`.replace('.x', 'x')
    ]) {
      t.equal(
        (await fetch(`${url}/api/leads`, { headers: { cookie: `${name}=${altered}` } })).status,
        401,
        altered
      )
    }
  }
)

t.test('with the cookie, a page of another site changes nothing', async (t) => {
  const { url, port, take, ask } = await serveApi(t)
  await take(record('1'))
  const cookie = cookieOf(await signIn(url, apiToken))
  const patch = async (origin?: string): Promise<number> =>
    (
      await raw(port, {
        method: 'PATCH',
        path: '/api/leads/1',
        headers: { cookie, ...json, ...(origin ? { origin } : {}) },
        body: '{"note":"x"}'
      })
    ).status
  t.equal(await patch('https://evil.example'), 403)
  t.equal(await patch(), 403)
  t.match((await ask('/api/leads/1')).body, { note: '' })
  t.equal(await patch(url), 200)
})

t.test(
  'pages of listed origins may call, and read why they were refused; others may not',
  async (t) => {
    const { url } = await serveApi(t, { corsOrigins: ['https://crm.example.com'] })
    const preflight = (origin: string): Promise<Response> =>
      fetch(`${url}/api/leads/1`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization, content-type'
        }
      })
    const allowed = await preflight('https://crm.example.com')
    t.equal(allowed.status, 204)
    t.equal(allowed.headers.get('access-control-allow-origin'), 'https://crm.example.com')
    t.match(allowed.headers.get('access-control-allow-methods'), /PATCH/)
    t.match(allowed.headers.get('access-control-allow-headers'), /authorization/)
    t.equal(
      (await preflight('https://evil.example')).headers.get('access-control-allow-origin'),
      null
    )
    const refused = await fetch(`${url}/api/leads`, {
      headers: { origin: 'https://crm.example.com' }
    })
    t.match(
      [refused.status, refused.headers.get('access-control-allow-origin')],
      [401, 'https://crm.example.com']
    )
  }
)

/** `Access` on its own: requests as they are after the HTTP server. */
const own = (t: Test) => {
  const access = new Access({
    token: apiToken,
    envFile: '/etc/leadmaster/central-hub.env',
    log: { warn: () => undefined },
    findActor: () => {
      throw new Error('nothing here has the form of a secret')
    }
  })
  const request = (facts: {
    method?: string
    path?: string
    headers?: Record<string, string>
    body?: unknown
  }): Request =>
    ({
      method: 'GET',
      path: '/api/leads',
      url: '/api/leads',
      query: {},
      headers: {},
      ...facts
    }) as unknown as Request
  const problemOf = (
    act: () => unknown
  ): { type: string; detail?: string; errors?: unknown } | undefined => {
    try {
      act()
      return undefined
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      return error.problem
    }
  }
  t.teardown(() => mock.timers.reset())
  return {
    access,
    request,
    refused: (facts: Parameters<typeof request>[0]) =>
      problemOf(() => access.authorize(request(facts), undefined as unknown as HttpResponse))
  }
}

/** A cookie as the hub signs it. */
const signed = (expires: string): string => {
  const signature = createHmac('sha256', apiToken)
    .update(`leadmaster sign-in ${expires}`)
    .digest('base64url')
  return `leadmaster=${expires}.${signature}`
}

t.test(
  'a cookie is good until its time, to the second, and its time is a plain number',
  async (t) => {
    const { refused } = own(t)
    const now = 1_800_000_000
    mock.timers.enable({ apis: ['Date'], now: now * 1_000 })
    const isTaken = (expires: string): boolean =>
      refused({ headers: { cookie: signed(expires) } }) === undefined

    t.ok(isTaken(`${now + 1}`))
    t.ok(isTaken('999999999999'))
    t.notOk(isTaken(`${now}`), 'its time is over')
    t.notOk(isTaken(`${now - 1}`))
    for (const odd of [
      `x${now + 1}`,
      `${now + 1}x`,
      `-${now + 1}`,
      '1e11',
      'Infinity',
      '9999999999999',
      '',
      ' '
    ])
      t.notOk(isTaken(odd), `"${odd}" is no time`)
  }
)

t.test(
  'the cookie alone may read; to change anything the request must come from the page of this very host',
  async (t) => {
    const { refused } = own(t)
    const cookie = signed(String(Math.floor(Date.now() / 1_000) + 60))
    const host = 'hub.example.com'
    const may = (method: string, origin?: string): boolean =>
      refused({
        method,
        headers: { cookie, host, ...(origin === undefined ? {} : { origin }) }
      }) === undefined

    for (const method of ['GET', 'HEAD']) {
      t.ok(may(method), method)
      t.ok(
        may(method, 'https://evil.example'),
        'a browser keeps what a page of another site gets from it'
      )
    }
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
      t.ok(may(method, `https://${host}`))
      t.ok(may(method, `http://${host}`))
      for (const other of [
        undefined,
        'null',
        'https://evil.example',
        `https://${host}:8443`,
        `https://${host}.evil.example`,
        `ftp://${host}`,
        'hubhttps://.example.com',
        `https://https://${host}`
      ]) {
        t.match(
          refused({
            method,
            headers: { cookie, host, ...(other === undefined ? {} : { origin: other }) }
          }),
          {
            type: 'urn:leadmaster:problem:forbidden',
            detail:
              'with the cookie of the operator page, only that page itself may change anything'
          },
          `${method} ${other ?? 'without Origin'}`
        )
      }
      t.equal(
        refused({ method, headers: { authorization: `Bearer ${apiToken}`, host } }),
        undefined,
        'with the token any page may'
      )
    }
  }
)

t.test(
  'whoever is refused learns what to send, and nothing of this machine; the log says where the token is kept',
  async (t) => {
    const { refused } = own(t)
    const { url, lines } = await serveApi(t)
    const post = async (path: string, body: unknown): Promise<unknown> =>
      (
        await fetch(url + path, { method: 'POST', headers: json, body: JSON.stringify(body) })
      ).json()
    t.match(refused({}), {
      type: 'urn:leadmaster:problem:unauthorized',
      detail: 'send Authorization: Bearer with HUB_API_TOKEN'
    })
    t.match(await post('/api/sign-in', { token: 'wrong' }), {
      type: 'urn:leadmaster:problem:unauthorized',
      detail: 'this is not HUB_API_TOKEN'
    })
    for (const body of [[], {}, { token: 5 }, { token: null }]) {
      t.match(
        await post('/api/sign-in', body),
        { errors: [{ in: 'body', field: '/token', message: 'expected HUB_API_TOKEN, as text' }] },
        JSON.stringify(body)
      )
    }

    const asked = [
      '/',
      '/api/leads',
      '/api/events',
      '/nowhere',
      '/metrics',
      '/docs',
      '/health',
      '/openapi.json',
      '/api/sign-in',
      '/%zz'
    ]
    for (const path of asked) {
      for (const method of ['GET', 'POST', 'PUT']) {
        const answer = await fetch(url + path, {
          method,
          ...(method === 'GET' ? {} : { headers: json, body: '{"token":"x"}' })
        })
        if (path === '/docs' || path === '/openapi.json') continue
        t.notMatch(await answer.text(), /\/etc\/|\.env/, `${method} ${path}`)
      }
    }
    const logged = lines.of('request_refused')
    t.match(
      logged,
      [{ level: 'warn', requests: 1, msg: /HUB_API_TOKEN of \/etc\/leadmaster\/central-hub\.env/ }],
      'once, however many knock'
    )
  }
)

t.test(
  'the log counts refused requests, and has a line of them every ten minutes at most',
  async (t) => {
    let now = 5_000
    const clock = mock.method(performance, 'now', () => now)
    t.teardown(() => clock.mock.restore())
    const logged: unknown[] = []
    const access = new Access({
      token: apiToken,
      envFile: '/x.env',
      log: { warn: (line: unknown) => void logged.push(line) },
      findActor: async () => undefined
    })
    const knock = (times: number): void => {
      for (let time = 0; time < times; time += 1)
        t.throws(() =>
          access.authorize(
            { path: '/api/leads', headers: {}, requestId: `r${now}` } as unknown as Request,
            undefined as unknown as HttpResponse
          )
        )
    }

    knock(3)
    now += 599_999
    knock(2)
    now += 1
    knock(1)

    t.match(logged, [
      { event: 'request_refused', requests: 1, request_id: 'r5000' },
      { event: 'request_refused', requests: 5, request_id: 'r605000' }
    ])
  }
)

t.test(
  'without signing in one reaches what the contract opens to all and what was opened, and nothing that begins or ends like it',
  async (t) => {
    const { access, refused } = own(t)
    for (const path of ['/health', '/openapi.json', '/api/sign-in', '/api/media/x'])
      t.equal(refused({ path }), undefined, path)
    for (const path of [
      '',
      '/',
      '/health/',
      '/health/x',
      '/api/sign-in/x',
      '/api/sign-out',
      '/api/me',
      '/docs'
    ])
      t.ok(refused({ path }), path)
    access.open('/docs')
    t.equal(refused({ path: '/docs' }), undefined)
    t.ok(refused({ path: '/docs/x' }))
    access.open('/')
    t.equal(refused({ path: '/' }), undefined)
    for (const path of ['/api/leads', '/x', '//'])
      t.ok(refused({ path }), `the page is open, and not ${path}`)
    for (const path of [
      '/api/media',
      '/api/mediax',
      '/api/leads',
      '/API/media/x',
      '/x/api/media/x'
    ])
      t.ok(refused({ path }), path)
  }
)

t.test('a route that is opened by its path still wants a caller', async (t) => {
  const { access, request } = own(t)
  access.open('/api/leads')
  const permit = access.permit('GET /api/leads')

  t.equal(access.authorize(request({}), undefined as unknown as HttpResponse), undefined)
  t.throws(() => permit(request({})), /HUB_API_TOKEN or an API key, or sign in/)
})

t.test('a route that the contract does not have is not served', async (t) => {
  const { access } = own(t)
  for (const route of ['GET /api/secret', 'PUT /api/leads', '/api/leads', 'constructor'])
    t.throws(() => access.permit(route), /src\/contract\/routes\.ts does not have it/, route)
})

t.test('signing in and out take no query', async (t) => {
  const { url } = await serveApi(t)
  t.equal((await fetch(`${url}/health`)).status, 200)
  const signedIn = await fetch(`${url}/api/sign-in?next=/x`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ token: apiToken })
  })
  t.same([signedIn.status, signedIn.headers.get('set-cookie')], [400, null])
  const cookie = cookieOf(await signIn(url, apiToken))
  t.equal(
    (await fetch(`${url}/api/sign-out?x=1`, { method: 'POST', headers: { cookie, origin: url } }))
      .status,
    400
  )
  t.equal((await fetch(`${url}/api/sign-in`)).status, 405, 'nor can they be fetched')
})

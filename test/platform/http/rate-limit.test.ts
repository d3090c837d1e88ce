import t from 'tap'
import { Problem } from '../../../src/contract/problem.ts'
import { limitRate } from '../../../src/platform/http/rate-limit.ts'
import { conforms } from '../conforms.ts'
import { serve } from './http-server.ts'

t.test('each answer says how many requests may follow, and how long that holds', async (t) => {
  const { url } = await serve(t, (http) => http.route('GET', '/', (_req, res) => res.end('hi')), {
    rateLimit: 3
  })
  for (const left of [2, 1, 0]) {
    const { status, headers } = await fetch(url)
    t.equal(status, 200)
    t.match(headers.get('ratelimit'), new RegExp(`r=${left}; t=\\d+$`))
    t.match(headers.get('ratelimit-policy'), /q=3; w=60\b/)
    t.equal(headers.get('retry-after'), null)
  }
})

t.test('one too many is refused, with a problem and how long to wait', async (t) => {
  const { url, logged } = await serve(
    t,
    (http) => http.route('GET', '/', (_req, res) => res.end('hi')),
    { rateLimit: 1 }
  )
  await fetch(url)
  for (const path of ['/', '/nothing-here']) {
    const answer = await fetch(url + path)
    const body = (await answer.json()) as Problem
    t.equal(answer.status, 429)
    t.equal(answer.headers.get('content-type'), 'application/problem+json')
    conforms(t, Problem, body, path)
    t.match(body, {
      type: 'urn:leadmaster:problem:too-many-requests',
      detail: '1 requests a minute are answered'
    })
    const wait = Number(answer.headers.get('retry-after'))
    t.ok(wait >= 1 && wait <= 60, `Retry-After: ${wait}`)
    t.match(answer.headers.get('ratelimit'), /r=0;/)
    t.ok(answer.headers.get('x-request-id'))
  }
  t.same(
    logged.lines.filter(({ level }) => level === 'error'),
    []
  )
})

t.test('who has no token spends requests too, and a preflight does not', async (t) => {
  const refuse = (): never => {
    throw new Error('not authorized')
  }
  const { url } = await serve(t, () => undefined, {
    rateLimit: 1,
    authorize: refuse,
    corsOrigins: ['https://crm.example']
  })
  const preflight = (): Promise<Response> =>
    fetch(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://crm.example', 'access-control-request-method': 'GET' }
    })
  t.equal((await preflight()).status, 204)
  t.equal((await preflight()).status, 204)
  t.equal((await fetch(url)).status, 500)
  const refused = await fetch(url, { headers: { origin: 'https://crm.example' } })
  t.equal(refused.status, 429)
  t.equal(
    refused.headers.get('access-control-allow-origin'),
    'https://crm.example',
    'a page can read why'
  )
  t.match(refused.headers.get('access-control-expose-headers'), /Retry-After/)
})

t.test('addresses are counted one by one, each a minute from its first request', async (t) => {
  let now = 0
  const limit = limitRate(1, () => now)
  t.ok(limit('10.0.0.1').allowed)
  t.match(limit('10.0.0.1'), {
    allowed: false,
    headers: [
      'ratelimit',
      '"1-in-1min"; r=0; t=60',
      'ratelimit-policy',
      /q=1; w=60; pk=/,
      'retry-after',
      '60'
    ]
  })
  now = 40_000
  t.ok(limit('10.0.0.2').allowed)
  now = 59_999
  t.equal(limit('10.0.0.1').headers[1], '"1-in-1min"; r=0; t=1')
  now = 60_000
  t.ok(limit('10.0.0.1').allowed)
  t.notOk(limit('10.0.0.2').allowed, 'its minute is not over, although those of others are')
  now = 100_000
  t.ok(limit('10.0.0.2').allowed)
  now = 130_000
  t.ok(limit('10.0.0.1').allowed)
  t.not(
    limit('10.0.0.1').headers[3],
    limit('10.0.0.2').headers[3],
    'the policy names whose it is, and not by the address'
  )
})

t.test('a clock that is set back or ahead neither closes nor opens a window', async (t) => {
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  for (const days of [-1, -4_000, 1, 4_000]) {
    Date.now = real
    const spend = limitRate(2)
    spend('a')
    spend('a')

    Date.now = () => real() + days * 86_400_000
    const { allowed, headers } = spend('a')

    t.notOk(allowed)
    t.ok(
      Number(headers.at(-1)) <= 60,
      `${headers.at(-1)} s to wait with the clock ${days} days off`
    )
  }
})

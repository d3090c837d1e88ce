import t, { type Test } from 'tap'
import { SsrfGuard } from '../../../src/central-hub/webhooks/guard.ts'
import { createPost, type Outcome } from '../../../src/central-hub/webhooks/post.ts'
import { readProxy } from '../../../src/platform/proxy.ts'
import { freePort } from '../../end-to-end/daemon.ts'
import { proxyServer } from '../../platform/proxy-server.ts'
import { receiver } from './receiver.ts'

const envFile = '/etc/leadmaster/central-hub.env'
const addresses: Record<string, string[]> = {
  'crm.example.com': ['93.184.216.34'],
  'router.example.com': ['192.168.1.1']
}

/** Webhooks behind a proxy; a name that is not listed cannot be looked up on this machine. */
const behind = (t: Test, url: string): ((to: string) => Promise<Outcome>) => {
  const guard = new SsrfGuard({
    allowed: ['127.0.0.0/8'],
    envFile,
    hasProxy: true,
    resolve: async (name) =>
      addresses[name] ?? Promise.reject(Object.assign(new Error(name), { code: 'EAI_AGAIN' }))
  })
  const post = createPost({
    guard,
    proxy: readProxy(url),
    envFile,
    userAgent: 'LeadMaster/test',
    timeoutMs: 20_000
  })
  t.teardown(() => post.close())
  return async (to) => {
    await guard.check(to)
    return post.send(
      { url: to, headers: {}, body: '{"type":"webhook.ping"}' },
      new AbortController().signal
    )
  }
}

t.test(
  'webhooks go by the proxy, with its user and password, also where only the proxy knows the name',
  async (t) => {
    const crm = await receiver(t)
    const proxy = await proxyServer(t, { to: () => crm.port, login: 'lead:p@ss:word%' })
    const to = behind(t, proxy.url)

    t.match(await to('http://crm.example.com/hook'), { status: 204 })
    t.match(await to('http://only-the-proxy-knows.example/hook'), { status: 204 })

    t.same(proxy.asked, [
      'POST http://crm.example.com/hook',
      'POST http://only-the-proxy-knows.example/hook'
    ])
    t.same(
      crm.received.map(({ text }) => text),
      ['{"type":"webhook.ping"}', '{"type":"webhook.ping"}']
    )
  }
)

t.test('a receiver by https is reached through a tunnel to its name', async (t) => {
  const crm = await receiver(t)
  const proxy = await proxyServer(t, { to: () => crm.port })

  const outcome = await behind(t, proxy.url)('https://crm.example.com/hook')

  t.same(proxy.asked, ['CONNECT crm.example.com:443'])
  t.match(
    outcome,
    { status: null, error: /^the request failed \(/ },
    'the receiver of this test has no TLS'
  )
})

t.test('what WEBHOOK_PRIVATE_ADDRESSES allows is reached directly', async (t) => {
  const crm = await receiver(t)
  const proxy = await proxyServer(t, { to: () => crm.port })

  t.match(await behind(t, proxy.url)(crm.url), { status: 204 })

  t.same(proxy.asked, [])
})

t.test('a proxy is no way into networks that are not public', async (t) => {
  const proxy = await proxyServer(t, { to: () => 1 })
  const to = behind(t, proxy.url)

  await t.rejects(to('http://router.example.com/'), {
    message: /192\.168\.1\.1, which is not public/
  })
  await t.rejects(to('http://169.254.169.254/latest/meta-data'), {
    message: /169\.254\.169\.254 is not public/
  })

  t.same(proxy.asked, [])
})

t.test('what a proxy does not do is said, and never its password', async (t) => {
  const wantsOther = await proxyServer(t, { to: () => 1, login: 'lead:another' })
  const wrong = wantsOther.url.replace('another', 'hush-hush')
  const gone = `http://lead:hush-hush@127.0.0.1:${await freePort()}`
  const outcomes = [
    await behind(t, wrong)('https://crm.example.com/'),
    await behind(t, gone)('https://crm.example.com/'),
    await behind(t, gone)('http://crm.example.com/')
  ]

  t.match(outcomes[0], {
    status: null,
    error: `the proxy http://127.0.0.1:${wantsOther.port} does not take the user and password of PROXY_URL in ${envFile} (HTTP 407)`
  })
  t.match(
    outcomes[1]?.error,
    /^nothing listens at the proxy http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): PROXY_URL in /
  )
  t.match(outcomes[2]?.error, /^nothing listens at the proxy /)
  t.match(await behind(t, wrong)('http://crm.example.com/'), {
    status: null,
    error: /^the proxy .* does not take the user and password/
  })
  t.notMatch(JSON.stringify(outcomes), /hush-hush/)
})

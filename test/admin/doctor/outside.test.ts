import t from 'tap'
import { checkOutside, checkProxy } from '../../../src/admin/doctor/outside.ts'
import { whyUnreachable } from '../../../src/admin/installation/reach.ts'
import type { Answered } from '../../../src/admin/doctor/base-url.ts'
import { freePort } from '../../end-to-end/daemon.ts'
import { proxyServer } from '../../platform/proxy-server.ts'
import { receiver } from '../../central-hub/webhooks/receiver.ts'
import { ask, hubEnv, installed, lines, managerEnv } from './wired.ts'

const PROXY_URL = 'http://lead:hush-hush@10.0.0.9:3128'
const files = (
  manager: Record<string, string> = {},
  hub: Record<string, string> = {}
): Record<string, string> => ({
  '/etc/leadmaster/session-manager.env': managerEnv(manager),
  '/etc/leadmaster/central-hub.env': hubEnv(hub)
})

t.test('a proxy is tried once for both services, and named without its password', async (t) => {
  const both = files({ PROXY_URL }, { PROXY_URL })
  t.same(await checkProxy(await ask(installed())), [], 'there is none')
  t.same(lines(await checkProxy(await ask(installed({ files: both })))), [
    'ok session-manager web.whatsapp.com answers through the proxy http://10.0.0.9:3128 of PROXY_URL'
  ])

  const found = await checkProxy(
    await ask(installed({ files: both, outside: () => 'nobody is there' }))
  )

  t.same(lines(found), [
    'fault session-manager PROXY_URL names the proxy http://10.0.0.9:3128: nobody is there'
  ])
  t.match(found, [
    {
      mend: /\/etc\/leadmaster\/session-manager\.env # correct PROXY_URL.* systemctl restart leadmaster-session-manager$/
    }
  ])
  t.notMatch(JSON.stringify(found), /hush/)
})

t.test(
  'where WhatsApp is unreachable, the way out is looked at, and connecting again is not proposed',
  async (t) => {
    const asked = await ask(
      installed({
        outside: (proxyUrl) =>
          proxyUrl === '' ? 'the name web.whatsapp.com cannot be looked up (EAI_AGAIN)' : undefined
      })
    )
    const answeredWith = (reason: string): Answered[] =>
      [
        {
          manager: asked.installation.services.find(({ kind }) => kind === 'session-manager'),
          identity: { status: { status: 'DISCONNECTED', reason } }
        }
      ] as unknown as Answered[]

    const found = await checkOutside(
      asked,
      answeredWith(
        'WhatsApp is unreachable: web.whatsapp.com cannot be resolved (net::ERR_NAME_NOT_RESOLVED)'
      )
    )

    t.match(lines(found), [
      /^fault session-manager WhatsApp is unreachable: .*; asked from here: the name web\.whatsapp\.com cannot be looked up/
    ])
    t.match(
      found,
      [{ detail: /set PROXY_URL in \/etc\/leadmaster\/session-manager\.env$/, mend: undefined }],
      'to look once more is no mend'
    )
    t.notMatch(JSON.stringify(found), '/connect')
    t.same(
      await checkOutside(asked, answeredWith('Chromium exited')),
      [],
      'it is no matter of the network'
    )
  }
)

t.test('a machine that reaches WhatsApp now is left to the next attempt', async (t) => {
  const asked = await ask(installed())
  const answered = [
    {
      manager: asked.installation.services[0],
      identity: {
        status: { status: 'DISCONNECTED', reason: 'WhatsApp is unreachable (net::ERR_TIMED_OUT)' }
      }
    }
  ] as unknown as Answered[]

  t.match(lines(await checkOutside(asked, answered)), [
    /^note session-manager web\.whatsapp\.com answers this machine now/
  ])
})

t.test('a real look through a real proxy says what is in the way', async (t) => {
  const page = await receiver(t)
  const proxy = await proxyServer(t, { to: () => page.port, login: 'lead:p@ss' })
  const to = 'https://web.whatsapp.com/'

  t.match(
    await whyUnreachable(to, proxy.url),
    /^web\.whatsapp\.com cannot be reached \(/,
    'the page of this test has no TLS'
  )
  t.same(proxy.asked, ['CONNECT web.whatsapp.com:443'])
  t.equal(
    await whyUnreachable(to, `http://lead:other@127.0.0.1:${proxy.port}`),
    'the proxy does not take the user and password of PROXY_URL (HTTP 407)'
  )
  const gone = await freePort()
  t.equal(
    await whyUnreachable(to, `http://127.0.0.1:${gone}`),
    `the proxy of PROXY_URL: nothing listens at 127.0.0.1:${gone} (ECONNREFUSED)`
  )
  t.match(
    await whyUnreachable(to, 'http://proxy.invalid:3128'),
    /^the proxy of PROXY_URL: the name proxy\.invalid:3128 cannot be looked up \(E/
  )
  t.match(
    await whyUnreachable('http://nobody.invalid/', ''),
    /^the name nobody\.invalid cannot be looked up \(E/
  )
})

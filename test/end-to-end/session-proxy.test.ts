import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { WhatsAppWeb } from '../whatsapp-web/server.ts'
import { proxyServer } from '../platform/proxy-server.ts'
import { withSession } from './session.ts'

/** Where WhatsApp is reached by a proxy alone: PROXY_URL, with the real Chromium. */

t.setTimeout(900_000)

const login = 'lead:p@ss/wörd%'

/**
 * From now on Chromium reaches nothing but this machine. @returns where the simulated WhatsApp
 * listens
 */
const closeNetwork = (web: WhatsAppWeb): number => {
  writeFileSync(
    join(dirname(web.chromiumPath), 'host-rules'),
    'MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'
  )
  return Number(/--simulated-whatsapp=(\d+)/.exec(readFileSync(web.chromiumPath, 'utf8'))?.[1])
}

t.test('Chromium reaches WhatsApp by the proxy, and answers it with user and password', (t) =>
  withSession(t, { linked: false }, async (session) => {
    const { web } = session
    let port = 0
    const proxy = await proxyServer(t, { to: () => port, login })
    port = closeNetwork(web)

    await session.daemon.end()
    await session.start({ PROXY_URL: proxy.url })
    await session.daemon.seen('session', ({ status }) => status === 'QR_REQUIRED', 60_000)
    await web.scan()
    await session.ready()
    const { id } = web.phone.text({ from: '+5215512345678', text: 'Hola' })

    t.match(await session.record(({ message }) => message.id === id), { message: { body: 'Hola' } })
    t.ok(proxy.asked.includes('CONNECT web.whatsapp.com:443'))
    t.same(
      proxy.asked.filter((what) => !/^CONNECT [\w.-]*whatsapp\.(com|net):443$/.test(what)),
      [],
      'it asks for nothing but WhatsApp'
    )
    const browser = (await web.chromium())[0] as number
    t.notMatch(
      readFileSync(`/proc/${browser}/cmdline`, 'latin1'),
      encodeURIComponent('p@ss/wörd%'),
      'the password is on no command line'
    )
    t.notMatch(JSON.stringify(session.daemon.lines), /p@ss|p%40ss|wörd|w%C3%B6rd/, 'nor in the log')
  })
)

t.test('a proxy that does not let Chromium through is named as the reason', (t) =>
  withSession(t, { linked: false }, async (session) => {
    const proxy = await proxyServer(t, { to: () => 1, login })
    closeNetwork(session.web)

    await session.daemon.end()
    await session.start({ PROXY_URL: `http://lead:other-word@127.0.0.1:${proxy.port}` })

    const failed = await session.daemon.seen(
      'session',
      ({ reason }) => /PROXY_URL/.test(String(reason)),
      60_000
    )
    t.equal(
      failed['reason'],
      'WhatsApp is unreachable: the proxy of PROXY_URL does not take its user and password (HTTP 407)'
    )
    t.ok(proxy.turnedAway() > 0)
    t.notMatch(JSON.stringify(session.daemon.lines), /other-word/)

    await session.daemon.end()
    await session.start({ PROXY_URL: 'http://127.0.0.1:1' })
    const gone = await session.daemon.seen(
      'session',
      ({ reason }) => /nothing answers as a proxy at PROXY_URL/.test(String(reason)),
      60_000
    )
    t.ok(gone)
  })
)

import t from 'tap'
import { token } from './daemon.ts'
import { withSession } from './session.ts'

/**
 * A WhatsApp Web that does not come up as it should: named, tried again, and READY as soon as it
 * can be.
 */

t.setTimeout(900_000)

t.test('a sync that is complete before whatsapp-web.js listens is reported to it', (t) =>
  withSession(t, { scenario: { sync: 'early' } }, async (session) => {
    await session.web.scan()
    await session.ready()
    await session.daemon.end()
    await session.start()
    const unreported = await session.daemon.seen('sync_unreported')
    t.equal(unreported.level, 'warn')
    await session.ready()
    const { id } = session.web.phone.text({ from: '+5215512345678', text: 'Hola' })
    await session.record(({ message }) => message.id === id)
  })
)

t.test('linked, but never synced; then a module is missing that whatsapp-web.js needs', (t) =>
  withSession(
    t,
    { linked: true, env: { START_TIMEOUT: '6s', READY_TIMEOUT: '4s' } },
    async (session) => {
      const { web } = session
      const again = async (reason: RegExp, status: string): Promise<void> => {
        await session.daemon.end()
        await session.start()
        const line = await session.daemon.seen(
          'session',
          (seen) => seen['status'] === status,
          60_000
        )
        t.match(line['reason'], reason)
        t.ok((line['retry_ms'] as number) > 0, 'and is tried again')
      }
      web.scenario.sync = 'never'
      await again(/^WhatsApp Web did not connect within 6 s$/, 'DISCONNECTED')
      web.scenario.sync = 'normal'

      const changed = (what: string): RegExp =>
        new RegExp(
          `^WhatsApp Web ${web.scenario.version.replaceAll('.', '\\.')} has changed: ${what}$`
        )
      for (const module of ['WAWebSocketModel', 'WAWebOfflineHandler', 'WAWebConnModel']) {
        web.scenario.missing = [module]
        await again(changed(`its module ${module} is missing`), 'ERROR')
      }
      web.scenario.missing = ['WAWebUserPrefsMeUser.getMaybeMePnUser', 'WABase64']
      await again(
        changed('its module WABase64 is missing; WAWebUserPrefsMeUser has no getMaybeMePnUser'),
        'ERROR'
      )
      web.scenario.missing = []
      await session.ready()
      t.pass('READY once they are there again')
    }
  )
)

t.test('a device that authenticates and hangs before READY', (t) =>
  withSession(t, { env: { READY_TIMEOUT: '3s' } }, async (session) => {
    const { web } = session
    await web.qr()
    // progress comes, its end does not
    web.scenario.sync = 'stuck'
    await web.scan()
    const line = await session.daemon.seen('session', ({ status }) => status === 'ERROR')
    t.match(line, { reason: 'WhatsApp Web authenticated but was not ready within 3 s' })
    web.scenario.sync = 'normal'
    await session.ready()
    t.equal(web.linkedDevices(), 1, 'the device it linked is kept')
  })
)

t.test('a page without window.Debug.VERSION', (t) =>
  withSession(
    t,
    { scenario: { deprecated: true }, env: { START_TIMEOUT: '5s' } },
    async (session) => {
      // a slow machine has not loaded the page in its first attempt
      const changed = 'WhatsApp Web has changed: its page has no window.Debug.VERSION'
      await session.daemon.seen('session', ({ reason }) => reason === changed, 60_000)
      session.web.scenario.deprecated = false
      await session.daemon.seen('session', ({ status }) => status === 'QR_REQUIRED')
      await session.web.scan()
      await session.ready()
      t.match(
        await session.status(),
        { status: 'READY', failures: 0 },
        'what failed before is no failure of now'
      )
    }
  )
)

t.test(
  'a page that takes longer than the 30 s of whatsapp-web.js becomes READY within START_TIMEOUT',
  (t) =>
    withSession(t, { linked: true, env: { START_TIMEOUT: '2m' } }, async (session) => {
      const { web } = session
      await session.daemon.end()
      web.scenario.versionMs = 33_000
      await session.start()
      const began = performance.now()
      await session.ready()
      t.ok(performance.now() - began > 30_000)
      const attempts = session.daemon.lines.filter(({ event }) => event === 'connect_attempt')
      const lost = session.daemon.lines.filter(
        ({ event, status }) =>
          event === 'session' && (status === 'ERROR' || status === 'DISCONNECTED')
      )
      t.same([attempts.length, lost], [1, []], 'by the first attempt')
    })
)

t.test('a module that is loaded late is not taken for one that WhatsApp took away', (t) =>
  withSession(t, { linked: true, env: { START_TIMEOUT: '1m' } }, async (session) => {
    const { web } = session
    await session.daemon.end()
    Object.assign(web.scenario, {
      missing: ['WAWebConnModel', 'WAWebSocketModel.Socket.on'],
      missingMs: 2_500
    })
    await session.start()
    await session.ready()
    const { id } = web.phone.text({ from: '+5215512345678', text: 'Hola' })
    await session.record(({ message }) => message.id === id)
    t.same(
      session.daemon.lines.filter(({ event }) => event === 'connect_attempt').length,
      1,
      'the same page goes on'
    )
    t.notOk(session.daemon.lines.some(({ reason }) => String(reason).includes('has changed')))
  })
)

t.test(
  'what only a lesser part needs is missing: READY and capturing, and it says what does not work',
  (t) =>
    withSession(t, { linked: true }, async (session) => {
      const { web } = session
      web.scenario.missing = ['WAWebDownloadManager', 'WAWebChatLoadMessages.loadEarlierMsgs']
      await session.daemon.end()
      await session.start()
      const line = await session.daemon.seen('page_limited', (seen) =>
        String(seen['reason']).includes('media are not fetched')
      )
      const reason = `WhatsApp Web ${web.scenario.version} has changed: WAWebChatLoadMessages has no loadEarlierMsgs; its module WAWebDownloadManager is missing: what was missed is not read back, media are not fetched`
      // Reading back tells of a chat that it cannot read, too.
      const isTold = async (): Promise<boolean> => {
        const { status, limited = '' } = await session.status()
        return status === 'READY' && limited.includes(reason)
      }
      t.match(line, { level: 'warn' })
      t.ok(await isTold())
      const { id } = web.phone.text({ from: '+5215512345678', text: 'Hola' })
      await session.record(({ message }) => message.id === id)
      const told = session.daemon.lines.filter(
        ({ event, reason: text }) => event === 'page_limited' && String(text).includes(reason)
      )
      t.equal(
        new Set(told.map(({ reason: text }) => text)).size,
        told.length,
        'the same is told once'
      )

      const metric = async (): Promise<string | undefined> =>
        /^session_limited (\d)$/m.exec(
          await (
            await fetch(`${session.daemon.url}/metrics`, {
              headers: { authorization: `Bearer ${token}` }
            })
          ).text()
        )?.[1]
      t.equal(await metric(), '1')
      await session.post('/disconnect')
      t.match(
        await session.status(),
        { status: 'DISCONNECTED', limited: undefined },
        'it goes with the page'
      )
      t.equal(await metric(), '0')
      await session.post('/connect')
      await session.next('page_limited')
      for (const end = Date.now() + 10_000; !(await isTold()) && Date.now() < end; )
        await new Promise((later) => setTimeout(later, 100))
      t.ok(await isTold(), 'the next page is looked at anew')
      web.scenario.missing = []
      const lines = session.daemon.lines.length
      await web.crashPage()
      await session.ready(lines)
      t.match(
        await session.status(),
        { status: 'READY', limited: undefined },
        'nothing of it is left when the page is lost'
      )
    })
)

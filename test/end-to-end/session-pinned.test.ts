import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withSession } from './session.ts'

/** WhatsApp Web changes so that nothing works: the operator goes back to the version that did. */

t.setTimeout(900_000)

t.test('a version that worked is kept, and shown again when it is pinned', (t) =>
  withSession(
    t,
    {
      linked: true,
      scenario: { version: '2.3000.1' },
      env: { START_TIMEOUT: '6s', READY_TIMEOUT: '4s' }
    },
    async (session) => {
      const { web, stateDir } = session
      t.match(await session.status(), {
        whatsapp_web_version: '2.3000.1',
        whatsapp_web_pinned: undefined
      })
      await session.daemon.seen('web_version_kept')
      t.ok(existsSync(join(stateDir, 'web-versions/2.3000.1.html')))
      web.scenario.version = '2.3000.2'
      web.scenario.missing = ['WAWebUserPrefsMeUser.getMaybeMePnUser']
      await session.daemon.end()
      await session.start()
      const broken = await session.daemon.seen('session', ({ status }) => status === 'ERROR')
      t.equal(
        broken['reason'],
        'WhatsApp Web 2.3000.2 has changed: WAWebUserPrefsMeUser has no getMaybeMePnUser'
      )

      await session.daemon.end()
      await session.start({ WEB_VERSION: '2.3000.1' })
      await session.ready()
      t.match(await session.status(), {
        status: 'READY',
        whatsapp_web_version: '2.3000.1',
        whatsapp_web_pinned: '2.3000.1'
      })
      t.same(
        session.daemon.lines.filter(({ event }) => event === 'web_version_differs'),
        []
      )
      const { id } = web.phone.text({ from: '+5215512345678', text: 'Hola' })
      t.match(await session.record(({ message }) => message.id === id), { message: { id } })
    }
  )
)

t.test(
  'a version that is not kept: the session is ERROR, and says what there is; READY by itself once the file is there. What the page tells is compared',
  (t) =>
    withSession(t, { linked: true, scenario: { version: '2.3000.1' } }, async (session) => {
      const page = (version: string): string =>
        join(session.stateDir, `web-versions/${version}.html`)
      await session.daemon.seen('web_version_kept')
      await session.daemon.end()
      await session.start({ WEB_VERSION: '2.3000.7' })
      const failed = await session.daemon.seen('session', ({ status }) => status === 'ERROR')
      t.equal(
        failed['reason'],
        `WEB_VERSION=2.3000.7: ${page('2.3000.7')} cannot be used (ENOENT); kept are 2.3000.1`
      )
      copyFileSync(page('2.3000.1'), page('2.3000.7'))
      await session.ready()
      t.match(await session.status(), {
        status: 'READY',
        whatsapp_web_version: '2.3000.1',
        whatsapp_web_pinned: '2.3000.7'
      })
      t.match(await session.daemon.seen('web_version_differs'), {
        level: 'warn',
        pinned: '2.3000.7',
        version: '2.3000.1'
      })
    })
)

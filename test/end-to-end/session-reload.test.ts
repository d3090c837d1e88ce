import t from 'tap'
import { notCaptured } from './all-works.ts'
import { withSession } from './session.ts'

/**
 * WhatsApp Web loads itself again, as it does after thirty days or when its server asks for it: no
 * fault, and nothing is lost.
 */

t.setTimeout(900_000)

t.test('after a reload of its own the page is listened to as before', (t) =>
  withSession(
    t,
    { linked: true, scenario: { web: '2026-07' }, env: { BACKFILL_INTERVAL: '1h' } },
    async (session) => {
      const reloaded = session.next('page_reloaded', undefined, 60_000)
      session.web.refresh('HARD_REFRESH')
      t.match(await reloaded, { level: 'info' })

      t.same(await notCaptured(session, 20_000), [], 'all is captured in the new document')
      t.equal(session.web.storedVotes(), 1)
      t.equal(
        session.daemon.lines.filter(({ event }) => event === 'connect_attempt').length,
        1,
        'Chromium was not started again'
      )
      t.notOk(
        session.daemon.lines.some(({ level }) => level === 'error'),
        'no fault is told'
      )
      t.match(await session.status(), { status: 'READY' })
    }
  )
)

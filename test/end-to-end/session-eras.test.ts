import t from 'tap'
import { eras } from '../whatsapp-web/api.ts'
import { notCaptured } from './all-works.ts'
import { token } from './daemon.ts'
import { withSession, type Session } from './session.ts'

/**
 * The real library in the real Chromium, on each era of WhatsApp Web: all is captured, and nothing
 * is found odd.
 */

t.setTimeout(900_000)

const differences = async ({ daemon }: Session): Promise<string[]> => {
  const answer = await fetch(`${daemon.url}/metrics`, {
    headers: { authorization: `Bearer ${token}` }
  })
  return (await answer.text()).match(/^ear_differences_total\{.*$/gm) ?? []
}

for (const web of eras) {
  for (const votes of ['addon', 'direct'] as const) {
    t.test(
      `${web}, votes stored ${votes === 'addon' ? 'by the table of addons' : 'without it'}`,
      (t) =>
        withSession(
          t,
          { linked: true, scenario: { web, votes }, env: { BACKFILL_INTERVAL: '1h' } },
          async (session) => {
            t.same(await notCaptured(session, 20_000), [], 'all is captured')
            t.equal(
              session.web.storedVotes(),
              1,
              'the page has written the vote into its own table'
            )

            const revision = await session.daemon.seen('page_revision', undefined, 70_000)
            const { status, limited, outbound_blocked } = await session.status()
            t.same({ status, outbound_blocked }, { status: 'READY', outbound_blocked: 0 })
            if (web === 'next') {
              // This page has a module that cannot be required; all that needs it is linking by a
              // code.
              t.match(revision, { level: 'warn' })
              t.match(
                limited,
                /its module WAWebLaunchSocketUtils is missing: no phone can be linked by a code/
              )
            } else {
              t.match(revision, { level: 'info', missing: [] }, 'all checks pass')
              t.equal(limited, undefined)
            }
            t.same(
              await differences(session),
              [],
              'the library and our own listeners hear the same'
            )

            await session.daemon.end()
            const missed = session.web.phone.text({
              from: '+5215512345678',
              text: 'while nobody listened'
            })
            await session.start()
            await session.ready()
            const { source } = await session.record(({ message }) => message.id === missed.id)
            t.equal(source, 'backfill')
          }
        )
    )
  }
}

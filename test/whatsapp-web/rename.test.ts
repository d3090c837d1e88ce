import { writeFileSync } from 'node:fs'
import t from 'tap'
import { withSession } from '../end-to-end/session.ts'
import { renames, tryRenames } from './renames.ts'

/**
 * Each name that LeadMaster or whatsapp-web.js reads is renamed in the page, one at a time: all
 * works, or /status names it. Whole, with a table: `scripts/unprivileged node
 * test/whatsapp-web/rename.test.ts --whole FILE [1/2]`, where 1/2 is the first of two parts that
 * may run at the same time.
 */

const [, , flag, file, part = '1/1'] = process.argv
const isWhole = flag === '--whole'
t.setTimeout(isWhole ? 3 * 3_600_000 : 240_000)

/** One of each kind: a module, a member, inside and outside of the page's own code. */
const few = [
  'WAWebCollections.Msg.on',
  'WAWebDBPollsUpsertVotes.upsertVotesDb',
  'WAWebAddonReactionTableMode',
  'WAWebDownloadManager',
  'WAWebCallCollection',
  'WAWebLaunchSocketUtils.refreshQR',
  'WAWebSocketModel'
]

t.test('no name can change in silence', (t) => {
  const [nth = 1, of = 1] = part.split('/').map(Number)
  const all = renames().filter(
    ({ name, way }, index) =>
      (isWhole && index % of === nth - 1) ||
      (!isWhole && few.includes(name) && (way === 'renamed' || name === 'WAWebCollections.Msg.on'))
  )
  const env = {
    START_TIMEOUT: '12s',
    READY_TIMEOUT: '10s',
    RECONNECT_MAX_DELAY: '500ms',
    BACKFILL_INTERVAL: '1h'
  }
  return withSession(t, { linked: true, scenario: { web: '2026-07' }, env }, async (session) => {
    const rows = ['| name | way | part | outcome | s | /status |', '|---|---|---|---|---|---|']
    const results = await tryRenames(
      session,
      all,
      60_000,
      ({ name, way, part: lacking, outcome, detail, seconds }) => {
        t.not(outcome, 'silent', `${name} (${way}): ${outcome} after ${seconds} s. ${detail}`)
        rows.push(
          `| ${name} | ${way} | ${lacking} | ${outcome} | ${seconds} | ${detail.replaceAll('|', '/')} |`
        )
        if (isWhole && file !== undefined) writeFileSync(file, `${rows.join('\n')}\n`)
      }
    )
    t.equal(results.length, all.length)
    const count = (outcome: string): number =>
      results.filter((result) => result.outcome === outcome).length
    t.comment(
      `${results.length} names: ${count('works')} work, ${count('named')} are named, ${count('silent')} are silent`
    )
  })
})

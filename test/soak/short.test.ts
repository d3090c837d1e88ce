import t from 'tap'
import { browserDirectory } from '../whatsapp-web/directory.ts'
import { soak } from './soak.ts'

/** A day in seconds: what test/soak/main.ts does for an hour, so that it is known to work. */

t.setTimeout(900_000)

t.test('a short day: nothing is lost, twice or left behind', async (t) => {
  const { path, remove } = browserDirectory()
  t.teardown(remove)
  const { outages, verdict, ended, last, samples } = await soak(
    {
      minutes: 0.2,
      messages: 600,
      reconnects: 3,
      rotations: 1,
      keptHours: 1_000,
      sampleMs: 1_000,
      directory: path
    },
    () => undefined
  )
  t.match(
    verdict,
    {
      written: 600,
      lost_in_journal: 0,
      twice_in_journal: 0,
      lost_in_events: 0,
      lost_in_hub: 0,
      twice_in_hub: 0,
      strange: 0,
      came_back: 0
    },
    verdict.such_as.join('\n')
  )
  t.same(
    outages.flatMap(({ kind, failed = '' }) => (failed === '' ? [] : `${kind}: ${failed}`)),
    [],
    'it was READY again each time'
  )
  t.ok(outages.length > 0, 'the session was lost')
  t.same(
    ended,
    { early: [], hub: 0, session_manager: 0, outbound: [] },
    'both lived through it, ended when told to, and sent nothing'
  )
  t.match(last, { zombies: 0, strays: 0 })
  t.ok(samples.length > 0)
})

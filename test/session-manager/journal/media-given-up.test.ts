import t from 'tap'
import { MediaTrouble } from '../../../src/session-manager/journal/media-trouble.ts'
import { withMedia } from './new-records.ts'
import { clockOf, minute, rig, second } from './media-rig.ts'

/** When media are not fetched any more. */

t.test(
  'media that WhatsApp has no more are given up after one attempt, and the log says why',
  async (t) => {
    clockOf(t)
    const reason = 'WhatsApp has no such media'
    const { journal, fetcher, passes, tries, logged, outcomes } = rig(t, async () => ({
      outcome: 'gone',
      reason
    }))
    journal.append([withMedia('A')], 'live')

    fetcher.wake()
    await passes(minute)

    t.match(outcomes(), [{ state: 'failed', reason }])
    t.equal(tries.length, 1)
    t.equal(journal.pendingMediaCount(), 0)
    t.match(logged.of('media_given_up'), [{ level: 'warn', reason }])
  }
)

t.test(
  'media are given up at the attempt that is made when the time is over, to the millisecond',
  async (t) => {
    // With these waits (5 s, doubled each time) the eighth attempt is 635 s after the first one.
    for (const [giveUpMs, attempts] of [
      [635 * second - 1, 8],
      [635 * second, 8],
      [635 * second + 1, 9]
    ] as const) {
      t.test(`${giveUpMs} ms`, async (t) => {
        clockOf(t)
        const own = new MediaTrouble('the phone is uploading the media again', false)
        const { journal, fetcher, passes, tries, outcomes } = rig(
          t,
          async () => Promise.reject(own),
          { giveUpMs }
        )
        journal.append([withMedia('A')], 'live')

        fetcher.wake()
        await passes(30 * minute)

        t.match(outcomes(), [{ state: 'failed', reason: own.message }])
        t.equal(tries.length, attempts)
      })
    }
  }
)

import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { followInTurn } from '../../../src/central-hub/cluster/follow-in-turn.ts'
import type { Follower } from '../../../src/central-hub/follow/follower.ts'
import { alone, type Ending } from '../../../src/central-hub/store/database/hubs.ts'
import type { Upstream } from '../../../src/central-hub/follow/upstream.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'

const mine: ReturnType<Follower['state']> = {
  verified: true,
  following: true,
  account: 'main',
  seq: 3,
  lastSeq: 4
}

t.test(
  'it follows when it is its turn, looks after session-manager while it is not, and says that another one follows only while that is known',
  async (t) => {
    const news = new EventEmitter()
    const told = async (): Promise<void> => void (await once(news, 'news'))
    let [begin, elsewhere, answers, ends]: [(() => Ending) | undefined, boolean, boolean, number] =
      [undefined, false, true, 0]
    const first = told()
    const follower = followInTurn({
      hubs: {
        ...alone,
        job: (_name, run) => {
          begin = run
          return { elsewhere: () => elsewhere, stop: async () => undefined }
        }
      },
      upstream: {
        verify: async () => {
          if (!answers) throw new ProblemError('session-manager-unreachable', 'it is away')
          return { account: 'main' }
        }
      } as Upstream,
      begin: () => ({ state: () => mine, stop: async () => void (ends += 1) }),
      onChange: () => void news.emit('news'),
      checkIntervalMs: 10
    })
    t.teardown(follower.stop)
    await first
    t.match(
      follower.state(),
      { verified: true, following: false, account: 'main', elsewhere: undefined },
      'nobody is known to follow'
    )
    elsewhere = true
    t.match(follower.state(), { verified: true, following: false, elsewhere: true })
    answers = false
    await told()
    await told() // the look that was under way may have been of before
    t.match(follower.state(), { verified: false, fault: /it is away/, elsewhere: undefined })

    elsewhere = false
    const end = (begin as unknown as () => Ending)()
    t.equal(follower.state(), mine)
    answers = true
    const again = told()
    await end()
    t.equal(ends, 1)
    await again
    t.match(
      follower.state(),
      { verified: true, following: false, elsewhere: undefined },
      'what is known is of now'
    )
  }
)

import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { followInTurn } from '../../../src/central-hub/cluster/follow-in-turn.ts'
import type { FollowerState } from '../../../src/central-hub/follow/follower.ts'
import { singleInstance, type StopWork } from '../../../src/central-hub/store/database/cluster.ts'
import type { Upstream } from '../../../src/central-hub/follow/upstream.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'

const leading: FollowerState = {
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
    let [begin, hasOtherLeader, answers, ends]: [
      (() => StopWork) | undefined,
      boolean,
      boolean,
      number
    ] = [undefined, false, true, 0]
    const first = told()
    const follower = followInTurn({
      cluster: {
        ...singleInstance,
        runAsLeader: (_name, run) => {
          begin = run
          return { hasOtherLeader: () => hasOtherLeader, stop: async () => undefined }
        }
      },
      upstream: {
        verify: async () => {
          if (!answers) throw new ProblemError('session-manager-unreachable', 'it is away')
          return { account: 'main' }
        }
      } as Upstream,
      begin: () => ({ state: () => leading, stop: async () => void (ends += 1) }),
      onChange: () => void news.emit('news'),
      checkIntervalMs: 10
    })
    t.teardown(follower.stop)
    await first
    t.match(
      follower.state(),
      { verified: true, following: false, account: 'main', standby: undefined },
      'nobody is known to follow'
    )
    hasOtherLeader = true
    t.match(follower.state(), { verified: true, following: false, standby: true })
    answers = false
    await told()
    await told() // the look that was under way may have been of before
    t.match(follower.state(), { verified: false, fault: /it is away/, standby: undefined })

    hasOtherLeader = false
    const end = (begin as unknown as () => StopWork)()
    t.equal(follower.state(), leading)
    answers = true
    const again = told()
    await end()
    t.equal(ends, 1)
    await again
    t.match(
      follower.state(),
      { verified: true, following: false, standby: undefined },
      'what is known is of now'
    )
  }
)

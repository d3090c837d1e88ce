import { reasonOf } from '../../platform/harmless.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Follower } from '../follow/follower.ts'
import type { Hubs } from '../store/database/hubs.ts'
import type { Upstream } from '../follow/upstream.ts'

interface FollowInTurnOptions {
  hubs: Hubs
  upstream: Upstream
  begin: () => Follower
  onChange: () => void
  /** How often it is seen to that session-manager answers while another hub follows it, ms. */
  checkIntervalMs: number
}

/**
 * Follows a session-manager while none of the other hubs of the same store does; else it looks
 * whether session-manager answers, and stands by.
 */
export const followInTurn = ({
  hubs,
  upstream,
  begin,
  onChange,
  checkIntervalMs
}: FollowInTurnOptions): Follower => {
  let following: Follower | undefined
  let standing: ReturnType<Follower['state']> = {
    verified: false,
    following: false,
    seq: 0,
    lastSeq: 0
  }
  let stopping = false

  const look = async (): Promise<void> => {
    if (following !== undefined || stopping) return
    try {
      const { account } = await upstream.verify()
      standing = { verified: true, following: false, account, seq: 0, lastSeq: 0 }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      standing = { ...standing, verified: false, fault: reasonOf(error) }
    }
    onChange()
  }
  const looking = setInterval(() => void look(), checkIntervalMs)
  const job = hubs.job(`follow ${upstream.account ?? ''}`, () => {
    const mine = begin()
    following = mine
    return async () => {
      following = undefined
      void look()
      await mine.stop()
    }
  })
  void look()
  return {
    state: () =>
      following?.state() ??
      (standing.verified && job.elsewhere() ? { ...standing, elsewhere: true } : standing),
    stop: async () => {
      stopping = true
      clearInterval(looking)
      await job.stop()
    }
  }
}

import { reasonOf } from '../../platform/harmless.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Follower, FollowerState } from '../follow/follower.ts'
import type { Upstream } from '../follow/upstream.ts'
import type { Cluster, Leadership, StopWork } from '../store/database/cluster.ts'

interface FollowInTurnOptions {
  cluster: Cluster
  upstream: Pick<Upstream, 'account' | 'verify'>
  begin: () => Follower
  onChange: () => void
  /** How often session-manager is verified while another hub follows it, ms. */
  checkIntervalMs: number
}

/**
 * Follows a session-manager while no other hub of the same store does. Otherwise it is on
 * standby, and checks whether session-manager answers.
 */
class FollowerInTurn implements Follower {
  readonly #options: FollowInTurnOptions
  readonly #checking: NodeJS.Timeout
  readonly #leadership: Leadership
  /** Set while this hub follows. */
  #follower: Follower | undefined
  #standbyState: FollowerState = { verified: false, following: false, seq: 0, lastSeq: 0 }
  #isStopping = false

  constructor(options: FollowInTurnOptions) {
    const { cluster, upstream, checkIntervalMs } = options
    this.#options = options
    this.#checking = setInterval(() => void this.#check(), checkIntervalMs)
    this.#leadership = cluster.runAsLeader(`follow ${upstream.account ?? ''}`, () => this.#follow())
    void this.#check()
  }

  // Arrow functions, because callers hand them over without the object.
  readonly state = (): FollowerState => {
    if (this.#follower !== undefined) return this.#follower.state()
    const state = this.#standbyState
    return state.verified && this.#leadership.hasOtherLeader() ? { ...state, standby: true } : state
  }

  readonly stop = async (): Promise<void> => {
    this.#isStopping = true
    clearInterval(this.#checking)
    await this.#leadership.stop()
  }

  #follow(): StopWork {
    const follower = this.#options.begin()
    this.#follower = follower
    return async () => {
      this.#follower = undefined
      void this.#check()
      await follower.stop()
    }
  }

  /** Verifies session-manager while this hub does not follow it. */
  async #check(): Promise<void> {
    if (this.#follower !== undefined || this.#isStopping) return
    try {
      const { account } = await this.#options.upstream.verify()
      this.#standbyState = { verified: true, following: false, account, seq: 0, lastSeq: 0 }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      this.#standbyState = { ...this.#standbyState, verified: false, fault: reasonOf(error) }
    }
    this.#options.onChange()
  }
}

export const followInTurn = (options: FollowInTurnOptions): Follower => new FollowerInTurn(options)

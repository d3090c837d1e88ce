import type { Problem } from '../../../contract/problem.ts'
import type { Status } from '../../../contract/session.ts'
import { alone, type Hubs } from '../database/hubs.ts'

/**
 * Tells open event streams that there is something new: in the store, or of the session, here or at
 * another hub of the same store.
 */
export interface Live {
  /** The store has new events. */
  changed(): void
  /**
   * What session-manager says of the session just now, or the problem that keeps it from being
   * asked.
   */
  session(now: Status | Problem): void
  /** Calls back on each change; returns what ends it. */
  onChanged(run: () => void): () => void
  onSession(run: (now: Status | Problem) => void): () => void
}

/** @param onUntold the other hubs could not be told of a session */
export const createLive = ({
  hubs = alone,
  onUntold = () => undefined
}: {
  hubs?: Hubs
  onUntold?: (error: unknown) => void
} = {}): Live => {
  const changes = new Set<() => void>()
  const sessions = new Set<(now: Status | Problem) => void>()
  const added = <T>(to: Set<T>, run: T): (() => void) => {
    to.add(run)
    return () => void to.delete(run)
  }
  const changed = (): void => {
    for (const run of changes) run()
  }
  const session = (now: Status | Problem): void => {
    for (const run of sessions) run(now)
  }
  hubs.onChanged(changed)
  hubs.onSession(session)
  return {
    changed,
    session: (now) => {
      session(now)
      hubs.session(now).catch(onUntold)
    },
    onChanged: (run) => added(changes, run),
    onSession: (run) => added(sessions, run)
  }
}

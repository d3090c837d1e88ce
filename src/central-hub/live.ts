import type { Problem } from '../contract/problem.ts'
import type { Status } from '../contract/session.ts'

/** Tells open event streams that there is something new: in the store, or of the session. */
export interface Live {
  /** The store has new events. */
  changed(): void
  /** What session-manager says of the session just now, or the problem that keeps it from being asked. */
  session(now: Status | Problem): void
  /** Calls back on each change; returns what ends it. */
  onChanged(run: () => void): () => void
  onSession(run: (now: Status | Problem) => void): () => void
}

export const createLive = (): Live => {
  const changes = new Set<() => void>()
  const sessions = new Set<(now: Status | Problem) => void>()
  const added = <T>(to: Set<T>, run: T): (() => void) => {
    to.add(run)
    return () => void to.delete(run)
  }
  return {
    changed: () => {
      for (const run of changes) run()
    },
    session: (now) => {
      for (const run of sessions) run(now)
    },
    onChanged: (run) => added(changes, run),
    onSession: (run) => added(sessions, run)
  }
}

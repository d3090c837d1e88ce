import type { Problem } from '../../../contract/problem.ts'
import type { Status } from '../../../contract/session.ts'

/** The hubs that share a store. Of a store in a file there is one. */
export interface Hubs {
  /** Calls back when any of them changed something: new events, or something to deliver. */
  onChanged(run: () => void): void
  /** Calls back with what another one told of a session. */
  onSession(run: (now: Status | Problem) => void): void
  /** Has `onChanged` called at all of them. */
  changed(): Promise<void>
  /** Has `onSession` called at all the others. */
  session(now: Status | Problem): Promise<void>
  /**
   * Work that one of them does at a time: `begin` is called when it is this one, and what it gives
   * once it is to end, for it is stopped, or its connection to the store was lost, and another one
   * takes it up.
   */
  job(name: string, begin: () => Ending): Job
}

/** Ends work; resolves once nothing of it goes on. */
export type Ending = () => Promise<void>

export interface Job {
  /** Whether another hub was seen to do it; false while that cannot be told. */
  elsewhere(): boolean
  stop(): Promise<void>
}

/** One hub alone does everything, and has nobody to tell. */
export const alone: Hubs = {
  onChanged: () => undefined,
  onSession: () => undefined,
  changed: async () => undefined,
  session: async () => undefined,
  job: (_name, begin) => {
    let end: Ending | undefined = begin()
    return {
      elsewhere: () => false,
      stop: async () => {
        const ending = end
        end = undefined
        await ending?.()
      }
    }
  }
}

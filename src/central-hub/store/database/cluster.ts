import type { Problem } from '../../../contract/problem.ts'
import type { Status } from '../../../contract/session.ts'

/** The hubs that share a store. A store in a file has one. */
export interface Cluster {
  /** Calls back when any hub changed something: new events, or something to deliver. */
  onChanged(run: () => void): void
  /** Calls back with what another hub said of a session. */
  onSession(run: (now: Status | Problem) => void): void
  /** Has `onChanged` called at all hubs. */
  notifyChanged(): Promise<void>
  /** Has `onSession` called at all other hubs. */
  notifySession(now: Status | Problem): Promise<void>
  /**
   * Work that one hub does at a time. `begin` is called when this hub becomes its leader. What it
   * returns is called when the work is stopped, or when the connection to the store was lost and
   * another hub takes over.
   */
  runAsLeader(name: string, begin: () => StopWork): Leadership
}

/** Ends work. Resolves once nothing of the work goes on. */
export type StopWork = () => Promise<void>

export interface Leadership {
  /** Whether another hub was seen to do the work. False while that is not known. */
  hasOtherLeader(): boolean
  stop(): Promise<void>
}

/** One hub does everything, and has nobody to notify. */
export const singleInstance: Cluster = {
  onChanged: () => undefined,
  onSession: () => undefined,
  notifyChanged: async () => undefined,
  notifySession: async () => undefined,
  runAsLeader: (_name, begin) => {
    let stopWork: StopWork | undefined = begin()
    return {
      hasOtherLeader: () => false,
      stop: async () => {
        const stop = stopWork
        stopWork = undefined
        await stop?.()
      }
    }
  }
}

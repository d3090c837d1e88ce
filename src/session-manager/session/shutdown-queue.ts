import { setImmediate as turn } from 'node:timers/promises'

/** What has to be over before the next browser may have the profile: one thing after the other. */
interface ShutdownQueue {
  /** Does this once all before it is over. @param work never throws */
  add(work: () => Promise<void>): void
  /** Resolves once all that was added by now is over. */
  over(): Promise<void>
  isOver(): boolean
}

export const createShutdownQueue = (): ShutdownQueue => {
  let last: Promise<void> = Promise.resolve()
  let toCome = 0
  return {
    add: (work) => {
      toCome += 1
      // a call that a browser left unanswered, and that nobody awaits, is told of only once this
      // turn is over
      last = last
        .then(work)
        .then(() => turn())
        .finally(() => (toCome -= 1))
    },
    over: () => last,
    isOver: () => toCome === 0
  }
}

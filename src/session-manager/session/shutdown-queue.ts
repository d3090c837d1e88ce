import { setImmediate as turn } from 'node:timers/promises'

/** What must end before the next browser may have the profile. Each work starts after the last. */
export class ShutdownQueue {
  #last: Promise<void> = Promise.resolve()
  #pending = 0

  /**
   * Runs the work after all that was added before.
   * @param work never throws
   */
  add(work: () => Promise<void>): void {
    this.#pending += 1
    // Node reports a rejection that nobody awaits only at the end of this turn. A browser that
    // closes leaves such calls behind.
    this.#last = this.#last
      .then(work)
      .then(() => turn())
      .finally(() => (this.#pending -= 1))
  }

  /** Resolves once all work that was added so far has ended. */
  done(): Promise<void> {
    return this.#last
  }

  /** Whether no work is pending. */
  isDone(): boolean {
    return this.#pending === 0
  }
}

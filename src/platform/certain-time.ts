/**
 * The time that has come for sure, even when the clock of the host is wrong: the time that was
 * written before, plus how long this process has run since. Erasing by age uses this time alone, so
 * that a clock that is ahead for a while makes nothing old.
 */
export class CertainTime {
  readonly #steady: () => number
  #known: number
  #at: number

  /**
   * @param known a time that has come, ms, kept since an earlier process; 0 without one
   * @param steady a clock that only goes on, ms
   */
  constructor(known: number, steady: () => number = () => performance.now()) {
    this.#steady = steady
    this.#known = known
    this.#at = steady()
  }

  /**
   * @param evidence another time that has come, ms: of a message whose sender's and our own clock
   * agree on it
   * @param now the clock of the host, ms
   * @returns the earlier one of the clock's time and the time that is certain, ms
   */
  look(evidence: number, now: number): number {
    const at = this.#steady()
    this.#known = Math.max(this.#known + (at - this.#at), evidence)
    this.#at = at
    return Math.min(now, this.#known)
  }

  /** The time to keep for the next process, ms. */
  known(): number {
    return Math.floor(this.#known)
  }
}

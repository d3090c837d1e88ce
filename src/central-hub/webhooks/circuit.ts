import { delayOf } from './retry.ts'

/**
 * An endpoint counts as down when the deliveries of this many leads failed, with none accepted in
 * between.
 */
const downAfter = 5
/**
 * The wait after a failure of an endpoint that is down, before a lead that did not fail yet is
 * tried, ms.
 */
export const freshWaitMs = 60_000

/**
 * Tells whether an endpoint is down as a whole. Its deliveries are then tried one at a time, and
 * rarely. Times are of a clock that only goes on, ms.
 */
export class Circuit {
  readonly #failing = new Set<string>()
  #failures = 0
  #retryAt = 0
  #freshAt = 0

  get isOpen(): boolean {
    return this.#failing.size >= downAfter
  }

  /** A delivery was accepted, or the webhook was changed. */
  close(): void {
    this.#failing.clear()
    this.#failures = 0
    this.#retryAt = 0
    this.#freshAt = 0
  }

  /**
   * @param queue of the delivery that failed
   * @param random from 0 to 1
   */
  failed(queue: string, now: number, retryAfterMs: number | undefined, random: number): void {
    // Further ones change nothing, and there may be as many as there are leads.
    if (this.#failing.size < downAfter) this.#failing.add(queue)
    if (!this.isOpen) return
    this.#failures += 1
    this.#retryAt = now + delayOf(this.#failures, retryAfterMs, random)
    this.#freshAt = Math.min(this.#retryAt, now + Math.max(freshWaitMs, retryAfterMs ?? 0))
  }

  /** The waits before a lead that failed and before one that did not may be tried, ms; 0: now. */
  waits(now: number): { retriesMs: number; freshMs: number } {
    return {
      retriesMs: Math.max(0, this.#retryAt - now),
      freshMs: Math.max(0, this.#freshAt - now)
    }
  }
}

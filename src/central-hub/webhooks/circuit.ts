import { delayOf } from './retry.ts'

/**
 * Leads whose deliveries fail one after the other, with none taken in between, before the endpoint
 * counts as down.
 */
const downAfter = 5
/**
 * How long after a failure of an endpoint that is down a lead that did not fail yet is tried, ms.
 */
export const freshWaitMs = 60_000

/**
 * Whether an endpoint is down as a whole: then deliveries are tried one at a time, and rarely. By a
 * clock that only goes on, ms.
 */
export class Circuit {
  readonly #failing = new Set<string>()
  #failures = 0
  #retryAt = 0
  #freshAt = 0

  get isOpen(): boolean {
    return this.#failing.size >= downAfter
  }

  /** A delivery was taken, or the webhook was changed. */
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
    // More are not needed to tell, and there may be as many as there are leads.
    if (this.#failing.size < downAfter) this.#failing.add(queue)
    if (!this.isOpen) return
    this.#failures += 1
    this.#retryAt = now + delayOf(this.#failures, retryAfterMs, random)
    this.#freshAt = Math.min(this.#retryAt, now + Math.max(freshWaitMs, retryAfterMs ?? 0))
  }

  /**
   * How long until something may be tried: of a lead that failed, and of one that did not; 0: now.
   */
  waits(now: number): { retriesMs: number; freshMs: number } {
    return {
      retriesMs: Math.max(0, this.#retryAt - now),
      freshMs: Math.max(0, this.#freshAt - now)
    }
  }
}

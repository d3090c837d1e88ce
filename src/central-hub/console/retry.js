/**
 * Tries something again by itself, ever more rarely, and when the browser says that it is online
 * again.
 */

const firstMs = 2_000
const maxMs = 60_000

export class Retry {
  #run
  #delayMs = firstMs
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {() => void} run */
  constructor(run) {
    this.#run = run
    addEventListener('online', () => this.now())
  }

  /** It did not succeed: once more, later. */
  later() {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#run()
    }, this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, maxMs)
  }

  /** There is reason to believe that it succeeds. */
  now() {
    this.settled()
    this.#run()
  }

  /** It succeeded, or there is nothing to try. */
  settled() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#delayMs = firstMs
  }
}

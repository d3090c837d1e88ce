/** How attempts of one kind are slowed down. */
interface Pace {
  /** So many failures cost nothing. */
  free: number
  /** The most that a caller waits for the next attempt, ms. */
  maxWaitMs: number
}

/** Failures of one username, or of one address. */
interface Failures {
  count: number
  /** The next attempt is taken then, ms of the clock that only goes on. */
  nextAt: number
}

const firstWaitMs = 1_000
/** Failures are forgotten when none came for this long, ms. */
const forgetMs = 3_600_000
/** More than these at a time make no difference to who guesses, and take memory. */
const maxKnown = 10_000

/** Failures by username or by address. */
class Slowed {
  readonly #pace: Pace
  /** In the order of their last failures. */
  readonly #failures = new Map<string, Failures>()

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** How long this one must wait, ms; 0: no longer. */
  waitMs(who: string, now: number): number {
    const failures = this.#failures.get(who)
    return failures === undefined ? 0 : Math.max(0, failures.nextAt - now)
  }

  add(who: string, now: number): void {
    const { free, maxWaitMs } = this.#pace
    this.#forget(now)
    const count = (this.#failures.get(who)?.count ?? 0) + 1
    const over = count - free
    const wait = over <= 0 ? 0 : Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(over - 1, 30))
    this.#failures.delete(who)
    this.#failures.set(who, { count, nextAt: now + wait })
  }

  /** Takes back one failure: the attempt succeeded. */
  takeBack(who: string): void {
    const failures = this.#failures.get(who)
    if (failures === undefined) return
    failures.count -= 1
    failures.nextAt = 0
    if (failures.count <= 0) this.#failures.delete(who)
  }

  clear(who: string): void {
    this.#failures.delete(who)
  }

  #forget(now: number): void {
    for (const [who, { nextAt }] of this.#failures) {
      if (this.#failures.size < maxKnown && nextAt + forgetMs > now) return
      this.#failures.delete(who)
    }
  }
}

/**
 * Slows down who guesses passwords: by username, from wherever the guesses come, and by address,
 * whatever the usernames. After some failures the wait doubles with each. It never locks anybody
 * out for longer than a minute, so that a stranger cannot keep an operator out. Each hub counts for
 * itself. Behind a proxy all have one address, which is slowed down late and little.
 */
export class SignInThrottle {
  readonly #usernames = new Slowed({ free: 5, maxWaitMs: 60_000 })
  readonly #addresses = new Slowed({ free: 50, maxWaitMs: 10_000 })
  readonly #now: () => number

  /** @param now ms of a clock that only goes on */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Counts an attempt as failed, before it is known, so that attempts that come together do not
   * pass together.
   * @returns the seconds to wait when it is too early; undefined: it may be made
   */
  begin(username: string, address: string): number | undefined {
    const now = this.#now()
    const waitMs = Math.max(
      this.#usernames.waitMs(username, now),
      this.#addresses.waitMs(address, now)
    )
    if (waitMs > 0) return Math.ceil(waitMs / 1_000)
    this.#usernames.add(username, now)
    this.#addresses.add(address, now)
    return undefined
  }

  /** The attempt that was begun last for these succeeded. */
  succeeded(username: string, address: string): void {
    this.#usernames.clear(username)
    this.#addresses.takeBack(address)
  }
}

import { createHash } from 'node:crypto'
import type { FlatHeaders } from './answer.ts'

const windowMs = 60_000

/** What an address has spent in its window. */
interface Spent {
  requests: number
  /** When the window ends, ms of the clock that only goes on. */
  until: number
  policy: string
}

/** Counts a request. */
export type RateLimit = (address: string) => { allowed: boolean; headers: FlatHeaders }

/**
 * Lets each address make so many requests a minute, and tells it by RateLimit and RateLimit-Policy
 * how many are left, by Retry-After how long to wait,
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/. Behind a proxy all are
 * one address: the proxy's word for another could be anybody's. Counting takes a microsecond, and
 * memory only for the addresses of the last two minutes.
 * @param now ms of a clock that only goes on: set back by a day, the time of day would keep a
 * window open for a day
 */
export const limitRate = (
  perMinute: number,
  now: () => number = () => performance.now()
): RateLimit => {
  const name = `"${perMinute}-in-1min"`
  let [recent, older] = [new Map<string, Spent>(), new Map<string, Spent>()]
  let turnAt = now() + windowMs
  const begin = (address: string, at: number): Spent => {
    const partition = Buffer.from(
      createHash('sha256').update(address).digest('hex').slice(0, 12)
    ).toString('base64')
    return {
      requests: 0,
      until: at + windowMs,
      policy: `${name}; q=${perMinute}; w=${windowMs / 1_000}; pk=:${partition}:`
    }
  }
  return (address) => {
    const at = now()
    if (at >= turnAt) {
      ;[recent, older] = [new Map(), recent]
      turnAt = at + windowMs
    }
    const before = recent.get(address) ?? older.get(address)
    const spent = before !== undefined && at < before.until ? before : begin(address, at)
    if (recent.get(address) !== spent) recent.set(address, spent)
    spent.requests += 1
    const left = perMinute - spent.requests
    const seconds = Math.ceil((spent.until - at) / 1_000)
    const headers = [
      'ratelimit',
      `${name}; r=${Math.max(0, left)}; t=${seconds}`,
      'ratelimit-policy',
      spent.policy
    ]
    return left >= 0
      ? { allowed: true, headers }
      : { allowed: false, headers: [...headers, 'retry-after', String(seconds)] }
  }
}

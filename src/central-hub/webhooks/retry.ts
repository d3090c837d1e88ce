import { maxWaitMs } from '../store/deliveries.ts'
import { deliverForMs } from '../store/outbox.ts'

/** When a delivery that failed is tried again. Times in ms. */

const minDelayMs = 5_000
const maxDelayMs = 3_600_000

export interface Failed {
  now: number
  /** Failures of the endpoint in a row, this one included, and since when. */
  failures: number
  failingSince: number
  expiresAt: number
  retryAfterMs?: number | undefined
}

/** Whether a delivery has had its time, and the endpoint its chance: after a week without the hub it still has one. */
export const isOver = ({ now, failingSince, expiresAt }: Failed): boolean => now >= expiresAt && now - failingSince >= deliverForMs

/** Exponential, from 5 s to an hour, with jitter; never before the endpoint asked for. @param random from 0 to 1 */
export const retryAt = ({ now, failures, retryAfterMs = 0 }: Failed, random: number): number => {
  const backoff = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + random / 2)
  return now + Math.round(Math.max(backoff, Math.min(retryAfterMs, maxWaitMs)))
}

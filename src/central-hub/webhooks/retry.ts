import { maxWaitMs } from '../store/outbox/delivery-queues.ts'

/** When a delivery that failed is tried again. Times in ms. */

const minDelayMs = 5_000
const maxDelayMs = 3_600_000

/**
 * Exponential, from 5 s to an hour, with jitter; never shorter than the endpoint asked for.
 * @param failures in a row, the last one included
 * @param random from 0 to 1
 */
export const delayOf = (
  failures: number,
  retryAfterMs: number | undefined,
  random: number
): number => {
  const backoff =
    Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + random / 2)
  return Math.round(Math.max(backoff, Math.min(retryAfterMs ?? 0, maxWaitMs)))
}

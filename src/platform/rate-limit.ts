import { rateLimit } from 'express-rate-limit'
import type { Middleware } from 'polka'
import { ProblemError } from './problem.ts'

const windowMs = 60_000

/**
 * Lets each address make so many requests a minute, and tells it by RateLimit and RateLimit-Policy how many are left,
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/. Behind a proxy all are one address: the
 * proxy's word for another could be anybody's.
 * @throws {ProblemError} too-many-requests, with Retry-After
 */
export const limitRate = (perMinute: number): Middleware => {
  const limit = rateLimit({
    windowMs, limit: perMinute,
    standardHeaders: 'draft-8', legacyHeaders: false,
    keyGenerator: ({ socket }) => socket.remoteAddress ?? '',
    handler: (_req, _res, next) => next(new ProblemError('too-many-requests', `${perMinute} requests a minute are answered`)),
    // it would look for Express's settings
    validate: false
  })
  return (req, res, next) => {
    // by Express's name for it
    Object.assign(res, { append: res.appendHeader })
    return (limit as unknown as Middleware)(req, res, next)
  }
}

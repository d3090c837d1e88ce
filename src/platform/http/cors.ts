import cors from 'cors'
import type { Middleware, Request } from 'polka'
import { headersOf, type FlatHeaders } from './answer.ts'

/** What a page of another origin may read of an answer, besides the few that are always there. */
const exposedHeaders = [
  'X-Request-Id',
  'ETag',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Idempotency-Replayed',
  'Content-Disposition',
  'Content-Range',
  'Location'
]

/**
 * Lets pages of these origins call, https://fetch.spec.whatwg.org/#http-cors-protocol; what it says
 * of each is made once.
 */
export const allowOrigins = (
  origins: readonly string[]
): { headers: (req: Request) => FlatHeaders; preflight: Middleware } => {
  const preflight = cors({
    origin: [...origins],
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders,
    maxAge: 600
  }) as unknown as Middleware
  const refused = headersOf(preflight, { method: 'GET', headers: {} })
  const allowed = new Map(
    origins.map((origin) => [origin, headersOf(preflight, { method: 'GET', headers: { origin } })])
  )
  return {
    preflight,
    headers: ({ headers: { origin } }) =>
      (origin === undefined ? undefined : allowed.get(origin)) ?? refused
  }
}

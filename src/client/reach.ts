import { LeadMasterError } from './error.ts'

/** Explains why a request had no answer. */

/** A request that failed. */
export interface Failure {
  /** `baseUrl`; empty where the page came from. */
  base: string
  /** What fetch rejected with. */
  cause: unknown
  /** Whether the hub has answered this client before. */
  hasAnswered: boolean
  fetch: typeof fetch
}

/** The global object of a page. Node has no location. */
interface Page {
  location?: { origin: string; protocol: string }
}

/** How long to wait whether anybody answers, ms. */
const probeMs = 3_000

/** The loopback names, which a page of https may call by http. */
const loopback = /^http:\/\/(localhost|127\.|\[::1\])/

export async function unreachable(failure: Failure): Promise<LeadMasterError> {
  const { base, cause } = failure
  const { location } = globalThis as Page
  if (location === undefined) return noAnswer(`nobody answers at ${base}${detailOf(cause)}`, cause)
  if (base === '' || base.startsWith('/') || new URL(base).origin === location.origin) {
    return noAnswer(`nobody answers at ${base === '' ? 'this origin' : base}`, cause)
  }
  if (location.protocol === 'https:' && base.startsWith('http:') && !loopback.test(base)) {
    return noAnswer(
      `nobody answers at ${base}: a browser lets no page of https call http. Serve the hub by ` +
        'https',
      cause
    )
  }
  if (!(await someoneAnswers(failure))) {
    return noAnswer(
      `nobody answers at ${base}, or what answers there hides it from pages of other origins`,
      cause
    )
  }
  if (failure.hasAnswered) {
    return noAnswer(
      `something else answers at ${base} in place of the hub, such as a proxy while the hub ` +
        'restarts',
      cause
    )
  }
  const { origin } = location
  const message =
    `${base} answers, but not to pages of ${origin}: add ${origin} to CORS_ORIGINS in ` +
    'central-hub.env and restart central-hub, or correct baseUrl if the hub is not there'
  return new LeadMasterError(message, { type: 'origin-not-allowed', cause })
}

const noAnswer = (message: string, cause: unknown): LeadMasterError =>
  new LeadMasterError(message, { type: 'unreachable', cause })

/**
 * A browser reports an answer that it hides from the page like no answer: by a TypeError. A request
 * in the mode `no-cors` tells them apart: it succeeds if anybody answers.
 */
async function someoneAnswers({ base, fetch }: Failure): Promise<boolean> {
  const init = {
    mode: 'no-cors',
    credentials: 'omit',
    cache: 'no-store',
    signal: AbortSignal.timeout(probeMs)
  } as const
  return fetch(`${base}/health`, init).then(
    () => true,
    () => false
  )
}

/** Node's error code, explained. */
function detailOf(cause: unknown): string {
  const code =
    cause instanceof Error &&
    typeof cause.cause === 'object' &&
    cause.cause !== null &&
    'code' in cause.cause
      ? cause.cause.code
      : undefined
  if (typeof code !== 'string') return ''
  if (code === 'ECONNREFUSED') return ': nothing listens there (ECONNREFUSED)'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `: its name cannot be resolved (${code})`
  return ` (${code})`
}

import type { Problem, ProblemType } from '../contract/problem.ts'

/**
 * `unreachable`: nobody answered. `origin-not-allowed`: the browser hides the answers from pages of
 * this origin. `unexpected-answer`: the answer is not from LeadMaster, but from another program or
 * a proxy.
 */
export type ErrorType = ProblemType | 'unreachable' | 'origin-not-allowed' | 'unexpected-answer'

/**
 * Why a call failed. For a problem of the hub, `problem.detail` says how to fix it;
 * `/docs#problem-TYPE` says more.
 */
export class LeadMasterError extends Error {
  override readonly name = 'LeadMasterError'
  /** Stable: programs can match on it. */
  readonly type: ErrorType
  /** The HTTP status, 0 when nobody answered. */
  readonly status: number
  /** Each parameter, header or member of the body at fault, with what was expected. */
  readonly errors: NonNullable<Problem['errors']>
  /** The problem that the hub answered with, RFC 9457. */
  readonly problem: Problem | undefined
  /** The id of the request in the log of the hub. */
  readonly requestId: string | undefined
  /** How many seconds to wait before trying again, when the hub said so. */
  readonly retryAfterS: number | undefined

  constructor(
    message: string,
    facts: {
      type: ErrorType
      status?: number
      problem?: Problem
      headers?: Headers
      cause?: unknown
    }
  ) {
    super(message, { cause: facts.cause })
    this.type = facts.type
    this.status = facts.status ?? 0
    this.problem = facts.problem
    this.errors = facts.problem?.errors ?? []
    this.requestId = facts.headers?.get('x-request-id') ?? undefined
    const seconds = facts.headers?.get('retry-after') ?? ''
    this.retryAfterS = /^\d+$/.test(seconds) ? Number(seconds) : undefined
  }
}

const prefix = 'urn:leadmaster:problem:'

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' &&
  body !== null &&
  'type' in body &&
  typeof body.type === 'string' &&
  body.type.startsWith(prefix)

/** The error for an answer with a status of 400 or more. */
export async function errorOf(res: Response): Promise<LeadMasterError> {
  const { status, headers } = res
  const body: unknown = await res.json().catch(() => undefined)
  if (!isProblem(body)) return notOfTheHub(res)
  const type = body.type.slice(prefix.length) as ProblemType
  return new LeadMasterError(describeProblem(body, headers), {
    type,
    status,
    problem: body,
    headers
  })
}

/** The message: the hub's detail, and how long to wait if the hub says so. */
function describeProblem({ title, detail }: Problem, headers: Headers): string {
  const seconds = headers.get('retry-after') ?? ''
  const words = detail ?? title
  return /^\d+$/.test(seconds) ? `${words}. Try again in ${seconds} s` : words
}

/** The error for an answer that does not come from a hub. */
export function notOfTheHub(res: Response): LeadMasterError {
  const { status, headers } = res
  const place = res.url === '' ? 'baseUrl' : new URL(res.url).origin
  const kind = headers.get('content-type')?.split(';')[0] ?? 'no content type'
  const isAway = [502, 503, 504].includes(status)
  const message = isAway
    ? `what answers at ${place} in place of the hub says ${status}: the hub does not run, or ` +
      'restarts'
    : `what answers at ${place} is not a LeadMaster hub (${status}, ${kind}): check baseUrl`
  return new LeadMasterError(message, { type: 'unexpected-answer', status, headers })
}

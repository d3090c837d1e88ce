import type { Problem, ProblemType } from '../contract/problem.ts'

/**
 * `unreachable`: nobody answered. `origin-not-allowed`: the browser keeps the answers from pages of
 * this origin. `unexpected-answer`: what answered is not LeadMaster, or is between the hub and
 * here.
 */
export type ErrorType = ProblemType | 'unreachable' | 'origin-not-allowed' | 'unexpected-answer'

/**
 * Why a call failed. The hub's own problems say in `problem.detail` how to mend them;
 * `/docs#problem-TYPE` says more.
 */
export class LeadMasterError extends Error {
  override readonly name = 'LeadMasterError'
  /** Stable, and made to be matched on. */
  readonly type: ErrorType
  /** The HTTP status, 0 when nobody answered. */
  readonly status: number
  /** Each parameter, header or member of the body at fault, with what was expected. */
  readonly errors: NonNullable<Problem['errors']>
  /** What the hub said, RFC 9457. */
  readonly problem: Problem | undefined
  /** The request in the log of the hub. */
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

/** The error that an answer with a status of 400 or more is. */
export async function errorOf(res: Response): Promise<LeadMasterError> {
  const { status, headers } = res
  const body: unknown = await res.json().catch(() => undefined)
  if (!isProblem(body)) return notOfTheHub(res)
  const type = body.type.slice(prefix.length) as ProblemType
  return new LeadMasterError(wordsOf(body, headers), { type, status, problem: body, headers })
}

/** What the hub says is wrong, and for how long to wait when it says so. */
function wordsOf({ title, detail }: Problem, headers: Headers): string {
  const seconds = headers.get('retry-after') ?? ''
  const words = detail ?? title
  return /^\d+$/.test(seconds) ? `${words}. Try again in ${seconds} s` : words
}

/** The error that an answer is which no hub gives. */
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

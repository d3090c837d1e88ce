import type { Problem, ProblemType } from '../contract/problem.ts'

/** `unreachable`: nobody answered. `unexpected-answer`: what did is not LeadMaster, or something between that speaks for it. */
export type ErrorType = ProblemType | 'unreachable' | 'unexpected-answer'

/** Why a call failed. The hub's own problems say in `problem.detail` how to mend them; `/docs#problem-TYPE` says more. */
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

  constructor(message: string, facts: { type: ErrorType; status?: number; problem?: Problem; headers?: Headers; cause?: unknown }) {
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
  typeof body === 'object' && body !== null && 'type' in body && typeof body.type === 'string' && body.type.startsWith(prefix)

/** The error that an answer with a status of 400 or more is. */
export const errorOf = async (res: Response): Promise<LeadMasterError> => {
  const { status, headers } = res
  const body: unknown = await res.json().catch(() => undefined)
  if (!isProblem(body)) return new LeadMasterError(`the answer is ${status}, and no problem of LeadMaster's`, { type: 'unexpected-answer', status, headers })
  return new LeadMasterError(body.detail ?? body.title, { type: body.type.slice(prefix.length) as ProblemType, status, problem: body, headers })
}

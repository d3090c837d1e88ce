import { problems, type Problem, type ProblemType } from '../contract/problem.ts'
import { PlainError } from './harmless.ts'

/** What a problem document names its type by. */
export const toProblemUrn = (type: ProblemType): string => `urn:leadmaster:problem:${type}`

/** An error that is meant for the caller of the API: it becomes a problem document, RFC 9457. */
export class ProblemError extends PlainError {
  readonly problem: Problem
  constructor(type: ProblemType, detail?: string, errors?: Problem['errors'], account?: string) {
    super(detail ?? problems[type].title)
    const { status, title } = problems[type]
    this.problem = {
      type: toProblemUrn(type),
      title, status,
      ...(detail === undefined ? {} : { detail }),
      ...(errors === undefined ? {} : { errors }),
      ...(account === undefined ? {} : { account })
    }
  }
}

/** A parameter, header or body member that is not as expected: names it and says what was. */
export const invalid = (...errors: NonNullable<Problem['errors']>): ProblemError =>
  new ProblemError('invalid-parameters', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), errors)

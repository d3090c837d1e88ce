import { problems, type Problem, type ProblemType } from '../../contract/problem.ts'
import { PlainError } from '../harmless.ts'
import { omitUndefined } from '../omit-undefined.ts'

/** What a problem document names its type by. */
export const toProblemUrn = (type: ProblemType): string => `urn:leadmaster:problem:${type}`

/** An error that is meant for the caller of the API: it becomes a problem document, RFC 9457. */
export class ProblemError extends PlainError {
  readonly problem: Problem
  constructor(type: ProblemType, detail?: string, errors?: Problem['errors'], account?: string) {
    super(detail ?? problems[type].title)
    const { status, title } = problems[type]
    this.problem = omitUndefined({
      type: toProblemUrn(type),
      title,
      status,
      detail,
      errors,
      account
    })
  }
}

/** What is wrong with a request, and where: `field` is a name or, in the body, a JSON pointer. */
export interface Fault {
  in: 'path' | 'query' | 'header' | 'body' | 'column'
  field: string
  message: string
  code?: string
}

/** A fault by its name alone, as what checks a value against a schema tells it. */
export type FieldFault = Pick<Fault, 'field' | 'message'>

/** Faults of one place of a request. */
export const faultsIn = (place: Fault['in'], faults: readonly FieldFault[]): Fault[] =>
  faults.map((fault) => ({ in: place, ...fault }))

/** `field` of what is wrong with the body as a whole, which has no name. */
export const wholeBody = 'body'

/** A JSON pointer as a URI fragment, https://www.rfc-editor.org/rfc/rfc6901#section-6 */
const toFragment = (pointer: string): string =>
  `#${pointer.toWellFormed().split('/').map(encodeURIComponent).join('/')}`

const toError = (fault: Fault): NonNullable<Problem['errors']>[number] => {
  if (fault.in !== 'body') return fault
  const { in: place, field, ...rest } = fault
  return { in: place, field, pointer: toFragment(field === wholeBody ? '' : field), ...rest }
}

/** A parameter, header or body member that is not as expected: names it and says what was. */
export const invalid = (...faults: readonly Fault[]): ProblemError =>
  new ProblemError(
    'invalid-parameters',
    faults.map(({ field, message }) => `${field}: ${message}`).join('; '),
    faults.map(toError)
  )

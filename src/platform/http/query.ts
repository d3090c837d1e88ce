import type { Request } from './http.ts'
import { invalid } from './problem.ts'

/**
 * Query parameters, read strictly: what is unknown, given twice or not as expected is a problem
 * that names it.
 */

/** @throws {ProblemError} invalid-parameters */
export const query = (req: Request, ...known: readonly string[]): URLSearchParams => {
  const params = new URLSearchParams(req.search)
  const names = [...params.keys()]
  const faults = [...new Set(names)].flatMap((field) => {
    if (!known.includes(field))
      return {
        in: 'query' as const,
        field,
        message: `unknown; expected ${known.join(', ') || 'no parameter'}`
      }
    return names.filter((name) => name === field).length > 1
      ? { in: 'query' as const, field, message: 'expected once' }
      : []
  })
  if (faults.length > 0) throw invalid(...faults)
  return params
}

/** A whole number of a range, or `fallback` when it is not given. */
export const whole = (
  value: string | null,
  field: string,
  min: number,
  max: number,
  fallback: number
): number => {
  if (value === null) return fallback
  const number = /^\d{1,16}$/.test(value) ? Number(value) : NaN
  if (!(number >= min && number <= max))
    throw invalid({ in: 'query', field, message: `expected a whole number from ${min} to ${max}` })
  return number
}

export const trueOrFalse = (value: string | null, field: string): boolean | undefined => {
  if (value === null) return undefined
  if (value !== 'true' && value !== 'false')
    throw invalid({ in: 'query', field, message: 'expected true or false' })
  return value === 'true'
}

import type { Static, TSchema } from 'typebox'
import { faultsAgainst } from '../platform/expected.ts'
import { invalid } from '../platform/problem.ts'

/** What reads JSON bodies of a schema; what it gives throws invalid-parameters, naming each member at fault. */
export const bodyReader = <S extends TSchema>(schema: S): ((req: object) => Static<S>) => {
  const faultsOf = faultsAgainst(schema)
  return (req) => {
    const { body } = req as { body?: unknown }
    const faults = faultsOf(body)
    if (faults.length > 0) throw invalid(...faults)
    return body as Static<S>
  }
}

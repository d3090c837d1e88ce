import type { IncomingMessage } from 'node:http'
import type { Static, TSchema } from 'typebox'
import { faultsAgainst } from '../../platform/http/expected.ts'
import { requireJson } from '../../platform/http/body.ts'
import { faultsIn, invalid } from '../../platform/http/problem.ts'

/**
 * What reads JSON bodies of a schema; what it gives throws invalid-parameters, naming each member
 * at fault.
 */
export const bodyReader = <S extends TSchema>(schema: S): ((req: IncomingMessage) => Static<S>) => {
  const faultsOf = faultsAgainst(schema)
  return (req) => {
    requireJson(req)
    const { body } = req as { body?: unknown }
    const faults = faultsOf(body)
    if (faults.length > 0) throw invalid(...faultsIn('body', faults))
    return body as Static<S>
  }
}

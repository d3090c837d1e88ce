import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Request } from '../platform/http.ts'
import { invalid } from '../platform/problem.ts'

/** What reads JSON bodies of a schema; what it gives throws invalid-parameters, naming each member at fault. */
export const bodyReader = <S extends TSchema>(schema: S): ((req: Request) => Static<S>) => {
  const compiled = Compile(schema)
  return ({ body }: { body?: unknown }) => {
    if (body === undefined) throw invalid({ field: 'body', message: 'expected a JSON object, as application/json' })
    if (compiled.Check(body)) return body as Static<S>
    // what the schema does not have is checked against `false`
    throw invalid(...compiled.Errors(body).map(({ instancePath, message }) => ({ field: instancePath || 'body', message: message === 'schema is false' ? 'unknown' : message })))
  }
}

import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Test } from 'tap'

/** Asserts that a value is as a schema of the contract has it, and says where it is not. */
export const conforms = (t: Test, schema: TSchema, value: unknown, what: string): void => {
  const validator = Compile(schema)
  t.ok(validator.Check(value), what, { value, errors: validator.Errors(value) })
}

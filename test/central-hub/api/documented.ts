import type { TSchema } from 'typebox'
import {
  createOpenApi,
  type DocumentedOperation,
  type DocumentedResponse,
  type Parameter
} from '../../../src/central-hub/api/openapi.ts'

/** The OpenAPI document as whoever reads it without our contract: every reference followed. */

export interface Read extends Omit<DocumentedOperation, 'parameters' | 'responses'> {
  method: string
  path: string
  parameters: Parameter[]
  responses: Record<string, DocumentedResponse>
}

export const document = createOpenApi('1.2.3')

/** A value with what it refers to in its place. */
const followed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(followed)
  if (typeof value !== 'object' || value === null) return value
  if (!('$ref' in value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, followed(inner)]))
  const { $ref, ...rest } = value as { $ref: string }
  const target = $ref
    .split('/')
    .slice(1)
    .reduce((at: unknown, key) => (at as Record<string, unknown>)[key], document)
  if (target === undefined) throw new Error(`${$ref} refers to nothing`)
  return { ...(followed(target) as object), ...rest }
}

export const documented: Read[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...(followed(operation) as Read),
    method: method.toUpperCase(),
    path
  }))
)

/**
 * The schema that an answer is documented with, for this content type; undefined when it has none.
 */
export const schemaOf = (operation: Read, status: number, type: string): TSchema | undefined =>
  operation.responses[status]?.content?.[type]?.schema as TSchema | undefined

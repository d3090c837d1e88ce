import type { TSchema } from 'typebox'
import * as alarm from '../../contract/alarm.ts'
import * as audit from '../../contract/audit.ts'
import * as content from '../../contract/content.ts'
import * as lead from '../../contract/lead.ts'
import * as messageTypes from '../../contract/message-types.ts'
import * as pageReport from '../../contract/page-report.ts'
import * as problem from '../../contract/problem.ts'
import * as record from '../../contract/record.ts'
import * as session from '../../contract/session.ts'
import * as team from '../../contract/team.ts'
import * as webhook from '../../contract/webhook.ts'

/** JSON Schema as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The schemas that the contract names, by identity. */
const names = new Map<unknown, string>(
  [alarm, audit, lead, messageTypes, pageReport, problem, record, session, team, webhook].flatMap(
    (module) =>
      Object.entries(module as Record<string, unknown>)
        .filter(([, value]) => isSchema(value))
        .map(([name, schema]) => [schema, name] as const)
  )
)

/**
 * The parts of a message by the content of their schemas: `Type.Optional` makes another object, so
 * the identity differs.
 */
const parts = new Map<string, string>(
  Object.entries(content as Record<string, unknown>)
    .filter(([, value]) => isSchema(value))
    .map(([name, schema]) => [JSON.stringify(schema), name])
)

const nameOf = (schema: unknown): string | undefined =>
  names.get(schema) ?? parts.get(JSON.stringify(schema))

function isSchema(value: unknown): value is TSchema {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('type' in value || 'anyOf' in value) &&
    '~kind' in value
  )
}

const isPlainConst = (schema: JsonSchema): boolean =>
  'const' in schema && Object.keys(schema).every((key) => key === 'const' || key === 'type')

/** A choice of texts as `enum`, or as `oneOf` if some have a description. */
const asEnum = ({ anyOf, ...rest }: JsonSchema): JsonSchema | undefined => {
  const consts = anyOf as readonly JsonSchema[] | undefined
  if (consts === undefined) return undefined
  if (consts.every(isPlainConst))
    return { ...rest, type: 'string', enum: consts.map((item) => item['const']) }
  return consts.every((item) => 'const' in item)
    ? { ...rest, type: 'string', oneOf: consts.map(({ type: _type, ...item }) => item) }
    : undefined
}

/**
 * Writes schemas for a document: a schema that the contract names becomes a component of that name,
 * and each use refers to it.
 */
export const createSchemas = (): {
  reference(schema: TSchema): JsonSchema
  components(): Record<string, JsonSchema>
} => {
  const components = new Map<string, JsonSchema>()
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    if (nameOf(value) !== undefined) return reference(value as TSchema)
    return inside(value as JsonSchema)
  }
  const inside = (schema: JsonSchema): JsonSchema =>
    asEnum(schema) ??
    Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, walk(value)]))
  const reference = (schema: TSchema): JsonSchema => {
    const name = nameOf(schema)
    if (name === undefined) return inside(schema as JsonSchema)
    if (!components.has(name)) {
      components.set(name, {}) // The schema may refer to itself.
      components.set(name, inside(schema as JsonSchema))
    }
    return { $ref: `#/components/schemas/${name}` }
  }
  return {
    reference,
    components: () => Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

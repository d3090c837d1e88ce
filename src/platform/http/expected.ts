import Type, { type TObject, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { once } from '../async.ts'
import { wholeBody, type FieldFault } from './problem.ts'

/** Input held against a schema: what is wrong is named, with what was expected in plain words. */

const maxFaults = 50
/** The keywords of JSON Schema that our schemas use. */
export interface SchemaKeywords<Schema> {
  $ref?: string
  type?: string
  enum?: readonly unknown[]
  const?: unknown
  anyOf?: readonly Schema[]
  oneOf?: readonly Schema[]
  items?: Schema
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  description?: string
  default?: unknown
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  minProperties?: number
}
const keywords = (schema: TSchema): SchemaKeywords<TSchema> => schema as SchemaKeywords<TSchema>

const bound = (least: number | undefined, most: number | undefined): string => {
  const from = least === undefined ? '' : ` from ${least}`
  if (most === undefined) return from
  return least === undefined ? ` up to ${most}` : `${from} to ${most}`
}

/** A bound of a number of items or characters. */
const count = (least: number | undefined, most: number | undefined): string =>
  bound(least, most).replace(' from', '')

/** What a schema expects, such as "a whole number from 1 to 200". */
export const expectation = (schema: TSchema): string => {
  const {
    type,
    anyOf,
    items,
    properties,
    minimum,
    maximum,
    minLength,
    maxLength,
    minItems,
    maxItems,
    description,
    ...rest
  } = keywords(schema)
  if ('const' in rest) return String(rest.const)
  if (anyOf !== undefined) {
    const kinds = anyOf.map(expectation)
    return anyOf.every((one) => 'const' in one) ? `one of ${kinds.join(', ')}` : kinds.join(' or ')
  }
  switch (type) {
    case 'integer':
      return `a whole number${bound(minimum, maximum)}`
    case 'number':
      return `a number${bound(minimum, maximum)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return (
        `a list of${count(minItems, maxItems)} items, ` +
        `each ${items === undefined ? 'anything' : expectation(items)}`
      )
    case 'object':
      return `an object with ${Object.keys(properties ?? {}).join(', ')}`
    case 'string': {
      const isBound = minLength !== undefined || maxLength !== undefined
      const length = isBound ? ` of${count(minLength, maxLength)} characters` : ''
      const form = 'pattern' in rest && description !== undefined ? ` (${description})` : ''
      return `text${length}${form}`
    }
    default:
      return type ?? 'something else'
  }
}

/** A member's name in a JSON pointer, https://www.rfc-editor.org/rfc/rfc6901#section-3 */
const escapeName = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
const unescapeName = (text: string): string => text.replaceAll('~1', '/').replaceAll('~0', '~')

/** The schema of a member, or of each item of a list. */
const memberOf = (schema: TSchema, name: string): TSchema => {
  const { properties = {}, items } = keywords(schema)
  return (Object.hasOwn(properties, name) ? properties[name] : items) ?? schema
}

/** The schema of what a JSON pointer leads to, as far as it can be told. */
const at = (schema: TSchema, pointer: string): TSchema =>
  pointer.split('/').slice(1).map(unescapeName).reduce(memberOf, schema)

/**
 * What is wrong with a JSON value, by JSON pointer; nothing when it is as the schema expects. Of
 * many faults TypeBox tells the first 8.
 * @param schema compiled once, at the first value
 */
export const faultsAgainst = (schema: TSchema): ((value: unknown) => FieldFault[]) => {
  const compiled = once(() => Compile(schema))
  return (value) => {
    const check = compiled()
    if (check.Check(value)) return []
    const faults = new Map<string, string>()
    for (const { keyword, instancePath, params } of check.Errors(value)) {
      const unknown =
        keyword === 'additionalProperties'
          ? (params as { additionalProperties: string[] }).additionalProperties
          : []
      const missing =
        keyword === 'required'
          ? (params as { requiredProperties: string[] }).requiredProperties
          : []
      for (const name of unknown)
        faults.set(
          `${instancePath}/${escapeName(name)}`,
          `unknown; expected ${expectation(at(schema, instancePath))}`
        )
      for (const name of missing) {
        const pointer = `${instancePath}/${escapeName(name)}`
        faults.set(pointer, `expected ${expectation(at(schema, pointer))}`)
      }
      if (unknown.length + missing.length === 0 && !faults.has(instancePath))
        faults.set(instancePath, `expected ${expectation(at(schema, instancePath))}`)
    }
    return [...faults]
      .map(([field, message]) => ({ field: field || wholeBody, message }))
      .slice(0, maxFaults)
  }
}

const toBoolean = (text: string): boolean | string => {
  if (text === 'true') return true
  return text === 'false' ? false : text
}

const convert = (schema: TSchema, text: string): unknown => {
  const { type, items } = keywords(schema)
  if (type === 'integer') return /^-?\d{1,16}$/.test(text) ? Number(text) : text
  if (type === 'boolean') return toBoolean(text)
  if (type === 'array' && items !== undefined)
    return text.split(',').map((word) => convert(items, word))
  return text
}

const inWords = (schema: TSchema): string => {
  const { type, items } = keywords(schema)
  return type === 'array' && items !== undefined
    ? `${expectation(items).replace(/^one of /, 'one or more of ')}, separated by commas`
    : expectation(schema)
}

interface Property {
  property: TSchema
  /** Compiled when it is first needed. */
  check: () => ReturnType<typeof Compile>
}

const isList = (schema: TSchema): boolean => keywords(schema).type === 'array'

/**
 * Reads text parameters (of a query or path) as a schema types them: whole numbers, true or false.
 * A list's items are separated by commas or given one by one, `a=x,y` or `a=x&a=y`. What is
 * unknown, given twice though it is no list, or not as expected is a fault by its name.
 * @param schema each parameter's is compiled once, when one is first given
 */
export const parametersAs = (
  schema: TObject
): ((params: Iterable<[string, string]>) => {
  values: Record<string, unknown>
  faults: FieldFault[]
}) => {
  const properties = new Map(
    Object.entries(schema.properties).map(([name, property]): [string, Property] => [
      name,
      { property, check: once(() => Compile(property)) }
    ])
  )
  return (params) => {
    const values: Record<string, unknown> = {}
    const faults = new Map<string, string>()
    const given = Map.groupBy(params, ([name]) => name)
    for (const [name, pairs] of given) {
      const known = properties.get(name)
      if (known === undefined) {
        faults.set(name, `unknown; expected ${[...properties.keys()].join(', ') || 'no parameter'}`)
        continue
      }
      const items = pairs.map(([, text]) => convert(known.property, text))
      values[name] = isList(known.property) ? items.flat() : items[0]
      if (items.length > 1 && !isList(known.property)) faults.set(name, 'expected once')
      else if (!known.check().Check(values[name]))
        faults.set(name, `expected ${inWords(known.property)}`)
    }
    for (const [name, { property }] of properties) {
      if (given.has(name)) continue
      if ('default' in property) values[name] = property.default
      else if (!Type.IsOptional(property)) faults.set(name, `expected ${inWords(property)}`)
    }
    return {
      values,
      faults: [...faults].map(([field, message]) => ({ field, message })).slice(0, maxFaults)
    }
  }
}

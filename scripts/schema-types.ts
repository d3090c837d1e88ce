/** Types of TypeScript for JSON Schema, as the contract's OpenAPI document has it. */

export type JsonSchema = Readonly<Record<string, unknown>>

/** A union of types. */
export const union = (types: readonly string[]): string => [...new Set(types)].join(' | ')

/** A doc comment; empty without a text. */
export function describe(text: unknown): string {
  if (typeof text !== 'string' || text === '') return ''
  const lines = text.replaceAll('*/', '*\\/').split('\n')
  return lines.length === 1
    ? `/** ${lines[0]} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n`
}

export function typeOf(schema: JsonSchema): string {
  const { $ref, type, items, enum: values, anyOf, oneOf } = schema
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? ''
  if ('const' in schema) return JSON.stringify(schema['const'])
  if (Array.isArray(values)) return union(values.map((value) => JSON.stringify(value)))
  const several = (anyOf ?? oneOf) as JsonSchema[] | undefined
  if (several !== undefined) return union(several.map(typeOf))
  if (type === 'array') return listOf(typeOf(items as JsonSchema))
  if (type === 'object') return objectOf(schema)
  if (type === 'integer' || type === 'number') return 'number'
  if (type === 'string' || type === 'boolean' || type === 'null') return type
  if (type === undefined) return 'unknown'
  throw new Error(`no type for the schema ${JSON.stringify(schema)}`)
}

const listOf = (item: string): string =>
  item.includes(' | ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`

function objectOf(schema: JsonSchema): string {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>
  const required = (schema['required'] ?? []) as string[]
  const others = Object.values((schema['patternProperties'] ?? {}) as Record<string, JsonSchema>)
  if (others.length > 0) return `Record<string, ${union(others.map(typeOf))}>`
  const members = Object.entries(properties).map(([name, member]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name)
    const optional = required.includes(name) ? '' : '?'
    return `${describe(member['description'])}${key}${optional}: ${typeOf(member)}`
  })
  return members.length === 0
    ? 'Record<string, never>'
    : `{\n${members.map((member) => `  ${member.replaceAll('\n', '\n  ')}`).join('\n')}\n}`
}

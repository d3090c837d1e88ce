import { html, inline, none, type Html } from './html.ts'
import type { SchemaKeywords } from '../../../platform/http/expected.ts'
import type { JsonSchema } from '../schemas.ts'

/** Schemas of the document in plain words. */

const keywords = (schema: JsonSchema): SchemaKeywords<JsonSchema> =>
  schema as SchemaKeywords<JsonSchema>

const joined = (kinds: readonly Html[]): Html =>
  html`${kinds.map((kind, index) => html`${index === 0 ? '' : ' or '}${kind}`)}`
/** More than that is as good as no bound. */
const asGoodAsAny = 1e12
const bounds = (least: number | undefined, given: number | undefined): string => {
  const most = given !== undefined && given >= asGoodAsAny ? undefined : given
  if (least === undefined) return most === undefined ? '' : `, up to ${most}`
  return most === undefined ? `, from ${least}` : `, ${least} to ${most}`
}

/** What a value may be; what has a name leads to where it is described. */
export const kindOf = (schema: JsonSchema): Html => {
  const {
    $ref,
    type,
    enum: values,
    anyOf,
    oneOf,
    items,
    minimum,
    maximum,
    minLength,
    maxLength,
    minItems,
    maxItems,
    ...rest
  } = keywords(schema)
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? ''
    return html`<a href="#schema-${name}">${name}</a>`
  }
  if ('const' in rest) return html`<code>${String(rest.const)}</code>`
  if (values !== undefined)
    return joined(values.map((value) => html`<code>${String(value)}</code>`))
  const several = anyOf ?? oneOf
  if (several !== undefined) return joined(several.map(kindOf))
  switch (type) {
    case 'integer':
      return html`whole number${bounds(minimum, maximum)}`
    case 'number':
      return html`number${bounds(minimum, maximum)}`
    case 'boolean':
      return html`true or false`
    case 'array':
      return html`list of ${kindOf(items ?? {})}${bounds(minItems, maxItems)}`
    case 'string': {
      const size = bounds(minLength, maxLength)
      return html`text${size === '' ? '' : `${size} characters`}`
    }
    case 'null':
      return html`null`
    case 'object':
      return html`object`
    default:
      return html`anything`
  }
}

/** The values that a description of their own explains. */
const describedValues = (values: readonly SchemaKeywords<JsonSchema>[]): Html => {
  const rows = values.map(
    ({ const: value, description = '' }) =>
      html`<li><code>${String(value)}</code> <p>${inline(description)}</p></li>`
  )
  return html`<ul class="members">${rows}</ul>`
}

/**
 * The schema whose members are shown in place: an object without a name, or one inside `schema`.
 */
const membersIn = (schema: JsonSchema): JsonSchema | undefined => {
  const { items, anyOf, properties } = keywords(schema)
  if (properties) return schema
  return [items, ...(anyOf ?? [])].find(
    (part) => part !== undefined && keywords(part).properties !== undefined
  )
}

const paragraph = (text: string | undefined): Html =>
  text === undefined ? none : html`<p>${inline(text)}</p>`

/** A name with its type, marks and description. */
export const member = (
  name: string,
  schema: JsonSchema,
  facts: { mark?: 'required' | 'optional' | undefined; description?: string | undefined } = {}
): Html => {
  const { description = facts.description, oneOf, ...rest } = keywords(schema)
  const described = oneOf?.map(keywords).filter((value) => value.description !== undefined) ?? []
  const inner = membersIn(schema)
  const mark =
    facts.mark === undefined ? none : html`, <em class="${facts.mark}">${facts.mark}</em>`
  const byDefault =
    'default' in rest ? html`, by default <code>${String(rest.default)}</code>` : none
  const kind = html`<span class="kind">${kindOf(schema)}${mark}${byDefault}</span>`
  return html`<li><code class="name">${name}</code> ${kind}
${paragraph(description)}
${described.length === 0 ? none : describedValues(described)}
${inner === undefined ? none : members(inner)}</li>\n`
}

/** The members of an object. */
export const members = (schema: JsonSchema): Html => {
  const { properties = {}, required = [] } = keywords(schema)
  const rows = Object.entries(properties).map(([name, property]) =>
    member(name, property, { mark: required.includes(name) ? undefined : 'optional' })
  )
  return html`<ul class="members">${rows}</ul>`
}

const membersOfEach = (schemas: readonly JsonSchema[]): Html => {
  const lists = schemas.map(
    (schema, index) => html`${index === 0 ? none : html`<p>or</p>`}${members(schema)}`
  )
  return html`${lists}`
}

/** The content of a named schema. */
const bodyOf = (schema: JsonSchema): Html => {
  const { properties, anyOf, oneOf } = keywords(schema)
  if (properties) return members(schema)
  if (oneOf) return describedValues(oneOf.map(keywords))
  if (anyOf) return membersOfEach(anyOf)
  return html`<p>${kindOf(schema)}</p>`
}

/** A named schema, where references lead to. */
export const namedSchema = (name: string, schema: JsonSchema): Html => {
  const heading = html`<h3 id="schema-${name}">${name}</h3>`
  const description = paragraph(keywords(schema).description)
  const content = html`${heading}${description}${bodyOf(schema)}`
  return html`<section class="schema" aria-labelledby="schema-${name}">${content}</section>\n`
}

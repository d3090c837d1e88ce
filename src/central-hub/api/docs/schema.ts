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

/** A name with what it may be, and what is said of it. */
export const member = (
  name: string,
  schema: JsonSchema,
  facts: { mark?: 'required' | 'optional' | undefined; description?: string | undefined } = {}
): Html => {
  const {
    description = facts.description,
    oneOf,
    items,
    anyOf,
    properties,
    ...rest
  } = keywords(schema)
  const said = oneOf?.map(keywords).filter((one) => one.description !== undefined) ?? []
  // an object that has no name is shown here, also as an item or as one of two
  const inner = properties
    ? schema
    : [items, ...(anyOf ?? [])].find(
        (one) => one !== undefined && keywords(one).properties !== undefined
      )
  return html`<li><code class="name">${name}</code> <span class="kind">${kindOf(schema)}${facts.mark === undefined ? none : html`, <em class="${facts.mark}">${facts.mark}</em>`}${'default' in rest ? html`, by default <code>${String(rest.default)}</code>` : none}</span>
${description === undefined ? none : html`<p>${inline(description)}</p>`}
${said.length === 0 ? none : html`<ul class="members">${said.map((one) => html`<li><code>${String(one.const)}</code> <p>${inline(one.description ?? '')}</p></li>`)}</ul>`}
${inner === undefined ? none : members(inner)}</li>\n`
}

/** The members of an object. */
export const members = (schema: JsonSchema): Html => {
  const { properties = {}, required = [] } = keywords(schema)
  return html`<ul class="members">${Object.entries(properties).map(([name, property]) => member(name, property, { mark: required.includes(name) ? undefined : 'optional' }))}</ul>`
}

/** What there is to know of a named schema. */
const bodyOf = (schema: JsonSchema): Html => {
  const { properties, anyOf, oneOf } = keywords(schema)
  if (properties) return members(schema)
  if (oneOf)
    return html`<ul class="members">${oneOf.map(keywords).map((one) => html`<li><code>${String(one.const)}</code> <p>${inline(one.description ?? '')}</p></li>`)}</ul>`
  if (anyOf)
    return html`${anyOf.map((one, index) => html`${index === 0 ? none : html`<p>or</p>`}${members(one)}`)}`
  return html`<p>${kindOf(schema)}</p>`
}

/** A named schema, where references lead to. */
export const namedSchema = (name: string, schema: JsonSchema): Html => {
  const { description } = keywords(schema)
  return html`<section class="schema" aria-labelledby="schema-${name}"><h3 id="schema-${name}">${name}</h3>${description === undefined ? none : html`<p>${inline(description)}</p>`}${bodyOf(schema)}</section>\n`
}

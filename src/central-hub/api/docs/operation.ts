import type { DocumentedOperation, DocumentedResponse, OpenApi, Parameter } from '../openapi.ts'
import { html, inline, none, prose, type Html } from './html.ts'
import type { JsonSchema } from '../schemas.ts'
import { kindOf, member } from './schema.ts'
import { clientCall, curl } from './snippets.ts'

/** One operation of the reference. */

const followed = <T extends object>(document: OpenApi, given: T | { $ref: string }): T => {
  if (!('$ref' in given)) return given
  const [, , kind, name] = given.$ref.split('/') as [
    string,
    string,
    keyof OpenApi['components'],
    string
  ]
  return document.components[kind][name] as unknown as T
}

const code = (text: string): Html => html`<pre><code>${text}</code></pre>\n`
const part = (title: string, body: Html): Html => html`<h4>${title}</h4>\n${body}`

const parametersPart = (parameters: readonly Parameter[]): Html => {
  const list = (title: string, place: Parameter['in']): Html => {
    // X-Request-Id is the same for every operation: the page describes it once.
    const shown = parameters.filter(
      (parameter) => parameter.in === place && parameter.name !== 'X-Request-Id'
    )
    if (shown.length === 0) return none
    const rows = shown.map(({ name, schema, required, description }) =>
      member(name, schema, { mark: required ? 'required' : undefined, description })
    )
    return part(title, html`<ul class="members">${rows}</ul>`)
  }
  return html`${list('In the path', 'path')}${list('Query', 'query')}${list('Headers', 'header')}`
}

/** A JSON body has no example here: the calls above show it. */
const bodyPart = (content: NonNullable<DocumentedOperation['requestBody']>['content']): Html => {
  const bodies = Object.entries(content).map(([type, { schema, example }]) => {
    const shown = type === 'application/json' ? none : code(String(example))
    return html`<p><code>${type}</code>: ${kindOf(schema ?? {})}</p>${shown}`
  })
  return part('Body', html`${bodies}`)
}

const exampleOf = (content: NonNullable<DocumentedResponse['content']>): Html => {
  const example = Object.values(content).find(({ example: shown }) => shown !== undefined)?.example
  if (example === undefined) return none
  const text = typeof example === 'string' ? example : JSON.stringify(example, undefined, 2)
  return html`<details><summary>An example</summary>${code(text)}</details>`
}

const contentType = (type: string, schema: JsonSchema | undefined): Html => {
  const isDescribed = schema !== undefined && type === 'application/json'
  return html`; <code>${type}</code>${isDescribed ? html`: ${kindOf(schema)}` : none}`
}

const answersPart = (answers: readonly (readonly [string, DocumentedResponse])[]): Html => {
  const paragraphs = answers.map(([status, { description, content = {}, headers = {} }]) => {
    const number = html`<strong class="status">${status}</strong>`
    const types = Object.entries(content).map(([type, { schema }]) => contentType(type, schema))
    const etag = headers['ETag'] ? html`, with an <code>ETag</code>` : none
    return html`<p>${number} ${inline(description)}${types}${etag}</p>
${exampleOf(content)}`
  })
  return part('Answer', html`${paragraphs}`)
}

const problemsPart = (answers: readonly (readonly [string, DocumentedResponse])[]): Html =>
  part(
    'Problems',
    html`<ul class="problems">${answers.flatMap(([status, { content }]) =>
      Object.keys(content?.['application/problem+json']?.examples ?? {}).map(
        (type) => html`<li><a href="#problem-${type}">${status} ${type}</a></li>\n`
      )
    )}</ul>`
  )

export const operationSection = (
  document: OpenApi,
  method: string,
  path: string,
  operation: DocumentedOperation
): Html => {
  const { operationId: id, summary, description, security, requestBody } = operation
  const parameters = operation.parameters.map((given) => followed<Parameter>(document, given))
  const answers = Object.entries(operation.responses).map(
    ([status, given]) => [status, followed<DocumentedResponse>(document, given)] as const
  )
  const isProblem = ([, { content }]: readonly [string, DocumentedResponse]): boolean =>
    content !== undefined && 'application/problem+json' in content
  const [{ bearer: [scope] = [] } = {}] = security ?? []
  const open = security?.length === 0 ? html` <span class="open">needs no token</span>` : none
  const needed = scope === undefined ? none : html` <span class="open">needs ${scope}</span>`
  const route = html`<strong class="method ${method}">${method.toUpperCase()}</strong>`
  const calls = [
    code(clientCall(operation, parameters)),
    code(curl(method, path, operation, parameters))
  ]
  const body = requestBody === undefined ? none : bodyPart(requestBody.content)
  return html`<section class="operation" aria-labelledby="${id}">
<h3 id="${id}">${summary}</h3>
<p class="route">${route} <code>${path}</code>${open}${needed}</p>
${prose(description)}${calls}${parametersPart(parameters)}${body}
${answersPart(answers.filter((answer) => !isProblem(answer)))}
${problemsPart(answers.filter(isProblem))}
</section>\n`
}

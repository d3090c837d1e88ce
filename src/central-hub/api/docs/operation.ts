import type { DocumentedOperation, DocumentedResponse, OpenApi, Parameter } from '../openapi.ts'
import { html, inline, none, prose, type Html } from './html.ts'
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
    // X-Request-Id is the same everywhere, and told of once
    const some = parameters.filter((one) => one.in === place && one.name !== 'X-Request-Id')
    return some.length === 0
      ? none
      : part(
          title,
          html`<ul class="members">${some.map(({ name, schema, required, description }) => member(name, schema, { mark: required ? 'required' : undefined, description }))}</ul>`
        )
  }
  return html`${list('In the path', 'path')}${list('Query', 'query')}${list('Headers', 'header')}`
}

/** JSON is shown by how to call it. */
const bodyPart = (content: NonNullable<DocumentedOperation['requestBody']>['content']): Html =>
  part(
    'Body',
    html`${Object.entries(content).map(([type, { schema, example }]) => html`<p><code>${type}</code>: ${kindOf(schema ?? {})}</p>${type === 'application/json' ? none : code(String(example))}`)}`
  )

const answersPart = (answers: readonly (readonly [string, DocumentedResponse])[]): Html =>
  part(
    'Answer',
    html`${answers.map(([status, { description, content = {}, headers = {} }]) => {
      const kinds = Object.entries(content)
      const example = kinds.find(([, { example: shown }]) => shown !== undefined)?.[1].example
      return html`<p><strong class="status">${status}</strong> ${inline(description)}${kinds.map(([type, { schema }]) => html`; <code>${type}</code>${schema === undefined || type !== 'application/json' ? none : html`: ${kindOf(schema)}`}`)}${headers['ETag'] ? html`, with an <code>ETag</code>` : none}</p>
${example === undefined ? none : html`<details><summary>An example</summary>${code(typeof example === 'string' ? example : JSON.stringify(example, undefined, 2))}</details>`}`
    })}`
  )

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
  return html`<section class="operation" aria-labelledby="${id}">
<h3 id="${id}">${summary}</h3>
<p class="route"><strong class="method ${method}">${method.toUpperCase()}</strong> <code>${path}</code>${security === undefined ? none : html` <span class="open">needs no token</span>`}</p>
${prose(description)}${code(clientCall(operation, parameters))}${code(curl(method, path, operation, parameters))}${parametersPart(parameters)}${requestBody === undefined ? none : bodyPart(requestBody.content)}
${answersPart(answers.filter((one) => !isProblem(one)))}
${problemsPart(answers.filter(isProblem))}
</section>\n`
}

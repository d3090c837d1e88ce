import type { DocumentedOperation, Parameter } from '../openapi.ts'
import type { JsonSchema } from '../schemas.ts'

/** How an operation is called: from a shell, and with `leadmaster-client`. */

const values: Readonly<Record<string, string | number>> = {
  id: 1,
  account: 'main',
  delivery_id: 'msg_2b7c'
}
const exampleOf = ({ name, schema }: Parameter): string | number =>
  name === 'id' && (schema as JsonSchema)['type'] === 'string'
    ? 'false_5215512345678@c.us_3EB0C431'
    : (values[name] ?? 'x')

/** A value as it is written in TypeScript. */
const literal = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'string')
    return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name}: ${literal(inner)}`)
    .join(', ')} }`
}

const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

export const curl = (
  method: string,
  path: string,
  { requestBody, security, responses }: DocumentedOperation,
  parameters: readonly Parameter[]
): string => {
  const at = parameters.reduce(
    (filled, one) =>
      one.in === 'path'
        ? filled.replace(`{${one.name}}`, encodeURIComponent(exampleOf(one)))
        : filled,
    path
  )
  const [type = '', body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const json = type === 'application/json'
  const streams =
    'text/event-stream' in ((responses['200'] as { content?: object } | undefined)?.content ?? {})
  const options = (streams ? ' -N' : '') + (method === 'get' ? '' : ` -X ${method.toUpperCase()}`)
  return [
    `curl${options} "$HUB${at}"`,
    ...(security?.length !== 0 ? ['-H "Authorization: Bearer $HUB_API_TOKEN"'] : []),
    ...(body === undefined
      ? []
      : [
          `-H ${shellQuoted(`content-type: ${type}`)}`,
          json ? `-d ${shellQuoted(JSON.stringify(body.example))}` : '--data-binary @names.csv'
        ])
  ].join(' \\\n  ')
}

/** The body as an argument of the client, if there is one. @param type its Content-Type */
const bodyArguments = (type: string, body: { example?: unknown } | undefined): string[] => {
  if (body === undefined) return []
  return type === 'application/json'
    ? [`body: ${literal(body.example)}`]
    : [`body: file, contentType: '${type}'`]
}

export const clientCall = (
  { operationId, requestBody, responses }: DocumentedOperation,
  parameters: readonly Parameter[]
): string => {
  if (operationId === 'streamEvents')
    return 'for await (const { type, data } of hub.events({ signal })) show(type, data)'
  const [type = '', body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const members = [
    ...parameters
      .filter(({ in: place }) => place === 'path')
      .map((one) => `${one.name}: ${literal(exampleOf(one))}`),
    ...bodyArguments(type, body)
  ]
  const answered = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
  const empty = answered === undefined || !('content' in answered)
  const input = members.length === 0 ? '' : `{ ${members.join(', ')} }`
  return `${empty ? '' : 'const answer = '}await hub.${operationId}(${input})`
}

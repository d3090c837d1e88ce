import type { TSchema } from 'typebox'
import type { Answer, Operation } from '../../contract/api/operation.ts'
import { operations } from '../../contract/api/operations.ts'
import { needs, type Need } from '../../contract/access.ts'
import { Problem, problems, type ProblemType } from '../../contract/problem.ts'
import { routes, type OperationId } from '../../contract/routes.ts'
import { WebhookBody } from '../../contract/webhook.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { about, examples, headers, requestHeaders, tags } from './openapi-texts.ts'
import { createSchemas, type JsonSchema } from './schemas.ts'
import type { Serve } from './serve.ts'

/**
 * The OpenAPI 3.1 document of the hub, made of the contract's table of operations:
 * https://spec.openapis.org/oas/v3.1.1
 */

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  description?: string
  schema: JsonSchema
}
interface Content {
  schema?: JsonSchema
  example?: unknown
  examples?: Record<string, { summary: string; value: unknown }>
}
export interface DocumentedResponse {
  description: string
  headers?: Record<string, { $ref: string }>
  content?: Record<string, Content>
}
export interface DocumentedOperation {
  operationId: OperationId
  tags: [Operation['tag']]
  summary: string
  description?: string
  /** Who may call; none: everybody. The texts in a list are scopes. */
  security?: Record<string, string[]>[]
  parameters: (Parameter | { $ref: string })[]
  requestBody?: { required: true; content: Record<string, Content> }
  responses: Record<string, DocumentedResponse | { $ref: string }>
}
export interface OpenApi {
  openapi: string
  info: Record<string, unknown>
  servers: { url: string; description: string }[]
  security: Record<string, []>[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, DocumentedOperation>>
  webhooks: Record<string, unknown>
  components: {
    schemas: Record<string, JsonSchema>
    responses: Record<string, DocumentedResponse>
    parameters: Record<string, Parameter>
    headers: Record<string, JsonSchema>
    securitySchemes: Record<string, JsonSchema>
  }
}

const isMedia = (id: OperationId): boolean => id === 'getMedia' || id === 'getSignedMedia'

type Method = 'get' | 'post' | 'patch' | 'delete'
/** The HTTP features of an operation beyond its own parameters; api/serve.ts provides them. */
const offers = (
  id: OperationId,
  method: Method,
  { tag, answer, body, problems: own }: Pick<Operation, 'tag' | 'answer' | 'body' | 'problems'>
) => {
  const stored = tag === 'leads' || tag === 'messages' || tag === 'alarms' || tag === 'webhooks'
  // A deletion asks session-manager first, and repeating it changes nothing.
  const written = method !== 'get' && stored && !isRaw(body) && id !== 'deleteLead'
  return {
    etag:
      method === 'get' &&
      (((stored || tag === 'team') && answer.schema !== undefined) ||
        isMedia(id) ||
        id === 'getOpenApi'),
    taggedWrite: written && answer.schema !== undefined,
    idempotency: written,
    ifMatch: own?.includes('precondition-failed') === true,
    range: isMedia(id),
    resume: id === 'streamEvents'
  }
}
const isRaw = (body: Operation['body']): boolean => body !== undefined && 'types' in body

/** The types of problem that an operation may answer with, by status. */
const problemsOf = (id: OperationId): Map<number, ProblemType[]> => {
  const operation: Operation = operations[id]
  const [method] = split(id)
  const need: Need = needs[id]
  const writes = method !== 'get'
  const types = new Set<ProblemType>([
    'bad-request',
    'invalid-parameters',
    // A request to sign in may carry a wrong token, too.
    ...(need === 'nothing' && !writes ? [] : (['unauthorized'] as const)),
    ...(need === 'nothing' || need === 'sign-in' ? [] : (['insufficient-scope'] as const)),
    ...(writes ? (['forbidden', 'payload-too-large', 'unsupported-media-type'] as const) : []),
    ...(offers(id, method, operation).idempotency ? (['idempotency-key-reused'] as const) : []),
    ...(operation.problems ?? []),
    'misdirected-request',
    'too-many-requests',
    'internal-error',
    'store-unavailable'
  ])
  const known = Object.keys(problems) as ProblemType[]
  return Map.groupBy(
    known.filter((type) => types.has(type)),
    (type) => problems[type].status
  )
}

const split = (id: OperationId): [Method, string] => {
  const [method = '', path = ''] = routes[id].split(' ')
  return [method.toLowerCase() as Method, path]
}

/** Added to the description of each list parameter: OpenAPI can document only one way. */
const oneByOne = 'Separated by commas, or given several times'

const refTo = (kind: 'headers' | 'parameters' | 'responses', name: string): { $ref: string } => ({
  $ref: `#/components/${kind}/${name}`
})
const headerRefs = (...names: (keyof typeof headers | false)[]): Record<string, { $ref: string }> =>
  Object.fromEntries(
    names.filter((name) => name !== false).map((name) => [name, refTo('headers', name)])
  )

/**
 * A file in any encoding. Generators send it as it is; of a text they would make JSON.
 */
const file = { type: 'string', contentMediaType: 'application/octet-stream' }

const headerParametersOf = (id: OperationId, method: Method): { $ref: string }[] => {
  const { etag, ifMatch, idempotency, range, resume } = offers(id, method, operations[id])
  const parameters = [
    ['If-None-Match', etag],
    ['If-Match', ifMatch],
    ['Idempotency-Key', idempotency],
    ['Range', range],
    ['Last-Event-ID', resume],
    ['X-Request-Id', true]
  ] as const
  return parameters.flatMap(([name, isTaken]) => (isTaken ? [refTo('parameters', name)] : []))
}

const responseHeadersOf = (id: OperationId, method: Method): Record<string, { $ref: string }> => {
  const { etag, taggedWrite, idempotency } = offers(id, method, operations[id])
  return headerRefs(
    'X-Request-Id',
    'RateLimit',
    'RateLimit-Policy',
    (etag || taggedWrite) && 'ETag',
    idempotency && 'Idempotency-Replayed',
    id === 'createLead' && 'Location'
  )
}

const problemExample = (type: ProblemType, status: number) => ({
  summary: problems[type].title,
  value: {
    type: `urn:leadmaster:problem:${type}`,
    title: problems[type].title,
    status,
    ...examples[type]
  }
})

/**
 * What an operation needs beyond a known caller, as
 * https://spec.openapis.org/oas/v3.1.1#security-requirement-object has roles; undefined: nothing.
 */
const securityOf = (id: OperationId): Record<string, string[]>[] | undefined => {
  const need: Need = needs[id]
  if (need === 'nothing') return []
  return need === 'sign-in' ? undefined : [{ bearer: [need] }, { cookie: [need] }]
}

const securitySchemes: OpenApi['components']['securitySchemes'] = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key with the scope, or HUB_API_TOKEN of central-hub.env'
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: 'leadmaster',
    description:
      'Of the operator page, by `POST /api/sign-in`, of an operator whose role has the scope; it ' +
      'changes something only for the page of the hub itself'
  }
}

/** Builds the document, and collects the schemas and responses that operations share. */
class DocumentBuilder {
  readonly #schemas = createSchemas()
  readonly #responses: Record<string, DocumentedResponse> = {}

  build(version: string): OpenApi {
    // The components are complete only after the paths and the webhooks are built.
    const paths = this.#paths()
    const webhooks = { event: { post: this.#webhook() } }
    return {
      openapi: '3.1.1',
      info: {
        title: 'LeadMaster',
        version,
        description: about,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
      },
      servers: [{ url: '/', description: 'the hub that serves this' }],
      security: [{ bearer: [] }, { cookie: [] }],
      tags,
      paths,
      webhooks,
      components: {
        schemas: this.#schemas.components(),
        responses: this.#responses,
        parameters: requestHeaders,
        headers,
        securitySchemes
      }
    }
  }

  #paths(): OpenApi['paths'] {
    const paths: OpenApi['paths'] = {}
    for (const id of Object.keys(routes) as OperationId[]) {
      const [method, path] = split(id)
      const methods = (paths[path.replace(/:(\w+)/g, '{$1}')] ??= {})
      methods[method] = this.#operation(id, method, path)
    }
    return paths
  }

  #operation(id: OperationId, method: Method, path: string): DocumentedOperation {
    const operation: Operation = operations[id]
    const { tag, summary, description } = operation
    return omitUndefined({
      operationId: id,
      tags: [tag] as [typeof tag],
      summary,
      description,
      security: securityOf(id),
      parameters: this.#parameters(id, path, method),
      ...this.#requestBody(operation),
      responses: this.#responsesOf(id, method)
    })
  }

  #parameters(id: OperationId, path: string, method: Method): DocumentedOperation['parameters'] {
    const { params, query }: Operation = operations[id]
    const ofPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) =>
      this.#parameter('path', name, params?.properties[name], true)
    )
    const ofQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => {
      const isRequired = query?.required?.includes(name) === true && !('default' in schema)
      return this.#parameter('query', name, schema, isRequired)
    })
    return [...ofPath, ...ofQuery, ...headerParametersOf(id, method)]
  }

  #parameter(
    place: 'path' | 'query',
    name: string,
    schema: TSchema | undefined,
    required: boolean
  ): Parameter {
    const { description, ...rest } =
      schema === undefined
        ? { type: 'string' }
        : (this.#schemas.reference(schema) as JsonSchema & { description?: string })
    const isList = (rest as JsonSchema)['type'] === 'array'
    return omitUndefined({
      name,
      in: place,
      required,
      description: isList ? [description, oneByOne].filter(Boolean).join('. ') : description,
      style: isList ? 'form' : undefined,
      explode: isList ? false : undefined,
      schema: rest
    })
  }

  #requestBody({ body }: Operation): Pick<DocumentedOperation, 'requestBody'> {
    if (body === undefined) return {}
    const content: Record<string, Content> =
      'types' in body
        ? Object.fromEntries(
            Object.entries(body.types).map(([type, example]) => [type, { schema: file, example }])
          )
        : {
            'application/json': {
              schema: this.#schemas.reference(body.schema),
              example: body.example
            }
          }
    return { requestBody: { required: true, content } }
  }

  #responsesOf(id: OperationId, method: Method): DocumentedOperation['responses'] {
    const { answer }: Operation = operations[id]
    const own = { headers: responseHeadersOf(id, method), ...this.#content(answer) }
    const responses: DocumentedOperation['responses'] = {
      [answer.status]: { description: answer.description, ...own }
    }
    for (const [status, description] of Object.entries(answer.also ?? {}))
      responses[status] = { description, ...own }
    if (offers(id, method, operations[id]).etag)
      responses[304] = {
        description: 'It is as If-None-Match has it',
        headers: headerRefs('X-Request-Id', 'ETag')
      }
    for (const [status, types] of problemsOf(id))
      if (answer.also?.[status] === undefined)
        responses[status] = this.#problemResponse(status, types)
    return responses
  }

  #content({ schema, example, types = [] }: Answer): Pick<DocumentedResponse, 'content'> {
    const json: [string, Content][] =
      schema === undefined
        ? []
        : [['application/json', { schema: this.#schemas.reference(schema), example }]]
    const others = types.map((type): [string, Content] => [
      type,
      type.startsWith('text/') || type.includes('ndjson') ? { schema: { type: 'string' } } : {}
    ])
    const all = [...json, ...others]
    return all.length === 0 ? {} : { content: Object.fromEntries(all) }
  }

  #problemResponse(status: number, types: readonly ProblemType[]): { $ref: string } {
    const name = types.join('.')
    this.#responses[name] ??= {
      description: types
        .map((type) => `**${type}**: ${problems[type].title}. Mend: ${problems[type].mend}.`)
        .join('\n\n'),
      headers: headerRefs(
        'X-Request-Id',
        status === 429 && 'RateLimit',
        status === 429 && 'RateLimit-Policy',
        status === 429 && 'Retry-After'
      ),
      content: { 'application/problem+json': this.#problemContent(status, types) }
    }
    return refTo('responses', name)
  }

  #problemContent(status: number, types: readonly ProblemType[]): Content {
    return {
      schema: {
        allOf: [this.#schemas.reference(Problem)],
        properties: {
          type: { enum: types.map((type) => `urn:leadmaster:problem:${type}`) },
          status: { const: status }
        }
      },
      examples: Object.fromEntries(types.map((type) => [type, problemExample(type, status)]))
    }
  }

  #webhook() {
    return {
      operationId: 'receiveEvent',
      summary: 'What a webhook gets',
      description:
        'Signed as https://www.standardwebhooks.com/ has it. `webhook-id` is the same with each ' +
        'attempt: take it once.',
      parameters: ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
        name,
        in: 'header',
        required: true,
        schema: { type: 'string' }
      })),
      requestBody: {
        required: true,
        content: { 'application/json': { schema: this.#schemas.reference(WebhookBody) } }
      },
      responses: {
        '2XX': { description: 'Taken. Anything else, or none within 15 s, is tried again.' }
      }
    }
  }
}

/** @param version of LeadMaster */
export const createOpenApi = (version: string): OpenApi => new DocumentBuilder().build(version)

/** `GET /openapi.json`, open to all. */
export const addOpenApi = ({
  serve,
  document
}: {
  serve: Serve
  document: () => OpenApi
}): void => {
  serve.read('getOpenApi', document)
}

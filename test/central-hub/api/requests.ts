import fc, { type Arbitrary } from 'fast-check'
import type { SchemaKeywords } from '../../../src/platform/http/expected.ts'
import type { Parameter } from '../../../src/central-hub/api/openapi.ts'
import type { Read } from './documented.ts'

/**
 * Requests of an operation: as its OpenAPI document has them, and as somebody would who means harm
 * or knows no better.
 */

export interface Request {
  method: string
  /** As it goes over the wire. */
  path: string
  headers: Record<string, string>
  body?: Buffer
}

interface Schema extends SchemaKeywords<Schema> {}

/** Addresses that nobody has to look up. */
const addresses = [
  'http://127.0.0.1:9/hook',
  'https://127.0.0.1/',
  'http://127.0.0.1:65535/a?b=c#d'
]

/** A value as a schema has it. */
const valid = (schema: Schema): Arbitrary<unknown> => {
  const {
    type,
    enum: values,
    anyOf,
    oneOf,
    items,
    properties,
    pattern,
    minItems = 0,
    maxItems = 5,
    minProperties = 0
  } = schema
  if ('const' in schema) return fc.constant(schema.const)
  if (values) return fc.constantFrom(...values)
  const several = anyOf ?? oneOf
  if (several) return fc.oneof(...several.map(valid))
  switch (type) {
    case 'integer':
      // most are of something that is there
      return fc.oneof(
        {
          weight: 4,
          arbitrary: fc.integer({
            min: schema.minimum ?? 0,
            max: Math.min(schema.maximum ?? 60, 60)
          })
        },
        {
          weight: 1,
          arbitrary: fc
            .bigInt({
              min: BigInt(schema.minimum ?? Number.MIN_SAFE_INTEGER),
              max: BigInt(schema.maximum ?? Number.MAX_SAFE_INTEGER)
            })
            .map(Number)
        }
      )
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return schema.uniqueItems
        ? fc.uniqueArray(valid(items ?? {}), {
            minLength: minItems,
            maxLength: Math.min(maxItems, 5)
          })
        : fc.array(valid(items ?? {}), { minLength: minItems, maxLength: Math.min(maxItems, 5) })
    case 'object': {
      const members = Object.fromEntries(
        Object.entries(properties ?? {}).map(([name, property]) => [name, valid(property)])
      )
      return fc
        .record(members, { requiredKeys: [...(schema.required ?? [])] as never[] })
        .filter((object) => Object.keys(object).length >= minProperties)
    }
    case 'string':
      if (pattern !== undefined)
        return pattern.includes('https?')
          ? fc.constantFrom(...addresses)
          : fc.stringMatching(new RegExp(pattern), { maxLength: 40 })
      return fc.string({
        minLength: schema.minLength ?? 0,
        maxLength: Math.min(schema.maxLength ?? 30, Math.max(30, schema.minLength ?? 0)),
        unit: 'grapheme'
      })
    default:
      return fc.jsonValue()
  }
}

const nasty: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-0',
    '-1',
    '1e3',
    '0x10',
    '1.5',
    'NaN',
    'Infinity',
    '99999999999999999999',
    '9007199254740993',
    'null',
    'undefined',
    'true',
    '[]',
    '{}',
    "'",
    '"',
    '\\',
    ';',
    '--',
    "' OR 1=1 --",
    '%',
    '_',
    '*',
    '"*',
    'NEAR(',
    'a AND',
    '((((',
    '\0',
    'a\0b',
    '\n',
    '\r\nX-Evil: 1',
    '\u202e',
    '\ufeff',
    '\ud800',
    'é',
    'ﷺ',
    '🌶️',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '../../etc/passwd',
    '..%2f',
    '${7*7}',
    '<script>',
    'x'.repeat(300),
    ',',
    ',,,',
    'new,new',
    'America/Nowhere',
    'Etc/../../x'
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 250 })
)
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed())
/** What is no percent-encoding, or none of UTF-8. */
const crooked = fc.constantFrom(
  '%',
  '%zz',
  '%ff',
  '%c0%af',
  '%ed%a0%80',
  '%00',
  '+',
  '%2',
  '%252F',
  '%u0041',
  '=',
  '&',
  '[]',
  '%F0%28%8C%28'
)

const asText = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value))
const pair = (name: string, value: string): string => `${name}=${value}`

/** A list's items with commas or one by one: both are taken. */
const pairsOf = (name: string, value: unknown, isOneByOne: boolean): string[] =>
  isOneByOne && Array.isArray(value) && value.length > 0
    ? value.map((item) => pair(name, encoded(asText(item))))
    : [pair(name, encoded(asText(value)))]

const validQuery = (parameters: readonly Parameter[]): Arbitrary<string[]> => {
  const each = parameters.map(({ name, schema, required }) => {
    const given = fc
      .tuple(valid(schema as Schema), fc.boolean())
      .map(([value, isOneByOne]) => pairsOf(name, value, isOneByOne))
    return required
      ? given
      : fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: given })
  })
  return fc.tuple(...each).map((pairs) => pairs.flat())
}
const hostileQuery = (parameters: readonly Parameter[]): Arbitrary<string[]> => {
  const names = fc
    .oneof(
      fc.constantFrom(
        'colour',
        '__proto__',
        'constructor',
        'toString',
        'limit[]',
        'limit[$gt]',
        '',
        ...parameters.map(({ name }) => name)
      ),
      nasty
    )
    .map(encoded)
  const values = fc.oneof(nasty.map(encoded), crooked)
  return fc.array(
    fc.oneof(
      fc.tuple(names, values).map(([name, value]) => pair(name, value)),
      names,
      crooked
    ),
    { maxLength: 5 }
  )
}

const headerText = nasty.map((text) =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
    .trim()
)
const hostileHeaders: Arbitrary<Record<string, string>> = fc.dictionary(
  fc.constantFrom(
    'if-none-match',
    'if-match',
    'idempotency-key',
    'range',
    'if-range',
    'accept',
    'x-request-id',
    'last-event-id',
    'accept-encoding',
    'x-forwarded-for',
    'cookie',
    'origin',
    'x-http-method-override'
  ),
  fc.oneof(
    headerText,
    fc.constantFrom(
      '*',
      'W/"x"',
      '""',
      '"',
      ',',
      'bytes=0-',
      'bytes=5-1',
      'bytes=-0',
      'bytes=0-0,2-3',
      'bytes=99999999999999999999-',
      'application/xml',
      'image/png',
      'text/event-stream',
      'leadmaster=1.x',
      'x'.repeat(3_000),
      '\xff\xfe'
    )
  ),
  { maxKeys: 4 }
)

const deep = '['.repeat(5_000) + ']'.repeat(5_000)
const hostileText = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.constantFrom(
    '',
    '{',
    '[',
    'null',
    '""',
    '0',
    '[]',
    '{}',
    deep,
    `{"a":${deep}}`,
    '{"__proto__":{"state":"won"}}',
    '{"constructor":{"prototype":{"x":1}}}',
    '{"state":"won","state":"lost"}',
    '{"note":"\\u0000"}',
    '{"note":"\\ud800"}',
    '{"token":1e999}',
    '\ufeff{}',
    `{"note":"${'x'.repeat(70_000)}"}`,
    'phone,name\n+525512345678,Ana\n',
    '"'.repeat(100),
    'phone;name\n"'
  ),
  fc.string({ unit: 'binary', maxLength: 200 })
)
const contentTypes = fc.constantFrom(
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json; charset=nonsense',
  'text/plain',
  'text/csv',
  'application/x-ndjson',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json+evil',
  'x',
  ''
)
const encodings = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom('gzip', 'br', 'identity', 'nonsense') }
)

const validBody = ({ requestBody }: Read): Arbitrary<Pick<Request, 'body' | 'headers'>> => {
  const kinds = Object.entries(requestBody?.content ?? {}).map(([type, { schema, example }]) =>
    (type === 'application/json'
      ? valid(schema as Schema).map((value) => JSON.stringify(value))
      : fc.constant(String(example))
    ).map((text) => ({ headers: { 'content-type': type }, body: Buffer.from(text) }))
  )
  return kinds.length === 0 ? fc.constant({ headers: {} }) : fc.oneof(...kinds)
}
/** The JSON of a body that is right, with something that is not in one member. */
const spoiltBody = (operation: Read): Arbitrary<Pick<Request, 'body' | 'headers'>> => {
  const schema = operation.requestBody?.content['application/json']?.schema as Schema | undefined
  if (schema === undefined) return validBody(operation)
  const names = fc.constantFrom(
    'colour',
    '__proto__',
    'constructor',
    ...Object.keys(schema.properties ?? {})
  )
  return fc
    .tuple(
      valid(schema),
      names,
      fc.oneof(
        fc.jsonValue(),
        nasty.map((text) => text.toWellFormed())
      )
    )
    .map(([body, name, value]) => ({
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(
        JSON.stringify(Object.fromEntries([...Object.entries(body as object), [name, value]]))
      )
    }))
}
const hostileBody: Arbitrary<Pick<Request, 'body' | 'headers'>> = fc
  .tuple(hostileText, contentTypes, encodings)
  .map(([text, type, encoding]) => ({
    headers: {
      'content-type': type,
      ...(encoding === undefined ? {} : { 'content-encoding': encoding })
    },
    body: Buffer.from(text)
  }))

/** @param known values of path parameters of what is there, by name */
export const requestsOf = (
  operation: Read,
  known: Readonly<Record<string, readonly (string | number)[]>>
): { valid: Arbitrary<Request>; hostile: Arbitrary<Request> } => {
  const { method, path, parameters } = operation
  const inPath = parameters.filter(({ in: place }) => place === 'path')
  const query = parameters.filter(({ in: place }) => place === 'query')
  const filled = (values: readonly string[]): string =>
    inPath.reduce((at, { name }, index) => at.replace(`{${name}}`, () => values[index] ?? ''), path)
  const toPath = (values: readonly string[], pairs: readonly string[]): string =>
    `${filled(values)}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
  // an empty one, or one that steps back, is of another route
  const standing = (text: string): boolean => text !== '' && text !== '.' && text !== '..'
  const right = fc.tuple(
    ...inPath.map(({ name, schema }) =>
      fc
        .oneof(
          { weight: 3, arbitrary: fc.constantFrom(...(known[name] ?? ['x'])) },
          { weight: 1, arbitrary: valid(schema as Schema) }
        )
        .map((value) => encoded(String(value)))
        .filter(standing)
    )
  )
  const wrong = fc.tuple(
    ...inPath.map(() =>
      fc
        .oneof(
          nasty.map(encoded),
          crooked.filter((text) => !/[&?#]/.test(text))
        )
        .filter(standing)
    )
  )
  const sends = method !== 'GET'
  return {
    valid: fc
      .tuple(right, validQuery(query), validBody(operation))
      .map(([values, pairs, { headers, body }]) => ({
        method,
        path: toPath(values, pairs),
        headers,
        ...(body === undefined ? {} : { body })
      })),
    hostile: fc
      .tuple(
        fc.oneof({ weight: 4, arbitrary: right }, { weight: inPath.length, arbitrary: wrong }),
        fc.oneof(validQuery(query), hostileQuery(query)),
        fc.oneof(fc.constant({}), hostileHeaders),
        sends
          ? fc.oneof(validBody(operation), spoiltBody(operation), hostileBody)
          : fc.constant({ headers: {} })
      )
      .map(
        ([values, pairs, headers, sent]: [
          readonly string[],
          string[],
          Record<string, string>,
          Pick<Request, 'body' | 'headers'>
        ]) => ({
          method,
          path: toPath(values, pairs),
          headers: { ...headers, ...sent.headers },
          ...(sent.body === undefined ? {} : { body: sent.body })
        })
      )
  }
}

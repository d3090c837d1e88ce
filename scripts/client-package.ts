import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TSchema } from 'typebox'
import { build } from 'esbuild'
import { createSchemas } from '../src/central-hub/api/schemas.ts'
import type { Operation } from '../src/contract/api/operation.ts'
import { operations } from '../src/contract/api/operations.ts'
import { problems } from '../src/contract/problem.ts'
import { routes, type OperationId } from '../src/contract/routes.ts'
import { describe, typeOf, union, type JsonSchema } from './schema-types.ts'

/**
 * Makes the package `dist/client`: one module without dependencies, types without schemas, a
 * manifest, a README and the licences. `npm pack ./dist/client` makes the tarball.
 */

/** Types of the contract that no schema describes. */
const withoutSchema: Readonly<Record<string, string>> = {
  ProblemType: union(Object.keys(problems).map((type) => JSON.stringify(type)))
}

const schemas = createSchemas()
const schemaType = (schema: TSchema): string => typeOf(schemas.reference(schema))

/** @param made the future `dist`, whose `client` has the declarations of `src/client` by tsc */
export async function makeClientPackage(root: string, made: string): Promise<void> {
  const directory = join(made, 'client')
  const source = join(root, 'src/client')
  const names = rewriteDeclarations(directory)
  writeFileSync(join(directory, 'types.d.ts'), callTypes())
  // Last: the operations above name schemas too.
  writeFileSync(join(directory, 'contract.d.ts'), await contractTypes(source, names))
  await bundleClient(root, directory)

  const { version, license } = readJson(join(root, 'package.json'))
  const manifest = { ...readJson(join(source, 'package.json')), version, license }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  cpSync(join(source, 'README.md'), join(directory, 'README.md'))
  cpSync(join(root, 'LICENSE'), join(directory, 'LICENSE'))
}

const readJson = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>

/** Bundles the client and its only package into one file for browsers and Node. */
async function bundleClient(root: string, directory: string): Promise<void> {
  const licence = readFileSync(join(root, 'node_modules/eventsource-parser/LICENSE'), 'utf8')
  await build({
    absWorkingDir: root,
    entryPoints: ['src/client/index.ts'],
    outfile: join(directory, 'index.js'),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'warning',
    preserveSymlinks: true,
    footer: { js: `/*! With eventsource-parser, ${licence.trim()} */` }
  })
}

/** Names that the declarations import from the contract, each with its module. */
type ContractNames = Map<string, string>

/** Points the declarations of tsc to `contract.d.ts`. */
function rewriteDeclarations(directory: string): ContractNames {
  const names: ContractNames = new Map()
  const exported = reachable(directory, 'index.d.ts')
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.d.ts'))) {
    if (!exported.has(file)) {
      rmSync(join(directory, file)) // the package does not export it
      continue
    }
    const text = readFileSync(join(directory, file), 'utf8')
    if (file !== 'types.d.ts') {
      for (const [, list = '', module = ''] of text.matchAll(
        /\{([^{}]*)\} from '(\.\.\/contract\/[\w/-]+\.ts)'/g
      )) {
        for (const name of list.split(',')) names.set(name.trim(), module)
      }
    }
    writeFileSync(
      join(directory, file),
      text
        .replace(/'\.\.\/contract\/[\w/-]+\.ts'/g, "'./contract.js'")
        .replace(/'(\.\/\w+)\.ts'/g, "'$1.js'")
    )
  }
  return names
}

/** A declaration file and all that it imports. */
function reachable(directory: string, file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const [, name = ''] of readFileSync(join(directory, file), 'utf8').matchAll(
    /from '\.\/(\w+)\.ts'/g
  ))
    reachable(directory, `${name}.d.ts`, found)
  return found
}

async function contractTypes(source: string, names: ContractNames): Promise<string> {
  const others: string[] = []
  for (const [name, module] of names) {
    const exported = (await import(pathToFileURL(join(source, module)).href)) as Record<
      string,
      TSchema
    >
    const schema = exported[name]
    const type = withoutSchema[name]
    if (schema !== undefined && '$ref' in schemas.reference(schema)) continue
    if (type === undefined)
      throw new Error(
        `src/client exports the type ${name} of ${module}, which has no schema of that name ` +
          'in schemas.ts'
      )
    others.push(`export type ${name} = ${type}\n`)
  }
  const described = Object.entries(schemas.components()).map(([name, schema]) =>
    declaration(name, schema)
  )
  return (
    `/** What the hub gives and takes, made of its contract. */\n\n` +
    `${[...others, ...described].join('\n')}`
  )
}

function declaration(name: string, schema: JsonSchema): string {
  const type = typeOf(schema)
  const isInterface = schema['type'] === 'object' && type.startsWith('{')
  return (
    `${describe(schema['description'])}export ` +
    `${isInterface ? `interface ${name} ${type}` : `type ${name} = ${type}`}\n`
  )
}

/** The declarations of `src/client/types.ts`, with each operation's types written out. */
function callTypes(): string {
  const ids = (Object.keys(routes) as OperationId[]).filter((id) => id !== 'streamEvents')
  const options = readFileSync(new URL('../src/client/types.ts', import.meta.url), 'utf8').match(
    /export interface CallOptions \{.*?\n\}/s
  )?.[0]
  if (options === undefined) throw new Error('src/client/types.ts has no interface CallOptions')
  const inputs = ids.map((id) => `  ${id}: ${indent(inputOf(id))}`)
  const outputs = ids.map((id) => `  ${id}: ${indent(outputOf(id))}`)
  const calls = ids.map((id) => `${indent(`\n${describeCall(id)}readonly ${id}: ${callOf(id)}`)}`)
  const code = [...inputs, ...outputs, ...calls].join('\n').replace(/\/\*\*.*?\*\//gs, '')
  const used = Object.keys(schemas.components()).filter((name) =>
    new RegExp(`\\b${name}\\b`).test(code)
  )
  return `import type { ${used.join(', ')} } from './contract.js'

/** The functions of the client, made of the hub's contract. */

export interface Inputs {
${inputs.join('\n')}
}

export interface Outputs {
${outputs.join('\n')}
}

/** The operations that have a function; live events have one of their own. */
export type CallId = keyof Inputs
/** What an operation takes: the parameters of its path and query by name, and \`body\`. */
export type Input<Id extends CallId> = Inputs[Id]
/** What an operation gives: its JSON, a \`Response\` to read as you like (a file, a picture, \
lines), or nothing. */
export type Output<Id extends CallId> = Outputs[Id]

/** A page whose items have only some members. */
type Kept<Page, F> = { [Name in keyof Page]: Page[Name] extends readonly (infer Item)[] ? \
Pick<Item, F & keyof Item>[] : Page[Name] }

${options}

/** A function for each operation, by its id in the OpenAPI document. \
Each rejects with a \`LeadMasterError\`. */
export interface Calls {${calls.join('\n')}
}
`
}

const indent = (text: string): string => text.replaceAll('\n', '\n  ')

const operationOf = (id: OperationId): Operation => operations[id]
const pathNames = (id: OperationId): string[] =>
  [...routes[id].matchAll(/:(\w+)/g)].map(([, name = '']) => name)

function inputOf(id: OperationId): string {
  const { params, query, body } = operationOf(id)
  const path = pathNames(id).map((name) => pathMember(name, params?.properties[name]))
  const filters = Object.entries(query?.properties ?? {})
    .filter(([name]) => name !== 'fields')
    .map(
      ([name, schema]) =>
        `${describe((schema as JsonSchema)['description'])}${name}?: ${schemaType(schema)} | ` +
        'undefined'
    )
  const members = [...path, ...filters, ...bodyOf(body)]
  return members.length === 0
    ? '{}'
    : `{\n${members.map((member) => `  ${indent(member)}`).join('\n')}\n}`
}

function pathMember(name: string, schema: TSchema | undefined): string {
  if (schema === undefined) return `${name}: string`
  return `${describe((schema as JsonSchema)['description'])}${name}: ${schemaType(schema)}`
}

function bodyOf(body: Operation['body']): string[] {
  if (body === undefined) return []
  if ('schema' in body) return [`body: ${schemaType(body.schema)}`]
  return [
    'body: string | Blob | Uint8Array<ArrayBuffer>',
    `contentType: ${union(Object.keys(body.types).map((type) => `'${type}'`))}`
  ]
}

function outputOf(id: OperationId): string {
  const { schema, types } = operationOf(id).answer
  if (schema !== undefined) return schemaType(schema)
  return types === undefined ? 'undefined' : 'Response'
}

function callOf(id: OperationId): string {
  const { query, body } = operationOf(id)
  const optional = pathNames(id).length === 0 && body === undefined ? '?' : ''
  const fields = query?.properties['fields']
  if (fields === undefined)
    return `(input${optional}: Inputs['${id}'], options?: CallOptions) => Promise<Outputs['${id}']>`
  const names = fieldNames(schemas.reference(fields))
  return (
    `<F extends ${names} = ${names}>(input${optional}: Inputs['${id}'] & { fields?: readonly ` +
    `F[] | undefined }, options?: CallOptions) => Promise<Kept<Outputs['${id}'], F>>`
  )
}

/** The type of `fields`: the members of the schema that has exactly these names. */
function fieldNames(fields: JsonSchema): string {
  const items = fields['items'] as JsonSchema
  const names = JSON.stringify(items['enum'])
  const item = Object.entries(schemas.components()).find(
    ([, schema]) => JSON.stringify(Object.keys(schema['properties'] ?? {})) === names
  )
  return item === undefined ? typeOf(items) : `keyof ${item[0]}`
}

function describeCall(id: OperationId): string {
  const { summary, description } = operationOf(id)
  return describe(
    [`${summary}. \`${routes[id]}\``, description].filter((text) => text !== undefined).join('\n\n')
  )
}

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * `node test/consumer/release-before/make.ts COMMIT` makes the two files beside it of a release:
 * its client as one module, and the schemas of its answers. A test holds today's hub to both.
 */

const root = resolve(import.meta.dirname, '../../..')
const [commit = ''] = process.argv.slice(2)
const hash = execFileSync('git', ['rev-parse', '--short', `${commit}^{commit}`], { cwd: root, encoding: 'utf8' }).trim()
const cache = join(root, '.tap') // not in git, and not in node_modules, where Node strips no types
mkdirSync(cache, { recursive: true })
const work = mkdtempSync(join(cache, 'release-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))
execFileSync('sh', ['-c', 'git archive "$1" src package.json | tar -x -C "$2"', 'sh', hash, work], { cwd: root })

const made = `Made of commit ${hash} by test/consumer/release-before/make.ts. Do not edit.`
await build({
  entryPoints: [join(work, 'src/client/index.ts')],
  outfile: join(import.meta.dirname, 'client.js'),
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  banner: { js: `/*! The client of the release before, with eventsource-parser (MIT). ${made} */` }
})

type Json = Record<string, unknown>
const { createOpenApi } = (await import(pathToFileURL(join(work, 'src/central-hub/api/openapi.ts')).href)) as {
  createOpenApi(version: string): {
    paths: Record<string, Record<string, { operationId: string; responses: Record<string, { content?: Record<string, { schema?: Json }> }> }>>
    components: { schemas: Json }
  }
}
const { paths, components } = createOpenApi('0')

/** What a value may be, without what is said of it. */
const bare = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(bare)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => key !== 'default' && !(key === 'description' && typeof value === 'string'))
      .map(([key, value]) => [key, key === '$ref' ? String(value).replace('#/components/schemas/', '#/$defs/') : bare(value)])
  )
}
const answers: Json = {}
for (const { operationId, responses } of Object.values(paths).flatMap((methods) => Object.values(methods))) {
  const schema = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1].content?.['application/json']?.schema
  if (schema !== undefined) answers[operationId] = bare(schema)
}
const lines = (members: Json): string => Object.entries(members).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(',\n')
writeFileSync(
  join(import.meta.dirname, 'answers.json'),
  `{\n  "made": ${JSON.stringify(made)},\n  "answers": {\n${lines(answers)}\n  },\n  "$defs": {\n${lines(bare(components.schemas) as Json)}\n  }\n}\n`
)

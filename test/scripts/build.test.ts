import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { withExactly } from '../platform/exact-env.ts'
import { buildCopy } from '../bench/prepare.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')

/** As install does it, without what tap adds to an environment: the services would refuse it. */
const tryRelease = (release: string): Promise<unknown> => {
  const call = `import { tryRelease } from ${JSON.stringify(join(root, 'scripts/compile-ahead.ts'))}; await tryRelease(process.argv[1])`
  return run(
    ...withExactly(
      { PATH: '/usr/bin:/bin' },
      process.execPath,
      '--input-type=module',
      '-e',
      call,
      release
    )
  )
}

/** What each file of a directory has in it. */
const contents = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [
        file.slice(directory.length),
        createHash('sha256').update(readFileSync(file)).digest('hex')
      ])
  )

t.test(
  'the same src and packages give the same bytes, wherever the clone is',
  { timeout: 900_000 },
  async (t) => {
    const clones = [join(t.testdir({}), 'one'), join(t.testdirName, 'two/deeper')] as const
    for (const clone of clones) buildCopy(root, clone)
    const [one, two] = clones.map((clone) => contents(join(clone, 'dist'))) as [
      Record<string, string>,
      Record<string, string>
    ]
    t.same(two, one)
    for (const file of [
      'session-manager/main.js',
      'central-hub/main.js',
      'admin/cli/main.js',
      'admin/doctor/main.js',
      'client/index.js',
      'client/index.d.ts',
      'platform/env-file.js',
      'platform/log-line.js',
      'central-hub/api/docs/docs.css',
      'central-hub/console/index.html'
    ]) {
      t.ok(`/${file}` in one, file)
    }
    for (const file of Object.keys(one))
      t.notMatch(
        readFileSync(join(clones[0], 'dist', file), 'latin1'),
        t.testdirName,
        `${file} names no directory of the build`
      )

    await t.test(
      'what it is made of is listed with it, as CycloneDX: what the lockfile has for production, no more and no less',
      async (t) => {
        type Component = {
          'bom-ref': string
          name: string
          version: string
          purl: string
          hashes?: { alg: string; content: string }[]
          licenses?: unknown[]
        }
        const list = JSON.parse(readFileSync(join(clones[0], 'dist/sbom.cdx.json'), 'utf8')) as {
          bomFormat: string
          specVersion: string
          serialNumber: string
          metadata: { component: Component }
          components: Component[]
          dependencies: { ref: string; dependsOn: string[] }[]
        }
        t.match(list, {
          bomFormat: 'CycloneDX',
          specVersion: /^1\.\d$/,
          serialNumber: /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
          metadata: { component: { name: 'leadmaster', type: 'application' } }
        })
        t.notOk('timestamp' in list.metadata)
        const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
          packages: Record<
            string,
            { version: string; name?: string; dev?: boolean; integrity: string }
          >
        }
        const locked = Object.entries(packages).filter(
          ([path, { dev }]) => path !== '' && dev !== true
        )
        const names = locked.map(
          ([path, { name, version }]) =>
            `${name ?? path.replace(/^.*node_modules\//, '')}@${version}`
        )
        t.same(
          [...new Set(list.components.map(({ name, version }) => `${name}@${version}`))].sort(),
          [...new Set(names)].sort()
        )
        const refs = new Set(list.components.map((component) => component['bom-ref']))
        t.equal(refs.size, list.components.length)
        t.same(
          list.dependencies.filter(({ ref }) => !refs.has(ref)).map(({ ref }) => ref),
          [list.metadata.component['bom-ref']]
        )
        t.same(
          list.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref)),
          [],
          'what something needs is listed'
        )
        const needed = new Set(list.dependencies.flatMap(({ dependsOn }) => dependsOn))
        t.same(
          [...refs].filter((ref) => !needed.has(ref)),
          [],
          'what is listed something needs'
        )
        for (const { name, hashes } of list.components)
          t.match(hashes, [{ alg: 'SHA-512', content: /^[0-9a-f]{128}$/ }], name)
        // of async 0.2.10 the registry tells none: its LICENSE is MIT's
        t.same(
          list.components
            .filter(({ licenses }) => licenses === undefined)
            .map(({ name, version }) => `${name}@${version}`),
          ['async@0.2.10']
        )
      }
    )

    await t.test(
      'what the services start with is compiled ahead, by them themselves',
      async (t) => {
        const compiled = join(clones[0], 'node_modules/.cache/leadmaster/compiled')
        await tryRelease(clones[0])
        const [one] = readdirSync(compiled)
        t.match(one, new RegExp(`^${process.version}-`), 'for this Node')
        const made = readdirSync(join(compiled, one ?? ''))
        t.ok(made.length >= 2, 'both services')
        await tryRelease(clones[0])
        t.same(readdirSync(join(compiled, one ?? '')), made, 'it is made once')
      }
    )

    await t.test(
      'where that fails nothing is left of it, and a service starts all the same',
      async (t) => {
        await t.rejects(tryRelease(join(clones[1], 'src')))
        t.notOk(existsSync(join(clones[1], 'src/node_modules/.cache/leadmaster/compiled')))
        const refused = await run(process.execPath, [join(clones[1], 'dist/central-hub/main.js')], {
          env: {}
        }).catch((error: unknown) => error as { code: number; stdout: string })
        t.match(refused, { code: 78, stdout: /central-hub cannot start/ })
      }
    )

    await t.test('the client is a module for browsers: nothing of Node in it', async (t) => {
      const client = join(clones[0], 'dist/client/index.js')
      t.notMatch(readFileSync(client, 'utf8'), /node:|createRequire/)
      t.match(await import(pathToFileURL(client).href), { createClient: Function })
    })
  }
)

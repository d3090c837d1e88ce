import { execFile, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { extname, join, normalize } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import t, { type Test } from 'tap'
import type { Lead } from '../../src/contract/lead.ts'
import { serveOtherOrigin } from '../browser/other-origin.ts'
import { launch, openPage } from '../browser/page.ts'
import {
  fakeSessionManager,
  type FakeSessionManager
} from '../central-hub/follow/fake-session-manager.ts'
import {
  apiToken,
  ask,
  centralHubEnv,
  freePort,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { packageFile, packagesMissing, root } from './packages.ts'

/**
 * The client as other teams get it: packed, and installed in projects that have nothing else of
 * LeadMaster.
 */

t.setTimeout(900_000)

const run = promisify(execFile)
const work = ownDirectory(t)
const built = join(root, 'dist/client')
const projects = join(root, 'test/consumer/projects')

const npm = (directory: string, ...args: string[]): Promise<{ stdout: string }> =>
  run(
    'npm',
    [...args, '--no-audit', '--no-fund', '--no-update-notifier', '--cache', join(work, 'npm')],
    { cwd: directory }
  )

interface Packed {
  filename: string
  size: number
  unpackedSize: number
  files: { path: string }[]
}
const packed = npm(work, 'pack', built, '--pack-destination', work, '--json').then(
  ({ stdout }) => (JSON.parse(stdout) as [Packed])[0]
)

/** A copy of a project with the tarball installed in it, without a registry. */
const install = async (t: Test, project: string): Promise<string> => {
  const directory = ownDirectory(t)
  cpSync(join(projects, project), directory, { recursive: true })
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'somebody-elses', private: true, type: 'module' })
  )
  await npm(directory, 'install', '--offline', join(work, (await packed).filename))
  return directory
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css'
}

/** Serves the files of directories, each below a path, from an origin of its own. */
const serveFiles = async (
  t: Test,
  directories: Readonly<Record<string, string>>
): Promise<string> => {
  return serveOtherOrigin(t, (req, res) => {
    const path = normalize(new URL(req.url ?? '/', 'http://any').pathname)
    const [prefix = '/', directory = ''] =
      Object.entries(directories).find(([below]) => path.startsWith(below)) ?? []
    const file = join(directory, path.slice(prefix.length) || 'index.html')
    if (!existsSync(file)) return void res.writeHead(404).end()
    res
      .writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
      .end(readFileSync(file))
  })
}

/** A hub that has the lead Ana, and answers pages of an origin. */
const startHub = async (
  t: Test,
  origin?: string
): Promise<{ hub: Daemon; upstream: FakeSessionManager }> => {
  const upstream = await fakeSessionManager(t)
  upstream.journal.append([newRecord('first', { name: 'Ana' })], 'live')
  const env = centralHubEnv({
    port: await freePort(),
    stateDir: ownDirectory(t),
    sessionManager: upstream.url
  })
  const hub = startDaemon('central-hub', {
    ...env,
    ...(origin === undefined ? {} : { CORS_ORIGINS: origin })
  })
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('following')
  for (;;) {
    const { body } = await ask<{ leads: Lead[] }>(`${hub.url}/api/leads`, apiToken)
    if (body.leads.length > 0) return { hub, upstream }
  }
}
const noteOfAna = async (hub: Daemon): Promise<string> =>
  (await ask<Lead>(`${hub.url}/api/leads/1`, apiToken)).body.note

t.test(
  'the package holds the client alone: no dependency, no schema, nothing of the servers',
  async (t) => {
    const { files, size, unpackedSize } = await packed
    t.same(files.map(({ path }) => path).sort(), [
      'LICENSE',
      'README.md',
      'client.d.ts',
      'contract.d.ts',
      'error.d.ts',
      'events.d.ts',
      'index.d.ts',
      'index.js',
      'package.json',
      'request.d.ts',
      'types.d.ts'
    ])
    const manifest = JSON.parse(readFileSync(join(built, 'package.json'), 'utf8')) as Record<
      string,
      unknown
    >
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string
    }
    t.match(manifest, { name: 'leadmaster-client', version, type: 'module', license: 'Apache-2.0' })
    t.same(
      Object.keys(manifest).filter((key) => /dependencies|scripts|bin/i.test(key)),
      []
    )

    const code = readFileSync(join(built, 'index.js'), 'utf8')
    t.notMatch(code, /\bimport\b[^\n]*\bfrom\b|require\(|node:|typebox|process\./)
    t.match(
      code,
      /eventsource-parser, MIT License[\s\S]*Permission is hereby granted/,
      'what is bundled goes with its licence'
    )
    const declared = files
      .filter(({ path }) => path.endsWith('.d.ts'))
      .map(({ path }) => readFileSync(join(built, path), 'utf8'))
      .join('\n')
    t.same(
      [...declared.matchAll(/from '([^']+)'/g)]
        .map(([, module = '']) => module)
        .filter((module) => !/^\.\/\w+\.js$/.test(module)),
      []
    )

    const { code: minified } = await transform(code, {
      minify: true,
      format: 'esm',
      legalComments: 'none'
    })
    const compressed = gzipSync(minified, { level: 9 }).length
    t.comment(
      `leadmaster-client: ${size} bytes packed, ${unpackedSize} unpacked; its code ${minified.length} minified, ${compressed} compressed`
    )
    t.ok(compressed < 7_500)
    t.ok(size < 46_000)
  }
)

t.test('installed, it brings no other package', async (t) => {
  const directory = await install(t, 'node')
  t.same(
    readdirSync(join(directory, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['leadmaster-client']
  )
  const { stdout } = await npm(directory, 'ls', '--all', '--parseable')
  t.equal(stdout.trim().split('\n').length, 2, 'the project and the client')
})

t.test(
  'its types compile with every library checked, strict, with and without exactOptionalPropertyTypes',
  async (t) => {
    const directory = await install(t, 'vite')
    symlinkSync(join(root, 'node_modules/@types'), join(directory, 'types'))
    const settings: (Record<string, unknown> & { types: string[] })[] = [
      {
        module: 'esnext',
        moduleResolution: 'bundler',
        lib: ['es2022', 'dom', 'dom.iterable'],
        types: []
      },
      {
        module: 'nodenext',
        moduleResolution: 'nodenext',
        lib: ['es2022', 'dom'],
        types: [],
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true
      },
      {
        module: 'nodenext',
        moduleResolution: 'nodenext',
        lib: ['es2024'],
        types: ['node'],
        typeRoots: ['types']
      }
    ]
    for (const [index, compilerOptions] of settings.entries()) {
      const file = compilerOptions.types.includes('node') ? 'node.ts' : 'src/main.ts'
      writeFileSync(
        join(directory, 'node.ts'),
        "import { createClient, pages, type Lead } from 'leadmaster-client'\nexport const all: Lead[] = []\nfor await (const { leads } of pages(createClient({ baseUrl: 'http://127.0.0.1:1' }).listLeads, { waiting: true })) all.push(...leads)\n"
      )
      const project = join(directory, `tsconfig.${index}.json`)
      writeFileSync(
        project,
        JSON.stringify({
          compilerOptions: {
            target: 'es2022',
            strict: true,
            skipLibCheck: false,
            noEmit: true,
            ...compilerOptions
          },
          files: [file]
        })
      )
      const outcome = await run(process.execPath, [
        join(root, 'node_modules/typescript/bin/tsc'),
        '-p',
        project
      ]).catch((error: unknown) => error as { stdout: string })
      t.equal(outcome.stdout, '', JSON.stringify(compilerOptions))
    }
  }
)

/** The Nodes of this machine: the one of the tests, and the system's, if it has another. */
const nodes = [process.execPath, '/usr/bin/node'].filter((path) => existsSync(path))

for (const node of nodes) {
  t.test('a Node script lists leads, writes and follows events', async (t) => {
    const directory = await install(t, 'node')
    const { hub, upstream } = await startHub(t)
    const { stdout: version } = await run(node, ['--version'])
    t.comment(`Node ${version.trim()}`)

    const script = spawn(node, ['main.mjs', hub.url, apiToken], {
      cwd: directory,
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    t.teardown(() => script.kill())
    const lines: string[] = []
    for await (const line of createInterface({ input: script.stdout })) {
      lines.push(line)
      if (line === 'following') upstream.journal.append([newRecord('second')], 'live')
    }

    t.same(lines, [
      'leads: Ana',
      'written: from a Node script',
      'following',
      'event: message second'
    ])
    t.equal(await noteOfAna(hub), 'from a Node script')
  })
}

/** Opens a page that uses the client, and sees it list, follow and write. */
const useThePage = async (t: Test, origin: string, note: string): Promise<void> => {
  const { hub, upstream } = await startHub(t, origin)
  const page = await openPage(
    t,
    await launch(t),
    `${origin}/#hub=${encodeURIComponent(hub.url)}&token=${apiToken}`
  )
  await page.locator('#leads li', { hasText: 'Ana' }).waitFor()
  await page.locator('#event', { hasText: 'following' }).waitFor()
  upstream.journal.append([newRecord('second')], 'live')
  await page.locator('#event', { hasText: 'message second' }).waitFor()
  await page.locator('button').click()
  await page.locator('#written', { hasText: note }).waitFor()
  t.equal(await noteOfAna(hub), note)
  t.equal(await page.locator('#error').textContent(), '')
}

t.test(
  'a Vite app, built, of another origin than the hub, lists leads, follows events and writes',
  { skip: packagesMissing },
  async (t) => {
    const directory = await install(t, 'vite')
    await run(process.execPath, [packageFile('vite/bin/vite.js'), 'build', '--logLevel', 'error'], {
      cwd: directory
    })
    const assets = join(directory, 'dist/assets')
    t.comment(
      `built by Vite: ${readdirSync(assets)
        .map((file) => `${file} ${statSync(join(assets, file)).size} bytes`)
        .join(', ')}`
    )
    await useThePage(t, await serveFiles(t, { '/': join(directory, 'dist') }), 'from a Vite app')
  }
)

t.test('a page without a bundler lists leads, follows events and writes', async (t) => {
  const directory = await install(t, 'page')
  const origin = await serveFiles(t, {
    '/leadmaster-client/': join(directory, 'node_modules/leadmaster-client'),
    '/': directory
  })
  await useThePage(t, origin, 'from a page without a bundler')
})

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Lead } from '../../src/contract/lead.ts'
import { storeMedia } from '../../src/session-manager/journal/media.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon } from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { packageFile, packagesMissing, root } from './packages.ts'

/**
 * Other people's linters and generators, on the OpenAPI document of a running hub; what they
 * generate calls that hub.
 */

t.setTimeout(900_000)

const photo = Buffer.from('the bytes of a photo')
const photoId = 'false_5215512345678@c.us_photo'
const other = (number: number, name: string) => ({
  id: `false_521551111111${number}@c.us_1`,
  chat_id: `521551111111${number}@c.us`,
  from: `521551111111${number}@c.us`,
  phone: `+521551111111${number}`,
  name
})

/** A hub with three leads, one of them won, and a photo. */
async function startHub(t: Test): Promise<string> {
  const upstream = await fakeSessionManager(t)
  const sha256 = createHash('sha256').update(photo).digest('hex')
  await storeMedia(upstream.mediaDirectory, photo)
  const media = { state: 'stored', mimetype: 'image/jpeg', size: photo.length, sha256 } as const
  upstream.journal.append(
    [
      newRecord('photo', { name: 'Ana', type: 'image', has_media: true, media }),
      newRecord('b', other(2, 'Bea')),
      newRecord('c', other(3, 'Carla'))
    ],
    'live'
  )
  const hub = startDaemon(
    'central-hub',
    centralHubEnv({
      port: await freePort(),
      stateDir: ownDirectory(t),
      sessionManager: upstream.url
    })
  )
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('following')
  for (;;) {
    const { body } = await ask<{ leads: Lead[] }>(`${hub.url}/api/leads`, apiToken)
    if (body.leads.length === 3) break
  }
  for (const [id, state] of [
    [2, 'open'],
    [3, 'won']
  ] as const) {
    await ask(`${hub.url}/api/leads/${id}`, apiToken, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ state })
    })
  }
  return hub.url
}

/**
 * A copy of a project of `test/consumer/projects`, with the hub's document in it and the tools
 * installed.
 */
async function copyProject(t: Test, project: string, hub: string): Promise<string> {
  const directory = ownDirectory(t)
  cpSync(join(root, 'test/consumer/projects', project), directory, { recursive: true })
  symlinkSync(packageFile(''), join(directory, 'node_modules'))
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'somebody-elses', private: true, type: 'module' })
  )
  writeFileSync(join(directory, 'openapi.json'), await (await fetch(`${hub}/openapi.json`)).text())
  return directory
}

const environment = {
  PATH: '/usr/bin:/bin',
  REDOCLY_TELEMETRY: 'off',
  REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true'
}
interface Outcome {
  code?: number
  stdout: string
  stderr: string
}

/** Runs a tool of the packages in a directory; a failure is an outcome too. */
const runTool = (directory: string, tool: string, ...args: string[]): Promise<Outcome> =>
  promisify(execFile)(process.execPath, [packageFile(tool), ...args], {
    cwd: directory,
    env: { ...environment, HOME: directory },
    maxBuffer: 50_000_000
  }).catch((error: unknown) => error as Outcome)

interface Generator {
  project: string
  tool: string
  args: string[]
  /** Why its code does not compile with `exactOptionalPropertyTypes`, if it does not. */
  inexact?: string
}
const generators: Generator[] = [
  {
    project: 'openapi-fetch',
    tool: 'openapi-typescript/bin/cli.js',
    args: ['openapi.json', '--output', 'generated/schema.d.ts']
  },
  {
    project: 'hey-api',
    tool: '@hey-api/openapi-ts/bin/run.js',
    args: ['--file', 'openapi-ts.config.mjs'],
    inexact:
      'its own client-fetch, which it copies beside what it generates, assigns undefined to optional members'
  },
  { project: 'orval', tool: 'orval/dist/bin/orval.mjs', args: ['--config', 'orval.config.mjs'] }
]

t.test('linters and generators of others', { skip: packagesMissing }, async (t) => {
  const hub = await startHub(t)

  await t.test('redocly finds nothing in the document, by its strict rules', async (t) => {
    const directory = await copyProject(t, 'lint', hub)
    const { code, stdout, stderr } = await runTool(
      directory,
      '@redocly/cli/bin/cli.js',
      'lint',
      'openapi.json',
      '--config',
      'redocly.yaml'
    )
    t.equal(code, undefined, stdout + stderr)
    t.notMatch(stdout + stderr, /warning/i)
  })

  await t.test(
    'spectral finds nothing in the document, by all of its rules but those with a reason',
    async (t) => {
      const directory = await copyProject(t, 'lint', hub)
      const { code, stdout, stderr } = await runTool(
        directory,
        '@stoplight/spectral-cli/dist/index.js',
        'lint',
        'openapi.json',
        '--ruleset',
        'spectral.yaml',
        '--fail-severity',
        'hint'
      )
      t.equal(code, undefined, stdout + stderr)
      const rules = readFileSync(join(directory, 'spectral.yaml'), 'utf8')
      for (const [rule] of rules.matchAll(/^ +[\w-]+: off$/gm))
        t.match(rules, `.\n${rule}`, `${rule.trim()} has a reason`)
    }
  )

  for (const { project, tool, args, inexact } of generators) {
    await t.test(
      `what ${tool.replace(/\/(bin|dist)\/.*/, '')} generates compiles strictly, and calls the hub`,
      async (t) => {
        const directory = await copyProject(t, project, hub)
        const generated = await runTool(directory, tool, ...args)
        t.equal(generated.code, undefined, generated.stdout + generated.stderr)

        const compilerOptions = {
          target: 'es2022',
          lib: ['es2022', 'dom', 'dom.iterable'],
          module: 'nodenext',
          moduleResolution: 'nodenext',
          types: ['node'],
          typeRoots: [join(root, 'node_modules/@types')],
          strict: true,
          noUncheckedIndexedAccess: true,
          exactOptionalPropertyTypes: inexact === undefined,
          skipLibCheck: true,
          outDir: 'built'
        }
        writeFileSync(
          join(directory, 'tsconfig.json'),
          JSON.stringify({ compilerOptions, include: ['*.ts', 'generated'] })
        )
        const compiled = await runTool(directory, 'typescript/bin/tsc', '--project', '.')
        t.equal(compiled.code, undefined, compiled.stdout)

        const ran = await promisify(execFile)(
          process.execPath,
          ['built/main.js', hub, apiToken, photoId],
          { cwd: directory }
        )
        t.same(JSON.parse(ran.stdout), {
          listed: [
            ['Bea', 'open'],
            ['Ana', 'new']
          ],
          patched: [['vip'], null],
          problem: ['urn:leadmaster:problem:not-found', 404],
          imported: 1,
          media: photo.toString()
        })
        // As it was, for the next generator.
        await ask(`${hub}/api/leads/1`, apiToken, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: null })
        })
      }
    )
  }
})

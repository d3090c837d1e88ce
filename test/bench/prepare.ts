import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tryRelease } from '../../scripts/compile-ahead.ts'

/** The peers of this kind, from the npm registry, with what they are called there. */
const packages = [
  'express@5',
  'axios@1',
  'helmet@8',
  'cors@2',
  'express-rate-limit@8',
  'autocannon@9'
] as const

/** Builds src as `npm run build` does, in a copy: the clone's own dist is left alone. */
export const buildCopy = (root: string, where: string): void => {
  for (const entry of [
    'src',
    'scripts',
    'deploy/systemd',
    'LICENSE',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json'
  ])
    cpSync(join(root, entry), join(where, entry), { recursive: true })
  // links one by one: the build keeps a cache of its own in node_modules
  mkdirSync(join(where, 'node_modules'))
  for (const entry of readdirSync(join(root, 'node_modules'))) {
    if (entry !== '.cache')
      symlinkSync(join(root, 'node_modules', entry), join(where, 'node_modules', entry))
  }
  execFileSync(process.execPath, [join(where, 'scripts/build.ts')], {
    cwd: where,
    stdio: ['ignore', 'inherit', 'inherit']
  })
}

/**
 * Has the daemons in a copy as they are deployed, and brings the peers beside them. @returns the
 * peers' versions
 */
export const prepare = async (root: string, where: string): Promise<Record<string, string>> => {
  buildCopy(root, where)
  await tryRelease(where)

  const peers = join(where, 'peers')
  mkdirSync(peers)
  writeFileSync(join(peers, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  execFileSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...packages],
    { cwd: peers, stdio: ['ignore', 'ignore', 'inherit'] }
  )
  // the same whatsapp-web.js as ours
  symlinkSync(
    join(root, 'node_modules/whatsapp-web.js'),
    join(peers, 'node_modules/whatsapp-web.js')
  )
  cpSync(join(root, 'test/bench/peers'), peers, { recursive: true })
  const versionOf = (name: string): string =>
    (
      JSON.parse(readFileSync(join(peers, 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string
      }
    ).version
  const names = [...packages.map((spec) => spec.split('@')[0] as string), 'whatsapp-web.js']
  return Object.fromEntries(names.map((name) => [name, versionOf(name)]))
}

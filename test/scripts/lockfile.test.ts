import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

/**
 * What npm installs is what was looked at: each package by its hash, from the registry, and no
 * script of it runs unasked.
 */

const root = resolve(import.meta.dirname, '../..')
const read = <T>(file: string): T => JSON.parse(readFileSync(join(root, file), 'utf8')) as T

interface Locked {
  version: string
  resolved?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
interface Place {
  directory: string
  lockfile: { lockfileVersion: number; packages: Record<string, Locked> }
  manifest: Locked & { allowScripts: Record<string, boolean> }
}
const at = (directory: string): Place => ({
  directory,
  lockfile: read(join(directory, 'package-lock.json')),
  manifest: read(join(directory, 'package.json'))
})
const ours = at('.')
const places = [ours, at('test/consumer/packages')]

t.test(
  'every package of the lockfiles has a SHA-512 sum, and comes from no place of its own',
  async (t) => {
    for (const {
      directory,
      lockfile: { lockfileVersion, packages }
    } of places) {
      t.equal(lockfileVersion, 3)
      for (const [path, { resolved, integrity, link }] of Object.entries(packages)) {
        if (path === '') continue
        // without `resolved` it comes from the registry that is set, as a mirror may be; the sum
        // says that it is the same
        t.same([resolved, link], [undefined, undefined], `${directory}: ${path}`)
        t.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, `${directory}: ${path}`)
      }
    }
  }
)

t.test('each lockfile is of its package.json, which names exact versions', async (t) => {
  for (const {
    directory,
    lockfile: { packages },
    manifest
  } of places) {
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
      t.same(packages['']?.[kind], manifest[kind], `${directory}: ${kind}`)
      for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
        t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
        t.equal(packages[`node_modules/${name}`]?.version, version, name)
      }
    }
  }
})

t.test(
  'every package that would run a script as it is installed is decided on by name',
  async (t) => {
    const {
      lockfile: { packages },
      manifest
    } = ours
    const scripts = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''))
    t.ok(scripts.length > 0)
    for (const name of scripts) t.type(manifest.allowScripts[name], 'boolean', name)
    t.match(
      readFileSync(join(root, 'scripts/setup'), 'utf8'),
      /npm ci --ignore-scripts/,
      'and scripts/setup runs none but the one it builds by'
    )
  }
)

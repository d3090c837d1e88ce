import { access, readFile } from 'node:fs/promises'
import t from 'tap'

/** What README says of licences, files and commands, against what is there. */

const root = new URL('../../', import.meta.url)
const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(new URL(path, root), 'utf8'))
const readme = await readFile(new URL('README.md', root), 'utf8')

interface Package {
  license?: string
  /** How old packages say it. */
  licenses?: { type: string }[]
  dev?: boolean
}
const manifest = (await readJson('package.json')) as Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Record<string, string>>
const { packages } = (await readJson('package-lock.json')) as { packages: Record<string, Package> }

/** As the package itself says; as the lockfile says of one for another kind of machine. */
const licenceOf = async (path: string): Promise<string> => {
  const { license, licenses } = (await readJson(`${path}/package.json`).catch(() => packages[path])) as Package
  return license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'none'
}

t.test('every package it is made of is listed with its licence', async (t) => {
  const listed = Object.fromEntries([...readme.matchAll(/^\| ([\w.@/-]+) \| ([\w.-]+) \| [^|]+ \|$/gm)].map(([, name = '', licence]) => [name, licence]).slice(1)) // without the heading
  const actual: Record<string, string> = {}
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort()) actual[name] = await licenceOf(`node_modules/${name}`)
  t.same(listed, actual)
})

t.test('every package for development is listed with its licence', async (t) => {
  const [, text = ''] = /^For development and tests alone: (.*)\.$/m.exec(readme) ?? []
  const listed = Object.fromEntries([...text.matchAll(/([^()]+) \(([\w.-]+)\)/g)].flatMap(([, names = '', licence]) => names.split(',').map((name) => [name.trim(), licence])).filter(([name]) => name !== ''))
  const actual: Record<string, string> = {}
  for (const name of Object.keys(manifest.devDependencies).sort()) actual[name] = await licenceOf(`node_modules/${name}`)
  t.same(listed, actual)
})

t.test('everything in the production tree may go with Apache-2.0', async (t) => {
  const compatible = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'Python-2.0', 'Unlicense', 'Apache-2.0']
  // a separate, unmodified, replaceable package: README says so
  const explained: Record<string, string> = { 'node_modules/node-webpmux': 'LGPL-3.0-or-later' }
  const production = Object.keys(packages).filter((path) => path !== '' && !packages[path]?.dev)
  t.ok(production.length > 100, `${production.length} packages`)
  for (const path of production) {
    const licence = await licenceOf(path)
    if (!compatible.includes(licence)) t.equal(licence, explained[path], path)
  }
})

t.test('every file that it names is there', async (t) => {
  const named = [...readme.matchAll(/\]\(([^)#:]+)\)|`((?:src|test|scripts|deploy)\/[\w./-]*)`|\.\/(scripts\/\w+)/g)].map(([, link, path, script]) => (link ?? path ?? script) as string)
  t.ok(named.length > 10)
  for (const path of new Set(named)) await t.resolves(access(new URL(path, root)), path)
})

t.test('every variable that it names is one', async (t) => {
  const templates = (await Promise.all(['session-manager', 'central-hub', 'backup'].map((service) => readFile(new URL(`deploy/env/${service}.env`, root), 'utf8')))).join('\n')
  const named = [...readme.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, name]) => name as string)
  const others = ['LEADMASTER_HOME', 'QR_REQUIRED', 'PASSKEY_REQUIRED'] // of scripts/up; statuses
  for (const name of new Set(named)) t.ok(others.includes(name) || new RegExp(`^#?${name}=`, 'm').test(templates), name)
})

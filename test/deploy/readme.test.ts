import { access, readFile } from 'node:fs/promises'
import t from 'tap'
import { documents } from './documents.ts'

/** What the documents say of licences, files, variables and units, against what is there. */

const root = new URL('../../', import.meta.url)
const readJson = async (path: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(path, root), 'utf8'))
/** All documents as one text: a fact is in one of them, wherever its reader looks for it. */
const said = [...documents.values()].join('\n')
const contributing = documents.get('.github/CONTRIBUTING.md') ?? ''

interface Package {
  license?: string
  /** How old packages say it. */
  licenses?: { type: string }[]
  dev?: boolean
}
const manifest = (await readJson('package.json')) as Record<
  'dependencies' | 'devDependencies' | 'optionalDependencies',
  Record<string, string>
>
const { packages } = (await readJson('package-lock.json')) as { packages: Record<string, Package> }

/** As the package itself says; as the lockfile says of one for another kind of machine. */
const licenceOf = async (path: string): Promise<string> => {
  const { license, licenses } = (await readJson(`${path}/package.json`).catch(
    () => packages[path]
  )) as Package
  return license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'none'
}

t.test('every package it is made of is listed with its licence', async (t) => {
  const listed = Object.fromEntries(
    [...contributing.matchAll(/^\| ([\w.@/-]+) \| ([\w.-]+) \| [^|]+ \|$/gm)]
      .map(([, name = '', licence]) => [name, licence])
      .slice(1)
  ) // without the heading
  const actual: Record<string, string> = {}
  for (const name of Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies
  }).sort())
    actual[name] = await licenceOf(`node_modules/${name}`)
  t.same(listed, actual)
})

t.test('every package for development is listed with its licence', async (t) => {
  const [, text = ''] = /^For development and tests alone: (.*)\.$/m.exec(contributing) ?? []
  const listed = Object.fromEntries(
    [...text.matchAll(/([^()]+) \(([\w. -]+)\)/g)]
      .flatMap(([, names = '', licence]) => names.split(',').map((name) => [name.trim(), licence]))
      .filter(([name]) => name !== '')
  )
  const actual: Record<string, string> = {}
  for (const name of Object.keys(manifest.devDependencies).sort())
    actual[name] = await licenceOf(`node_modules/${name}`)
  t.same(listed, actual)
})

t.test('everything in the production tree may go with Apache-2.0', async (t) => {
  const compatible = [
    'MIT',
    'ISC',
    'BSD-2-Clause',
    'BSD-3-Clause',
    '0BSD',
    'BlueOak-1.0.0',
    'Python-2.0',
    'Unlicense',
    'Apache-2.0'
  ]
  // a separate, unmodified, replaceable package: CONTRIBUTING.md says so
  const explained: Record<string, string> = { 'node_modules/node-webpmux': 'LGPL-3.0-or-later' }
  const production = Object.keys(packages).filter((path) => path !== '' && !packages[path]?.dev)
  t.ok(production.length > 100, `${production.length} packages`)
  for (const path of production) {
    const licence = await licenceOf(path)
    if (!compatible.includes(licence)) t.equal(licence, explained[path], path)
  }
})

t.test('every file that the documents name is there', async (t) => {
  const named = [
    ...said.matchAll(/`((?:src|test|scripts|deploy)\/[\w./-]*)`|\.\/(scripts\/\w+)/g)
  ].map(([, path, script]) => (path ?? script) as string)
  // `test/platform/{http,sse}` names two tests
  const tests = [...said.matchAll(/`(test\/[\w./-]+)\{([\w.,-]+)\}`/g)].flatMap(
    ([, folder = '', names = '']) => names.split(',').map((name) => `${folder}${name}.test.ts`)
  )
  t.ok(named.length > 10 && tests.length > 10)
  for (const path of new Set([...named, ...tests]))
    await t.resolves(access(new URL(path, root)), path)
})

t.test('every npm script that the documents name is there', async (t) => {
  const { scripts } = (await readJson('package.json')) as { scripts: Record<string, string> }
  const named = new Set([...said.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name))
  t.ok(named.size > 5)
  for (const name of named) t.ok(name in scripts, name)
})

t.test('every variable that the documents name is one', async (t) => {
  const templates = (
    await Promise.all(
      ['session-manager', 'central-hub', 'backup'].map((service) =>
        readFile(new URL(`deploy/env/${service}.env`, root), 'utf8')
      )
    )
  ).join('\n')
  const named = [...said.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, name]) => name as string)
  const others = ['LEADMASTER_HOME', 'QR_REQUIRED', 'PASSKEY_REQUIRED'] // of scripts/up; statuses
  for (const name of new Set(named))
    t.ok(others.includes(name) || new RegExp(`^#?${name}=`, 'm').test(templates), name)
})

/** A setting of a unit, as its file has it. */
const settingOf = async (unit: string, name: string): Promise<string> => {
  const text = await readFile(new URL(`deploy/systemd/${unit}`, root), 'utf8')
  return new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? 'none'
}
/** `5min`, `3 s`, `512M`, `3 GiB` in one writing. */
const plain = (figure: string): string => figure.replace(/\s|iB$/g, '').replace(/^60s$/, '1min')

const sessionManagers = [
  'leadmaster-session-manager.service',
  'leadmaster-session-manager@.service'
]
const services = [...sessionManagers, 'leadmaster-central-hub.service']
const fact = (words: RegExp, units: string[], setting: string, least = 1) => ({
  words,
  units,
  setting,
  least
})
const facts = [
  fact(/started again after (\d+ s)\b/g, services, 'RestartSec', 2),
  fact(/starts again after (\d+ s)\b/g, services, 'RestartSec'),
  fact(/is tried every (\d+ s)\b/g, sessionManagers, 'RestartSec'),
  fact(/is tried again after (\d+ s) \|/g, ['leadmaster-central-hub.service'], 'RestartSec'),
  fact(/The delay of (\d+ s) is constant/g, services, 'RestartSec'),
  fact(/no watchdog signal for (\d+ s)/g, services, 'WatchdogSec'),
  fact(/Watchdog timeout \(limit (\d+s)\)/g, services, 'WatchdogSec'),
  fact(/A start with your data may take (\d+ min)/g, services, 'TimeoutStartSec'),
  fact(/refused \(exit code (\d+)\)/g, services, 'RestartPreventExitStatus'),
  fact(/session-manager at most (\d+ GiB)/g, sessionManagers, 'MemoryMax'),
  fact(/the hub (\d+ MiB), all accounts/g, ['leadmaster-central-hub.service'], 'MemoryMax'),
  fact(/all accounts together (\d+ %)/g, ['leadmaster.slice'], 'MemoryMax')
]

t.test(
  'what it says of times, memory and exit codes of the services is what their units have',
  async (t) => {
    for (const { words, units, setting, least } of facts) {
      const figures = [...said.matchAll(words)].map(([, figure = '']) => plain(figure))
      t.ok(figures.length >= least, `${words} is said`)
      for (const unit of units)
        for (const figure of figures)
          t.equal(figure, plain(await settingOf(unit, setting)), `${unit}: ${setting}`)
    }
  }
)

t.test('the delay of a restart rises to what the handbook says', async (t) => {
  t.match(said, /from 254 on it rises to half a minute/)
  t.equal(await settingOf('rising-delay.conf', 'RestartMaxDelaySec'), '30s')
  t.match(said, /There is no limit of starts/)
  for (const unit of services) t.equal(await settingOf(unit, 'StartLimitIntervalSec'), '0', unit)
  t.match(said, /every night between 2:30 and 3:30/)
  t.match(
    [
      await settingOf('leadmaster-backup.timer', 'OnCalendar'),
      await settingOf('leadmaster-backup.timer', 'RandomizedDelaySec')
    ],
    [/ 02:30:00$/, '1h']
  )
})

t.test('a default that a document gives for a variable is that of the template', async (t) => {
  const templates = (
    await Promise.all(
      ['session-manager', 'central-hub', 'backup'].map((service) =>
        readFile(new URL(`deploy/env/${service}.env`, root), 'utf8')
      )
    )
  ).join('\n')
  const given = [...said.matchAll(/`([A-Z]+(?:_[A-Z]+)+)` \((\d+ (?:s|min|h|d|days|[KMG]iB))\)/g)]
  t.ok(given.length >= 3, `${given.length} of them`)
  for (const [, name = '', figure = ''] of given) {
    const inTemplate = new RegExp(`^#?${name}=(.*)$`, 'm').exec(templates)?.[1] ?? 'none'
    t.equal(figure.replace(' days', 'd').replace(' min', 'm').replace(' ', ''), inTemplate, name)
  }
})

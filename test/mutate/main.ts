import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { modules, type MutatedModule } from './modules.ts'
import { has, scoreOf, tableOf, type Score, type StrykerReport } from './report.ts'
import { withoutEffect } from './without-effect.ts'

/**
 * `npm run mutate [-- MODULE...] [--fresh]`: changes the core modules in many small ways and runs
 * the tests that mirror them for each change. Only what changed since the last run is done again,
 * unless `--fresh`. `--show` runs nothing and shows what the last runs found.
 */

const root = resolve(import.meta.dirname, '../..')
/** Not below node_modules, where Node does not take TypeScript. */
const work = join(root, '.mutate')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fresh: { type: 'boolean', default: false }, show: { type: 'boolean', default: false } }
})
const unknown = positionals.filter((name) => !modules.some((module) => module.name === name))
if (unknown.length > 0) {
  throw new Error(
    `no module ${unknown.join(', ')}: expected some of ${modules.map(({ name }) => name).join(', ')}`
  )
}
const chosen = modules.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()

/** The commit that is measured; with a `+` where src or test differ from it. */
const commitNow = (): string => {
  const isChanged = git('status', '--porcelain', 'src', 'test') !== ''
  return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? '+' : ''}`
}

const pathsOf = ({
  name
}: MutatedModule): Record<'config' | 'report' | 'incremental' | 'commit', string> => ({
  config: join(work, `${name}.config.json`),
  report: join(work, `${name}.report.json`),
  incremental: join(work, `${name}.incremental.json`),
  commit: join(work, `${name}.commit`)
})

/**
 * In memory, where there is such a directory: journals and stores of tests wait for no disk then.
 */
const sandboxes = existsSync('/dev/shm') ? '/dev/shm' : work

/**
 * https://stryker-mutator.io/docs/stryker-js/configuration
 * @param sandbox the directory for the changed copy of the tree
 */
const configOf = (module: MutatedModule, sandbox: string): object => ({
  mutate: module.files.map((file) => `src/${file}`),
  testRunner: 'tap',
  tap: { testFiles: module.tests.map((file) => `test/${file}`), forceBail: true },
  plugins: ['@stryker-mutator/tap-runner', './test/mutate/log-text.ts'],
  ignorers: ['log-text'],
  coverageAnalysis: 'perTest',
  // The tests of one module share files below .tap: one at a time.
  concurrency: 1,
  // A mutant that is only slow, on a busy machine, must not count as caught.
  timeoutMS: 30_000,
  timeoutFactor: 2,
  dryRunTimeoutMinutes: 15,
  incremental: true,
  incrementalFile: pathsOf(module).incremental,
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: pathsOf(module).report },
  tempDirName: sandbox,
  ignorePatterns: ['.tap', '.leadmaster', '.mutate', 'dist', 'coverage', 'test/hosts', 'test/bench']
})

/**
 * Runs Stryker over one module. @throws when its tests fail without a mutant, or Stryker itself
 * fails
 */
const mutate = async (module: MutatedModule): Promise<void> => {
  const paths = pathsOf(module)
  if (values.fresh) rmSync(paths.incremental, { force: true })
  const sandbox = mkdtempSync(join(sandboxes, `leadmaster-mutate-${module.name}-`))
  mkdirSync(join(sandbox, 'tmp'))
  writeFileSync(paths.config, JSON.stringify(configOf(module, sandbox), null, 2))
  const commit = commitNow()
  const stryker = join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js')
  const child = spawn('nice', ['-n', '15', process.execPath, stryker, 'run', paths.config], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      // The runner starts the `node` of the PATH.
      PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
      HOME: process.env['HOME'] ?? '',
      LANG: 'C.UTF-8',
      TMPDIR: join(sandbox, 'tmp'),
      // The same cases each time, and not too many: a mutant that lives has to live each time.
      PROPERTY_RUNS: '30',
      PROPERTY_SEED: '1',
      // The runner ends a test that hangs; tap itself has to bear a busy machine. Seconds.
      TAP_TIMEOUT: '240',
      NODE_COMPILE_CACHE: join(work, 'compiled')
    }
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const code = await new Promise<number | null>((end) => child.once('close', end))
  rmSync(sandbox, { recursive: true, force: true })
  if (code !== 0) throw new Error(`Stryker ended with ${code} for ${module.name}`)
  writeFileSync(paths.commit, commit)
}

const resultOf = (
  module: MutatedModule
): { name: string; commit: string; score: Score } | undefined => {
  const { report, commit } = pathsOf(module)
  if (!existsSync(report) || !existsSync(commit)) return undefined
  const score = scoreOf(JSON.parse(readFileSync(report, 'utf8')) as StrykerReport, withoutEffect)
  return { name: module.name, commit: readFileSync(commit, 'utf8'), score }
}

mkdirSync(work, { recursive: true })
if (!values.show) for (const module of chosen) await mutate(module)

const results = chosen.map(resultOf).filter((result) => result !== undefined)
for (const { score } of results) {
  for (const { file, line, source, original, replacement } of score.survivors) {
    console.log(`${file}:${line}\n    ${source}\n    - ${original}\n    + ${replacement}`)
  }
}
for (const { file, line } of withoutEffect) {
  if (!has(readFileSync(join(root, 'src', file), 'utf8'), line))
    console.log(`without-effect.ts names a line that ${file} has no more: ${line}`)
}
console.log(tableOf(results))
if (results.some(({ score }) => score.score < 90)) process.exitCode = 1

import { spawn } from 'node:child_process'
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync
} from 'node:fs'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { bundleTarget } from './bundle.ts'
import { bringJazzer } from './jazzer.ts'

/**
 * `node test/fuzz/main.ts --target NAME [--minutes 30] [--json FILE] [--work DIRECTORY]`: fuzzes
 * one target, guided by coverage.
 */

const root = resolve(import.meta.dirname, '../..')
const names = readdirSync(join(root, 'test/fuzz/targets')).map((file) => file.replace('.ts', ''))
const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    minutes: { type: 'string', default: '30' },
    json: { type: 'string' },
    work: { type: 'string', default: join(root, 'node_modules/.cache/fuzz') }
  }
})
const target = values.target ?? ''
if (!names.includes(target)) throw new Error(`--target: expected one of ${names.join(', ')}`)
const seconds = Math.round(Number(values.minutes) * 60)
if (!(seconds > 0)) throw new Error('--minutes: expected a number above 0')

const work = resolve(values.work)
const jazzer = bringJazzer(join(work, 'jazzer'))
const bundle = await bundleTarget(root, target, join(work, 'bundles'))
const [corpus, findings] = [join(work, target, 'corpus'), join(work, target, 'findings')]
for (const directory of [corpus, findings]) mkdirSync(directory, { recursive: true })
const given = ['seeds', 'regressions']
  .map((kind) => join(root, 'test/fuzz', kind, target))
  .filter((directory) => existsSync(directory))
const dictionary = join(root, `test/fuzz/seeds/${target}.dict`)

const startedAt = new Date()
const log = join(work, target, `${startedAt.toISOString().replaceAll(':', '')}.log`)
const [program = '', ...rest] = jazzer.command
const fuzzer = spawn(
  program,
  [
    ...rest,
    bundle,
    corpus,
    ...given,
    // everything of the bundle, which is ours, and no other bug detector than the one for
    // prototypes
    '-i',
    'bundles/',
    '-e',
    'nothing-is-left-out',
    '--disableBugDetectors',
    'command-injection|path-traversal|remote-code-execution|code-injection|ssrf',
    '--',
    `-max_total_time=${seconds}`,
    `-artifact_prefix=${findings}/`,
    '-max_len=8192',
    '-timeout=30',
    '-rss_limit_mb=4096',
    '-print_final_stats=1',
    ...(existsSync(dictionary) ? [`-dict=${dictionary}`] : [])
  ],
  { stdio: ['ignore', 'pipe', 'pipe'], cwd: join(work, 'bundles') }
)
const file = createWriteStream(log)
fuzzer.stdout.pipe(process.stdout)
const [code] = await Promise.all([
  new Promise<number | null>((end) => fuzzer.once('close', end)),
  pipeline(fuzzer.stderr, file)
])

const text = readFileSync(log, 'utf8')
const last = (pattern: RegExp): string | undefined => [...text.matchAll(pattern)].at(-1)?.[1]
const result = {
  target,
  tool: `Jazzer.js ${jazzer.version}, Node ${process.versions.node}`,
  started_at: startedAt.toISOString(),
  minutes: Math.round((Date.now() - startedAt.getTime()) / 6_000) / 10,
  executions: Number(last(/^#(\d+)\s/gm) ?? 0),
  coverage: {
    start: Number(/INITED\s+cov: (\d+)/.exec(text)?.[1] ?? 0),
    end: Number(last(/ cov: (\d+)/g) ?? 0)
  },
  features: {
    start: Number(/INITED\s+cov: \d+ ft: (\d+)/.exec(text)?.[1] ?? 0),
    end: Number(last(/ ft: (\d+)/g) ?? 0)
  },
  corpus: readdirSync(corpus).length,
  finding:
    last(/^==\d+== Uncaught Exception: (.*)$/gm) ??
    (code === 0 ? null : `ended with ${code}: see ${log}`),
  input: last(/Test unit written to (.*)$/gm) ?? null
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`)
console.log(JSON.stringify(result))
process.exitCode = result.finding === null ? 0 : 1

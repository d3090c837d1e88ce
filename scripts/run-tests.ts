import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { changedFiles, testsOf, withinTime } from './changed.ts'

/**
 * `scripts/test` after setup: type check, format, linter, shellcheck, tap as the unprivileged user,
 * tap as root, coverage where it is asked for, the count.
 */

const root = resolve(import.meta.dirname, '..')
const asRoot = process.getuid?.() === 0
const strict = process.env['CI'] === 'true'
const say = (text: string): void => console.log(text)

const running = new Set<ReturnType<typeof spawn>>()
let stopped: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopped ??= signal
    for (const child of running) child.kill(signal)
  })
}

/** Runs a step. @returns its exit code, 1 when a signal ended it */
const run = async (
  command: readonly string[],
  onOutput?: (out: Readable) => Promise<void>
): Promise<number> => {
  if (stopped) return 1
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', onOutput ? 'pipe' : 'inherit', 'inherit']
  })
  running.add(child)
  const closed = once(child, 'close') as Promise<[number | null]>
  if (child.stdout && onOutput) await onOutput(child.stdout)
  const [code] = await closed
  running.delete(child)
  return code ?? 1
}

const totals = { passed: 0, failed: 0, skipped: 0 }

/** Where tap writes, and this script. */
const tapDir = join(root, '.tap')
/** How long each test file took when it passed last, in s; `--changed` chooses by it. */
const timesFile = join(tapDir, 'test-times.json')
const readTimes = (): Map<string, number> => {
  if (!existsSync(timesFile)) return new Map()
  return new Map(Object.entries(JSON.parse(readFileSync(timesFile, 'utf8')) as object))
}
const times = readTimes()
/** What the type check of a change knows from the one before. */
const typesFile = join(tapDir, 'types.tsbuildinfo')

/**
 * Shows of a TAP stream a line for each file, failures with their diagnostics, and what was
 * skipped. Adds the counts of its last line.
 * @returns how many failed, by that line
 */
const show = async (out: Readable): Promise<number> => {
  let failed: number | undefined
  let diagnostics: string | undefined
  for await (const line of createInterface({ input: out })) {
    const [, indent = '', not, name = '', rest = ''] =
      /^( *)(not )?ok \d+(?: - )?(.*?)( # .*)?$/.exec(line) ?? []
    if (diagnostics !== undefined) {
      const within = line.startsWith(`${diagnostics}  `)
      if (within) say(line)
      if (within && line.trim() !== '...') continue
      diagnostics = undefined
      if (within) continue
    }
    const [, counts] = /^# (\{ total: .*\})$/.exec(line) ?? []
    if (counts !== undefined) {
      const count = (key: string): number =>
        Number(new RegExp(`\\b${key}: (\\d+)`).exec(counts)?.[1] ?? 0)
      totals.passed += count('pass')
      failed = count('fail')
      totals.failed += failed
      totals.skipped += count('skip') + count('todo')
    } else if (not !== undefined && !/^ # (SKIP|TODO)/i.test(rest)) {
      say(line)
      diagnostics = indent
    } else if (/^ # (SKIP|TODO)/i.test(rest)) say(`${indent}skipped: ${name}${rest}`)
    else if (indent === '' && line.startsWith('ok ')) {
      const seconds = Number(/time=([\d.]+)ms/.exec(rest)?.[1] ?? 0) / 1_000
      say(`ok  ${name}  ${seconds.toFixed(1)} s`)
      times.set(name, seconds)
    } else if (/^Bail out!/.test(line)) say(line)
  }
  if (failed === undefined) say('not ok: tap ended before it counted')
  return failed ?? 0
}

/** Runs tap. A failure that tap did not count is counted. */
const tap = async (
  wrapper: readonly string[],
  files: readonly string[],
  ...more: readonly string[]
): Promise<void> => {
  let failed = 0
  const code = await run(
    [...wrapper, join(root, 'node_modules/.bin/tap'), 'run', '--reporter=tap', ...more, ...files],
    async (out) => void (failed = await show(out))
  )
  if (code !== 0 && failed === 0) totals.failed += 1
}

/** Runs a check, which counts as one test. */
const check = async (subject: string, command: readonly string[]): Promise<void> => {
  const ok = (await run(command)) === 0
  say(`${ok ? 'ok ' : 'not ok'} ${subject}`)
  totals[ok ? 'passed' : 'failed'] += 1
}

const skip = (subject: string): void => {
  say(`skipped: ${subject}`)
  totals.skipped += 1
}

/** How long the tests of a change may take one by one. Two run side by side. */
const secondsForChanges = 60
const { values: options, positionals } = parseArgs({
  options: {
    changed: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false }
  },
  allowPositionals: true
})
const given = options.changed ? [] : positionals.map((file) => relative(root, resolve(file)))
const whole = !options.changed && given.length === 0

/** What the working tree changes, and the tests of it that fit into the time. */
const changes = (): { changed: string[]; tests: string[] } => {
  const changed = changedFiles(root, positionals[0] ?? 'HEAD')
  const { chosen, left } = withinTime(testsOf(root, changed).keys(), times, secondsForChanges)
  say(`${changed.length} changed files, ${chosen.length} test files`)
  if (left.length > 0) {
    say(`left out, for they are further away or take longer: ${left.length} test files`)
    for (const file of left.slice(0, 5)) say(`  ${file}`)
  }
  return { changed, tests: chosen }
}
const { changed, tests } = options.changed ? changes() : { changed: undefined, tests: given }
const files = whole
  ? globSync('test/**/*.test.ts', {
      cwd: root,
      exclude: (path) => String(path).endsWith('whatsapp-web/page')
    }).sort()
  : tests
const needRoot = files.filter((file) => file.startsWith('test/root/'))
const others = files.filter((file) => !needRoot.includes(file))

// As root, each run has its own directory in .tap.
mkdirSync(tapDir, { recursive: true })
const { uid, gid } = statSync(root)
if (asRoot) chownSync(tapDir, uid, gid)
const alive = (pid: number): boolean => existsSync(`/proc/${pid}`)
for (const entry of readdirSync(tapDir)) {
  const [, pid] = /^run-(\d+)(?:-root)?$/.exec(entry) ?? []
  if (pid !== undefined && asRoot && !alive(Number(pid)))
    rmSync(join(tapDir, entry), { recursive: true, force: true })
}
const own = join(tapDir, `run-${process.pid}`)
const ownRoot = `${own}-root`

if (whole || options.changed) {
  say('--- types')
  await check('types', [
    process.execPath,
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.json',
    ...(options.changed ? ['--incremental', '--tsBuildInfoFile', typesFile] : [])
  ])
  say('--- format')
  await check('format', [join(root, 'node_modules/.bin/biome'), 'format', '.'])
  say('--- lint')
  await check('lint', [join(root, 'node_modules/.bin/oxlint'), '--format=unix'])
}
if (whole || changed?.some((file) => file.startsWith('scripts/') || file.startsWith('.ci/'))) {
  say('--- shell scripts')
  const scripts = [
    '.ci/run',
    ...globSync('scripts/*', { cwd: root }).filter((file) => !file.endsWith('.ts'))
  ]
  if (existsSync('/usr/bin/shellcheck')) await check('shellcheck', ['shellcheck', ...scripts])
  else skip('shellcheck is not installed')
}

const wrapper = asRoot
  ? ['scripts/unprivileged', '--own', own, '--bind', own, tapDir]
  : ['scripts/unprivileged']
const here = [`HOME=${join(tapDir, 'home')}`, `CI=${strict}`]
const asUser = async (): Promise<void> => {
  if (others.length === 0) return
  say(`--- ${others.length} test files${asRoot ? ' as an unprivileged user' : ''}`)
  if (!asRoot) rmSync(join(tapDir, 'c8'), { recursive: true, force: true })
  // Coverage is less exact for code that comes from a cache.
  const node = options.coverage
    ? `NODE_V8_COVERAGE=${join(tapDir, 'c8')}`
    : `NODE_COMPILE_CACHE=${join(tapDir, 'compiled')}`
  await tap([...wrapper, ...here, node], others)
}
const onMachines = async (): Promise<void> => {
  if (needRoot.length === 0) return
  say(`--- ${needRoot.length} test files as root`)
  mkdirSync(ownRoot)
  // Two systemds exceed the kernel's limits for one user, such as inotify instances.
  await tap(
    [
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      'mount --bind "$0" .tap && exec "$@"',
      ownRoot
    ],
    needRoot,
    '--jobs=1'
  )
}
// Tests with systemd mostly wait for watchdogs and restarts, so the others run beside them.
if (asRoot) await Promise.all([asUser(), onMachines()])
else {
  await asUser()
  for (const file of needRoot) skip(`${file} needs root`)
}

if (options.coverage && !stopped) {
  say('--- coverage of src')
  const c8 = [
    'c8',
    'report',
    '--temp-directory',
    join(tapDir, 'c8'),
    '--all',
    '--src',
    'src',
    '--extension',
    '.ts',
    '--include',
    'src/**',
    '--exclude',
    'src/central-hub/console/**',
    '--merge-async',
    '--reporter',
    'text'
  ]
  await run([...wrapper, ...here, ...c8])
}
// A daemon that a failed test left behind may still write its coverage.
const retries = { maxRetries: 10, retryDelay: 200 }
if (asRoot)
  for (const dir of [own, ownRoot]) rmSync(dir, { recursive: true, force: true, ...retries })

// Programs of src take longer than those of dist. Another user may own the file of before.
if (!options.coverage) {
  rmSync(timesFile, { force: true })
  writeFileSync(timesFile, JSON.stringify(Object.fromEntries(times), null, 1))
}

if (stopped) {
  say(`stopped by ${stopped}`)
  totals.failed += 1
}
if (strict && totals.skipped > 0) {
  say('not ok: on CI nothing may be skipped')
  totals.failed += 1
}
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
say(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
process.exitCode = totals.failed === 0 ? 0 : 1

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { faults } from './faults.ts'
import { missing } from './machine.ts'
import { isRan, noticed, phases, wrong, type Cell, type Phase } from './result.ts'
import { table } from './table.ts'

/**
 * The fault matrix: everything that can go wrong, in every phase of a stack's life; what was seen
 * of it, how long until all was well again, and whether a message was lost or came twice. Exits 1
 * when one did, or when a cell did not recover. Needs root, and a build (`npm run build`).
 */

const usage = `usage: node test/faults/main.ts [--only FAULT,…] [--phase PHASE,…] [--at-once N] [--keep DIR] [--again] [--json FILE] [--table FILE]
  --at-once N  cells at a time, 2 by default
  --keep DIR   keeps each cell's result there, and does not run again what is there (--again: it does)
  --dist DIR   what the build made; dist by default
  --json FILE  all results
  --table FILE the same as Markdown, of all that is in --keep
faults: ${faults.map(({ name }) => name).join(', ')}
phases: ${phases.join(', ')}`

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const

const readArguments = (args: string[]) => {
  const { values } = parseArgs({
    args,
    options: {
      only: text,
      phase: text,
      'at-once': text,
      keep: text,
      again: flag,
      dist: text,
      json: text,
      table: text
    }
  })
  const chosen = <T extends string>(
    option: string,
    given: string | undefined,
    of: readonly T[]
  ): readonly T[] => {
    if (given === undefined) return of
    const names = given.split(',')
    const unknown = names.find((name) => !of.includes(name as T))
    if (unknown !== undefined) throw new Error(`--${option}: there is no ${unknown}`)
    return of.filter((name) => names.includes(name))
  }
  const batchSize = Number(values['at-once'] ?? 2)
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new Error('--at-once: expected a whole number')
  return {
    names: chosen(
      'only',
      values.only,
      faults.map(({ name }) => name)
    ),
    phases: chosen<Phase>('phase', values.phase, phases),
    batchSize,
    again: values.again,
    json: values.json,
    table: values.table,
    keep: resolve(values.keep ?? mkdtempSync(join(tmpdir(), 'lm-faults-'))),
    dist: resolve(values.dist ?? fileURLToPath(new URL('../../dist', import.meta.url)))
  }
}

/**
 * Networks, processes and mounts of its own: when its first process ends, everything in them has.
 */
const apart = [
  '--pdeathsig',
  'KILL',
  'unshare',
  '--net',
  '--pid',
  '--mount',
  '--propagation',
  'private',
  '--fork',
  '--mount-proc',
  '--kill-child=SIGKILL',
  '--'
]
/** A cell that is not over by then never will be. */
const maxMs = 420_000

const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill('SIGKILL')
    process.exit(130)
  })
}

const fileOf = (keep: string, name: string, phase: Phase, end: string): string =>
  join(keep, `${name.replace(/[^\w+-]+/g, '-')}.${phase}.${end}`)

const runOne = async (
  name: string,
  phase: Phase,
  { keep, dist }: { keep: string; dist: string }
): Promise<string | undefined> => {
  const directory = mkdtempSync(join(tmpdir(), 'lmf-'))
  chmodSync(directory, 0o755)
  const [result, log] = [fileOf(keep, name, phase, 'json'), fileOf(keep, name, phase, 'log')]
  rmSync(result, { force: true })
  const out = openSync(log, 'w')
  const inner = [
    process.execPath,
    fileURLToPath(new URL('cell.ts', import.meta.url)),
    name,
    phase,
    directory,
    dist,
    result
  ]
  // a shell is there first, for it buries whatever its parent left behind
  const child = spawn(
    'setpriv',
    [...apart, 'sh', '-c', 'ip link set lo up; "$@" & wait $!', 'faults', ...inner],
    { stdio: ['ignore', out, out], env: { PATH: process.env['PATH'], HOME: directory } }
  )
  running.add(child)
  const late = setTimeout(() => child.kill('SIGKILL'), maxMs)
  await once(child, 'close')
  clearTimeout(late)
  running.delete(child)
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  return existsSync(result) ? undefined : `${name}, ${phase}: the cell came to no end; see ${log}`
}

const main = async (): Promise<number> => {
  const options = readArguments(process.argv.slice(2))
  const lacking = missing()
  if (lacking.length > 0)
    throw new Error(`missing: ${lacking.join(', ')}; scripts/setup --test brings the programs`)
  const { names, keep, dist, batchSize, again } = options
  if (!existsSync(join(dist, 'session-manager/main.js')))
    throw new Error(`there is no build in ${dist}: npm run build`)
  mkdirSync(keep, { recursive: true })
  const waiting = options.phases
    .flatMap((phase) => names.map((name) => ({ name, phase })))
    .filter(({ name, phase }) => again || !existsSync(fileOf(keep, name, phase, 'json')))
  let failures = 0
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const failed = await runOne(next.name, next.phase, { keep, dist })
      if (failed !== undefined) failures += 1
      const cell =
        failed === undefined
          ? (JSON.parse(readFileSync(fileOf(keep, next.name, next.phase, 'json'), 'utf8')) as Cell)
          : undefined
      const faulty = cell === undefined ? [failed] : wrong(cell)
      const well =
        cell === undefined
          ? ''
          : isRan(cell)
            ? `noticed after ${noticed(cell)?.at_s ?? '?'} s, recovered after ${cell.recover_s ?? '?'} s, took ${cell.seconds} s`
            : cell.left
      console.log(
        `${new Date().toISOString()} ${next.name}, ${next.phase}: ${well}${faulty.map((what) => `\n  WRONG: ${what}`).join('')}`
      )
    }
  }
  await Promise.all(Array.from({ length: batchSize }, worker))
  const cells = readdirSync(keep)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(keep, name), 'utf8')) as Cell)
  const all = cells.flatMap(wrong)
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? '?'}), ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}`
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ machine, cells, wrong: all }, null, 2)}\n`)
  if (options.table !== undefined)
    writeFileSync(
      options.table,
      table(
        faults.map(({ name }) => name),
        cells,
        machine
      )
    )
  for (const what of all) console.log(`WRONG: ${what}`)
  return failures + all.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exitCode = 2
}

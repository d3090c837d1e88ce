import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { readArguments, usage, type Arguments } from './arguments.ts'
import { describeMachine, load } from '../lab/measured-on.ts'
import { toSvg } from '../lab/plot.ts'
import { prepare } from './prepare.ts'
import type { Outcome } from './row.ts'
import { table } from './table.ts'

/**
 * `npm run bench`: builds src into a directory of its own, brings the peers, and runs each row in a
 * process of its own, as an unprivileged user (Chromium keeps its sandbox only there). Prints one
 * table; what failed is told, and exits 1.
 */

const root = resolve(import.meta.dirname, '../..')
const say = (text: string): void => void process.stderr.write(`${text}\n`)

let args: Arguments
try {
  args = readArguments(process.argv.slice(2))
} catch (error) {
  say(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exit(2)
}

let running: ReturnType<typeof spawn> | undefined
let stopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopped = true
    running?.kill('SIGTERM')
  })
}

/** @returns what the row gave, undefined when it failed */
const runRow = async (row: string, where: string): Promise<Outcome | undefined> => {
  const own = join(where, 'rows')
  const result = join(own, `${row}.json`)
  const options = {
    quick: args.quick,
    dist: join(where, 'dist'),
    peers: join(where, 'peers'),
    ...(args.profiles ? { profiles: join(own, 'profiles') } : {})
  }
  const wrapper = ['scripts/unprivileged', '--own', own, `HOME=${own}`, `TMPDIR=${own}`]
  const [program = '', ...rest] = [
    ...wrapper,
    process.execPath,
    'test/bench/run.ts',
    row,
    result,
    JSON.stringify(options)
  ]
  running = spawn(program, rest, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(running, 'close')) as [number | null]
  running = undefined
  return code === 0 ? (JSON.parse(readFileSync(result, 'utf8')) as Outcome) : undefined
}

const where = mkdtempSync(join(tmpdir(), 'leadmaster-bench-'))
try {
  chmodSync(where, 0o755)
  say('building, and bringing the peers')
  const versions = await prepare(root, where)
  const machine = describeMachine()
  say(
    `${machine.cores} cores of ${machine.cpu}, ${machine.memory_gb} GB, Linux ${machine.kernel}, Node ${machine.node}, ${machine.chromium}; load ${machine.load.toFixed(1)}`
  )
  const rows: ({
    row: string
    seconds: number
    load: [before: number, after: number]
  } & Outcome)[] = []
  for (const row of args.rows) {
    if (stopped) break
    const [started, before] = [performance.now(), load()]
    say(`--- ${row} (load ${before.toFixed(1)})`)
    const outcome = await runRow(row, where)
    if (outcome === undefined) {
      say(`${row} failed`)
      process.exitCode = 1
    } else
      rows.push({
        row,
        seconds: Math.round((performance.now() - started) / 1_000),
        load: [before, load()],
        ...outcome
      })
    if (args.json !== undefined)
      writeFileSync(
        args.json,
        `${JSON.stringify({ at: new Date().toISOString(), quick: args.quick, machine, versions, rows }, null, 2)}\n`
      )
  }
  if (args.plots !== undefined) {
    mkdirSync(args.plots, { recursive: true })
    for (const plot of rows.flatMap(({ plots = [] }) => plots))
      writeFileSync(join(args.plots, `${plot.name}.svg`), toSvg(plot))
  }
  const profiles = join(where, 'rows/profiles')
  if (args.profiles !== undefined && existsSync(profiles))
    cpSync(profiles, args.profiles, { recursive: true })
  console.log(table(rows))
  for (const { row, notes = [] } of rows) for (const note of notes) console.log(`${row}: ${note}`)
  console.log(
    `load ${machine.load.toFixed(1)} at the beginning, ${load().toFixed(1)} at the end, of ${machine.cores} cores`
  )
} finally {
  rmSync(where, { recursive: true, force: true, maxRetries: 5 })
}

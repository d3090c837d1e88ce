import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describeMachine, load } from '../lab/measured-on.ts'
import { readArguments, usage, type Arguments, type Options } from './options.ts'
import { describe, wrong, type Result } from './result.ts'

/**
 * `npm run soak`: a simulated day of both daemons as they are built (`npm run build` first), as an
 * unprivileged user. Exits 1 when a message was lost or came twice, a daemon ended, or something
 * grows that is to be flat.
 */

const root = resolve(import.meta.dirname, '../..')
let args: Arguments
try {
  args = readArguments(process.argv.slice(2))
  if (!existsSync(join(root, 'dist/central-hub/main.js')))
    throw new Error('dist is missing: npm run build')
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exit(2)
}

const where =
  args.keep === undefined ? mkdtempSync(join(tmpdir(), 'leadmaster-soak-')) : resolve(args.keep)
try {
  if (args.keep === undefined) chmodSync(where, 0o755)
  const own = join(where, 'run')
  const { minutes, messages, reconnects, rotations } = args
  const options: Options = {
    minutes,
    messages,
    reconnects,
    rotations,
    keptHours: 12,
    sampleMs: Math.max(1_000, Math.min(5_000, (minutes * 60_000) / 100)),
    dist: join(root, 'dist'),
    directory: own
  }
  const machine = describeMachine()
  const wrapper = [
    'scripts/unprivileged',
    '--with-parent',
    '--own',
    own,
    `HOME=${own}`,
    `TMPDIR=${own}`
  ]
  const [program = '', ...rest] = [
    ...wrapper,
    process.execPath,
    'test/soak/run.ts',
    JSON.stringify(options)
  ]
  const running = spawn(program, rest, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => running.kill('SIGTERM'))
  const [code] = (await once(running, 'close')) as [number | null]
  const file = join(own, 'result.json')
  if (code !== 0 || !existsSync(file))
    throw new Error(
      `the run came to no end (${code}): see ${args.keep === undefined ? '--keep' : own}`
    )
  const result = JSON.parse(readFileSync(file, 'utf8')) as Result
  const faults = wrong(result)
  if (args.json !== undefined)
    writeFileSync(
      args.json,
      `${JSON.stringify({ machine, load_at_the_end: load(), wrong: faults, ...result }, null, 2)}\n`
    )
  if (args.plots !== undefined) {
    mkdirSync(args.plots, { recursive: true })
    for (const name of readdirSync(own).filter((entry) => entry.endsWith('.svg')))
      copyFileSync(join(own, name), join(args.plots, name))
  }
  console.log(describe(result))
  for (const fault of faults) console.log(`WRONG: ${fault}`)
  process.exitCode = faults.length === 0 ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
} finally {
  if (args.keep === undefined)
    rmSync(where, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

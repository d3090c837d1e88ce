import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { describe, wrong, type Options, type Result } from './result.ts'

/**
 * Three hosts, a NATS cluster of three, two hubs on one PostgreSQL, two accounts that either of two
 * hosts can own; and everything is killed, lost, cut off and rolled while messages flow. Exits 1
 * when one was lost, came twice or out of order, or when an account was open on two hosts at a
 * time. Needs root.
 */

const usage = `usage: node test/hosts/main.ts [--quick] [--messages N] [--rate N] [--seed N] [--json FILE] [--logs DIR]
  --quick      500 messages, one fault of a sort, each once and short
  --messages N at the least: they go on until the last fault is over
  --rate N     messages a second, of both accounts
  --logs DIR   keep there what every process printed`

const full = {
  messages: 50_000,
  perSecond: 80,
  times: 2,
  pauseMs: 5_000,
  cutMs: 60_000,
  lostMs: 30_000,
  recoverMs: 60_000,
  patienceMs: 180_000,
  leaseTtl: '30s',
  restartMs: 3_000,
  backupInterval: '10s',
  without: []
}
const quick = {
  messages: 500,
  perSecond: 14,
  times: 1,
  pauseMs: 500,
  cutMs: 6_000,
  lostMs: 3_000,
  recoverMs: 0,
  patienceMs: 90_000,
  leaseTtl: '6s',
  restartMs: 1_000,
  backupInterval: '2s',
  // of these either another one of the same sort is made, or test/end-to-end shows them
  without: [
    'kill -9 PostgreSQL backend',
    'owner put to sleep',
    'owner cut off from all',
    'hub host cut off from the hosts'
  ]
}

const readArguments = (
  args: string[]
): { options: Omit<Options, 'directory'>; json: string | undefined; logs: string | undefined } => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      messages: text,
      rate: text,
      seed: text,
      json: text,
      logs: text
    }
  })
  const whole = (name: 'messages' | 'rate' | 'seed', usual: number): number => {
    const value = Number(values[name] ?? usual)
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: expected a whole number`)
    return value
  }
  const usual = values.quick ? quick : full
  const seed = whole('seed', (Date.now() % 1_000_000) + 1)
  return {
    options: {
      ...usual,
      messages: whole('messages', usual.messages),
      perSecond: whole('rate', usual.perSecond),
      seed
    },
    json: values.json,
    logs: values.logs
  }
}

/**
 * Namespaces of its own, of networks and processes: when its first process ends, everything in them
 * has.
 */
const unshare = [
  '--pdeathsig',
  'KILL',
  'unshare',
  '--net',
  '--pid',
  '--fork',
  '--mount-proc',
  '--kill-child=SIGKILL',
  '--'
]

let running: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => running?.kill('SIGKILL'))

const run = async (
  directory: string,
  options: Omit<Options, 'directory'>
): Promise<Result | undefined> => {
  const result = join(directory, 'result.json')
  const inner = [
    process.execPath,
    fileURLToPath(new URL('run.ts', import.meta.url)),
    JSON.stringify({ ...options, directory }),
    result
  ]
  // a shell is there first, for it buries whatever its parent left behind
  running = spawn('setpriv', [...unshare, 'sh', '-c', '"$@" & wait $!', 'hosts', ...inner], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: directory }
  })
  await once(running, 'close')
  return existsSync(result) ? (JSON.parse(readFileSync(result, 'utf8')) as Result) : undefined
}

const main = async (): Promise<number> => {
  const { options, json, logs } = readArguments(process.argv.slice(2))
  if (process.getuid?.() !== 0) throw new Error('network namespaces need root')
  const directory = mkdtempSync(join(tmpdir(), 'lm-hosts-'))
  chmodSync(directory, 0o755)
  try {
    const result = await run(directory, options)
    if (logs !== undefined) cpSync(join(directory, 'logs'), logs, { recursive: true })
    if (result === undefined) throw new Error('the run came to no end')
    const faults = wrong(result)
    if (json !== undefined)
      writeFileSync(json, `${JSON.stringify({ ...result, wrong: faults }, null, 2)}\n`)
    console.log(describe(result))
    for (const fault of faults) console.log(`WRONG: ${fault}`)
    return faults.length === 0 ? 0 : 1
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  process.exitCode = 2
}

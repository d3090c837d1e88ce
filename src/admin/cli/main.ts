import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createClient } from '../../client/index.ts'
import { processEnv } from '../../platform/env.ts'
import { harmlessError, reasonOf } from '../../platform/harmless.ts'
import { meant, UsageError, type Command, type Common, type Context } from './command.ts'
import { connect } from './connect.ts'
import { doctor } from './doctor.ts'
import { done } from './done.ts'
import { importFile } from './import.ts'
import { leads } from './leads.ts'
import { pageReport } from './page-report.ts'
import { ask, askSecret } from './ask.ts'
import { log } from './log.ts'
import { operators } from './operators.ts'
import { qr } from './qr.ts'
import { remap } from './remap.ts'
import { status } from './status.ts'
import { tail } from './tail.ts'
import { unlink } from './unlink.ts'
import { describeError, findTarget, type Target } from './target.ts'
import { clean } from '../text.ts'

/** `leadmaster`: the commands of an operator in a terminal. */

const release = resolve(import.meta.dirname, '../../..')
const commands: Readonly<Record<string, Command>> = {
  status,
  qr,
  leads,
  done,
  tail,
  log,
  doctor,
  'page-report': pageReport,
  remap,
  connect,
  unlink,
  operators,
  import: importFile
}

const help = `usage: leadmaster COMMAND [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(11)}  ${summary}`)
  .join('\n')}

leadmaster COMMAND --help says more; --version tells the version. \
It asks the hub of this machine, or the one that
--url and --token-file (LEADMASTER_URL and LEADMASTER_TOKEN) name.

Exits 0 when all is well or done, 1 when something is not well or could not be done, \
2 when it was called wrongly,
130 when it was ended by Ctrl-C. Colours: only on a terminal, and not with NO_COLOR.
`

const version = (): string =>
  (JSON.parse(readFileSync(resolve(release, 'package.json'), 'utf8')) as { version: string })
    .version

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0) // the reader has closed the pipe, such as head
  })
}
const interrupted = new AbortController()
// A second signal ends the process immediately.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

let target: Target | undefined
const contextOf = (common: Common): Context => ({
  hub: () => {
    target = findTarget(common, processEnv, release)
    return createClient({ baseUrl: target.url, token: target.token, retryReadsMs: 0 })
  },
  signal: interrupted.signal,
  say: (text) => void process.stdout.write(text),
  note: (text) => void process.stderr.write(text),
  ask,
  askSecret,
  typed: process.stdin.isTTY === true,
  terminal: process.stdout.isTTY,
  columns: process.stdout.columns ?? 200
})

/** @returns the exit code */
const run = async (name: string | undefined, args: readonly string[]): Promise<number> => {
  if (name === undefined) throw new UsageError('it wants a command')
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(commands[args[0] ?? '']?.help ?? help)
    return 0
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${version()}\n`)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined)
    throw new UsageError(
      `there is no command ${JSON.stringify(name)}${meant(name, Object.keys(commands))}`
    )
  return command.run(args, contextOf)
}

/** Writes why it failed. @returns the exit code */
const reportError = (error: unknown, name: string | undefined): number => {
  if (error instanceof UsageError) {
    const advice = name === undefined ? `\n${help}` : 'leadmaster --help lists what there is\n'
    process.stderr.write(`leadmaster: ${clean(error.message)}\n${advice}`)
    return 2
  }
  const words = describeError(error, target)
  // The stack of a bug says where it is. The error's own message may contain private data.
  const { stack } = harmlessError(error) as { stack?: string }
  const where = words === undefined ? `${stack ?? ''}\n` : ''
  process.stderr.write(`leadmaster: ${clean(words ?? reasonOf(error))}\n${where}`)
  return 1
}

const [, , name, ...args] = process.argv
try {
  process.exitCode = await run(name, args)
} catch (error) {
  if (error instanceof UsageError || !interrupted.signal.aborted)
    process.exitCode = reportError(error, name)
}
if (interrupted.signal.aborted) process.exitCode = 130

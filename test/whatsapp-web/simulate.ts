import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { readArgs, type Field } from './arguments.ts'
import { verbs } from './verbs.ts'

/**
 * scripts/simulate: `simulate.ts CONTROL_FILE VERB [--OPTION VALUE]…` tells the running simulated
 * WhatsApp what happens.
 */

const [controlFile = '', name, ...rest] = process.argv.slice(2)

const fail = (code: number, text: string): never => {
  console.error(`simulate: ${text}`)
  process.exit(code)
}

const shown = ([option, { is, about, required }]: [string, Field]): string => {
  const value =
    is === 'flag'
      ? ''
      : is === 'list'
        ? ' A,B,…'
        : Array.isArray(is)
          ? ` ${is.join('|')}`
          : ` ${String(is).toUpperCase()}`
  return `      --${option}${value}${required ? '' : ' (optional)'}: ${about}`
}
const verbHelp = (verb: string): string =>
  [
    `  ${verb}: ${verbs[verb]?.about}`,
    ...Object.entries(verbs[verb]?.fields ?? {}).map(shown)
  ].join('\n')
const help = (): string => `usage: scripts/simulate VERB [--OPTION VALUE]...

Tells the simulated WhatsApp of ./scripts/up --simulated what happens; the answer is JSON on stdout.
  ./scripts/simulate scan
  ./scripts/simulate message --from +5215512345678 --name Ana --text 'Is it still for sale?'
  ./scripts/simulate reply --to +5215512345678 --text 'It is'
scripts/simulate --like FILE compares a report of the real page with the simulated page: --like --help says more.

Verbs and their options:
${Object.keys(verbs).map(verbHelp).join('\n')}`

if (name === '--like') {
  const { like } = await import('./like.ts')
  process.exit(await like(['--like', ...rest]))
}
if (name === undefined)
  fail(2, `a verb is missing; expected ${Object.keys(verbs).join(', ')}; --help tells more`)
if (name === '--help' || name === '-h' || name === 'help') {
  console.log(help())
  process.exit(0)
}
const verb = Object.hasOwn(verbs, name as string) ? verbs[name as string] : undefined
if (verb === undefined) fail(2, `no verb ${name}; expected ${Object.keys(verbs).join(', ')}`)

const { fields } = verb as NonNullable<typeof verb>
let values: Record<string, string | boolean | undefined> = {}
try {
  const options = Object.fromEntries([
    ...Object.entries(fields).map(
      ([option, { is }]) =>
        [option, { type: is === 'flag' ? ('boolean' as const) : ('string' as const) }] as const
    ),
    ['help', { type: 'boolean' as const }] as const
  ])
  values = parseArgs({ args: rest, options }).values as typeof values
} catch (error) {
  const expected =
    Object.keys(fields)
      .map((option) => `--${option}`)
      .join(', ') || 'no option'
  fail(
    2,
    `${name}: ${error instanceof Error ? error.message.split('.')[0] : String(error)}; expected ${expected}`
  )
}
if (values['help']) {
  console.log(verbHelp(name as string))
  process.exit(0)
}

const body: Record<string, unknown> = { ...values }
if (typeof body['file'] === 'string') {
  const file = body['file']
  try {
    body['file'] = readFileSync(file).toString('base64')
  } catch (error) {
    fail(2, `${name}: --file: ${error instanceof Error ? error.message : String(error)}`)
  }
  body['filename'] ??= basename(file)
}
const read = readArgs(verb as NonNullable<typeof verb>, body)
if ('field' in read) fail(2, `${name}: --${read.field} ${read.message}`)

const notRunning = `no simulated WhatsApp is running (${controlFile}); start it with ./scripts/up --simulated`
let url = ''
try {
  ;({ url } = JSON.parse(readFileSync(controlFile, 'utf8')) as { url: string })
} catch {
  fail(1, notRunning)
}
try {
  const answer = await fetch(`${url}/${name}`, { method: 'POST', body: JSON.stringify(body) })
  const text = await answer.text()
  if (!answer.ok) fail(1, `${name}: ${(JSON.parse(text) as { error: string }).error}`)
  process.stdout.write(text)
} catch (error) {
  fail(1, error instanceof TypeError ? notRunning : String(error))
}

import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { closestMatch } from 'leven'
import type { Client } from '../../client/index.ts'

/** The input and output of a command. */
export interface Context {
  /** Finds the hub and reads its token. @throws {Fault} */
  hub(): Client
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
  /** Writes the answer to stdout. */
  say(text: string): void
  /** Writes what is not part of the answer to stderr. */
  note(text: string): void
  /**
   * Asks a person for a line.
   * @returns undefined when stdin has ended, so that nobody can type
   * @throws when `signal` is aborted
   */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>
  /**
   * Asks a person for a secret, without echo on a terminal; otherwise reads a line of stdin.
   * @returns undefined when stdin has ended
   * @throws when `signal` is aborted
   */
  askSecret(question: string, signal: AbortSignal): Promise<string | undefined>
  /** stdin is a terminal: a person types. */
  typed: boolean
  /** stdout is a terminal, so that a drawing can be replaced. */
  terminal: boolean
  /** The width of the terminal, in cells. */
  columns: number
}

/**
 * Asks a person for a yes, before what cannot be undone.
 * @param undone what it is when there is no yes, such as `nothing was unlinked`
 * @throws {Fault} when nobody can be asked
 */
export const isConfirmed = async (
  { ask, say, signal }: Context,
  question: string,
  undone: string
): Promise<boolean> => {
  const line = await ask(`${question} y/N `, signal)
  if (line === undefined) throw new Fault(`${undone}: say --yes`)
  if (/^y(es)?$/i.test(line.trim())) return true
  say(`${undone.charAt(0).toUpperCase()}${undone.slice(1)}.\n`)
  return false
}

/** One command of `leadmaster`. */
export interface Command {
  summary: string
  help: string
  /** Resolves with the exit code. @throws {UsageError} {Fault} {LeadMasterError} */
  run(args: readonly string[], contextOf: (common: Common) => Context): Promise<number>
}

/** The command was called wrongly. */
export class UsageError extends Error {}

/** Why a command cannot be done, in words that say what to do. */
export class Fault extends Error {}

/** The options of every command that asks the hub. */
const commonOptions = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' }
} as const satisfies ParseArgsOptionsConfig

export interface Common {
  url?: string | undefined
  'token-file'?: string | undefined
}

const commonHelp = `
  --url URL             the hub's, such as http://127.0.0.1:3012 (or LEADMASTER_URL)
  --token-file FILE     a file that holds its HUB_API_TOKEN and nothing else (or LEADMASTER_TOKEN)
                        Without them, both are of /etc/leadmaster/central-hub.env, \
or of the clone's .leadmaster.
`

/** ` did you mean …?` when a known word is near, else an empty text. */
export const meant = (given: string, known: readonly string[], prefix = ''): string => {
  const near = closestMatch(given, known, {
    maxDistance: Math.max(1, Math.floor(given.length / 3))
  })
  return near === undefined ? '' : `: did you mean ${prefix}${near}?`
}

type Values<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: O; strict: true }>
>['values']

/** The values of options. @throws {UsageError} */
export const parseOptions = <O extends ParseArgsOptionsConfig>(
  options: O,
  args: readonly string[]
): Values<O> => parse(options, args, false).values

/** @param allowPositionals whether words may stand beside the options @throws {UsageError} */
const parse = <O extends ParseArgsOptionsConfig>(
  options: O,
  args: readonly string[],
  allowPositionals: boolean
): { values: Values<O>; positionals: string[] } => {
  try {
    const parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals })
    return { values: parsed.values as Values<O>, positionals: parsed.positionals }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const [, unknown] = /^Unknown option '--?([^']+)'/.exec(error.message) ?? []
    if (unknown !== undefined)
      throw new UsageError(
        `there is no option --${unknown}${meant(unknown, Object.keys(options), '--')}`
      )
    const [, positional] = /^Unexpected argument '([^']*)'/.exec(error.message) ?? []
    throw new UsageError(
      positional === undefined
        ? error.message
        : `it takes options only, not ${JSON.stringify(positional)}`
    )
  }
}

interface Definition<O extends ParseArgsOptionsConfig> {
  name: string
  summary: string
  /** A line for each option, and what else is to be known. */
  help: string
  /** Names the word beside the options, such as NAME; undefined: the command takes no word. */
  operand?: string
  options: O
  /** @param operand '' when the command takes no word */
  run: (values: Values<O>, context: Context, operand: string) => Promise<number>
}

/** @throws {UsageError} */
const operandOf = (
  { name, operand }: Pick<Definition<never>, 'name' | 'operand'>,
  given: readonly string[]
): string => {
  if (operand === undefined) return ''
  const [value, more] = given
  if (value === undefined) throw new UsageError(`say ${operand}: leadmaster ${name} ${operand}`)
  if (more !== undefined)
    throw new UsageError(`it takes one ${operand}, not also ${JSON.stringify(more)}`)
  return value
}

/** A command by its options, typed. */
export const command = <O extends ParseArgsOptionsConfig>(definition: Definition<O>): Command => {
  const { name, summary, operand } = definition
  const usage = `usage: leadmaster ${[name, operand, '[options]'].filter(Boolean).join(' ')}`
  const help = `${usage}\n\n${summary}.\n\n${definition.help}${commonHelp}`
  return {
    summary,
    help,
    run: async (args, contextOf) => {
      const options = { ...definition.options, ...commonOptions }
      const { values, positionals } = parse(options, args, operand !== undefined)
      const common = values as Common & { help?: boolean }
      const context = contextOf(common)
      if (common.help === true) {
        context.say(help)
        return 0
      }
      return definition.run(values as Values<O>, context, operandOf(definition, positionals))
    }
  }
}

/** The value of an option as a whole number. @throws {UsageError} */
export const wholeNumber = (name: string, value: string, min: number, max: number): number => {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN
  if (number >= min && number <= max) return number
  throw new UsageError(`--${name}: expected a whole number from ${min} to ${max}`)
}

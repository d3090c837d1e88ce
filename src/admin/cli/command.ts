import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { closestMatch } from 'leven'
import type { Client } from '../../client/index.ts'

/** What a command works with. */
export interface Context {
  /** The hub; found, and its token read, when first asked for. @throws {Fault} */
  hub(): Client
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
  /** To stdout. */
  say(text: string): void
  /** To stderr: what is not part of the answer. */
  note(text: string): void
  /**
   * Asks a person for a line. @returns undefined when nobody can type: stdin has ended. @throws
   * when `signal` is aborted
   */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>
  /** stdout is a terminal: something that is drawn may be drawn over. */
  terminal: boolean
  /** How wide it is, in cells. */
  columns: number
}

/** One command of `leadmaster`. */
export interface Command {
  summary: string
  help: string
  /** Resolves with the exit code. @throws {UsageError} {Fault} {LeadMasterError} */
  run(args: readonly string[], contextOf: (common: Common) => Context): Promise<number>
}

/** It was called wrongly. */
export class UsageError extends Error {}

/** What keeps it from being done, in words that say what to do. */
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

/** ` did you mean …?`, if anything is near. */
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
): Values<O> => {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
      .values as Values<O>
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

/** A command by its options, typed. */
export const command = <O extends ParseArgsOptionsConfig>(definition: {
  name: string
  summary: string
  /** A line an option, and what else is to be known. */
  help: string
  options: O
  run: (values: Values<O>, context: Context) => Promise<number>
}): Command => {
  const help =
    `usage: leadmaster ${definition.name} [options]\n\n${definition.summary}.\n\n` +
    `${definition.help}${commonHelp}`
  return {
    summary: definition.summary,
    help,
    run: async (args, contextOf) => {
      const values = parseOptions({ ...definition.options, ...commonOptions }, args)
      const common = values as Common & { help?: boolean }
      const context = contextOf(common)
      if (common.help !== true) return definition.run(values as Values<O>, context)
      context.say(help)
      return 0
    }
  }
}

/** A whole number that an option gives. */
export const wholeNumber = (name: string, value: string, min: number, max: number): number => {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN
  if (number >= min && number <= max) return number
  throw new UsageError(`--${name}: expected a whole number from ${min} to ${max}`)
}

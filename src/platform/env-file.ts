/**
 * Files in the syntax of EnvironmentFile=, systemd.exec(5): read and filled as systemd reads them.
 */

/** A file, with the lines of its parts. */
export interface EnvFile {
  /** Of two lines for one variable the later counts. */
  variables: Readonly<Record<string, string>>
  assignments: readonly Assignment[]
  /** Lines that are neither blank, comment nor assignment: systemd ignores them. */
  strays: readonly { line: number; text: string }[]
  /**
   * The line where a quote or backslash begins that nothing closes: the rest of the file is
   * swallowed.
   */
  unclosed?: number
}

interface Assignment {
  name: string
  value: string
  /** Counted from 1. */
  line: number
}

export const readEnvFile = (text: string): EnvFile => {
  const variables = new Map<string, string>()
  const assignments: Assignment[] = []
  const strays: { line: number; text: string }[] = []
  const lineAt = (index: number): number => text.slice(0, index).split('\n').length
  // A logical line. It ends at a newline or carriage return that is not behind a backslash, nor,
  // after the `=`, within quotes.
  const logical =
    /[ \t\r\n]*(?:[#;](?:\\[^]|[^\\\r\n])*|([^\r\n#; \t][^=\r\n]*)(?:=((?:[ \t]*(?:'[^']*'|"(?:\\[^]|[^"\\])*"))*(?![ \t]*['"])(?:\\[^]|[^\\\r\n])*))?|)(?:[\r\n]|$)/y
  while (logical.lastIndex < text.length) {
    const start = logical.lastIndex
    const [all, given, value] = logical.exec(text) ?? []
    // another blank than these makes it another name, which systemd ignores
    const name = given?.replace(/(?<![ \t])[ \t]+$/, '')
    const line = lineAt(start + (/^[ \t\r\n]*/.exec(text.slice(start))?.[0].length ?? 0))
    if (all === undefined)
      return { variables: Object.fromEntries(variables), assignments, strays, unclosed: line }
    if (name !== undefined && value !== undefined) {
      variables.set(name, unquote(value))
      assignments.push({ name, value: unquote(value), line })
    } else if (name !== undefined) strays.push({ line, text: name })
  }
  return { variables: Object.fromEntries(variables), assignments, strays }
}

/** The variables of a file, as systemd would pass them on. @throws when it would refuse the file */
export const parseEnvFile = (text: string): Readonly<Record<string, string>> => {
  const { variables, unclosed } = readEnvFile(text)
  if (unclosed !== undefined)
    throw new Error('a quote or a backslash at the end of the file is not closed')
  return variables
}

/** The meaning of a backslash and a character within double quotes. */
const unescapeQuoted = (pair: string, char: string): string => {
  if (char === '\n') return ''
  return '"\\`$'.includes(char) ? char : pair
}

/** Quoted parts first, then what is not quoted, whose trailing white space goes. */
const unquote = (value: string): string => {
  const [, quoted = '', rest = ''] =
    /^((?:[ \t]*(?:'[^']*'|"(?:\\[^]|[^"\\])*"))*)[ \t]*([^]*)$/.exec(value) ?? []
  const open = quoted.replace(
    /[ \t]*(?:'([^']*)'|"((?:\\[^]|[^"\\])*)")/g,
    (_all, single?: string, double = '') => single ?? double.replace(/\\([^])/g, unescapeQuoted)
  )
  const [, kept = ''] = /^((?:\\[^]|[^\\])*?)[ \t]*$/.exec(rest) ?? []
  return (
    open +
    kept.replace(/\\([^])/g, (_pair, char: string) => (char === '\n' || char === '\r' ? '' : char))
  )
}

/**
 * A template or file with these values set: in place, or on the line with the variable commented
 * out.
 * @throws when the text has no line for a variable
 */
export const fillEnvFile = (text: string, values: Readonly<Record<string, string>>): string =>
  Object.entries(values).reduce((filled, [name, value]) => {
    const line =
      new RegExp(`^${name}=.*$`, 'm').exec(filled) ?? new RegExp(`^#${name}=.*$`, 'm').exec(filled)
    if (!line) throw new Error(`there is no line for ${name}`)
    const [before, after] = [filled.slice(0, line.index), filled.slice(line.index + line[0].length)]
    return `${before}${name}=${quote(value)}${after}`
  }, text)

const quote = (value: string): string =>
  /^[\w.:/@%+,=-]*$/.test(value) ? value : `"${value.replace(/["\\`$]/g, '\\$&')}"`

/** Files in the syntax of EnvironmentFile=, systemd.exec(5): read and filled as systemd reads them. */

/** The variables of a file, as systemd would pass them on. Of two lines for one variable the later stands. */
export const parseEnvFile = (text: string): Record<string, string> => {
  const variables = new Map<string, string>()
  // a logical line: up to a newline, which a carriage return is too, that neither a backslash nor, after the =, a quote covers
  const lines = /[ \t\r\n]*(?:[#;](?:\\[^]|[^\\\r\n])*|([^\r\n#; \t][^=\r\n]*)(?:=((?:[ \t]*(?:'[^']*'|"(?:\\[^]|[^"\\])*"))*(?![ \t]*['"])(?:\\[^]|[^\\\r\n])*))?|)(?:[\r\n]|$)/y
  while (lines.lastIndex < text.length) {
    const [line, name, value] = lines.exec(text) ?? []
    if (line === undefined) throw new Error('a quote or a backslash at the end of the file is not closed')
    // another blank than these makes it another name, which systemd ignores
    if (name !== undefined && value !== undefined) variables.set(name.replace(/(?<![ \t])[ \t]+$/, ''), unquote(value))
  }
  return Object.fromEntries(variables)
}

/** Quoted parts first, then what is not quoted, whose trailing white space goes. */
const unquote = (value: string): string => {
  const [, quoted = '', rest = ''] = /^((?:[ \t]*(?:'[^']*'|"(?:\\[^]|[^"\\])*"))*)[ \t]*([^]*)$/.exec(value) ?? []
  const open = quoted.replace(/[ \t]*(?:'([^']*)'|"((?:\\[^]|[^"\\])*)")/g, (_all, single?: string, double = '') =>
    single ?? double.replace(/\\([^])/g, (pair: string, char: string) => (char === '\n' ? '' : '"\\`$'.includes(char) ? char : pair))
  )
  const [, kept = ''] = /^((?:\\[^]|[^\\])*?)[ \t]*$/.exec(rest) ?? []
  return open + kept.replace(/\\([^])/g, (_pair, char: string) => (char === '\n' || char === '\r' ? '' : char))
}

/**
 * A template or file with these values set: in place, or where the variable stands commented out.
 * @throws when the text has no line for a variable
 */
export const fillEnvFile = (text: string, values: Readonly<Record<string, string>>): string =>
  Object.entries(values).reduce((filled, [name, value]) => {
    const line = new RegExp(`^${name}=.*$`, 'm').exec(filled) ?? new RegExp(`^#${name}=.*$`, 'm').exec(filled)
    if (!line) throw new Error(`there is no line for ${name}`)
    return `${filled.slice(0, line.index)}${name}=${quote(value)}${filled.slice(line.index + line[0].length)}`
  }, text)

const quote = (value: string): string => (/^[\w.:/@%+,=-]*$/.test(value) ? value : `"${value.replace(/["\\`$]/g, '\\$&')}"`)

/** Commands that an operator pastes into a root shell to fix something. They show no secret. */

/** Quotes a word for the shell. */
export const word = (text: string): string =>
  /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** An env file that a command edits. */
export interface EditedFile {
  path: string
  text: string
}

/** Quotes a value for an env file. */
const envValue = (value: string): string =>
  /^[\w.:/@%+,=-]*$/.test(value) ? value : `"${value.replace(/["\\`$]/g, '\\$&')}"`
/** The pattern by which sed finds an assignment; as simple as the file allows. */
const assignment = (text: string, name: string): string =>
  new RegExp(`^[ \\t]+${name}[ \\t]*=|^${name}[ \\t]+=`, 'm').test(text)
    ? `^[[:space:]]*${name}[[:space:]]*=`
    : `^${name}=`
const isAssigned = (text: string, name: string): boolean =>
  new RegExp(`^[ \\t]*${name}[ \\t]*=`, 'm').test(text)

/** Sets a variable in its line, or in a new line. The last newline of the file may be missing. */
export const setVariable = ({ path, text }: EditedFile, name: string, value: string): string => {
  const line = `${name}=${envValue(value)}`
  if (isAssigned(text, name)) {
    const replacement = line.replace(/[\\&|]/g, '\\$&')
    return `sed -i ${word(`s|${assignment(text, name)}.*|${replacement}|`)} ${word(path)}`
  }
  const print = text === '' || text.endsWith('\n') ? 'echo' : "printf '\\n%s\\n'"
  return `${print} ${word(line)} >>${word(path)}`
}

export const renameVariable = ({ path, text }: EditedFile, from: string, to: string): string =>
  `sed -i ${word(`s|${assignment(text, from)}|${to}=|`)} ${word(path)}`

export const removeVariable = ({ path, text }: EditedFile, name: string): string =>
  `sed -i ${word(`/${assignment(text, name)}/d`)} ${word(path)}`

/** Removes a variable, and leaves a newline at the end of the file. */
const clearVariable = ({ path, text }: EditedFile, name: string): string =>
  `sed -i -e ${word(`/${assignment(text, name)}/d`)} -e '$a\\' ${word(path)}`

/** Copies a secret from another file. */
export const copySecret = (name: string, from: EditedFile, to: EditedFile): string =>
  `line=$(grep ${word(assignment(from.text, name))} ${word(from.path)} | tail -n 1) && ` +
  `${clearVariable(to, name)} && echo "$line" >>${word(to.path)}`

/** Writes one new secret to all files that must share it. */
export const freshSecret = (name: string, files: readonly EditedFile[]): string =>
  [
    `line=${name}=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \\n')`,
    ...files.map((file) => `${clearVariable(file, name)} && echo "$line" >>${word(file.path)}`)
  ].join(' && ')

/**
 * Prints a secret as the service reads it: without quotes, blanks and a carriage return. When the
 * file has it twice, the last line counts.
 */
export const printSecret = (name: string, { path, text }: EditedFile): string =>
  `sed -n ${word(`s/${assignment(text, name)}//p`)} ${word(path)} | tail -n 1 | tr -d "\\"' \\r"`

/** Commands for mends: what an operator pastes into a root shell. None of them shows a secret. */

/** A word as the shell takes it. */
export const word = (text: string): string =>
  /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** A file of variables as a mend sees it. */
export interface EditedFile {
  path: string
  text: string
}

/** A value as an env file takes it. */
const envValue = (value: string): string =>
  /^[\w.:/@%+,=-]*$/.test(value) ? value : `"${value.replace(/["\\`$]/g, '\\$&')}"`
/** What sed finds the name of an assignment by; as simple as the file allows. */
const found = (text: string, name: string): string =>
  new RegExp(`^[ \\t]+${name}[ \\t]*=|^${name}[ \\t]+=`, 'm').test(text)
    ? `^[[:space:]]*${name}[[:space:]]*=`
    : `^${name}=`
const stands = (text: string, name: string): boolean =>
  new RegExp(`^[ \\t]*${name}[ \\t]*=`, 'm').test(text)

/** Gives a variable a value: where it stands, or at the end, whose newline may be missing. */
export const setVariable = ({ path, text }: EditedFile, name: string, value: string): string => {
  const line = `${name}=${envValue(value)}`
  if (stands(text, name))
    return (
      `sed -i ${word(`s|${found(text, name)}.*|${line.replace(/[\\&|]/g, '\\$&')}|`)} ` +
      `${word(path)}`
    )
  return (
    `${text === '' || text.endsWith('\n') ? 'echo' : "printf '\\n%s\\n'"} ${word(line)} ` +
    `>>${word(path)}`
  )
}

export const renameVariable = ({ path, text }: EditedFile, from: string, to: string): string =>
  `sed -i ${word(`s|${found(text, from)}|${to}=|`)} ${word(path)}`

export const removeVariable = ({ path, text }: EditedFile, name: string): string =>
  `sed -i ${word(`/${found(text, name)}/d`)} ${word(path)}`

/** As removeVariable, and leaves a newline at the end of the file. */
const clearVariable = ({ path, text }: EditedFile, name: string): string =>
  `sed -i -e ${word(`/${found(text, name)}/d`)} -e '$a\\' ${word(path)}`

/** Gives a secret the value it has in another file. */
export const copySecret = (name: string, from: EditedFile, to: EditedFile): string =>
  `line=$(grep ${word(found(from.text, name))} ${word(from.path)} | tail -n 1) && ` +
  `${clearVariable(to, name)} && echo "$line" >>${word(to.path)}`

/** Gives one fresh secret to all files that must share it. */
export const freshSecret = (name: string, files: readonly EditedFile[]): string =>
  [
    `line=${name}=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \\n')`,
    ...files.map((file) => `${clearVariable(file, name)} && echo "$line" >>${word(file.path)}`)
  ].join(' && ')

/**
 * Prints a secret of a file as the service reads it: without quotes, blanks and a carriage return,
 * the last one if it is there twice.
 */
export const printSecret = (name: string, { path, text }: EditedFile): string =>
  `sed -n ${word(`s/${found(text, name)}//p`)} ${word(path)} | tail -n 1 | tr -d "\\"' \\r"`

/**
 * EnvironmentFile= as systemd 252 reads it: the states of `parse_env_file_internal` in its
 * src/basic/env-file.c, written down from memory and held against no running systemd, for regular
 * expressions of ours to be held against.
 */
type State =
  | 'pre_key'
  | 'key'
  | 'pre_value'
  | 'value'
  | 'value_escape'
  | 'single'
  | 'double'
  | 'double_escape'
  | 'comment'
  | 'comment_escape'

const isNewline = (char: string): boolean => char === '\n' || char === '\r'
const isSpace = (char: string): boolean => ' \t\n\r'.includes(char)
/** Without the white space at its end, from where it began. */
const cut = (text: string, from: number): string => (from < 0 ? text : text.slice(0, from))

/**
 * @returns the variables, and whether the end came within a quote or after a backslash, where we
 * refuse the file
 */
export const asSystemd = (
  content: string
): { variables: Record<string, string>; open: boolean } => {
  const pairs: [string, string][] = []
  let state: State = 'pre_key'
  let [key, value] = ['', '']
  let [keyBlank, valueBlank] = [-1, -1]
  const push = (): void => void pairs.push([cut(key, keyBlank), value])
  for (const char of content) {
    switch (state) {
      case 'pre_key':
        if (char === '#' || char === ';') state = 'comment'
        else if (!isSpace(char)) [state, key, keyBlank] = ['key', char, -1]
        break
      case 'key':
        if (isNewline(char)) state = 'pre_key'
        else if (char === '=') [state, value, valueBlank] = ['pre_value', '', -1]
        else {
          if (!isSpace(char)) keyBlank = -1
          else if (keyBlank < 0) keyBlank = key.length
          key += char
        }
        break
      case 'pre_value':
        if (isNewline(char)) {
          push()
          state = 'pre_key'
        } else if (char === "'") state = 'single'
        else if (char === '"') state = 'double'
        else if (char === '\\') state = 'value_escape'
        else if (!isSpace(char)) {
          state = 'value'
          value += char
        }
        break
      case 'value':
        if (isNewline(char)) {
          value = cut(value, valueBlank)
          push()
          state = 'pre_key'
        } else if (char === '\\') [state, valueBlank] = ['value_escape', -1]
        else {
          if (!isSpace(char)) valueBlank = -1
          else if (valueBlank < 0) valueBlank = value.length
          value += char
        }
        break
      case 'value_escape':
        state = 'value'
        if (!isNewline(char)) value += char
        break
      case 'single':
        if (char === "'") state = 'pre_value'
        else value += char
        break
      case 'double':
        if (char === '"') state = 'pre_value'
        else if (char === '\\') state = 'double_escape'
        else value += char
        break
      case 'double_escape':
        state = 'double'
        if ('"\\`$'.includes(char)) value += char
        else if (char !== '\n') value += `\\${char}`
        break
      case 'comment':
        if (char === '\\') state = 'comment_escape'
        else if (isNewline(char)) state = 'pre_key'
        break
      case 'comment_escape':
        state = 'comment'
        break
    }
  }
  if (state === 'value') value = cut(value, valueBlank)
  if (state === 'pre_value' || state === 'value') push()
  // others it ignores: env_name_is_valid in src/basic/env-util.c
  return {
    variables: Object.fromEntries(pairs.filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))),
    open: ['single', 'double', 'double_escape', 'value_escape', 'comment_escape'].includes(state)
  }
}

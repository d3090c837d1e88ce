/**
 * A plugin of Stryker: leaves the text of a log line as it is. The text is words for people, who
 * may be given better ones at any time; the line's level, its `event` and its fields are mutated.
 */

/** What is used of Babel's NodePath. */
interface NodePath {
  node: unknown
  key: string | number | null
  listKey?: string | null
  isStringLiteral(): boolean
  isTemplateLiteral(): boolean
  parentPath: { node: { type: string; callee?: Callee; arguments?: unknown[] } } | null
}
interface Callee {
  type: string
  property?: { name?: string }
}

const levels = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])

/** Whether this is the text in `log.warn({ event, … }, text)`. */
const isLogText = (path: NodePath): boolean => {
  if (!path.isStringLiteral() && !path.isTemplateLiteral()) return false
  const call = path.parentPath?.node
  if (call?.type !== 'CallExpression' || path.listKey !== 'arguments') return false
  return (
    call.callee?.type === 'MemberExpression' &&
    levels.has(call.callee.property?.name ?? '') &&
    path.key === 1
  )
}

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'log-text',
    value: {
      shouldIgnore: (path: NodePath) =>
        isLogText(path) ? 'the text of a log line is words for people' : undefined
    }
  }
]

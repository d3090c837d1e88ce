import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { logLines } from './log-lines.ts'

/**
 * Every place of the sources that logs an error or makes words of one, found by the compiler: each
 * goes by the one door.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))
const config = ts.getParsedCommandLineOfConfigFile(
  `${root}tsconfig.json`,
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined }
)
const program = ts.createProgram(
  config?.fileNames.filter((file) => file.startsWith(`${root}src/`) && file.endsWith('.ts')) ?? [],
  { ...config?.options, noEmit: true }
)
const checker = program.getTypeChecker()
const sources = program
  .getSourceFiles()
  .filter(({ fileName }) => fileName.startsWith(`${root}src/`))
const nameOf = (node: ts.Node): string => {
  const source = node.getSourceFile()
  return `${relative(root, source.fileName)}: ${node.getText().replace(/\s+/g, ' ').slice(0, 160)}`
}

const visit = (node: ts.Node, see: (node: ts.Node) => void): void => {
  see(node)
  ts.forEachChild(node, (child) => visit(child, see))
}

/** Our own errors, whose words are ours. */
const ownErrors = new Set([
  'PlainError',
  'ProblemError',
  'EnvironmentError',
  'MediaTrouble',
  'RefusedUrl',
  'Refused',
  'TooLong',
  'UsageError',
  'Fault',
  'LeadMasterError'
])

/** Whether a type may be an error whose words are those of others. */
const mayBeOfOthers = (type: ts.Type): boolean => {
  if (type.isUnion()) return type.types.some(mayBeOfOthers)
  const name = type.getSymbol()?.name ?? ''
  if (ownErrors.has(name)) return false
  return /^(\w*Error|ErrnoException|DOMException)$/.test(name)
}
const isError = (node: ts.Expression): boolean => mayBeOfOthers(checker.getTypeAtLocation(node))
/** In a `catch`, or by its name. */
const isUnknownError = (node: ts.Node): boolean =>
  ts.isIdentifier(node) &&
  /^(error|err|cause|reason|failure|refusal)$/i.test(node.text) &&
  (checker.getTypeAtLocation(node).flags & (ts.TypeFlags.Unknown | ts.TypeFlags.Any)) !== 0

/**
 * Files that look at an error's words without showing them, that are carried into WhatsApp's page,
 * or that end on a developer's screen.
 */
const exempt: Readonly<Record<string, string>> = {
  'src/platform/harmless.ts': 'the door itself',
  'src/session-manager/whatsapp/reason.ts': 'textOf, which is looked at and never shown',
  'src/session-manager/whatsapp/page.ts':
    'runs in the page: what it throws comes back through reasonOf',
  'src/session-manager/whatsapp/page-report.ts':
    'runs in the page, and tells no more than missing or failing',
  'src/session-manager/whatsapp/ear.ts':
    'runs in the page: listener.ts makes what it says harmless',
  'src/session-manager/whatsapp/module-hook.ts':
    'runs in the page: guards.ts tells how many failed',
  'src/session-manager/whatsapp/reader.ts':
    'runs in the page: backfill.ts takes the name of the error only',
  'src/session-manager/whatsapp/media.ts':
    'runs in the page: what it says is made harmless where it arrives',
  'src/session-manager/whatsapp/passkey-page.ts':
    'runs in the page: passkey.ts takes words of its own list only',
  'src/platform/env.ts': 'the words of a validator of ours',
  'src/admin/cli/command.ts': 'what the operator typed',
  'src/admin/backup/main.ts': 'what the operator typed',
  'src/admin/backup/restore/main.ts': 'what the operator typed',
  'src/admin/migrate/main.ts': 'what the operator typed'
}
/** Looked at by a pattern, and not shown. */
const isOnlyTested = (node: ts.Node): boolean => {
  for (let at = node.parent; at !== undefined && !ts.isStatement(at); at = at.parent) {
    if (
      ts.isCallExpression(at) &&
      ts.isPropertyAccessExpression(at.expression) &&
      ['test', 'exec', 'includes'].includes(at.expression.name.text)
    )
      return true
  }
  return false
}

const levels = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
/** Calls of a log, by the type of what is called. */
const logCalls: ts.CallExpression[] = []
for (const source of sources) {
  visit(source, (node) => {
    if (
      !ts.isCallExpression(node) ||
      !ts.isPropertyAccessExpression(node.expression) ||
      !levels.has(node.expression.name.text)
    )
      return
    const type = checker.typeToString(checker.getTypeAtLocation(node.expression.expression))
    if (/\bLog(ger)?\b/.test(type)) logCalls.push(node)
  })
}

t.test('words of an error are taken by reasonOf, nowhere by themselves', async (t) => {
  const found: string[] = []
  for (const source of sources) {
    const file = relative(root, source.fileName)
    if (
      file in exempt ||
      /^src\/(client|central-hub\/console|admin\/(doctor|installation))\//.test(file)
    )
      continue
    visit(source, (node) => {
      const isTaken =
        ts.isPropertyAccessExpression(node) &&
        ['message', 'stack', 'detail'].includes(node.name.text) &&
        isError(node.expression)
      const isWhole =
        (ts.isTemplateSpan(node) ||
          (ts.isCallExpression(node) && node.expression.getText() === 'String')) &&
        [ts.isTemplateSpan(node) ? node.expression : node.arguments[0]].some(
          (whole) => whole !== undefined && (isError(whole) || isUnknownError(whole))
        )
      const isSpread =
        ts.isVariableDeclaration(node) &&
        ts.isObjectBindingPattern(node.name) &&
        node.initializer !== undefined &&
        isError(node.initializer) &&
        node.name.elements.some(({ name, propertyName }) =>
          ['message', 'stack', 'detail'].includes((propertyName ?? name).getText())
        )
      if ((isTaken || isWhole || isSpread) && !isOnlyTested(node))
        found.push(nameOf(ts.isVariableDeclaration(node) ? node : node.parent))
    })
  }
  t.same(found, [])
})

t.test('an error is logged as err, with words of ours', async (t) => {
  t.ok(logCalls.length > 100, `${logCalls.length} calls of a log`)
  const found: string[] = []
  for (const call of logCalls) {
    const [first, message] = call.arguments
    if (first === undefined || !ts.isObjectLiteralExpression(first)) {
      // A line that was made before: its members are looked at where it was made.
      if (first === undefined || !ts.isIdentifier(first) || isError(first))
        found.push(`no object: ${nameOf(call)}`)
      continue
    }
    if (message === undefined) found.push(`no words: ${nameOf(call)}`)
    for (const property of first.properties) {
      const value = ts.isPropertyAssignment(property)
        ? property.initializer
        : ts.isShorthandPropertyAssignment(property)
          ? property.name
          : undefined
      if (value === undefined || property.name === undefined) continue
      if (
        (isError(value) || isUnknownError(value)) &&
        !['err', 'error'].includes(property.name.getText())
      )
        found.push(`another name than err: ${nameOf(call)}`)
    }
  }
  t.same(found, [])
})

t.test('whatever is thrown, the line that each place logs shows nobody', async (t) => {
  const hostile = (): Error => {
    const inner = Object.assign(
      new Error('Key (phone)=(+52 1 55 1234 5678) already exists: "Hola Juan"'),
      { detail: 'Key (name)=(Juan Pérez)' }
    )
    return Object.assign(
      new AggregateError(
        [inner, 'Hola "Juan Pérez" 5215512345678@c.us'],
        'wid error: invalid wid 5215512345678@c.us: "Hola Juan, le mando la factura"',
        { cause: inner }
      ),
      {
        detail: '5215512345678',
        body: 'Hola Juan',
        code: '5215512345678@c.us'
      }
    )
  }
  const { log, lines } = logLines()
  const events = logCalls.flatMap((call) => {
    const [first] = call.arguments
    if (
      first === undefined ||
      !ts.isObjectLiteralExpression(first) ||
      !ts.isPropertyAccessExpression(call.expression)
    )
      return []
    const names = first.properties.map((property) => property.name?.getText() ?? '')
    const isOfError = first.properties.some(
      (property) => ts.isPropertyAssignment(property) && isUnknownError(property.initializer)
    )
    return isOfError ? [{ level: call.expression.name.text as 'warn', names, call }] : []
  })
  t.ok(events.length > 20, `${events.length} places log an error`)
  for (const { level, names } of events)
    log[level](
      Object.fromEntries(
        names.map((name) => [name, ['err', 'error'].includes(name) ? hostile() : name])
      ),
      'words of ours'
    )
  log.error(hostile())
  log.error({ err: hostile() })
  log.warn({ event: 'x', reason: 'of 5215512345678@c.us' }, 'to +5215512345678')
  const shown = lines.map((line) => JSON.stringify(line))
  t.equal(shown.length, events.length + 3)
  t.same(
    shown.filter((line) => /Juan|5512345678|1234 5678|factura/.test(line)),
    []
  )
})

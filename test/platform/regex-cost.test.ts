import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { ambiguity } from './regex-cost.ts'

/**
 * No regular expression of src costs more than a time in proportion to the text, but for those
 * whose text is our own (ReDoS).
 */

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Looked at one by one, with what they read. */
const allowed: Record<string, string> = {
  '/\\/+$/': 'src/client: the base URL that a frontend gives',
  '/\\/\\/.*@/s': 'a value of the environment',
  '/(\\d+)\\.\\d+\\.\\d+\\.\\d+/': 'what chromium --version prints',
  '/^([a-z-]+)\\s*(.*)$/': "the operator page: the hub's own words",
  '/(?<!["\'`’])["\'`’]+$/': 'what it looks back for lets it begin but once in a run of quotes',
  '/(?<![.\\s])[.\\s]+$/': 'what it looks back for lets it begin but once in a run of blanks',
  '/(?:https?:\\/\\/|www\\.(?=[^\\s.]+\\.)|(?<![\\p{L}\\p{N}.@_:/\\\\-])(?:[\\p{L}\\p{N}-]{1,63}\\.){1,4}(?:com|net|org|app|shop|store|me(?=\\/[\\p{L}\\p{N}]))(?![\\p{L}\\p{N}@-]))[^\\s\\p{C}<>"`*~|\\\\^{}\\u2028\\u2029]*/giu':
    'it begins but once in a name, and reads at most 4 parts of 63 of it; timed in rich-text.test.ts',
  '/```(?!`)((?:[^`]|`(?!``))+)```|`([^`\\n]+)`/gu':
    'it ends at the first mark, and each mark begins but once; timed in rich-text.test.ts'
}
/** The commands for whoever runs this machine: they read its env files, units and processes. */
const ofTheMachine = /^src\/(?:admin\/(?:doctor|installation)\/|platform\/env-file\.ts$)/

/** Texts that were cut before: an error's line to 4,000 characters, a search to 200. */
const ofShortTexts = /^src\/(?:platform\/harmless|central-hub\/store\/database\/search-terms)\.ts$/

/** What is put into those that are made when the program runs, for example. */
const parts = {
  digits: '555',
  token: "[\\w!#$&^.+'*`|~%-]+",
  pattern: '/api/leads/:id/messages',
  field: 'TEL',
  variable: 'PORT',
  value: '3001',
  kind: 'central-hub',
  name: 'PORT',
  setting: 'PrivateNetwork',
  spaceless: 'ab',
  shape: 'Jos..'
}

/** What an expression of src gives. @throws when it names something that is not known */
const valueOf = (text: string, known: Record<string, unknown>): unknown =>
  new Function(...Object.keys(known), `return ${text}`)(...Object.values(known))

/** The constants of a module that are texts, or lists of texts: long patterns are made of them. */
const textsOf = (tree: ts.SourceFile): Record<string, unknown> => {
  const texts: Record<string, unknown> = {}
  for (const statement of tree.statements.filter(ts.isVariableStatement)) {
    for (const { name, initializer } of statement.declarationList.declarations) {
      const isText =
        initializer !== undefined &&
        (ts.isStringLiteralLike(initializer) ||
          ts.isTemplateExpression(initializer) ||
          ts.isTaggedTemplateExpression(initializer) ||
          ts.isBinaryExpression(initializer) ||
          (ts.isArrayLiteralExpression(initializer) &&
            initializer.elements.every(
              (element) => ts.isStringLiteralLike(element) || ts.isTaggedTemplateExpression(element)
            )))
      if (!isText) continue
      try {
        texts[name.getText()] = valueOf(initializer.getText(), { ...parts, ...texts })
      } catch (error) {
        // it is made of something else: a pattern that needs it fails below
        if (
          !(
            error instanceof ReferenceError ||
            error instanceof TypeError ||
            error instanceof SyntaxError
          )
        )
          throw error
      }
    }
  }
  return texts
}

interface Found {
  file: string
  regex: RegExp
}

const found: Found[] = []
for (const name of readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.(ts|js)$/.test(file)
)) {
  const file = `src/${name}`
  const tree = ts.createSourceFile(
    file,
    readFileSync(root + file, 'utf8'),
    ts.ScriptTarget.Latest,
    true
  )
  const known = { ...parts, ...textsOf(tree) }
  const visit = (node: ts.Node): void => {
    const text = node.getText()
    if (ts.isRegularExpressionLiteral(node))
      found.push({
        file,
        regex: new RegExp(
          text.slice(1, text.lastIndexOf('/')),
          text.slice(text.lastIndexOf('/') + 1)
        )
      })
    if (ts.isNewExpression(node) && node.expression.getText() === 'RegExp')
      found.push({
        file,
        regex: valueOf(text, known) as RegExp
      })
    // of a JSON Schema
    if (
      ts.isPropertyAssignment(node) &&
      node.name.getText() === 'pattern' &&
      ts.isStringLiteral(node.initializer)
    )
      found.push({ file, regex: new RegExp(node.initializer.text, 'u') })
    ts.forEachChild(node, visit)
  }
  visit(tree)
}

t.test('what costs more is told from what does not', async (t) => {
  for (const cheap of [
    /^a+$/,
    /a*/,
    /[ \t]+/g,
    /^[^,]*,x$/,
    /:\d+$/,
    /^\S(.*\S)?$/,
    /^Bearer +(\S+) *$/i,
    /^([A-Z]+)=/gm,
    /^(a|b)*$/,
    /^(?:\\[^]|[^\\])*$/,
    /(?!\u200d)[\p{Cc}\p{Cf}]/gu,
    /^\d{1,15}$/,
    /x+/y
  ])
    t.equal(ambiguity(cheap), undefined, String(cheap))
  for (const costly of [
    /a+$/,
    /\s+#.*$/s,
    /^(a+)+$/,
    /^(a|a)*$/,
    /^(a*)*$/,
    /^a*a*$/,
    /^(\w+\s?)*$/,
    /x.*y/,
    /\s*\n\s*/g,
    /(\d+)ms\b/g,
    /^\s*a/gm,
    /^( *)(.*?)( # .*)?$/,
    /^(a|ab)(c|bcd)*\d*\d*$/
  ])
    t.ok(ambiguity(costly), String(costly))
  for (const unknown of [/(a)\1/, /(?<x>a)\k<x>/])
    t.throws(
      () => ambiguity(unknown),
      /is not understood/,
      'what is not understood is not let pass'
    )
})

t.test('no regular expression of src costs more than in proportion to the text', async (t) => {
  t.ok(found.length > 150, `${found.length} are looked at`)
  const costly = found.flatMap(({ file, regex }) => {
    const why = ofTheMachine.test(file) || ofShortTexts.test(file) ? undefined : ambiguity(regex)
    return why === undefined ? [] : [{ file, regex: String(regex), why }]
  })
  t.same(
    costly.filter(({ regex }) => !(regex in allowed)),
    [],
    'none but those that are allowed'
  )
  for (const regex of Object.keys(allowed))
    t.ok(
      costly.some((one) => one.regex === regex),
      `${regex} is still there, for its place in the list`
    )
})

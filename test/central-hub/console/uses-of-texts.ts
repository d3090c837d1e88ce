import { join } from 'node:path'
import ts from 'typescript'

/** Where the scripts of the operator page use the texts of en.json, by TypeScript's own checker. */

export interface Fill {
  /** The key, such as `message.votes`. */
  key: string
  /** The names of the values that are given. */
  values: string[]
  /** File and line. */
  at: string
}

export interface Uses {
  /** The keys that are used, such as `signIn` and `stateOf.new`. */
  used: Set<string>
  /** Calls of `fill` and `fillText`. */
  fills: Fill[]
  /** Keys that are used in another way than as the first argument of `fill`, and where. */
  unfilled: Map<string, string>
  /** Texts that the code has itself and a person may read, and where. */
  literals: Map<string, string>
}

const root = join(import.meta.dirname, '../../..')
const page = join(root, 'src/central-hub/console')
const fillers = /^fill(Text)?$/
/** Attributes that a person reads or hears, and members of an element. */
const readAttributes = /^(title|alt|placeholder|aria-label)$/
const shownMembers = /\.(textContent|alt|title|placeholder)$/
/** Two words. */
const sentence = /\p{L}{2,}[.,:;!?…]? \p{L}{2,}/u

const createProgram = (): ts.Program => {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'test/browser/tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined }
  )
  if (!config) throw new Error('test/browser/tsconfig.json cannot be read')
  return ts.createProgram(config.fileNames, config.options)
}

/** The key that a declaration in en.json makes; undefined for any other declaration. */
const keyOf = (declaration: ts.Node): string | undefined => {
  if (!declaration.getSourceFile().fileName.endsWith('/console/en.json')) return undefined
  const names: string[] = []
  for (let node = declaration; !ts.isSourceFile(node); node = node.parent)
    if (ts.isPropertyAssignment(node) && ts.isStringLiteral(node.name))
      names.unshift(node.name.text)
  return names.length === 0 ? undefined : names.join('.')
}

/** Without the parentheses and types around it: what an expression is used in. */
const userOf = (node: ts.Node): ts.Node =>
  ts.isParenthesizedExpression(node.parent) ? userOf(node.parent) : node.parent

/** Whether only members of the value are read: `texts.message.order`, `const w = texts.message`. */
const isWay = (node: ts.Node): boolean => {
  if (ts.isBindingElement(node.parent)) return true
  const expression = ts.isPropertyAccessExpression(node.parent) ? node.parent : node
  const user = userOf(expression)
  return (
    (ts.isPropertyAccessExpression(user) && user.expression === expression) ||
    (ts.isVariableDeclaration(user) && user.initializer === expression)
  )
}

const nameOf = ({ name }: ts.PropertyAssignment): string => name.getText().replaceAll("'", '')

const hasLetters = (text: string): boolean => /\p{L}/u.test(text)

/** The literal pieces of a text in the code. */
const piecesOf = (node: ts.Node): string => {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (!ts.isTemplateExpression(node)) return ''
  return [node.head, ...node.templateSpans.map(({ literal }) => literal)]
    .map(({ text }) => text)
    .join(' ')
}

/** Reads all scripts of the page. */
class Reader {
  readonly uses: Uses = { used: new Set(), fills: [], unfilled: new Map(), literals: new Map() }
  readonly #checker: ts.TypeChecker

  constructor(program: ts.Program) {
    this.#checker = program.getTypeChecker()
    for (const file of program.getSourceFiles())
      if (file.fileName.startsWith(`${page}/`) && file.fileName.endsWith('.js')) this.#read(file)
  }

  #read(node: ts.Node): void {
    if (ts.isIdentifier(node)) this.#readName(node)
    if (ts.isCallExpression(node)) this.#readCall(node)
    if (ts.isBinaryExpression(node) && shownMembers.test(node.left.getText()))
      this.#readShown(node.right)
    if (sentence.test(piecesOf(node))) this.#readSentence(node)
    ts.forEachChild(node, (child) => this.#read(child))
  }

  #at(node: ts.Node): string {
    const file = node.getSourceFile()
    const { line } = file.getLineAndCharacterOfPosition(node.getStart())
    return `${file.fileName.slice(page.length + 1)}:${line + 1}`
  }

  #keyOf(node: ts.Node): string | undefined {
    const symbol = this.#checker.getSymbolAtLocation(node)
    return symbol?.declarations?.map(keyOf).find((key) => key !== undefined)
  }

  #readName(node: ts.Identifier): void {
    const key =
      this.#keyOf(ts.isBindingElement(node.parent) ? (node.parent.propertyName ?? node) : node) ??
      this.#boundKey(node)
    if (key === undefined) return
    this.uses.used.add(key)
    if (isWay(node)) return
    const expression = ts.isPropertyAccessExpression(node.parent) ? node.parent : node
    const user = userOf(expression)
    if (ts.isElementAccessExpression(user)) this.#readChosen(key, user.argumentExpression)
    else if (!this.#isFilled(expression)) this.#useWhole(key, node)
  }

  /** The key of a name in a pattern such as `{ message: words }`. */
  #boundKey(node: ts.Identifier): string | undefined {
    const { parent } = node
    if (!ts.isBindingElement(parent) || parent.name !== node) return undefined
    const from = this.#checker.getTypeAtLocation(parent.parent)
    const name = (parent.propertyName ?? node).getText()
    return from
      .getProperty(name)
      ?.declarations?.map(keyOf)
      .find((key) => key !== undefined)
  }

  /** `texts.stateOf[state]`: the members that the type of `state` allows; all of a string. */
  #readChosen(key: string, argument: ts.Expression): void {
    const type = this.#checker.getTypeAtLocation(argument)
    const types = type.isUnion() ? type.types : [type]
    if (!types.every((each) => each.isStringLiteral())) return this.#useWhole(key, argument)
    for (const each of types) this.#useWhole(`${key}.${each.value}`, argument)
  }

  #useWhole(key: string, node: ts.Node): void {
    this.uses.used.add(key)
    this.uses.unfilled.set(key, this.#at(node))
  }

  #isFilled(node: ts.Node): boolean {
    const { parent } = node
    return (
      ts.isCallExpression(parent) &&
      fillers.test(parent.expression.getText()) &&
      parent.arguments[0] === node
    )
  }

  #readCall(node: ts.CallExpression): void {
    const [first, second, ...others] = node.arguments
    const name = node.expression.getText()
    if (fillers.test(name) && first && second && ts.isObjectLiteralExpression(second)) {
      const key = this.#keyOf(ts.isPropertyAccessExpression(first) ? first.name : first)
      const values = second.properties.map((property) => property.name?.getText() ?? '…')
      if (key !== undefined) this.uses.fills.push({ key, values, at: this.#at(node) })
    }
    if (name === 'say' && second) this.#readShown(second)
    if (name !== 'h') return
    for (const child of others) this.#readShown(child)
    if (second && ts.isObjectLiteralExpression(second))
      for (const property of second.properties)
        if (ts.isPropertyAssignment(property) && readAttributes.test(nameOf(property)))
          this.#readShown(property.initializer)
  }

  /** What is shown as it is. */
  #readShown(node: ts.Node): void {
    if (ts.isConditionalExpression(node)) {
      this.#readShown(node.whenTrue)
      this.#readShown(node.whenFalse)
    } else if (hasLetters(piecesOf(node))) this.#addLiteral(node)
  }

  /** What has two words: no name of a class, a selector or an error of the page itself. */
  #readSentence(node: ts.Node): void {
    const { parent } = node
    const isNamed = ts.isPropertyAssignment(parent) && nameOf(parent) === 'class'
    const isThrown = ts.isNewExpression(parent) && /Error$/.test(parent.expression.getText())
    const isAssigned = ts.isBinaryExpression(parent) && /className$/.test(parent.left.getText())
    if (!isNamed && !isThrown && !isAssigned) this.#addLiteral(node)
  }

  #addLiteral(node: ts.Node): void {
    this.uses.literals.set(piecesOf(node).trim(), this.#at(node))
  }
}

export const usesOfTexts = (): Uses => new Reader(createProgram()).uses

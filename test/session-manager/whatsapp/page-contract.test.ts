import { readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'
import {
  essential,
  consequence,
  pageContract,
  type Part
} from '../../../src/session-manager/whatsapp/page-contract.ts'

/**
 * The table against the sources: what the functions that run in the page ask of it, read off their
 * syntax.
 */

const root = new URL('../../../', import.meta.url)
const library = 'node_modules/whatsapp-web.js/src/'
/** File, and names of the functions in it that are run for listening; none: the whole file. */
const run: readonly (readonly [string, ...string[]])[] = [
  [`${library}util/Injected/AuthStore/AuthStore.js`],
  [
    `${library}Client.js`,
    'inject',
    'requestPairingCode',
    'cancelPairingCode',
    'attachEventListeners'
  ],
  [`${library}util/Injected/Utils.js`, 'getMessageModel'],
  ['src/session-manager/whatsapp/page.ts'],
  ['src/session-manager/whatsapp/reader.ts'],
  ['src/session-manager/whatsapp/media.ts'],
  ['src/session-manager/whatsapp/ear.ts']
]
/**
 * Asked for where it is not needed: a person unlinks; another place takes over; and `on` of calls
 * is tried first.
 */
const notNeeded = [
  // A LID that was replaced is known by the new one only where this version of the page says so.
  'WAWebApiContact.getDeprecatedLidLatestLid',
  'WAWebApiContact.isDeprecatedLid',
  // Where the library's reading of a message throws, our own takes its place.
  'WALinkify',
  'WALinkify.findLinks',
  // The second way to unlink this device.
  'WAWebUnpairDeviceJob',
  'WAWebUnpairDeviceJob.unpairDevice',
  'WAWebSocketModel.Socket.logout',
  'WAWebSocketModel.Socket.takeover',
  'WAWebCallCollection.on'
]

const nameOf = (node: ts.Node): string | undefined => {
  if (ts.isMethodDeclaration(node) || ts.isVariableDeclaration(node)) return node.name.getText()
  return ts.isBinaryExpression(node) && ts.isPropertyAccessExpression(node.left)
    ? node.left.name.text
    : undefined
}

const asked = new Set<string>()
const bound = new Map<string, string>()

/** What an expression is of the page, as `Module.member`; undefined when it is none of it. */
const pathOf = (node: ts.Expression): string | undefined => {
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node) || ts.isAsExpression(node))
    return pathOf(node.expression)
  if (ts.isCallExpression(node) && /(^|\.)require$/.test(node.expression.getText())) {
    const [name] = node.arguments
    return name !== undefined && ts.isStringLiteral(name) ? name.text : undefined
  }
  const known = bound.get(node.getText())
  if (known !== undefined) return known
  const holder = ts.isPropertyAccessExpression(node) ? pathOf(node.expression) : undefined
  return holder === undefined
    ? undefined
    : `${holder}.${(node as ts.PropertyAccessExpression).name.text}`
}

const isPartOfMore = (node: ts.Node): boolean =>
  ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node
const read = (node: ts.Node): void => {
  if (ts.isVariableDeclaration(node) && node.initializer !== undefined) {
    const path = pathOf(node.initializer)
    if (path !== undefined && ts.isIdentifier(node.name)) bound.set(node.name.text, path)
    if (path !== undefined && ts.isObjectBindingPattern(node.name)) {
      for (const { name } of node.name.elements) {
        bound.set(name.getText(), `${path}.${name.getText()}`)
        asked.add(`${path}.${name.getText()}`)
      }
    }
  }
  if (ts.isBinaryExpression(node) && /^window\.AuthStore\./.test(node.left.getText())) {
    const path = pathOf(node.right)
    if (path !== undefined) bound.set(node.left.getText(), path)
  }
  if (ts.isObjectLiteralExpression(node)) {
    const [module, member] = ['module', 'function'].map(
      (key) =>
        node.properties.find(
          (each): each is ts.PropertyAssignment =>
            ts.isPropertyAssignment(each) && each.name.getText() === key
        )?.initializer
    )
    if (module && member && ts.isStringLiteral(module) && ts.isStringLiteral(member))
      asked.add(`${module.text}.${member.text}`)
  }
  // Our own hooks: onModule('Module', …) and intercept('Module', ['member', …], …).
  if (ts.isCallExpression(node) && /(^|\.)(onModule|intercept)$/.test(node.expression.getText())) {
    const [module, path] = node.arguments
    const members =
      path !== undefined && ts.isArrayLiteralExpression(path)
        ? path.elements.filter(ts.isStringLiteral).map(({ text }) => text)
        : []
    if (module !== undefined && ts.isStringLiteral(module) && members.length > 0)
      asked.add([module.text, ...members].join('.'))
  }
  if (ts.isExpression(node) && !isPartOfMore(node)) {
    const path = pathOf(node)
    if (path !== undefined) asked.add(path)
    const [, registration] =
      /^window\.AuthStore\.RegistrationUtils\.([\w.]+)$/.exec(node.getText()) ?? []
    if (registration !== undefined) asked.add(`*.${registration}`)
  }
  ts.forEachChild(node, read)
}

for (const [file, ...names] of run) {
  const source = ts.createSourceFile(
    file,
    readFileSync(new URL(file, root), 'utf8'),
    ts.ScriptTarget.Latest,
    true
  )
  const before = asked.size
  // names of one function mean nothing in another, those on window do
  const readAlone = (node: ts.Node): void => {
    for (const name of bound.keys()) if (!name.startsWith('window.')) bound.delete(name)
    read(node)
  }
  const find = (node: ts.Node): void =>
    names.includes(nameOf(node) ?? '') ? readAlone(node) : ts.forEachChild(node, find)
  if (names.length === 0) readAlone(source)
  else find(source)
  t.ok(asked.size > before, `${file} asks for something`)
}

const listed = new Set(
  pageContract.flatMap(({ module, members, or = [] }) => [
    module,
    ...members.map((member) => `${module}.${member}`),
    ...or
  ])
)

t.test('all that the sources ask of the page is in the table', async (t) => {
  const covers = (path: string): boolean =>
    path.startsWith('*.')
      ? [...listed].some((each) => each.slice(each.indexOf('.') + 1) === path.slice(2))
      : listed.has(path) || [...listed].some((each) => each.startsWith(`${path}.`))
  t.same([...asked].filter((path) => !covers(path) && !notNeeded.includes(path)).sort(), [])
})

t.test('and the table asks for nothing else', async (t) => {
  // the read-back takes modules without a type of each: its members are called through what require
  // gave
  const isAsked = (path: string): boolean =>
    [...asked].some(
      (each) =>
        each === path ||
        each.startsWith(`${path}.`) ||
        each === `*.${path.slice(path.indexOf('.') + 1)}`
    )
  t.same([...listed].filter((path) => !isAsked(path)).sort(), [])
})

t.test('each part says what does not work without it, and none is listed twice', async (t) => {
  const parts = new Set<Part>(pageContract.map(({ part }) => part))
  t.same([...parts].sort(), Object.keys(consequence).sort())
  t.ok(
    essential.ready.every((part) => essential.linked.includes(part)) &&
      essential.linked.every((part) => essential.unlinked.includes(part))
  )
  const members = pageContract.flatMap(({ module, members }) =>
    members.map((member) => `${module}.${member}`)
  )
  t.equal(new Set(members).size, members.length)
})

import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'

/** What can be counted of how the code reads. Each number is better when it is lower. */
export interface Measures {
  /** Lines of src wider than that, in characters. */
  lines_over_100: number
  lines_over_120: number
  /** Lines from the first of a function to its last, functions within it included. */
  longest_function: number
  functions_over_50_lines: number
  nested_ternaries: number
  /** `...(x === undefined ? {} : { x })` and `...(x && { x })` */
  conditional_spreads: number
  /** Words and phrases of the dialect that comments had, per 10,000 words of comments. */
  idioms_per_10000_words: number
  /** Pairs of folders that import each other both ways. */
  folder_pairs_both_ways: number
  /** Imports from one file or folder at the top of src/central-hub/store to another one. */
  imports_within_store: number
  exported_names: number
  files_of_30_lines_or_fewer: number
  /** Files that exactly one other file of src imports. */
  files_with_one_importer: number
  readme_bytes: number
}

/** Phrases that a reader stumbles over; each has a plain word. */
const idioms =
  /\b(anew|mend(s|ed)?|told of|tells? of|stands|is none|whoever|by now|the one that|of (it|them)|at once|elsewhere|meanwhile)\b/gi

const store = 'src/central-hub/store/'

interface Source {
  file: string
  text: string
  tree: ts.SourceFile
}

const isFunction = (node: ts.Node): boolean =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

const withoutParentheses = (node: ts.Node): ts.Node =>
  ts.isParenthesizedExpression(node) ? withoutParentheses(node.expression) : node

const isNestedTernary = (node: ts.Node): boolean =>
  ts.isConditionalExpression(node) &&
  [node.condition, node.whenTrue, node.whenFalse].some((part) =>
    ts.isConditionalExpression(withoutParentheses(part))
  )

const isConditionalSpread = (node: ts.Node): boolean => {
  if (!ts.isSpreadAssignment(node)) return false
  const value = withoutParentheses(node.expression)
  return (
    ts.isConditionalExpression(value) ||
    (ts.isBinaryExpression(value) &&
      value.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken)
  )
}

const everyNode = function* (node: ts.Node): Generator<ts.Node> {
  yield node
  for (const child of children(node)) yield* everyNode(child)
}

const children = (node: ts.Node): ts.Node[] => {
  const found: ts.Node[] = []
  ts.forEachChild(node, (child) => void found.push(child))
  return found
}

const linesOf = ({ tree }: Source, node: ts.Node): number => {
  const lineAt = (position: number): number => tree.getLineAndCharacterOfPosition(position).line
  return lineAt(node.end) - lineAt(node.getStart(tree)) + 1
}

const isExported = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

const exportedNames = (tree: ts.SourceFile): number =>
  tree.statements.reduce((count, statement) => {
    if (ts.isExportDeclaration(statement)) {
      const clause = statement.exportClause
      return count + (clause && ts.isNamedExports(clause) ? clause.elements.length : 1)
    }
    if (!isExported(statement)) return count
    return (
      count +
      (ts.isVariableStatement(statement) ? statement.declarationList.declarations.length : 1)
    )
  }, 0)

const commentsOf = (tree: ts.SourceFile, text: string): string[] => {
  const found = new Map<number, string>()
  for (const node of everyNode(tree)) {
    for (const { pos, end } of ts.getLeadingCommentRanges(text, node.pos) ?? []) {
      found.set(pos, text.slice(pos, end))
    }
    for (const { pos, end } of ts.getTrailingCommentRanges(text, node.end) ?? []) {
      found.set(pos, text.slice(pos, end))
    }
  }
  return [...found.values()]
}

/** Files of src that a file imports. */
const importsOf = ({ file, tree }: Source, known: ReadonlySet<string>): string[] =>
  tree.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
    const from = statement.moduleSpecifier
    if (from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith('.')) return []
    const target = join(dirname(file), from.text)
    return known.has(target) ? [target] : []
  })

/** The file or folder at the top of the store to which a file belongs. */
const storePart = (file: string): string | undefined =>
  file.startsWith(store) ? (file.slice(store.length).split('/')[0] as string) : undefined

const countBothWays = (edges: readonly (readonly [string, string])[]): number => {
  const pairs = new Set(edges.map(([from, to]) => `${from} ${to}`))
  return [...pairs].filter((pair) => {
    const [from = '', to = ''] = pair.split(' ')
    return from < to && pairs.has(`${to} ${from}`)
  }).length
}

/** @param root the directory with src and README.md */
export const measure = (root: string): Measures => {
  const sources = globSync('src/**/*.{ts,js}', { cwd: root }).map((file): Source => {
    const text = readFileSync(join(root, file), 'utf8')
    const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    return { file: relative('.', file), text, tree }
  })
  const known = new Set(sources.map(({ file }) => file))
  const lines = sources.flatMap(({ text }) => text.split('\n'))
  const nodes = sources.flatMap(({ tree }) => [...everyNode(tree)])
  const functions = sources.flatMap((source) =>
    [...everyNode(source.tree)].filter(isFunction).map((node) => linesOf(source, node))
  )
  const comments = sources.flatMap(({ tree, text }) => commentsOf(tree, text)).join(' ')
  const imports = sources.flatMap((source) =>
    importsOf(source, known).map((to) => [source.file, to] as const)
  )
  const importers = Map.groupBy(imports, ([, to]) => to)
  const withinStore = imports.flatMap(([from, to]) => {
    const [a, b] = [storePart(from), storePart(to)]
    return a !== undefined && b !== undefined && a !== b ? [`${a} ${b}`] : []
  })
  const folders = imports
    .map(([from, to]) => [dirname(from), dirname(to)] as const)
    .filter(([from, to]) => from !== to)

  return {
    lines_over_100: lines.filter(({ length }) => length > 100).length,
    lines_over_120: lines.filter(({ length }) => length > 120).length,
    longest_function: Math.max(...functions),
    functions_over_50_lines: functions.filter((length) => length > 50).length,
    nested_ternaries: nodes.filter(isNestedTernary).length,
    conditional_spreads: nodes.filter(isConditionalSpread).length,
    idioms_per_10000_words: Math.round(
      ((comments.match(idioms)?.length ?? 0) * 10_000) / comments.split(/\s+/).length
    ),
    folder_pairs_both_ways: countBothWays(folders),
    imports_within_store: new Set(withinStore).size,
    exported_names: sources.reduce((count, { tree }) => count + exportedNames(tree), 0),
    files_of_30_lines_or_fewer: sources.filter(({ text }) => text.split('\n').length <= 31).length,
    files_with_one_importer: [...importers.values()].filter(
      (of) => new Set(of.map(([from]) => from)).size === 1
    ).length,
    readme_bytes: statSync(join(root, 'README.md')).size
  }
}

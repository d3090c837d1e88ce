import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

/** One machine needs no NATS: without NATS_URL nothing of it is loaded. */

const root = fileURLToPath(new URL('../../src', import.meta.url))

/** What a file loads when it is loaded: its imports of values, from files and from packages. */
const loads = (file: string): string[] =>
  ts
    .createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
    .statements.flatMap((statement) => {
      const from =
        (ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly !== true) ||
        (ts.isExportDeclaration(statement) && !statement.isTypeOnly)
          ? statement.moduleSpecifier
          : undefined
      return from === undefined ? [] : (from as ts.StringLiteral).text
    })

/** All that a program loads at its start. */
const loadedBy = (file: string, loaded = new Set<string>()): Set<string> => {
  for (const from of loads(file)) {
    const found = from.startsWith('.') ? join(dirname(file), from) : from
    if (loaded.has(found)) continue
    loaded.add(found)
    if (existsSync(found)) loadedBy(found, loaded)
  }
  return loaded
}

for (const service of ['session-manager', 'central-hub']) {
  t.test(service, async (t) => {
    const loaded = [...loadedBy(join(root, service, 'main.ts'))]
    t.ok(
      loaded.includes('prom-client') && loaded.includes(join(root, 'platform/http/http.ts')),
      'what it starts with is seen'
    )
    t.same(
      loaded.filter((from) => /nats/i.test(from)),
      []
    )
  })
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { measure } from './measure.ts'

t.test('measure counts what the files of a small tree have', async (t) => {
  const root = t.testdir()
  const long = `const wide = '${'x'.repeat(100)}'\n`
  const files: Record<string, string> = {
    'README.md': 'twelve bytes',
    'src/a/one.ts': `import { two } from '../b/two.ts'\n/** It is told of anew. */\nexport const one = two\n${long}`,
    'src/b/two.ts': `import type { One } from '../a/types.ts'\nexport const two = 1, three = 2\nexport type { One }\n`,
    'src/a/types.ts': 'export interface One { id: number }\n',
    'src/b/shapes.js': `export const pick = (a, b) => (a ? 1 : b ? 2 : 3)\nexport const rest = (a) => ({ ...(a ? { a } : {}), ...(a && { a }) })\n`,
    'src/central-hub/store/x.ts': `import { y } from './y.ts'\nimport { z } from './deep/z.ts'\nexport const x = y + z\n`,
    'src/central-hub/store/y.ts': 'export const y = 1\n',
    'src/central-hub/store/deep/z.ts': `export const z = (): number => {\n${'  //\n'.repeat(50)}  return 1\n}\n`
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }

  t.match(measure(root), {
    lines_over_100: 1,
    lines_over_120: 0,
    longest_function: 53,
    functions_over_50_lines: 1,
    nested_ternaries: 1,
    conditional_spreads: 2,
    folder_pairs_both_ways: 1,
    imports_within_store: 2,
    exported_names: 10,
    files_of_30_lines_or_fewer: 6,
    files_with_one_importer: 4,
    readme_bytes: 12
  })
})

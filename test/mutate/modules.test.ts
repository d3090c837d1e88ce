import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { modules } from './modules.ts'
import { has } from './report.ts'
import { withoutEffect } from './without-effect.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

t.test('the files of each module are there', async (t) => {
  for (const { name, files, tests } of modules) {
    const paths = [...files.map((file) => `src/${file}`), ...tests.map((file) => `test/${file}`)]
    const missing = paths.filter(
      (path) => globSync(path.replace(/:[\d-]+$/, ''), { cwd: root }).length === 0
    )
    t.same(missing, [], name)
  }
})

t.test('each mutant without effect is of a line that is there', async (t) => {
  const stale = withoutEffect.filter(
    ({ file, line }) => !has(readFileSync(`${root}src/${file}`, 'utf8'), line)
  )
  t.same(
    stale.map(({ file, line }) => `${file}: ${line}`),
    []
  )
})

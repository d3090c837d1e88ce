import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const count = (text: string, part: string): number => text.split(part).length - 1

t.test('every property prints the seed by which it can be run again', async (t) => {
  const files = globSync('**/*.test.ts', { cwd: import.meta.dirname }).filter(
    (file) => !file.startsWith('property-runs')
  )
  let properties = 0

  for (const file of files) {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8')
    const asserted = count(text, 'fc.assert(')
    properties += asserted
    t.ok(count(text, 'propertyRuns(t, ') >= asserted, file)
  }

  t.ok(properties > 20, `${properties} properties`)
})

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inScope } from './scope.ts'

t.test(
  'what a case opens is closed with it, the latest first, also when the case fails',
  async (t) => {
    const closed: string[] = []
    const run = (fails: boolean) =>
      inScope(async (scope) => {
        scope.teardown(() => closed.push('store'))
        scope.teardown(async () => closed.push('server'))
        if (fails) throw new Error('a counterexample')
        return 'done'
      })

    t.equal(await run(false), 'done')
    t.same(closed.splice(0), ['server', 'store'])
    await t.rejects(run(true), { message: 'a counterexample' })
    t.same(closed, ['server', 'store'])
  }
)

/** The text of each property in a file: what is between the parentheses of `fc.asyncProperty`. */
const propertiesOf = (text: string): string[] =>
  text
    .split('fc.asyncProperty')
    .slice(1)
    .map((rest) => {
      let depth = 0
      const end = [...rest].findIndex((letter) => {
        if (letter === '(') depth += 1
        if (letter === ')') depth -= 1
        return letter === ')' && depth === 0
      })
      return rest.slice(0, end)
    })

t.test('no case of a property opens what is closed only with the test', async (t) => {
  const root = join(import.meta.dirname, '..')
  const openers =
    /\b(serveApi|testStore|ownPlace|ownDirectory|journalFor|rig|taken|serve|openSse)\(t\b/
  let properties = 0

  for (const file of globSync('**/*.test.ts', { cwd: root })) {
    const found = propertiesOf(readFileSync(join(root, file), 'utf8'))
    properties += found.length
    t.same(
      found.filter((property) => openers.test(property)),
      [],
      file
    )
  }

  t.ok(properties > 20, `${properties} properties`)
})

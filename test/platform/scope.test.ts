import t from 'tap'
import { inScope } from './scope.ts'

t.test('what a case opens is closed with it, the latest first, also when the case fails', async (t) => {
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
})

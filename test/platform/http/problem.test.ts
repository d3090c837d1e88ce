import Schema from 'typebox/schema'
import t from 'tap'
import { Problem, problems, type ProblemType } from '../../../src/contract/problem.ts'
import { invalid, ProblemError } from '../../../src/platform/http/problem.ts'

const valid = (value: unknown): boolean => Schema.Check(Problem, value)

t.test(
  'every problem has its own URN, its status and its title, as the contract has it',
  async (t) => {
    for (const type of Object.keys(problems) as ProblemType[]) {
      const { problem, message } = new ProblemError(type, 'what is wrong')
      t.ok(valid(problem), type)
      const { status, title } = problems[type]
      t.same(problem, {
        type: `urn:leadmaster:problem:${type}`,
        title,
        status,
        detail: 'what is wrong'
      })
      t.equal(message, 'what is wrong')
    }
  }
)

t.test('without a detail the title speaks', async (t) => {
  const error = new ProblemError('not-found')
  t.equal(error.message, problems['not-found'].title)
  t.notOk('detail' in error.problem)
  t.notOk('errors' in error.problem)
})

t.test('invalid parameters are each named, in the list and in the detail', async (t) => {
  const errors = [
    { in: 'query', field: 'after', message: 'expected a whole number' },
    { in: 'query', field: 'limit', message: 'expected 1 to 1000' }
  ] as const
  const { problem } = invalid(...errors)
  t.ok(valid(problem))
  t.match(problem, {
    status: 400,
    type: 'urn:leadmaster:problem:invalid-parameters',
    detail: 'after: expected a whole number; limit: expected 1 to 1000',
    errors
  })
})

import t from 'tap'
import { lazy } from '../../src/platform/lazy.ts'

t.test('it is made when it is first asked for, and once, also when it is undefined', async (t) => {
  for (const value of [{}, undefined]) {
    let made = 0
    const ask = lazy(() => {
      made += 1
      return value
    })
    t.equal(made, 0)
    t.equal(ask(), value)
    t.equal(ask(), value)
    t.equal(made, 1)
  }
})

t.test('one that could not be made is tried again', async (t) => {
  let tries = 0
  const ask = lazy(() => {
    tries += 1
    if (tries === 1) throw new Error('not yet')
    return tries
  })
  t.throws(ask, { message: 'not yet' })
  t.equal(ask(), 2)
})

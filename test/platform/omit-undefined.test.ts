import t from 'tap'
import { omitUndefined } from '../../src/platform/omit-undefined.ts'

t.test('omitUndefined leaves out undefined members, and nothing else', async (t) => {
  const given = { a: 1, b: undefined, c: null, d: '', e: 0, f: false, g: [undefined] }

  const found = omitUndefined(given)

  t.strictSame(found, { a: 1, c: null, d: '', e: 0, f: false, g: [undefined] })
  t.notOk('b' in found)
})

t.test('omitUndefined types a member that may be undefined as optional', async (t) => {
  const limited = (limit: number | undefined): { path: string; limit?: number } =>
    omitUndefined({ path: '/', limit })

  t.strictSame(limited(undefined), { path: '/' })
  t.strictSame(limited(5), { path: '/', limit: 5 })
})

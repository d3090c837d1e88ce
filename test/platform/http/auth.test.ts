import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { bearerCheck, sameSecret } from '../../../src/platform/http/auth.ts'
import { propertyRuns } from '../../property-runs.ts'

const token = 'correct-horse-battery-staple-0123456789'
const isToken = bearerCheck(token)
const given = (authorization?: string): boolean =>
  isToken({ headers: { authorization } } as IncomingMessage)

t.test('two secrets are the same only if they are equal, whatever their lengths', async (t) => {
  t.ok(sameSecret(token, token))
  t.ok(sameSecret('', ''))
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => sameSecret(a, b) === (a === b)),
    propertyRuns(t, 100)
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (a) => sameSecret(a, a) && !sameSecret(a, `${a}x`)),
    propertyRuns(t, 100)
  )
  t.pass('held for 200 pairs')
})

t.test('Authorization: Bearer is accepted as RFC 6750 and RFC 9110 have it', async (t) => {
  for (const header of [
    `Bearer ${token}`,
    `bearer ${token}`,
    `BEARER ${token}`,
    `Bearer  ${token}`,
    `Bearer ${token} `
  ])
    t.ok(given(header), header)
})

t.test('anything else is not', async (t) => {
  const others = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    token,
    `Basic ${token}`,
    `Bearer${token}`,
    ` Bearer ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    `Bearer ${token.toUpperCase()}`,
    `Bearer ${token} ${token}`,
    `Bearer "${token}"`,
    `Token ${token}`,
    `Bearer ${token}${'x'.repeat(2_000)}`,
    `Bearer ${token}\0`
  ]
  for (const header of others) t.notOk(given(header), String(header))
})

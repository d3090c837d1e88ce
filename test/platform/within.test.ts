import t from 'tap'
import { within } from '../../src/platform/within.ts'

t.test('the result, in time', async (t) => {
  t.equal(await within(1_000, Promise.resolve('here')), 'here')
  await t.rejects(within(1_000, Promise.reject(new Error('its own'))), /its own/)
})

t.test('an error, once the bound is past', async (t) => {
  await t.rejects(within(10, new Promise(() => undefined)), /no answer within 10 ms/)
})

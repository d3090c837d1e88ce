import t from 'tap'
import { byteRange } from '../../../src/session-manager/http/serve-media.ts'

t.test('one range of a file of 10 bytes', async (t) => {
  t.same(byteRange('bytes=0-0', 10), { start: 0, end: 0 })
  t.same(byteRange('bytes=2-5', 10), { start: 2, end: 5 })
  t.same(byteRange('bytes=2-', 10), { start: 2, end: 9 })
  t.same(byteRange('bytes=-3', 10), { start: 7, end: 9 })
  t.same(
    byteRange('bytes=-99', 10),
    { start: 0, end: 9 },
    'a suffix longer than the file is all of it'
  )
  t.same(byteRange('bytes=5-99', 10), { start: 5, end: 9 }, 'an end past the file is its end')
  t.same(byteRange('Bytes=0-1', 10), { start: 0, end: 1 }, 'the unit is named in any case')
})

t.test('what no byte of the file can satisfy', async (t) => {
  for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0'])
    t.equal(byteRange(header, 10), 'unsatisfiable', header)
  for (const header of ['bytes=0-', 'bytes=-5'])
    t.equal(byteRange(header, 0), 'unsatisfiable', `${header} of an empty file`)
})

t.test('none, several, another unit, and what is not well-formed: the whole file', async (t) => {
  for (const header of [
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes 0-1',
    'bytes=a-b',
    'bytes=0x0-1',
    'bytes=1.5-2',
    `bytes=${'9'.repeat(40)}-`
  ]) {
    t.equal(byteRange(header, 10), undefined, String(header))
  }
})

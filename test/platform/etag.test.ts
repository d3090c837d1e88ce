import t from 'tap'
import { namesEtag } from '../../src/platform/etag.ts'

t.test('a tag is named alone, in a list, as a weak one, or by *', async (t) => {
  for (const header of ['"a"', 'W/"a"', '"b", "a"', ' "b" ,W/"a" ', '*', ' * ']) t.ok(namesEtag(header, '"a"'), header)
  for (const header of ['', '"b"', 'a', '"A"', 'w/"a"', '"b", *', '"a']) t.notOk(namesEtag(header, '"a"'), header)
})

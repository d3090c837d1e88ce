import t from 'tap'
import { namesEtag, namesVersion } from '../../../src/platform/http/etag.ts'

t.test('a tag is named alone, in a list, as a weak one, or by *', async (t) => {
  for (const header of ['"a"', 'W/"a"', '"b", "a"', ' "b" ,W/"a" ', '*', ' * '])
    t.ok(namesEtag(header, '"a"'), header)
  for (const header of ['', '"b"', 'a', '"A"', 'w/"a"', '"b", *', '"a'])
    t.notOk(namesEtag(header, '"a"'), header)
})

t.test(
  'a version is named by a tag of any content, in a list, as a weak one, or by *',
  async (t) => {
    for (const header of ['"v.a"', 'W/"v.b"', '"x.a", "v.a"', ' "v.z" ', '*'])
      t.ok(namesVersion(header, 'v'), header)
    for (const header of ['', '"v"', '"va.b"', '"x.v"', 'v.a', '"v.a', '"x.a", *', 'w/"v.a"'])
      t.notOk(namesVersion(header, 'v'), header)
  }
)

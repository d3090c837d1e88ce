import t from 'tap'
import { replaceUnstorable } from '../../src/platform/replace-unstorable.ts'

t.test(
  'NUL and half a pair of UTF-16 are shown as what cannot be shown, one for one; all else stays',
  async (t) => {
    for (const [text, kept] of [
      ['a\0b\0', 'a\ufffdb\ufffd'],
      ['a\ud83d', 'a\ufffd'],
      ['\ude00\ud83d', '\ufffd\ufffd'],
      ['👍 ñ \u0001', '👍 ñ \u0001'],
      ['', '']
    ] as const) {
      t.equal(replaceUnstorable(text), kept)
      t.equal(Buffer.from(kept).toString(), kept, 'UTF-8 gives it back')
    }
    const bytes = Buffer.from('a\0b')
    for (const other of [5, null, undefined, true, bytes]) t.equal(replaceUnstorable(other), other)
  }
)

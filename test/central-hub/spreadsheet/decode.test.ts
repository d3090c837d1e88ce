import t, { type Test } from 'tap'
import {
  decodeFile,
  isWorkbook,
  type Decoded
} from '../../../src/central-hub/spreadsheet/decode.ts'

/** Bytes as text. Whole tables in each encoding: read-names.test.ts. */

const [plain, damaged, narrow] = [
  { isDamaged: false, isNarrow: false },
  { isDamaged: true, isNarrow: false },
  { isDamaged: false, isNarrow: true }
]
const latin = (text: string): Buffer => Buffer.from(text, 'latin1')
const decodes = (
  t: Test,
  bytes: Buffer,
  charset: string | undefined,
  text: string,
  facts: Omit<Decoded, 'text'>,
  why = ''
): void => {
  t.same(
    decodeFile(bytes, charset),
    { text, ...facts },
    `${bytes.subarray(0, 8).toString('hex')} ${charset ?? ''} ${why}`
  )
}

t.test('UTF-16 is known by its byte order mark', async (t) => {
  const text = 'Пётр 小明'
  decodes(t, Buffer.from(`\ufeff${text}`, 'utf16le'), undefined, text, plain)
  decodes(t, Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), undefined, text, plain)
  decodes(
    t,
    Buffer.from('\ufeffa\ud800b', 'utf16le'),
    undefined,
    'a\ufffdb',
    damaged,
    'half a letter'
  )
  for (const [bytes, wanted] of [
    ['\xffA', 'ÿA'],
    ['A\xfe', 'Aþ'],
    ['\xfeA', 'þA'],
    ['A\xff', 'Aÿ'],
    ['\xff\xff', 'ÿÿ'],
    ['\xfe\xfe', 'þþ']
  ] as const)
    decodes(t, latin(bytes), undefined, wanted, narrow)
})

t.test('UTF-16 without a mark is known by where most of its zero bytes are', async (t) => {
  // Zero bytes at these places among 16.
  const bytes = (...zeros: number[]): Buffer =>
    Buffer.from(Array.from({ length: 16 }, (_, at) => (zeros.includes(at) ? 0 : 97)))
  const encoding = (given: Buffer): string => {
    const { text } = decodeFile(given)
    if (text === given.toString('utf16le')) return 'utf-16le'
    return text === given.toString() ? 'utf-8' : 'utf-16be'
  }
  t.equal(encoding(bytes()), 'utf-8')
  t.equal(encoding(bytes(1, 3)), 'utf-8', 'one in eight is not enough')
  t.equal(encoding(bytes(1, 3, 5)), 'utf-16le')
  t.equal(encoding(bytes(0, 2)), 'utf-8')
  t.equal(encoding(bytes(0, 2, 4)), 'utf-16be')
  t.equal(encoding(bytes(1, 3, 5, 7, 0)), 'utf-8', 'four times as many are not enough')
  t.equal(encoding(bytes(1, 3, 5, 7, 9, 0)), 'utf-16le')
  t.equal(encoding(bytes(0, 2, 4, 6, 1)), 'utf-8')
  t.equal(encoding(bytes(0, 2, 4, 6, 8, 1)), 'utf-16be')
  t.equal(encoding(bytes(0, 1, 2, 3, 4, 5)), 'utf-8')
  t.equal(
    encoding(Buffer.concat([Buffer.alloc(400, 97), Buffer.from('a\0'.repeat(2_000))])),
    'utf-8',
    'by its beginning'
  )
})

t.test('eight-bit text is UTF-8 unless more of its letters are not UTF-8 than are', async (t) => {
  decodes(
    t,
    Buffer.from('Ana'),
    undefined,
    'Ana',
    narrow,
    'letters beyond ASCII may have been lost'
  )
  decodes(
    t,
    Buffer.from('\ufeffAna'),
    undefined,
    'Ana',
    plain,
    'a program that marks UTF-8 loses none'
  )
  decodes(t, Buffer.from('José 小明 😀'), undefined, 'José 小明 😀', plain)
  decodes(t, Buffer.from('\ufeffJosé'), undefined, 'José', plain)
  decodes(
    t,
    Buffer.from('a \ufffd b'),
    undefined,
    'a \ufffd b',
    plain,
    'the replacement character itself'
  )
  decodes(
    t,
    Buffer.concat([Buffer.from('é '), latin('é')]),
    undefined,
    'é \ufffd',
    damaged,
    'as many as not'
  )
  decodes(
    t,
    Buffer.concat([Buffer.from('é '), latin('é é')]),
    undefined,
    'Ã© é é',
    narrow,
    'one more that is not'
  )
  decodes(
    t,
    Buffer.concat([Buffer.from('\ufeffé '), latin('é é é')]),
    undefined,
    'é \ufffd \ufffd \ufffd',
    damaged,
    'after a mark, whatever comes'
  )
  for (const [bytes, wanted] of [
    ['A\xbb\xbf', 'A»¿'],
    ['\xefA\xbf', 'ïA¿'],
    ['\xef\xbbA', 'ï»A'],
    ['\x80', '€'],
    ['caf\xe9', 'café']
  ] as const)
    decodes(t, latin(bytes), undefined, wanted, narrow)
})

t.test(
  'the encoding that a sender names counts where the bytes tell none, but for UTF-8',
  async (t) => {
    const cyrillic = Buffer.from([0xef, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2])
    decodes(t, cyrillic, 'windows-1251', 'привет', narrow)
    decodes(t, Buffer.from([0xc0, 0xbb]), 'windows-1251', 'А»', narrow)
    decodes(t, latin('caf\xe9'), 'utf-8', 'café', narrow, 'many programs name it always')
    decodes(t, latin('caf\xe9'), 'UTF8', 'café', narrow, 'by any of its names')
    decodes(t, Buffer.from('\ufeffJosé'), 'windows-1251', 'José', plain, 'a mark tells more')
    decodes(t, Buffer.from('小明', 'utf16le'), 'utf-16le', '小明', plain)
    decodes(t, Buffer.from('小明', 'utf16le').swap16(), 'utf-16be', '小明', plain)
    decodes(
      t,
      Buffer.from('Ana', 'utf16le'),
      'windows-1252',
      'Ana',
      plain,
      'its zero bytes tell more'
    )
    decodes(t, Buffer.from([0x61, 0xff]), 'gb18030', 'a\ufffd', { isDamaged: true, isNarrow: true })
  }
)

t.test('a workbook is known by its first bytes', async (t) => {
  for (const bytes of [
    'PK\x03\x04',
    'PK\x03\x04 and more',
    '\xd0\xcf\x11\xe0',
    '\xd0\xcf\x11\xe0\xa1'
  ])
    t.equal(isWorkbook(latin(bytes)), true, bytes)
  for (const bytes of ['', 'PK', 'PK\x03', 'PKxx', 'xPK\x03\x04', '\xd0\xcf\x11', '\xd0\xcf\x11x'])
    t.equal(isWorkbook(latin(bytes)), false, bytes)
})

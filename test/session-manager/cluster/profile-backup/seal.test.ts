import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { seal, unseal } from '../../../../src/session-manager/cluster/profile-backup/seal.ts'

/** What is sealed comes back as it was, or not at all. */

const secret = 'correct-horse-battery-staple-0123456789'
const chunk = 64 * 1024
const parts = async function* (bytes: Buffer, size = 50_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const all = (source: AsyncIterable<Uint8Array>): Promise<Buffer> => buffer(source)
const sealed = (bytes: Buffer): Promise<Buffer> => all(seal(secret, parts(bytes)))
const opened = (bytes: Buffer, by = secret): Promise<Buffer> => all(unseal(by, parts(bytes, 7_000)))

t.test('comes back as it was, of any size, and is not readable meanwhile', async (t) => {
  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 300_000]) {
    const plain = randomBytes(size)
    const closed = await sealed(plain)
    t.ok((await opened(closed)).equals(plain), `${size} bytes`)
    t.equal(
      closed.length,
      32 + size + 16 * Math.max(1, Math.ceil(size / chunk)),
      'a header, and 16 bytes a chunk'
    )
  }
  const text = Buffer.from('keys of the linked device'.repeat(100))
  const [one, other] = await Promise.all([sealed(text), sealed(text)])
  t.notOk(one.includes('linked device'))
  t.notOk(
    one.subarray(32).equals(other.subarray(32)),
    'the same content never gives the same bytes'
  )
})

t.test('another key is told from damage', async (t) => {
  const closed = await sealed(Buffer.from('x'))
  await t.rejects(opened(closed, `${secret}!`), {
    message: 'it was made with another PROFILE_BACKUP_KEY'
  })
})

t.test('anything changed, cut off, moved or added is refused', async (t) => {
  const closed = await sealed(randomBytes(3 * chunk + 100))
  const step = chunk + 16
  const piece = (index: number): Buffer =>
    closed.subarray(32 + index * step, 32 + (index + 1) * step)
  const header = closed.subarray(0, 32)
  const flip = (at: number): Buffer => {
    const copy = Buffer.from(closed)
    copy[at] = (copy[at] as number) ^ 1
    return copy
  }
  const damaged: [string, Buffer][] = [
    ['a bit of the first chunk', flip(40)],
    ['a bit of a later one', flip(32 + step + 5)],
    ['the last bit', flip(closed.length - 1)],
    ['cut off within a chunk', closed.subarray(0, -40)],
    ['cut off between chunks', closed.subarray(0, 32 + 2 * step)],
    ['cut off after the header', header],
    [
      'two chunks in another order',
      Buffer.concat([header, piece(1), piece(0), piece(2), piece(3)])
    ],
    ['a chunk left out', Buffer.concat([header, piece(0), piece(2), piece(3)])],
    ['a chunk twice', Buffer.concat([header, piece(0), piece(0), piece(1), piece(2), piece(3)])],
    ['something added', Buffer.concat([closed, Buffer.from('x')])],
    [
      'the end of another one',
      Buffer.concat([
        closed.subarray(0, -step),
        (await sealed(randomBytes(3 * chunk + 100))).subarray(-step)
      ])
    ]
  ]
  for (const [what, bytes] of damaged)
    await t.rejects(opened(bytes), { message: /^it is (damaged or )?cut off$/ }, what)
  await t.rejects(opened(header.subarray(0, 20)), { message: 'it is cut off' })
  await t.rejects(opened(Buffer.alloc(100)), { message: 'it is no backup of a profile' })
  await t.rejects(opened(flip(7)), { message: 'it has format 0, which this release does not know' })
})

import t from 'tap'
import { readAhead } from '../../../src/central-hub/follow/read-ahead.ts'

/** Gives one byte at a time; counts how many were asked for. */
const source = (count: number, end?: Error) => {
  let given = 0
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for (; given < count; ) {
      given += 1
      yield Uint8Array.of(given)
    }
    if (end !== undefined) throw end
  }
  return { bytes: bytes(), given: () => given }
}
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
const flat = (parts: Uint8Array[]): number[] => [...Buffer.concat(parts)]

t.test(
  'what came while a part was worked on comes at once, in order, and no more than is allowed is read ahead',
  async (t) => {
    const { bytes, given } = source(100)
    const got: number[] = []
    let most = 0
    for await (const parts of readAhead(bytes, 10)) {
      got.push(...flat(parts))
      await turns(20)
      most = Math.max(most, given() - got.length)
    }
    t.same(
      got,
      Array.from({ length: 100 }, (_, at) => at + 1)
    )
    t.equal(most, 10)
  }
)

t.test('an error of the stream comes after what was read before it', async (t) => {
  const got: number[] = []
  await t.rejects(async () => {
    for await (const parts of readAhead(source(3, new Error('reset')).bytes, 10))
      got.push(...flat(parts))
  }, /reset/)
  t.same(got, [1, 2, 3])
})

t.test('what comes late is given as soon as it is there', async (t) => {
  const first = Promise.withResolvers<Uint8Array>()
  const late = async function* (): AsyncGenerator<Uint8Array> {
    yield await first.promise
  }
  const reading = readAhead(late(), 10)
  const next = reading.next()
  first.resolve(Uint8Array.of(7))
  t.same(flat((await next).value as Uint8Array[]), [7])
  t.equal((await reading.next()).done, true)
})

import t from 'tap'
import { atMost } from '../../src/platform/at-most.ts'

t.test(
  'so many at once, the others in their order, whatever becomes of those before',
  async (t) => {
    const inTurn = atMost(2)
    const begun: number[] = []
    const ends = Array.from({ length: 5 }, () => Promise.withResolvers<number>())
    const all = ends.map(({ promise }, index) =>
      inTurn(() => {
        begun.push(index)
        return promise
      })
    )
    t.same(begun, [0, 1])
    ends[1]?.reject(new Error('failed'))
    await t.rejects(all[1] as Promise<number>, /failed/)
    t.same(begun, [0, 1, 2])
    for (const [index, { resolve }] of ends.entries()) resolve(index)
    t.same(await Promise.all(all.toSpliced(1, 1)), [0, 2, 3, 4])
    t.same(begun, [0, 1, 2, 3, 4])
    t.equal(await inTurn(async () => 'another'), 'another')
  }
)

import t from 'tap'
import { limitConcurrency, once, singleflight, withTimeout } from '../../src/platform/async.ts'

t.test('it is made when it is first asked for, and once, also when it is undefined', async (t) => {
  for (const value of [{}, undefined]) {
    let made = 0
    const ask = once(() => {
      made += 1
      return value
    })
    t.equal(made, 0)
    t.equal(ask(), value)
    t.equal(ask(), value)
    t.equal(made, 1)
  }
})

t.test('one that could not be made is tried again', async (t) => {
  let tries = 0
  const ask = once(() => {
    tries += 1
    if (tries === 1) throw new Error('not yet')
    return tries
  })
  t.throws(ask, { message: 'not yet' })
  t.equal(ask(), 2)
})

t.test('the result, in time', async (t) => {
  t.equal(await withTimeout(Promise.resolve('here'), 1_000), 'here')
  await t.rejects(withTimeout(Promise.reject(new Error('its own')), 1_000), /its own/)
})

t.test('an error, once the bound is past', async (t) => {
  await t.rejects(withTimeout(new Promise(() => undefined), 10), /no answer within 10 ms/)
})

t.test(
  'so many at once, the others in their order, whatever becomes of those before',
  async (t) => {
    const inTurn = limitConcurrency(2)
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

/** Reads that the test ends itself. */
const source = () => {
  const begun: PromiseWithResolvers<string>[] = []
  const waiting: { count: number; begun: () => void }[] = []
  return {
    begun,
    read: (): Promise<string> => {
      const one = Promise.withResolvers<string>()
      begun.push(one)
      for (const each of waiting) if (begun.length === each.count) each.begun()
      return one.promise
    },
    until: (count: number): Promise<void> =>
      new Promise((resolve) =>
        begun.length >= count ? resolve() : waiting.push({ count, begun: resolve })
      )
  }
}

t.test('those who ask at once share one read', async (t) => {
  const { read, begun, until } = source()
  const share = singleflight<string>()
  const all = Promise.all([share('status', read), share('status', read), share('status', read)])
  await until(1)
  begun[0]?.resolve('READY')
  t.same(await all, ['READY', 'READY', 'READY'])
  t.equal(begun.length, 1)
})

t.test(
  'who asks while a read is under way is not given what that one finds, for it may be older than the question',
  async (t) => {
    const { read, begun, until } = source()
    const share = singleflight<string>()
    const first = share('status', read)
    await until(1)
    const later = [share('status', read), share('status', read)]
    begun[0]?.resolve('QR_REQUIRED')
    t.equal(await first, 'QR_REQUIRED')
    await until(2)
    begun[1]?.resolve('READY')
    t.same(await Promise.all(later), ['READY', 'READY'])
    t.equal(begun.length, 2)
  }
)

t.test('a read that fails fails for those who shared it, and for nobody after them', async (t) => {
  const { read, begun, until } = source()
  const share = singleflight<string>()
  const outcomes = Promise.allSettled([share('status', read), share('status', read)])
  await until(1)
  const later = share('status', read)
  begun[0]?.reject(new Error('away'))
  t.match(await outcomes, [
    { status: 'rejected', reason: { message: 'away' } },
    { status: 'rejected', reason: { message: 'away' } }
  ])
  await until(2)
  begun[1]?.resolve('READY')
  t.equal(await later, 'READY')
})

t.test('what is not the same is read by itself, and nobody waits for it', async (t) => {
  const [slow, quick] = [source(), source()]
  const share = singleflight<string>()
  const never = share('qr', slow.read)
  const status = share('status', quick.read)
  await quick.until(1)
  quick.begun[0]?.resolve('READY')
  t.equal(await status, 'READY')
  await slow.until(1)
  slow.begun[0]?.resolve('NO_QR')
  t.equal(await never, 'NO_QR')
})
